# SPDX-License-Identifier: BSD-2-Clause
"""A participant that a test drives, without a browser or a network."""

import json
import math
from typing import Any

from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.local.arguments import must_be
from pipecat_daily_rest.local.call.app_messages import AppMessages, TooLarge
from pipecat_daily_rest.local.call.budget import DEFAULT
from pipecat_daily_rest.local.call.calls import Calls
from pipecat_daily_rest.local.call.lobby import Lobby
from pipecat_daily_rest.local.call.mixer import TICK
from pipecat_daily_rest.local.call.room import JoinRefused, Newcomer, Participant
from pipecat_daily_rest.local.rules.strict_json import parse
from pipecat_daily_rest.local.scripted.seat import ScriptedSeat
from pipecat_daily_rest.local.scripted.turns import Transcribe, Turns
from pipecat_daily_rest.local.scripted.video import Video


class Scripted(Turns, Video):
    """A participant that a test drives: it says, hears, shows, sees, sends and receives.

    It joins when it is made, and is in until `leave`, or until Daily ejects it::

        ana = daily.join("demo", token, user_name="Ana")
        ana.tone(500)
        await bot.hears(500)
        ana.shows((255, 0, 0))
        await bot.sees((255, 0, 0), of=ana.id)
        await ana.message(lambda message: message == "hello")

    Parameters:
        id: Its session id.
        user_name: Its display name when it joined.
        refused: Why it was refused after a knock, or None.
    """

    def __init__(
        self,
        lobby: Lobby,
        calls: Calls,
        messages: AppMessages,
        room_name: str,
        token: str | None = None,
        *,
        user_name: str = "",
        keep: float = 30.0,
        kind: str = "scripted",
        knock: bool = False,
        transcribe: Transcribe | None = None,
    ) -> None:
        """Join.

        Args:
            lobby: Where it joins.
            calls: Where it is then.
            messages: Where its app messages go.
            room_name: The room.
            token: The meeting token, or None.
            user_name: Display name when the token has none.
            keep: How much of what it heard it keeps, in seconds.
            kind: As in `Participant.kind`.
            knock: Whether it knocks where it has to, and waits to be let in, see `is_in`. If not, it
                is refused.
            transcribe: What gives the text of speech, or None.

        Raises:
            JoinRefused: It may not join, and why.
            DailyConfigError: An argument has the wrong type or value.
        """
        must_be(str, user_name=user_name)
        must_be(float, keep=keep)
        must_be(bool, knock=knock)
        if not 0 <= keep < math.inf:
            msg = f"keep must be a number of seconds, not {keep}."
            raise DailyConfigError(msg)
        self._seat = ScriptedSeat(round(keep / TICK), self._is_bot)
        self._transcribe = transcribe
        self._asked = set()
        self._calls = calls
        self._messages = messages
        newcomer = Newcomer(self._seat, kind, user_name, {"microphone": "playable"})
        super().__init__(lobby, room_name, token, newcomer, knock=knock)

    def __repr__(self) -> str:
        # A traceback may show one that has not joined yet.
        participant: Participant | None = vars(self).get("_participant")
        if participant is None:
            return "<somebody who is not in a room>"
        state = "in" if self.left_reason is None else f"out ({self.left_reason}) of"
        return f"<{participant.user_name or self.id!r}, {state} room {participant.room.name!r}>"

    # -- What a test does ------------------------------------------------------------------

    def send(self, message: Any, recipient: str | None = None) -> None:
        """Send an app message.

        Args:
            message: Anything that JSON can hold.
            recipient: A session id; everybody else when None.

        Raises:
            DailyConfigError: JSON cannot hold it, it is too large, or an argument has the wrong type.
        """
        must_be(str | None, recipient=recipient)
        try:
            parse(json.dumps(message, allow_nan=False))
        except (TypeError, ValueError, RecursionError) as exc:
            msg = "message must be what JSON can hold."
            raise DailyConfigError(msg) from exc
        try:
            self._messages.check(self.participant.room, message)
        except TooLarge as exc:
            msg = f"message is too large: {exc}."
            raise DailyConfigError(msg) from exc
        self._messages.send(self.participant.room, message, sender=self.id, recipient=recipient)

    def mute(self, muted: bool = True) -> None:
        """Switch its microphone.

        Args:
            muted: Off when True, on when False.

        Raises:
            DailyConfigError: The argument has the wrong type.
        """
        must_be(bool, muted=muted)
        microphone = "off" if muted else "playable"
        self._calls.update(self.participant, media={"microphone": microphone})

    def leave(self) -> None:
        """Leave, or stop waiting. A second time does nothing."""
        if self._knock is not None:
            self._lobby.stop_waiting(self._knock)
        if self._participant is not None:
            self._calls.leave(self._participant)
        if self.left_reason is None:
            self._seat.close("leftCall")

    async def is_in(self, *, timeout: float = DEFAULT) -> None:  # noqa: ASYNC109
        """Wait until it is let in, after a knock.

        Args:
            timeout: Seconds to wait; 10 s, or what the ini file says.

        Raises:
            JoinRefused: It was refused, and why.
            TimeoutError: Nobody has answered.
        """
        failed = f"{self._name} was not let in"
        came_or_left = lambda: self._participant or self.left_reason
        await self._seat.until(came_or_left, timeout, lambda: failed)
        if self._participant is None:
            raise self.refused or JoinRefused("not-allowed", "It stopped waiting.")

    async def left(self, *, timeout: float = DEFAULT) -> str:  # noqa: ASYNC109
        """Wait until it is no longer in.

        Args:
            timeout: Seconds to wait; 10 s, or what the ini file says.

        Returns:
            Why, as in `left_reason`.

        Raises:
            TimeoutError: It is still in.
        """
        failed = f"{self._name} did not leave"
        return await self._seat.until(lambda: self.left_reason, timeout, lambda: failed)

    def _is_bot(self, id: str) -> bool:
        participant = (
            None if self._participant is None else self._participant.room.participants.get(id)
        )
        return participant is not None and participant.kind == "bot"
