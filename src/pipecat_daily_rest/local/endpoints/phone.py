# SPDX-License-Identifier: BSD-2-Clause
"""Calls out of a room, and calls that come in: started, transferred, connected.

Reference: https://docs.daily.co/reference/rest-api/rooms/dial-out and
https://docs.daily.co/reference/rest-api/dial-in/pinless-update
"""

from typing import Any

from aiohttp import web

from pipecat_daily_rest.local import schema
from pipecat_daily_rest.local.endpoints.family import Family, Route
from pipecat_daily_rest.local.phone import PhoneCall
from pipecat_daily_rest.local.phone_bodies import (
    DIALOUT_START,
    DIALOUT_STOP,
    PINLESS_UPDATE,
    REFER,
    SEND_DTMF,
    TRANSFER,
)
from pipecat_daily_rest.local.room import JoinRefused, Room
from pipecat_daily_rest.local.schema import Refusal, invalid
from pipecat_daily_rest.local.telephony import NotReady

# Daily's own texts: https://docs.pipecat.ai/guides/telephony/daily-pstn
_NO_DIALOUT = "dial-out not enabled for room. add enable_dialout property to room"
_NO_NUMBERS = (
    "dial-out to PhoneNumber is not enabled for domain. "
    "Contact support to enable it for your domain"
)
_NOT_ABROAD = "International dialout not supported. Contact sales to enable it for your domain"


class PhoneEndpoints(Family):
    """The calls between rooms and telephones."""

    def routes(self) -> list[Route]:
        """List the endpoints."""
        return [
            ("POST", "/rooms/{name}/dialOut/start", self.dialout_start),
            ("POST", "/rooms/{name}/dialOut/stop", self.dialout_stop),
            ("POST", "/rooms/{name}/dialOut/sendDTMF", self.send_dtmf),
            ("POST", "/rooms/{name}/sipCallTransfer", self.sip_call_transfer),
            ("POST", "/rooms/{name}/sipRefer", self.sip_refer),
            ("POST", "/dialin/pinlessCallUpdate", self.pinless_call_update),
        ]

    def dialout_start(self, request: web.Request, body: Any) -> Any:
        """Call somebody into a room.

        Reference: https://docs.daily.co/reference/rest-api/rooms/dial-out/start
        """
        room = self._room(request)
        given = self._schema.body(DIALOUT_START, body)
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
            call = self._daily.telephony.dial_out(room, given)
        except JoinRefused as exc:
            raise invalid(exc.message) from exc
        return {"ok": "true", "sessionId": call.session_id}

    def dialout_stop(self, request: web.Request, body: Any) -> Any:
        """End a call.

        Reference: https://docs.daily.co/reference/rest-api/rooms/dial-out/stop
        """
        call, _ = self._call(request, DIALOUT_STOP, body, out=True)
        call.hang_up()
        return {"status": "sent"}

    def send_dtmf(self, request: web.Request, body: Any) -> Any:
        """Press keys towards a telephone that was called.

        Reference: https://docs.daily.co/reference/rest-api/rooms/dial-out/send-dtmf
        """
        call, given = self._call(request, SEND_DTMF, body, "tones", out=True)
        call.tones.append(given["tones"])
        self._state.record(request.match_info["name"], "dtmf sent", str(call.session_id))
        return {"ok": "true", "sessionId": call.session_id}

    def sip_call_transfer(self, request: web.Request, body: Any) -> Any:
        """Connect a call with another number or SIP URI; it leaves the room.

        Reference: https://docs.daily.co/reference/rest-api/rooms/sip-call-transfer
        """
        call, given = self._call(request, TRANSFER, body, "toEndPoint")
        self._check_caller(given)
        self._daily.telephony.transfer(call, given["toEndPoint"], refer=False)
        return {"ok": "true"}

    def sip_refer(self, request: web.Request, body: Any) -> Any:
        """Refer a call to another SIP endpoint; it leaves the room.

        Reference: https://docs.daily.co/reference/rest-api/rooms/sip-refer
        """
        call, given = self._call(request, REFER, body, "toEndPoint")
        self._daily.telephony.transfer(call, given["toEndPoint"], refer=True)
        return {"ok": "true"}

    def pinless_call_update(self, request: web.Request, body: Any) -> Any:
        """Connect a call that waits with a room.

        Reference: https://docs.daily.co/reference/rest-api/dial-in/pinless-update
        """
        given = self._schema.body(PINLESS_UPDATE, body)
        if any(name not in given for name in PINLESS_UPDATE):
            raise invalid(schema.MISSING)
        telephony = self._daily.telephony
        if (call := self._daily.switchboard.on_hold(given["callId"], given["callDomain"])) is None:
            raise self._no_call(f"no call {given['callId']} is on hold")
        if (room := telephony.room_of(given["sipUri"])) is None:
            raise invalid("sipUri is no room's")
        try:
            telephony.connect(call, room, given["sipUri"])
        except (NotReady, JoinRefused) as exc:
            raise invalid(str(exc)) from exc
        return {"ok": "true"}

    def _check_number(self, given: dict[str, Any]) -> None:
        if not self._choices.dialout_to_numbers:
            raise invalid(_NO_NUMBERS)
        if not (given["phoneNumber"].startswith("+1") or self._choices.dialout_abroad):
            raise invalid(_NOT_ABROAD)

    def _check_caller(self, given: dict[str, Any]) -> None:
        caller = given.get("callerId")
        if caller is not None and caller not in self._daily.telephony.numbers.purchased:
            raise invalid(f"callerId {caller} is not the id of a purchased phone number")

    def _check_space(self, room: Room) -> None:
        limit = self._choices.max_phone_sessions
        if self._daily.telephony.phones(room) >= limit:
            raise invalid(self._choices.too_many_phone_sessions_info.format(limit=limit))

    def _call(
        self, request: web.Request, table: Any, body: Any, *required: str, out: bool = False
    ) -> tuple[PhoneCall, dict[str, Any]]:
        """The call that a request is about, and its checked body."""
        room = self._room(request)
        given = self._schema.body(table, body)
        if any(name not in given for name in ("sessionId", *required)):
            raise invalid(schema.MISSING)
        call = self._daily.telephony.find(room, given["sessionId"], out=out)
        if call is None:
            raise self._no_call(f"no call {given['sessionId']} in room {room.name}")
        return call, given

    def _no_call(self, info: str) -> Refusal:
        status = self._choices.unknown_call
        return Refusal(status, "not-found" if status == 404 else "invalid-request-error", info)
