# SPDX-License-Identifier: BSD-2-Clause
"""What a test does: it lets people join, moves the time, makes phone calls and failing requests."""

from datetime import timedelta
from typing import Any

from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.local.arguments import must_be
from pipecat_daily_rest.local.bot.speech import Speech
from pipecat_daily_rest.local.bot.transcriber import Transcriber
from pipecat_daily_rest.local.call.network import Network
from pipecat_daily_rest.local.call.state import State
from pipecat_daily_rest.local.outside.phone import DialIn, DialOut
from pipecat_daily_rest.local.outside.switchboard import Switchboard
from pipecat_daily_rest.local.outside.telephony import Telephony
from pipecat_daily_rest.local.recording.stored import VTT, Recording, Stored, Transcript
from pipecat_daily_rest.local.rest.failures import Failure
from pipecat_daily_rest.local.rest.faults import Chaos, Fault, Faults
from pipecat_daily_rest.local.room_handle import RoomHandle
from pipecat_daily_rest.local.scripted.person import Scripted
from pipecat_daily_rest.local.secret import secret


class ForTests:
    """The part of `LocalDaily` for tests. `LocalDaily` sets the attributes."""

    state: State
    telephony: Telephony
    switchboard: Switchboard
    transcriber: Transcriber
    network: Network
    stored: Stored
    faults: Faults
    speech: Speech

    def room(self, room: str) -> RoomHandle:
        """Give a room, to make things happen in it and to wait for them.

        For instance::

            room = daily.room("demo")
            await room.event("participant-joined")
            room.lose_network("Ana", seconds=10)

        Args:
            room: Its name, its URL, or a link with a token.

        Returns:
            The room.

        Raises:
            DailyConfigError: There is no such room.
        """
        name, _ = _name_and_token(room, None)
        if (found := self.state.domain.find(name)) is None:
            msg = f"There is no room {name!r}: create it first, over the REST API."
            raise DailyConfigError(msg)
        return RoomHandle(
            found,
            transcriber=self.transcriber,
            telephony=self.telephony,
            network=self.network,
            dial_in=self.dial_in,
        )

    def join(self, room: str, token: str | None = None, **options: Any) -> Scripted:
        """Have a scripted participant join, without a browser or a network.

        Args:
            room: The room's name, its URL, or a link with a token.
            token: The meeting token; the link's when None.
            **options: As for `Scripted`: ``user_name``, ``keep``, ``knock``.

        Returns:
            The participant.

        Raises:
            JoinRefused: It may not join, and why.
            DailyConfigError: An argument has the wrong type or value.
        """
        room, token = _name_and_token(room, token)
        state = self.state
        options.setdefault("transcribe", self.speech.text)
        return Scripted(state.lobby, state.calls, state.messages, room, token, **options)

    @property
    def recordings(self) -> list[Recording]:
        """The recordings, oldest first; those that run have the status ``in-progress``."""
        return list(self.stored.recordings.values())

    def add_recording(self, room: str, content: bytes = b"", **options: Any) -> Recording:
        """Add a recording, as if a call had been recorded earlier.

        Args:
            room: The room's name or URL; the room need not exist any more.
            content: The bytes of its file, which the access link leads to.
            **options: ``content_type`` of the file (``video/mp4``), ``status`` (``finished``,
                ``in-progress``, ``canceled``), ``start`` (unix seconds; None makes it end now),
                ``duration`` (seconds, 60), ``max_participants`` (2), ``meeting_id`` (the running
                meeting's) and ``tracks`` (``{"type", "size", "s3key"}`` of each file, for raw
                tracks).

        Returns:
            The recording.

        Raises:
            DailyConfigError: An argument has the wrong type or value.
        """
        return self.stored.add_recording(_name_and_token(room, None)[0], content, **options)

    def add_transcript(self, room: str, content: str | None = VTT, **options: Any) -> Transcript:
        """Add a stored transcript, as if a call had been transcribed.

        Args:
            room: The room's name or URL; the room need not exist any more.
            content: Its WebVTT, which the access link leads to; None when none was stored.
            **options: ``status`` (``t_finished``, ``t_in_progress``, ``t_error``, ``t_deleted``),
                ``start`` (unix seconds; None makes it end now), ``duration`` (seconds, 60),
                ``meeting_id`` (the running meeting's) and ``error`` (what failed, with
                ``t_error``).

        Returns:
            The transcript.

        Raises:
            DailyConfigError: An argument has the wrong type or value.
        """
        return self.stored.add_transcript(_name_and_token(room, None)[0], content, **options)

    def advance(
        self,
        seconds: timedelta | float = 0.0,
        *,
        minutes: float = 0.0,
        hours: float = 0.0,
        days: float = 0.0,
    ) -> None:
        """Move the local Daily's clock forward: rooms and tokens expire, meetings start and end.

        For instance::

            daily.advance(90)
            daily.advance(hours=4)

        Args:
            seconds: How far, in seconds or as a ``timedelta``.
            minutes: How many minutes more.
            hours: How many hours more.
            days: How many days more.

        Raises:
            DailyConfigError: An argument is not a number, or the sum is negative.
        """
        must_be(timedelta | float, seconds=seconds)
        must_be(float, minutes=minutes, hours=hours, days=days)
        first = seconds.total_seconds() if isinstance(seconds, timedelta) else seconds
        self.state.clock.advance(first + 60 * (minutes + 60 * (hours + 24 * days)))

    def fail(self, method: str, path: str, *, times: int | None = 1, **failure: Any) -> Fault:
        """Make the next requests to an endpoint fail.

        For instance::

            daily.fail("POST", "/rooms", drop="after")
            daily.fail("DELETE", "/rooms/*", status=429, retry_after=2, times=3)

        Args:
            method: The HTTP method, or ``*`` for all.
            path: The path below ``/v1``. ``*`` alone stands for every path, and within a path for
                anything but a slash.
            times: How many requests fail; None for all of them.
            **failure: As for `Failure`; without any, a plain 500.

        Returns:
            The fault, which counts the requests that failed and can be cancelled.

        Raises:
            DailyConfigError: An argument has the wrong type or value.
        """
        return self.faults.add(Fault(method, path, Failure(**failure), times=times))

    def chaos(self, seed: int | str, **options: Any) -> Chaos:
        """Make requests fail at random: the same ones for the same seed and order of requests.

        Args:
            seed: The seed of the random choice.
            **options: As for `Chaos`.

        Returns:
            The fault, which counts the requests that failed and can be cancelled.

        Raises:
            DailyConfigError: An argument has the wrong type or value.
        """
        return self.faults.add(Chaos(seed, **options))

    @property
    def dialouts(self) -> list[DialOut]:
        """The calls that bots made by phone, in order. They ring until a test answers."""
        return list(self.telephony.dialouts)

    def dial_in(
        self,
        target: str,
        *,
        from_: str = "+12125550199",
        to: str | None = None,
        sip_headers: dict[str, str] | None = None,
    ) -> DialIn:
        """Call in by telephone.

        The local Daily asks the ``room_creation_api`` of the number's dial-in configuration for a
        room, with a request signed as Daily signs, and waits for ``pinlessCallUpdate``::

            call = daily.dial_in("+14155550100", from_="+12125550199")
            caller = await call.connected()
            caller.tone(500)

        Args:
            target: The number of a dial-in configuration, or its ``name_prefix``,
                ``room_creation_api``, id or SIP URI. Or a room's own SIP URI: nobody is asked for a
                room then.
            from_: The caller's number or SIP URI.
            to: The number that was called; None when ``target`` is the number.
            sip_headers: The SIP headers of the call.

        Returns:
            The call, which goes on in the background.

        Raises:
            DailyConfigError: No configuration or room has this ``target``, or an argument has the
                wrong type or value.
        """
        must_be(str, target=target, from_=from_)
        must_be(str | None, to=to)
        must_be(dict[str, str] | None, sip_headers=sip_headers)
        return self.switchboard.dial_in(target, from_=from_, to=to, sip_headers=sip_headers)


def _name_and_token(room: str, token: str | None) -> tuple[str, str | None]:
    must_be(str, room=room)
    must_be(str | None, token=token)
    name, _, query = room.rpartition("/")[2].partition("?")
    return name, secret(token or query.removeprefix("t=") or None)
