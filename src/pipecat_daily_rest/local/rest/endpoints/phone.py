# SPDX-License-Identifier: BSD-2-Clause
"""Phone calls between rooms and the outside: started, stopped, transferred, connected.

Reference: https://docs.daily.co/reference/rest-api/rooms/dial-out and
https://docs.daily.co/reference/rest-api/dial-in/pinless-update
"""

from typing import Any

from aiohttp import web

from pipecat_daily_rest.local.call.room import JoinRefused
from pipecat_daily_rest.local.outside.phone_bodies import PINLESS_UPDATE
from pipecat_daily_rest.local.outside.telephony import NotReady
from pipecat_daily_rest.local.rest.endpoints.family import Family, Route
from pipecat_daily_rest.local.rules import schema
from pipecat_daily_rest.local.rules.schema import invalid


class PhoneEndpoints(Family):
    """The phone calls of the rooms."""

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
        """https://docs.daily.co/reference/rest-api/rooms/dial-out/start."""
        call = self._parts.dialing.start(self._room(request), body)
        return {"ok": "true", "sessionId": call.session_id}

    def dialout_stop(self, request: web.Request, body: Any) -> Any:
        """https://docs.daily.co/reference/rest-api/rooms/dial-out/stop."""
        self._parts.dialing.stop(self._room(request), body)
        return {"status": "sent"}

    def send_dtmf(self, request: web.Request, body: Any) -> Any:
        """https://docs.daily.co/reference/rest-api/rooms/dial-out/send-dtmf."""
        call = self._parts.dialing.send_dtmf(self._room(request), body)
        return {"ok": "true", "sessionId": call.session_id}

    def sip_call_transfer(self, request: web.Request, body: Any) -> Any:
        """https://docs.daily.co/reference/rest-api/rooms/sip-call-transfer."""
        self._parts.dialing.transfer(self._room(request), body)
        return {"ok": "true"}

    def sip_refer(self, request: web.Request, body: Any) -> Any:
        """https://docs.daily.co/reference/rest-api/rooms/sip-refer."""
        self._parts.dialing.refer(self._room(request), body)
        return {"ok": "true"}

    def pinless_call_update(self, request: web.Request, body: Any) -> Any:
        """Connect a call on hold with a room."""
        # https://docs.daily.co/reference/rest-api/dial-in/pinless-update
        given = self._schema.body(PINLESS_UPDATE, body)
        if any(name not in given for name in PINLESS_UPDATE):
            raise invalid(schema.MISSING)
        telephony = self._parts.telephony
        if (call := self._parts.switchboard.on_hold(given["callId"], given["callDomain"])) is None:
            raise self._parts.dialing.no_call(f"no call {given['callId']} is on hold")
        if (room := telephony.room_of(given["sipUri"])) is None:
            raise invalid("no room has this sipUri")
        try:
            telephony.connect(call, room, given["sipUri"])
        except (NotReady, JoinRefused) as exc:
            raise invalid(str(exc)) from exc
        return {"ok": "true"}
