# SPDX-License-Identifier: BSD-2-Clause
"""What the page does to a local Daily that was started with ``control=True``."""

from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.local.arguments import must_be
from pipecat_daily_rest.local.call.room import Participant, Room
from pipecat_daily_rest.local.face.timelines import Timelines
from pipecat_daily_rest.local.for_tests import ForTests
from pipecat_daily_rest.local.rest.endpoints.rooms import RoomEndpoints
from pipecat_daily_rest.local.rest.parts import Parts

_MADE_BY = "this page"
_MOST_SECONDS = 10 * 365 * 86_400.0


class Control:
    """Does what a test does, for a person.

    Parameters:
        actions: By name: each takes the request and its JSON body, and gives a sentence.
    """

    def __init__(self, daily: ForTests, parts: Parts, timelines: Timelines) -> None:
        self._daily = daily
        self._parts = parts
        self._timelines = timelines
        self.actions: dict[str, Callable[[web.Request, Mapping[str, Any]], str]] = {
            "make": self._make,
            "delete": self._delete,
            "eject": self._eject,
            "advance": self._advance,
            "fail": self._fail,
            "clear": self._clear,
            "dial-in": self._dial_in,
            "keys": self._keys,
            "lose-network": self._lose_network,
        }

    def faults(self) -> list[dict[str, Any]]:
        """Describe the latest faults."""
        return [
            {"method": each.method, "path": each.path, "times": each.times, "hits": each.hits}
            for each in self._daily.faults.added[-20:]
        ]

    def _make(self, request: web.Request, given: Mapping[str, Any]) -> str:
        minutes = _seconds(given, "minutes")
        body: dict[str, Any] = {
            "privacy": given.get("privacy", "private"),
            "properties": {
                "exp": int(self._parts.domain.clock.now() + 60 * minutes),
                "eject_at_room_exp": True,
            },
        }
        if name := given.get("name"):
            body["name"] = name
        if given.get("sip"):
            body["properties"]["sip"] = {
                "display_name": "Caller",
                "sip_mode": "dial-in",
                "num_endpoints": 1,
                "video": False,
            }
        made = RoomEndpoints(self._parts).create_room(request, body)
        self._parts.domain.rooms[made["name"]].made_by = _MADE_BY
        return f"Made {made['name']}."

    def _delete(self, request: web.Request, given: Mapping[str, Any]) -> str:
        room = self._room(given)
        self._parts.rooms.delete(room)
        return f"Deleted {room.name}."

    def _eject(self, request: web.Request, given: Mapping[str, Any]) -> str:
        who = self._who(given)
        self._parts.calls.eject(who)
        return f"Ejected {who.user_name or who.kind}."

    def _advance(self, request: web.Request, given: Mapping[str, Any]) -> str:
        seconds = _seconds(given, "seconds")
        self._daily.advance(seconds)
        return f"The clock is {seconds:g} s further."

    def _fail(self, request: web.Request, given: Mapping[str, Any]) -> str:
        failure = {
            name: value
            for name in ("status", "drop", "delay", "hang", "retry_after")
            if (value := given.get(name)) not in (None, "")
        }
        fault = self._daily.fail(
            given.get("method", "*"), given.get("path", "*"), times=given.get("times"), **failure
        )
        which = "all" if fault.times is None else f"the next {fault.times}"
        return f"{fault.method} {fault.path}: {which} will fail."

    def _clear(self, request: web.Request, given: Mapping[str, Any]) -> str:
        self._daily.faults.clear()
        return "No request fails any more."

    def _dial_in(self, request: web.Request, given: Mapping[str, Any]) -> str:
        options = {"from_": given["from"]} if given.get("from") else {}
        if given.get("to"):
            call = self._daily.dial_in(given["to"], **options)
        else:
            call = self._daily.room(self._room(given).name).dial_in(**options)
        if call.reason:
            msg = f"The call failed: {call.reason}"
            raise DailyConfigError(msg)
        return f"{call.from_} calls {call.to}."

    def _keys(self, request: web.Request, given: Mapping[str, Any]) -> str:
        who = self._who(given)
        must_be(str, keys=given.get("keys"))
        phone = self._daily.telephony.find(who.room, who.id)
        if phone is None:
            msg = f"{who.user_name or who.kind} is not a telephone."
            raise DailyConfigError(msg)
        phone.press(given["keys"])
        return f"{who.user_name or who.kind} pressed {given['keys']}."

    def _lose_network(self, request: web.Request, given: Mapping[str, Any]) -> str:
        who, seconds = self._who(given), _seconds(given, "seconds")
        self._daily.network.lose(who, seconds)
        return f"{who.user_name or who.kind} has no network for {seconds:g} s."

    def _room(self, given: Mapping[str, Any]) -> Room:
        must_be(int, room=given.get("room"))
        life = self._timelines.lives.get(given["room"])
        if life is None or life.ended:
            msg = "This room does not exist any more."
            raise DailyConfigError(msg)
        return life.room

    def _who(self, given: Mapping[str, Any]) -> Participant:
        must_be(str, participant=given.get("participant"))
        who = self._room(given).participants.get(given["participant"])
        if who is None:
            msg = "This participant is not in the room any more."
            raise DailyConfigError(msg)
        return who


def _seconds(given: Mapping[str, Any], name: str) -> float:
    value = given.get(name)
    must_be(float, **{name: value})
    if value is None or not 0 < value <= _MOST_SECONDS:
        msg = f"{name} must be more than 0, and ten years at most."
        raise DailyConfigError(msg)
    return float(value)
