# SPDX-License-Identifier: BSD-2-Clause
"""A call: a room in which the server's bot is, and a caller."""

import asyncio

from pipecat_daily_rest.drill.outcome import DrillError
from pipecat_daily_rest.local import JoinRefused, LocalDaily
from pipecat_daily_rest.local.call.room import Participant, Room
from pipecat_daily_rest.local.scripted.person import Scripted

_COMES = 120.0  # seconds in which a bot has to come


class Call:
    """A call, from its caller's join on.

    Parameters:
        name: The room's name.
        over: Whether the caller has hung up, or the call was ended on purpose.
    """

    def __init__(self, daily: LocalDaily, name: str, token: str | None) -> None:
        """Initialize a call that has not begun."""
        self.name = name
        self.over = False
        self._daily = daily
        self._token = token
        self._room: Room | None = daily.rooms.get(name)
        self._caller: Scripted | None = None
        self._bot: Participant | None = None

    async def begin(self) -> None:
        """Have the caller join, and wait for the bot; a `DrillError` says what does not come."""
        if self._room is None:
            msg = f"The room {self.name} was gone before its caller came."
            raise DrillError(msg)
        try:
            self._caller = self._daily.join(self.name, self._token, user_name="Caller", keep=0.0)
        except JoinRefused as exc:
            msg = f"A caller may not join: {exc.message}"
            raise DrillError(msg) from exc
        try:
            async with asyncio.timeout(_COMES):
                await self._daily.state.log.wait_for("bot joined", room=self.name)
        except TimeoutError as exc:
            msg = f"No bot came into a room within {_COMES:.0f} s."
            raise DrillError(msg) from exc
        bots = [each for each in self._room.participants.values() if each.kind == "bot"]
        self._bot = bots[0] if bots else None

    @property
    def runs(self) -> bool:
        """Whether its bot and its caller are still in."""
        here = {} if self._room is None else self._room.participants
        both = (self._bot, None if self._caller is None else self._caller.participant)
        return all(each is not None and each.id in here for each in both)

    @property
    def exists(self) -> bool:
        """Whether its room exists."""
        return self.name in self._daily.rooms

    @property
    def process(self) -> int | None:
        """The id of the bot's process; None where the bot did not say it."""
        process: int | None = getattr(getattr(self._bot, "seat", None), "process", None)
        return process

    def hang_up(self) -> None:
        """Have the caller leave."""
        self.over = True
        if self._caller is not None:
            self._caller.leave()
