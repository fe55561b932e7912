# SPDX-License-Identifier: BSD-2-Clause
"""The local Daily of a test, for use from any thread and any event loop."""

import asyncio
import copy
from collections.abc import Coroutine
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

from pipecat_daily_rest._core.secret import hide_secrets, secret
from pipecat_daily_rest.local.arguments import must_be
from pipecat_daily_rest.local.call.budget import BUDGET, DEFAULT
from pipecat_daily_rest.local.call.inbox import Inbox
from pipecat_daily_rest.local.call.log import LogEntry
from pipecat_daily_rest.local.call.room import Room
from pipecat_daily_rest.local.outside.phone import DialIn, DialOut
from pipecat_daily_rest.local.recording.stored import VTT, Recording, Transcript
from pipecat_daily_rest.local.rest.faults import Chaos, Fault
from pipecat_daily_rest.local.room_handle import RoomHandle
from pipecat_daily_rest.local.scripted.person import Scripted
from pipecat_daily_rest.testing.daily_thread import (
    DailyThread,
    RemoteChaos,
    RemoteDialIn,
    RemoteDialOut,
    RemoteFault,
    RemotePerson,
    RemoteRoom,
)
from pipecat_daily_rest.testing.requests import Requests, lines

T = TypeVar("T")


class LocalDailyFixture(Requests):
    """The local Daily of one test, for use from any thread and any event loop.

    It runs on a thread of its own, so a test or a bot that blocks does not freeze the room. ::

        async def test_the_bot_greets(local_daily):
            async with provisioned_room() as room:
                ana = local_daily.join(room.url, room.user_token, user_name="Ana")
                ...
                await ana.hears(880)

    A test without an event loop waits with ``local_daily.run(ana.hears(880))``.
    """

    def __init__(self, thread: DailyThread, *, env: dict[str, str]) -> None:
        """Initialize; the fixture `local_daily` does that.

        Args:
            thread: Where the local Daily runs.
            env: The environment of the programs that use it.
        """
        super().__init__(thread)
        self._daily = thread.daily
        self._env = env

    @property
    def url(self) -> str:
        """Where people find the rooms, as ``http://localhost:<port>``."""
        return self._daily.url

    @property
    def api_url(self) -> str:
        """The base of the REST API; ends in ``/v1``."""
        return self._daily.api_url

    @property
    def api_key(self) -> str:
        """The key that it accepts; its ``repr`` does not show it."""
        return self._daily.api_key

    def env(self) -> dict[str, str]:
        """Give the environment that the test has, and that a program that it starts needs.

        Returns:
            As `LocalDaily.env`; without ``PYTHONPATH`` if the stand-in is switched off.
        """
        return dict(self._env)

    # -- The room --------------------------------------------------------------------------

    def join(self, room: str, token: str | None = None, **options: Any) -> Scripted:
        """Have a person join that the test drives: it says, hears, shows, sees, sends, receives.

        Await what waits (``hears``, ``sees``, ``message``, ``event``, ``is_in``, ``left``) in the
        test's own event loop, or pass it to `run`. A condition that is passed to it is called on
        the local Daily's thread, and must not wait.

        Args:
            room: The room's name, its URL, or a link with a token.
            token: The meeting token; the link's when None.
            **options: As for `Scripted`: ``user_name``, ``keep``, ``knock``.

        Returns:
            The participant, with the methods and properties of `Scripted`.

        Raises:
            JoinRefused: Daily does not let it join; the message says why.
            DailyConfigError: An argument has the wrong type or value.
        """
        room, token = hide_secrets(room), secret(token)
        person = self._thread.call(self._daily.join, room, token, **options)
        return RemotePerson(self._thread, person)

    def room(self, room: str) -> RoomHandle:
        """Get a room, to make things happen in it and to wait for them.

        For instance::

            room = local_daily.room(made.url)
            left = await room.event("participant-left")
            room.transcribe(ana, "what is the weather like?")

        Args:
            room: Its name, its URL, or a link with a token.

        Returns:
            The handle, with the methods and properties of `RoomHandle`.

        Raises:
            DailyConfigError: There is no such room.
        """
        handle = self._thread.call(self._daily.room, hide_secrets(room))
        return RemoteRoom(self._thread, handle)

    def dial_in(self, target: str, **options: Any) -> DialIn:
        """Call a room or a number, as a person with a telephone does.

        For instance::

            call = local_daily.dial_in("+14155550100", from_="+12125550199")
            caller = await call.connected()

        Args:
            target: As for `LocalDaily.dial_in`: a number, or a room's SIP URI.
            **options: As for `LocalDaily.dial_in`: ``from_``, ``to``, ``sip_headers``.

        Returns:
            The call, with the methods and properties of `DialIn`.

        Raises:
            DailyConfigError: The domain does not have that number, or the room does not exist.
        """
        call = self._thread.call(self._daily.dial_in, target, **options)
        return RemoteDialIn(self._thread, call)

    @property
    def dialouts(self) -> list[DialOut]:
        """The calls out of the rooms, in order. Each rings until the test answers it."""
        calls = self._thread.call(lambda: self._daily.dialouts)
        return [RemoteDialOut(self._thread, call) for call in calls]

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for a coroutine, in a test without an event loop.

        Args:
            work: A coroutine of a participant, a fault, `daily_helper` or `wait_for`.

        Returns:
            Its result.
        """
        return self._thread.block(work)

    def fail_waits(self, error: BaseException | None) -> None:
        """Have every wait of the test fail, those to come too; None ends that.

        Args:
            error: What it raises.
        """
        self._thread.fail_waits(error)

    async def wait_for(
        self,
        what: str,
        *,
        room: str | None = None,
        count: int = 1,
        timeout: float = DEFAULT,  # noqa: ASYNC109
    ) -> LogEntry:
        """Wait until something has happened in a room, however long ago.

        Args:
            what: As in `log`: ``bot joined``, ``person left``, ``deleted``, …
            room: The room's name; any when None.
            count: How often.
            timeout: Seconds to wait; 10 s, or what the ini file says.

        Returns:
            The entry of the log that completed the count.

        Raises:
            TimeoutError: It has not happened; the message lists what has.
            DailyConfigError: An argument has the wrong type or value.
        """
        must_be(float | None, timeout=timeout)
        allowed = BUDGET.of(timeout)
        waiting = self._daily.state.log.wait_for(what, room=room, count=count)
        try:
            return await self._thread.follow(asyncio.wait_for(waiting, allowed))
        except TimeoutError:
            happened = lines(f"{entry.room}: {entry.what}" for entry in self.log)
            msg = f"{what!r} did not happen within {allowed:g} s, only this did:{happened}"
            raise TimeoutError(msg) from None

    @property
    def log(self) -> list[LogEntry]:
        """What has happened in the rooms, in order."""
        return self._thread.call(lambda: list(self._daily.state.log.entries))

    @property
    def rooms(self) -> dict[str, Room]:
        """The rooms that exist, by name, as they are now: a copy."""
        return self._thread.call(
            lambda: {name: _copy(room) for name, room in self._daily.rooms.items()}
        )

    # -- What is stored --------------------------------------------------------------------

    @property
    def recordings(self) -> list[Recording]:
        """The recordings, oldest first; those that run have the status ``in-progress``."""
        return self._thread.call(lambda: self._daily.recordings)

    def add_recording(self, room: str, content: bytes = b"", **options: Any) -> Recording:
        """Add a recording, as if a call had been recorded earlier.

        Args:
            room: The room's name or URL; the room need not exist any more.
            content: The bytes of its file, which the access link serves.
            **options: As for `LocalDaily.add_recording`: ``status``, ``start``, ``duration``, …

        Returns:
            The recording.

        Raises:
            DailyConfigError: An argument has the wrong type or value.
        """
        room = hide_secrets(room)
        return self._thread.call(self._daily.add_recording, room, content, **options)

    def add_transcript(self, room: str, content: str | None = VTT, **options: Any) -> Transcript:
        """Add a transcript, as if a call had been transcribed and the transcript stored.

        Args:
            room: The room's name or URL; the room need not exist any more.
            content: Its WebVTT, which the access link serves; None when none was stored.
            **options: As for `LocalDaily.add_transcript`: ``status``, ``start``, ``duration``, …

        Returns:
            The transcript.

        Raises:
            DailyConfigError: An argument has the wrong type or value.
        """
        room = hide_secrets(room)
        return self._thread.call(self._daily.add_transcript, room, content, **options)

    # -- Time and failures -----------------------------------------------------------------

    def advance(self, seconds: timedelta | float = 0.0, **more: float) -> None:
        """Move the local Daily's time forward: rooms and tokens expire, meetings start and end.

        Args:
            seconds: How far, in seconds or as a ``timedelta``.
            **more: As for `LocalDaily.advance`: ``minutes``, ``hours``, ``days``.

        Raises:
            DailyConfigError: An argument is not a number, or the sum is negative.
        """
        self._thread.call(self._daily.advance, seconds, **more)

    def fail(self, method: str, path: str, **failure: Any) -> Fault:
        """Make the next requests to an endpoint fail.

        Args:
            method: The HTTP method, or ``*`` for all.
            path: The path below ``/v1``; ``*`` stands for every path, and within a path for
                anything but a slash.
            **failure: As for `LocalDaily.fail`: ``times``, ``status``, ``drop``, ``hang``, …

        Returns:
            The fault, with the methods and properties of `Fault`.

        Raises:
            DailyConfigError: An argument has the wrong type or value.
        """
        fault = self._thread.call(self._daily.fail, method, path, **failure)
        return RemoteFault(self._thread, fault)

    def chaos(self, seed: int | str, **options: Any) -> Chaos:
        """Make requests fail at random, in the same way for the same seed and requests.

        Args:
            seed: What the choice depends on, beside the order of the requests.
            **options: As for `LocalDaily.chaos`.

        Returns:
            The fault, with the methods and properties of `Chaos`.

        Raises:
            DailyConfigError: An argument has the wrong type or value.
        """
        return RemoteChaos(self._thread, self._thread.call(self._daily.chaos, seed, **options))


def _copy(room: Room) -> Room:
    people = {
        id: replace(participant, media=dict(participant.media), ejection=None, outage=None)
        for id, participant in room.participants.items()
    }
    meeting = room.meeting
    if meeting is not None:
        data, banned = copy.deepcopy(meeting.data), set(meeting.banned)
        meeting = replace(
            meeting, people=list(meeting.people), data=data, banned=banned, alone=None
        )
    config = copy.deepcopy(room.config)
    told = Inbox()
    return replace(
        room, config=config, participants=people, meeting=meeting, expiry=None, told=told
    )
