# SPDX-License-Identifier: BSD-2-Clause
"""Whom a bot is told to call: numbers and SIP URIs that the server's owner allows. Pure.

What a bot dials by itself is its author's: ``dialout_settings`` is what Pipecat's bots read.
"""

import re
from collections.abc import Mapping
from typing import Any

from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.server.phone import PREFIXES, SIP, NotAllowed, Phone
from pipecat_daily_rest.server.trust import BadStart

SETTINGS, CALL = "dialout_settings", "dialin_settings"
# https://docs.daily.co/reference/rest-api/rooms/dial-out/start; bots write them with _ as well.
_MEMBERS = frozenset(
    {
        *("phoneNumber", "sipUri", "callerId", "displayName", "userId", "extension"),
        *("waitBeforeExtensionDialSec", "video", "videoSettings", "codecs", "permissions"),
    }
)
_MORE = ("agent", "body")  # of a request to dial out


def is_by_phone(data: Any) -> bool:
    """Tell whether a start is one of a phone call, which not every browser may make."""
    body = data.get("body") if isinstance(data, Mapping) else None
    return isinstance(body, Mapping) and bool({SETTINGS, CALL} & body.keys())


def checked(data: Mapping[str, Any], phone: Phone) -> dict[str, Any]:
    """Give a start of a phone call with its numbers in E.164, and a room that may dial out.

    Raises:
        NotAllowed: A number or a SIP URI may not be called.
        BadStart: A member of it is wrong.
    """
    body = data["body"]
    if SETTINGS not in body:
        return dict(data)
    if not phone.dials_out:
        msg = f"This server calls nobody: its owner has to set {PREFIXES} or {SIP}."
        raise NotAllowed(msg)
    given, field = body[SETTINGS], f"body.{SETTINGS}"
    several = given if isinstance(given, list) else [given]
    if not several:
        raise BadStart(field, "names nobody to call.")
    settings = [
        _checked(each, f"{field}[{number}]" if isinstance(given, list) else field, phone)
        for number, each in enumerate(several)
    ]
    if not (data.get("createDailyRoom") or data.get("transport") == "daily"):
        raise BadStart(field, "needs createDailyRoom: true.")
    room = data.get("dailyRoomProperties") or {}
    if isinstance(room, Mapping):
        room = {**room, "enable_dialout": True}
    called = settings if isinstance(given, list) else settings[0]
    return {**data, "dailyRoomProperties": room, "body": {**body, SETTINGS: called}}


def start_of(data: Any) -> dict[str, Any]:
    """Give the start that a request to dial out stands for.

    Raises:
        BadStart: It is no request to dial out.
    """
    if not isinstance(data, Mapping):
        field = "The request's body"
        raise BadStart(field, "must be a JSON object.")
    if not isinstance(data.get("agent"), str | None):
        field = "agent"
        raise BadStart(field, "must be the name of a bot.")
    body = data.get("body")
    if not isinstance(body, Mapping | None):
        field = "body"
        raise BadStart(field, "must be a JSON object.")
    settings = {name: value for name, value in data.items() if name not in _MORE}
    return {"createDailyRoom": True, "body": {**(body or {}), SETTINGS: [settings]}}


def _checked(given: Any, field: str, phone: Phone) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise BadStart(field, "must be a JSON object with a phoneNumber or a sipUri.")
    plain = {_camel_case(name): name for name in given}
    for name in plain.keys() - _MEMBERS:
        raise BadStart(f"{field}.{plain[name]}", "is not allowed.")
    if len(plain) < len(given):
        raise BadStart(field, "names a member twice.")
    if ("phoneNumber" in plain) == ("sipUri" in plain):
        raise BadStart(field, "needs a phoneNumber or a sipUri, and not both.")
    kind, check = ("sipUri", phone.sip_uri) if "sipUri" in plain else ("phoneNumber", phone.number)
    name = plain[kind]
    try:
        return {**given, name: check(given[name])}
    except NotAllowed:
        raise
    except DailyConfigError as exc:
        raise BadStart(f"{field}.{name}", f"is refused: {exc}") from exc


def _camel_case(name: str) -> str:
    return re.sub(r"_([a-z])", lambda found: found[1].upper(), name)
