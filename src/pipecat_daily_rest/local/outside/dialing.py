# SPDX-License-Identifier: BSD-2-Clause
"""Checks what REST or a bot asks for: dial out, stop, send tones, transfer.

Reference: https://docs.daily.co/reference/rest-api/rooms/dial-out
"""

from collections.abc import Mapping
from typing import Any

from pipecat_daily_rest.local.call.calls import Calls
from pipecat_daily_rest.local.call.room import JoinRefused, Room
from pipecat_daily_rest.local.outside.phone import DialOut, PhoneCall
from pipecat_daily_rest.local.outside.phone_bodies import (
    DIALOUT_START,
    DIALOUT_STOP,
    REFER,
    SEND_DTMF,
    TRANSFER,
)
from pipecat_daily_rest.local.outside.telephony import Telephony
from pipecat_daily_rest.local.rules import schema
from pipecat_daily_rest.local.rules.kinds import Check
from pipecat_daily_rest.local.rules.schema import Refusal, Schema, invalid, refusal

# Daily's own texts: https://docs.pipecat.ai/guides/telephony/daily-pstn
_NO_DIALOUT = "dial-out not enabled for room. add enable_dialout property to room"
_NO_NUMBERS = (
    "dial-out to PhoneNumber is not enabled for domain. "
    "Contact support to enable it for your domain"
)
_NOT_ABROAD = "International dialout not supported. Contact sales to enable it for your domain"


class Dialing:
    """Checks requests about phone calls and carries them out; each method raises `Refusal`."""

    def __init__(self, calls: Calls, telephony: Telephony) -> None:
        self._log = calls.log
        self._choices = calls.choices
        self._schema = Schema(calls.choices)
        self._telephony = telephony

    def start(self, room: Room, body: Any, table: Mapping[str, Check] = DIALOUT_START) -> DialOut:
        """Call a phone into a room."""
        given = self._schema.body(table, body)
        if ("sipUri" in given) == ("phoneNumber" in given):
            raise invalid(schema.MISSING)
        if not room.config.get("enable_dialout"):
            raise invalid(_NO_DIALOUT)
        if "phoneNumber" in given:
            self._check_number(given)
        self._check_caller(given)
        self._check_space(room)
        config = room.config.get("dialout_config") or {}
        if not room.participants and not config.get("allow_room_start"):
            raise invalid(self._choices.empty_room_info)
        try:
            return self._telephony.dial_out(room, given)
        except JoinRefused as exc:
            raise invalid(exc.message) from exc

    def stop(self, room: Room, body: Any) -> None:
        """End an outgoing call."""
        call, _ = self._call(room, DIALOUT_STOP, body, out=True)
        call.hang_up()

    def send_dtmf(self, room: Room, body: Any, table: Mapping[str, Check] = SEND_DTMF) -> PhoneCall:
        """Send tones to a phone that was called."""
        call, given = self._call(room, table, body, "tones", out=True)
        call.tones.append(given["tones"])
        self._log.record(room.name, "dtmf sent", str(call.session_id))
        return call

    def transfer(self, room: Room, body: Any) -> None:
        """Transfer a call to another number or SIP URI; it leaves the room."""
        call, given = self._call(room, TRANSFER, body, "toEndPoint")
        self._check_caller(given)
        self._telephony.transfer(call, given["toEndPoint"], refer=False)

    def refer(self, room: Room, body: Any) -> None:
        """Refer a call to another SIP endpoint; it leaves the room."""
        call, given = self._call(room, REFER, body, "toEndPoint")
        self._telephony.transfer(call, given["toEndPoint"], refer=True)

    def _check_number(self, given: dict[str, Any]) -> None:
        if not self._choices.dialout_to_numbers:
            raise invalid(_NO_NUMBERS)
        if not (given["phoneNumber"].startswith("+1") or self._choices.dialout_abroad):
            raise invalid(_NOT_ABROAD)

    def _check_caller(self, given: dict[str, Any]) -> None:
        caller = given.get("callerId")
        if caller is not None and caller not in self._telephony.numbers.purchased:
            raise invalid(f"callerId {caller} is not the id of a purchased phone number")

    def _check_space(self, room: Room) -> None:
        limit = self._choices.max_phone_sessions
        if self._telephony.phones(room) >= limit:
            raise invalid(self._choices.too_many_phone_sessions_info.format(limit=limit))

    def _call(
        self,
        room: Room,
        table: Mapping[str, Check],
        body: Any,
        *required: str,
        out: bool = False,
    ) -> tuple[PhoneCall, dict[str, Any]]:
        """Find the call that a request is about, and check the request's body."""
        given = self._schema.body(table, body)
        if any(name not in given for name in ("sessionId", *required)):
            raise invalid(schema.MISSING)
        call = self._telephony.find(room, given["sessionId"], out=out)
        if call is None:
            raise self.no_call(f"no call {given['sessionId']} in room {room.name}")
        return call, given

    def no_call(self, info: str) -> Refusal:
        """Make the error for a call that does not exist."""
        return refusal(self._choices.unknown_call, info)
