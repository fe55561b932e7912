# SPDX-License-Identifier: BSD-2-Clause
"""Events about phone calls, for the webhooks, the rooms and the log.

Reference: https://docs.daily.co/reference/rest-api/webhooks/events
"""

from typing import Any

from pipecat_daily_rest.local.call.calls import Calls
from pipecat_daily_rest.local.call.domain import Domain
from pipecat_daily_rest.local.call.room import Room
from pipecat_daily_rest.local.outside.numbers import Numbers
from pipecat_daily_rest.local.outside.phone import DialIn, DialOut, PhoneCall
from pipecat_daily_rest.local.outside.webhooks import Webhooks


class CallEvents:
    """Sends each event to the webhooks, the room and the log."""

    def __init__(self, domain: Domain, calls: Calls, webhooks: Webhooks, numbers: Numbers) -> None:
        self._domain = domain
        self._calls = calls
        self._webhooks = webhooks
        self._numbers = numbers

    def ready(self, room: Room) -> None:
        """Tell that a room's SIP endpoints accept calls."""
        for endpoint in endpoints(room):
            uri = endpoint if endpoint.startswith("sip:") else f"sip:{endpoint}"
            self._calls.log.record(room.name, "dialin ready", uri)
            self._webhooks.emit("dialin.ready", {**self._common(room), "sip_endpoint": uri})
            self._calls.tell(room, {"event": "dialin-ready", "sipEndpoint": uri})

    def dialin(self, what: str, call: DialIn) -> None:
        """Tell what happened to an incoming call."""
        room, id = _place(call)
        self._calls.log.record(room.name, f"dialin {what}", id)
        details = {"sip_from": call.from_, "display_name": _name(call)}
        headers = {"sip_headers": call.sip_headers} if call.sip_headers else {}
        payload = {**self._common(room), "session_id": id, **details, **headers}
        self._webhooks.emit(f"dialin.{what}", payload)
        data = {"sessionId": id, "sipFrom": call.from_, "sipHeaders": call.sip_headers}
        self._calls.tell(room, {"event": f"dialin-{what}", "data": {**data, "provider": "daily"}})

    def dialout(self, what: str, call: DialOut, **more: str) -> None:
        """Tell what happened to an outgoing call."""
        room, id = _place(call)
        self._calls.log.record(room.name, f"dialout {what}", id)
        settings = call.settings
        caller = self._numbers.purchased.get(settings.get("callerId", ""))
        details: dict[str, Any] = more or {
            "destination": call.to,
            "origin": caller.number if caller is not None else None,
            "caller_id": settings.get("callerId"),
        }
        user = {"session_id": id, "user_id": settings.get("userId")}
        payload = {**self._common(room), **user, **details}
        given = {name: value for name, value in payload.items() if value is not None}
        self._webhooks.emit(f"dialout.{what}", given)
        data = {"sessionId": id, "userId": settings.get("userId"), "provider": "daily"}
        error = {"errorMsg": more["error_msg"]} if more else {}
        self._calls.tell(room, {"event": f"dialout-{what}", "data": {**data, **error}})

    def dtmf(self, call: PhoneCall, tone: str) -> None:
        """Tell which key was pressed on a phone."""
        room, id = _place(call)
        self._calls.log.record(room.name, "dtmf received", f"{id}: {tone}")
        member = self._domain.choices.dtmf_tone_member
        data = {"sessionId": id, member: tone, "provider": "daily"}
        self._calls.tell(room, {"event": "dtmf-event", "data": data})

    def transfer(self, what: str, call: PhoneCall) -> None:
        """Tell how far the transfer of a call is."""
        room, id = _place(call)
        self._calls.log.record(room.name, f"calltransfer {what}", id)
        by = {"is_sip_refer": call.by_refer} if what in ("triggered", "initiated") else {}
        outside = call.to if isinstance(call, DialOut | DialIn) else ""
        payload = {
            **self._common(room),
            "session_id": id,
            "mtg_session_id": call.meeting_id,
            "to_endpoint": call.transferred_to,
            "from_endpoint": call.from_ if isinstance(call, DialIn) else outside,
            **by,
        }
        self._webhooks.emit(f"calltransfer.{what}", payload)

    def _common(self, room: Room) -> dict[str, Any]:
        now = int(self._domain.clock.now())
        as_text = self._domain.choices.phone_timestamps_as_text
        return {
            "domain_id": self._domain.id,
            "room": room.name,
            "timestamp": str(now) if as_text else now,
        }


def _place(call: PhoneCall) -> tuple[Room, str]:
    """Give the room and the session id of a call that is or was in a room."""
    if call.person is None:
        msg = "the call was never in a room"
        raise RuntimeError(msg)
    return call.person.participant.room, call.person.id


def _name(call: PhoneCall) -> str:
    return call.person.participant.user_name if call.person is not None else ""


def endpoints(room: Room) -> list[str]:
    """Give the SIP URIs of a room."""
    uris = room.config.get("sip_uri") or {}
    return [uri for uri in (uris.get("endpoint"), *uris.get("extra_endpoints", [])) if uri]
