# SPDX-License-Identifier: BSD-2-Clause
"""What Daily accepts, and how it refuses: checks of raw JSON, and the texts of the errors.

Reference: https://docs.daily.co/reference/rest-api/rooms and
https://docs.daily.co/reference/rest-api/meeting-tokens
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipecat_daily_rest.local.choices import Choices
from pipecat_daily_rest.local.rules.kinds import Check, Missing, Unknown, Wrong, as_text
from pipecat_daily_rest.local.rules.properties import (
    DOMAIN_PROPERTIES,
    ROOM_DEFAULTS,
    ROOM_PROPERTIES,
    TOKEN_PROPERTIES,
)

# These texts were seen on the live API or are documented; the others are in `Choices`.
MISSING = "missing required field"
NAME_TAKEN = "a room named {name} already exists"
BAD_NAME = "{name} contains invalid characters (room names can contain A-Z, a-z, 0-9, '-', and '_')"
BAD_INSTANT = "{name} was '{value}' but should be {expected}"
PAST_EXP = "exp was '{value}', which is in the past rather than in the future"
NO_ROOM = "room {name} not found"
BAD_HEADER = "bad Authorization header format"

_FAR = 100 * 365.25 * 86_400  # seconds


class Refusal(Exception):
    """An error response of the API: its status, JSON body and further headers.

    Reference: https://docs.daily.co/docs/rest-api/errors
    """

    def __init__(self, status: int, error: str, info: str | None = None, **more: Any) -> None:
        super().__init__(info or error)
        self.status = status
        self.body = {"error": error, **({} if info is None else {"info": info}), **more}
        self.headers: dict[str, str] = {}


def refusal(status: int, info: str, **more: Any) -> Refusal:
    """Make the error for a 404, or for a bad request with another status."""
    error = "not-found" if status == 404 else "invalid-request-error"
    return Refusal(status, error, info, **more)


def invalid(info: str) -> Refusal:
    """Make the error for a bad request."""
    return refusal(400, info)


def no_room(name: str, status: int = 404, **more: Any) -> Refusal:
    """Make the error for a room that does not exist."""
    return refusal(status, NO_ROOM.format(name=name), **more)


def not_here(why: str) -> Refusal:
    """Make the error for what Daily does and a local room does not."""
    return Refusal(501, "not-supported-locally", why)


@dataclass(frozen=True)
class RoomBody:
    """What a request says about a room; None for what it leaves out. A null resets a property."""

    name: str | None
    privacy: str | None
    properties: dict[str, Any]


class Schema:
    """Checks what a request carries; each method raises `Refusal` where Daily would refuse it."""

    def __init__(self, choices: Choices) -> None:
        self._choices = choices

    def fields(self, body: Any, *known: str) -> dict[str, Any]:
        """Check that a body is an object of known members; give those that are not null."""
        if not isinstance(body, dict):
            raise invalid("the body should be a JSON object")
        if unknown := [name for name in body if name not in known]:
            raise self._unknown(unknown[0])
        return {name: value for name, value in body.items() if value is not None}

    def room(self, body: Any, *, now: float, named: bool = True) -> RoomBody:
        """Check the body that creates a room, or updates one (not ``named``); ``now``: unix seconds."""
        given = self.fields(body, *(["name"] if named else []), "privacy", "properties")
        if "name" in given:
            self.room_name(given["name"])
        privacies = ["public", "private", *(["org"] if self._choices.org_privacy else [])]
        if given.get("privacy", "public") not in privacies:
            raise self.wrong("privacy", given["privacy"], f"one of {', '.join(privacies)}")
        properties = given.get("properties", {})
        self._properties(ROOM_PROPERTIES, properties, now)
        sip = properties.get("sip") or {}
        if sip.get("force_digit_only_username") and (sip.get("num_endpoints") or 1) > 1:
            raise self.wrong("sip.num_endpoints", sip["num_endpoints"], "1 with only digits")
        return RoomBody(given.get("name"), given.get("privacy"), properties)

    def room_name(self, name: Any) -> None:
        """Check a name for a new room."""
        if not isinstance(name, str) or not name:
            raise self.wrong("name", name, "a string of 1 to 128 characters")
        if re.search(r"[^A-Za-z0-9_-]", name):
            raise invalid(BAD_NAME.format(name=as_text(name)))
        if len(name) > 128:
            raise invalid(self._choices.name_too_long_info.format(name=as_text(name)))

    def token(self, body: Any, *, now: float) -> dict[str, Any]:
        """Check the body that creates a token; give its properties that are not null."""
        properties = self.fields(body, "properties").get("properties", {})
        self._properties(TOKEN_PROPERTIES, properties, now)
        given = {name: value for name, value in properties.items() if value is not None}
        if len(given.get("user_id", "")) > 36:
            if self._choices.long_user_id == "error":
                raise self.wrong("user_id", given["user_id"], "up to 36 characters")
            given["user_id"] = given["user_id"][:36]
        return given

    def domain(self, body: Any) -> dict[str, Any]:
        """Check the body that updates the domain; give the properties, of which null unsets one."""
        properties = self.fields(body, "properties").get("properties", {})
        if not isinstance(properties, dict):
            raise self.wrong("properties", properties, "an object")
        self._check(DOMAIN_PROPERTIES, properties)
        return properties

    def body(self, table: Mapping[str, Check], body: Any) -> dict[str, Any]:
        """Check a body against a table; give its members that are not null."""
        given = self.fields(body, *table)
        self._check(table, given)
        return given

    def limit(self, query: Mapping[str, str], default: int = 100) -> int:
        """Read the ``limit`` of a list, from 1 to 100."""
        expected = "a whole number from 1 to 100"
        if (wanted := self.whole(query, "limit", expected)) is None:
            return default
        if self._choices.limit_out_of_range == "error" and not 1 <= wanted <= 100:
            raise self.wrong("limit", query["limit"], expected)
        return min(max(wanted, 1), 100)

    def whole(
        self, query: Mapping[str, str], name: str, expected: str, low: float = -math.inf
    ) -> int | None:
        """Read a whole number in a query; None when it is not there."""
        if (value := query.get(name)) is None:
            return None
        if re.fullmatch(r"-?[0-9]{1,18}", value) is None or int(value) < low:
            raise self.wrong(name, value, expected)
        return int(value)

    def choice(self, query: Mapping[str, str], name: str, *values: str) -> str | None:
        """Read one of some words in a query; None when it is not there."""
        if (value := query.get(name)) not in (None, *values):
            raise self.wrong(name, value, f"one of {', '.join(values)}")
        return value

    def flag(self, query: Mapping[str, str], name: str) -> bool | None:
        """Read ``true`` or ``false`` in a query; None when it is not there."""
        value = self.choice(query, name, "true", "false")
        return None if value is None else value == "true"

    def wrong(self, name: str, value: Any, expected: str) -> Refusal:
        """Make the error for a bad value."""
        text = self._choices.wrong_value_info
        return invalid(text.format(name=name, value=as_text(value), expected=expected))

    def _properties(self, table: Mapping[str, Check], properties: Any, now: float) -> None:
        if not isinstance(properties, dict):
            raise self.wrong("properties", properties, "an object")
        self._check(table, properties)
        exp = properties.get("exp")
        if exp is not None and exp <= now:
            raise invalid(PAST_EXP.format(value=as_text(exp)))
        if self._choices.far_exp == "error":
            for name in ("exp", "nbf"):
                if (properties.get(name) or now) > now + _FAR:
                    raise self.wrong(name, properties[name], "seconds, not milliseconds")

    def _check(self, table: Mapping[str, Check], values: Mapping[str, Any]) -> None:
        try:
            for name, value in values.items():
                if name not in table:
                    raise Unknown(name)
                if value is not None:
                    table[name](name, value)
        except Unknown as exc:
            raise self._unknown(str(exc)) from exc
        except Missing as exc:
            raise invalid(MISSING) from exc
        except Wrong as exc:
            known = exc.fields["name"] in ("exp", "nbf")
            text = BAD_INSTANT if known else self._choices.wrong_value_info
            raise invalid(text.format(**exc.fields)) from exc

    def _unknown(self, name: str) -> Refusal:
        return invalid(self._choices.unknown_property_info.format(name=as_text(name)))


def config(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Give a room's ``config``: only what differs from Daily's defaults."""
    return {
        name: value
        for name, value in properties.items()
        if value is not None and not (name in ROOM_DEFAULTS and ROOM_DEFAULTS[name] == value)
    }
