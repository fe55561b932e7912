# SPDX-License-Identifier: BSD-2-Clause
"""Phone calls out of the rooms and into them.

Reference: https://docs.daily.co/docs/guides/features/dial-in-dial-out
"""

import asyncio
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.local.arguments import must_be
from pipecat_daily_rest.local.call.calls import Calls
from pipecat_daily_rest.local.call.clock import Timer
from pipecat_daily_rest.local.call.domain import Domain
from pipecat_daily_rest.local.call.room import Participant, Room
from pipecat_daily_rest.local.outside.call_events import CallEvents, endpoints
from pipecat_daily_rest.local.outside.numbers import Numbers
from pipecat_daily_rest.local.outside.phone import PHONE, DialIn, DialOut, PhoneCall
from pipecat_daily_rest.local.outside.webhooks import Webhooks
from pipecat_daily_rest.local.scripted.person import Scripted


class NotReady(Exception):
    """A room cannot accept a call; the text says why."""


class Telephony:
    """The phones of one local Daily. It watches the rooms."""

    def __init__(
        self, domain: Domain, calls: Calls, webhooks: Webhooks, join: Callable[..., Scripted]
    ) -> None:
        """Watch the rooms; ``join`` is `LocalDaily.join`."""
        self.numbers = Numbers()
        self.dialouts: list[DialOut] = []
        self.dialins: list[DialIn] = []
        self._domain = domain
        self._join = join
        self._events = CallEvents(domain, calls, webhooks, self.numbers)
        self._ready: set[Room] = set()  # those whose SIP endpoints accept calls
        self._alone: dict[Room, Timer] = {}  # ends the calls that are alone in a room
        calls.log.observers.append(self._observe)

    # -- Out -------------------------------------------------------------------------------

    def dial_out(self, room: Room, settings: dict[str, Any]) -> DialOut:
        """Call a phone; it rings until the test answers it."""
        starts = not room.participants
        call = DialOut(self, settings)
        name = settings.get("displayName") or _user(call.to)
        rights = {"user_id": settings.get("userId"), "permissions": settings.get("permissions")}
        call.person = self._enter(room, name, rights)
        self.dialouts.append(call)
        self._events.dialout("connected", call)
        idle = (room.config.get("dialout_config") or {}).get("max_idle_timeout_sec") or 0
        if not (starts and idle == 0 and self._domain.choices.dialout_starts_without_limit):
            self._watch_alone(room)
        return call

    def find(self, room: Room, session_id: str, *, out: bool = False) -> PhoneCall | None:
        """Look up a call in a room by its phone's session id; with ``out`` only an outgoing call."""
        here = (call for call in self.in_room(room) if isinstance(call, DialOut) or not out)
        return next((call for call in here if call.session_id == session_id), None)

    def answered(self, call: PhoneCall) -> None:
        """Answer a call."""
        if call.state == "transferred" and not call.by_refer:
            self._events.transfer("answered", call)
        elif call.state == "ringing" and isinstance(call, DialOut):
            call.become("connected")
            self._events.dialout("answered", call)

    def fail(self, call: DialOut, reason: str) -> None:
        """Make a ringing call fail."""
        must_be(str, reason=reason)
        if call.state == "ringing" and call.person is not None:
            call.become("failed", reason)
            self._events.dialout("error", call, error_msg=reason)
            call.person.leave()

    def in_room(self, room: Room) -> list[DialOut | DialIn]:
        """List the calls that are in a room."""
        return [call for call in self._calls if call.session_id in room.participants]

    @property
    def _calls(self) -> list[DialOut | DialIn]:
        return [*self.dialouts, *self.dialins]

    def press(self, call: PhoneCall, tones: str) -> None:
        """Press keys of a phone."""
        must_be(str, tones=tones)
        room = call.room
        if room is None or call.session_id not in room.participants:
            msg = (
                f"the call is {call.state}: its keys reach a room only while it is connected to one"
            )
            raise DailyConfigError(msg)
        if not re.fullmatch("[0-9A-D*#]+", tones):
            msg = f"tones must be keys of a phone: 0 to 9, A to D, * and #, not {tones!r}."
            raise DailyConfigError(msg)
        for tone in tones:
            self._events.dtmf(call, tone)

    def hang_up(self, call: PhoneCall) -> None:
        """End a call, from whichever side."""
        if call.state == "transferred":
            call.become("ended")
            if not call.by_refer:
                self._events.transfer("completed", call)
        elif call.state == "on-hold":
            call.become("ended")
        elif not call.over and call.person is not None:
            call.person.leave()

    def transfer(self, call: PhoneCall, to: str, *, refer: bool) -> None:
        """Take a phone out of its room and connect it elsewhere."""
        call.transferred_to, call.by_refer = to, refer
        call.meeting_id = call.room.meeting_id if call.room is not None else None
        self._events.transfer("triggered", call)
        self._events.transfer("initiated", call)
        call.become("transferred")
        if call.person is not None:
            call.person.leave()

    # -- In --------------------------------------------------------------------------------

    def room_of(self, sip_uri: str) -> Room | None:
        """Look up a room by one of its SIP URIs, with or without ``sip:`` and parameters."""
        wanted = _address(sip_uri)
        for room in self._domain.rooms.values():
            if wanted in map(_address, endpoints(room)) and not self._domain.expired(room):
                return room
        return None

    def connect(self, call: DialIn, room: Room, sip_uri: str) -> None:
        """Connect a call with a room."""
        if room not in self._ready and self._domain.choices.sip_needs_session:
            msg = (
                f"nobody is in room {room.name}: its SIP endpoint accepts calls after the first "
                "participant joined, once dialin-ready was sent"
            )
            raise NotReady(msg)
        most = self._domain.choices.max_phone_sessions
        if self.phones(room) >= most:
            raise NotReady(self._domain.choices.too_many_phone_sessions_info.format(limit=most))
        wanted = parse_qs(sip_uri.partition("?")[2]).get("x-daily_display_name")
        call.person = self._enter(room, wanted[0] if wanted else call.from_, {})
        call.become("connected")
        self._events.dialin("connected", call)

    def phones(self, room: Room) -> int:
        """Count the phones in a room."""
        return sum(participant.kind == PHONE for participant in room.participants.values())

    # -- What happens in the rooms ---------------------------------------------------------

    def _enter(self, room: Room, name: str, rights: dict[str, Any]) -> Scripted:
        """Join a phone with a token: as at Daily, it may enter a private room, too."""
        properties = {"room_name": room.name, "user_name": name, **rights}
        person: Scripted = self._join(room.name, self._domain.sign(properties), kind=PHONE)
        return person

    def _observe(self, what: str, participant: Any) -> None:
        if what not in ("joined", "left"):
            return
        room = participant.room
        if what == "left":
            self._left(participant)
        if room.participants and room not in self._ready:
            self._ready.add(room)
            # Not before the participant knows that it has joined.
            asyncio.get_running_loop().call_soon(self._tell_ready, room)
        elif not room.participants:
            self._ready.discard(room)
        if participant.kind != PHONE or what == "left":
            self._watch_alone(room)

    def _tell_ready(self, room: Room) -> None:
        if room in self._ready:
            self._events.ready(room)

    def _left(self, participant: Participant) -> None:
        for call in self._calls:
            if call.session_id != participant.id or call.over or call.state == "transferred":
                continue
            call.become("ended")
            if isinstance(call, DialOut):
                self._events.dialout("stopped", call)
            else:
                self._events.dialin("stopped", call)

    def _watch_alone(self, room: Room) -> None:
        """https://docs.daily.co/reference/rest-api/rooms/create-room, ``max_idle_timeout_sec``."""
        calls = [call for call in self.dialouts if call.session_id in room.participants]
        alone = bool(calls) and len(calls) == len(room.participants)
        if not alone or room in self._alone:
            if not alone and (timer := self._alone.pop(room, None)) is not None:
                timer.cancel()
            return
        idle = (room.config.get("dialout_config") or {}).get("max_idle_timeout_sec") or 0

        def end() -> None:
            self._alone.pop(room, None)
            for call in self.dialouts:
                if call.session_id in room.participants:
                    self.hang_up(call)

        self._alone[room] = self._domain.clock.call_at(self._domain.clock.now() + idle, end)


def _address(uri: str) -> str:
    """Give a SIP URI without its prefix and parameters."""
    return uri.removeprefix("sip:").partition("?")[0].partition(";")[0]


def _user(to: str) -> str:
    """Give the name of a phone without a name: its number, or the user of its SIP URI."""
    return _address(to).partition("@")[0]
