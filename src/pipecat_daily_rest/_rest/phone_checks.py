# SPDX-License-Identifier: BSD-2-Clause
"""Checks of calls, numbers and webhooks before anything is sent: each gives the value. No I/O.

Reference: https://docs.daily.co/reference/rest-api/rooms/dial-out and
https://docs.daily.co/reference/rest-api/webhooks
"""

import base64
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from pipecat_daily_rest._core.arguments import texts
from pipecat_daily_rest.errors import DailyConfigError

_NUMBER = r"\+[1-9][0-9]{1,14}"
_SIP_URI = r"sip:[^@\s]+@[^@\s]+"


def number(field: str, value: Any) -> str:
    """Check a telephone number."""
    must = "in E.164: a plus, the country and digits, as +18058700061"
    return _matching(field, value, _NUMBER, must)


def sip_uri(field: str, value: Any) -> str:
    """Check a SIP URI."""
    must = "a SIP URI that begins with sip:, as sip:user@example.com"
    return _matching(field, value, _SIP_URI, must)


def endpoint(field: str, value: Any) -> str:
    """Check a telephone number or a SIP URI."""
    must = (
        "a number in E.164, as +18058700061, or a SIP URI that begins with sip:, "
        "as sip:user@example.com"
    )
    return _matching(field, value, f"{_NUMBER}|{_SIP_URI}", must)


def some_digits(field: str, value: str | None) -> str | None:
    """Check a part of a telephone number, or None."""
    return None if value is None else _matching(field, value, "[0-9]{3,7}", "3 to 7 digits")


def extension(value: str | None) -> str | None:
    """Check the extension that is dialled after a number, or None."""
    must = "a string of 1 to 20 characters"
    return None if value is None else _matching("extension", value, "(?s).{1,20}", must)


def session(value: Any) -> str:
    """Check the session id of a call."""
    source = "what start_dialout() gave, or the participant's id"
    return _matching("session_id", value, r"(?s).*\S.*", source)


def from_webhook(field: str, value: Any) -> str:
    """Check what a dial-in webhook told of a call."""
    return _matching(field, value, "(?s).+", "the one of the dial-in webhook")


def tones(value: Any) -> str:
    """Check DTMF tones."""
    if not isinstance(value, str) or not re.fullmatch("[0-9A-D*#]{1,20}", value):
        msg = "tones must be a string of 1 to 20 of the tones 0-9, *, #, A-D."  # it may be a PIN
        raise DailyConfigError(msg)
    return value


def web_url(field: str, value: Any) -> str:
    """Check a URL that Daily will call."""
    try:
        parts = urlsplit(value) if isinstance(value, str) else None
        usable = parts is not None and parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable:
        msg = f"{field} must be a full URL, as https://example.com/webhook."  # it may hold a secret
        raise DailyConfigError(msg)
    return str(value)


def hmac(value: str | None) -> str | None:
    """Check a secret that Daily will sign with, or None; the error does not show it."""
    try:
        usable = value is None or (
            isinstance(value, str) and bool(base64.b64decode(value, validate=True))
        )
    except ValueError:
        usable = False
    if not usable:
        msg = "hmac must be base64, as base64.b64encode(secrets.token_bytes(32)).decode()."
        raise DailyConfigError(msg)
    return value


def event_types(value: Iterable[str] | None) -> list[str] | None:
    """Check the types of events that a webhook gets, or None. Daily checks that they exist."""
    if value is None:
        return None
    types = texts("event_types", value)
    if not all("." in each for each in types):
        msg = "event_types must be a list of types, as ['participant.joined', 'meeting.ended']."
        raise DailyConfigError(msg)
    return types


def _matching(field: str, value: Any, pattern: str, must: str) -> str:
    if not isinstance(value, str) or not re.fullmatch(pattern, value):
        msg = f"{field} {value!r} must be {must}."
        raise DailyConfigError(msg)
    return value
