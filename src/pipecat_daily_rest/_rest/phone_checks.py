# SPDX-License-Identifier: BSD-2-Clause
"""What is checked of calls, numbers and webhooks before anything is sent. Pure: no I/O.

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

_NUMBER = re.compile(r"\+[1-9][0-9]{1,14}")
_SIP_URI = re.compile(r"sip:[^@\s]+@[^@\s]+")
_TONES = re.compile(r"[0-9A-D*#]{1,20}")


def number(field: str, value: Any) -> str:
    """Check a telephone number.

    Args:
        field: The argument's name.
        value: The number.

    Returns:
        The same.

    Raises:
        DailyConfigError: It is none.
    """
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        msg = (
            f"{field} {value!r} must be in E.164: a plus, the country and digits, as +18058700061."
        )
        raise DailyConfigError(msg)
    return value


def sip_uri(field: str, value: Any) -> str:
    """Check a SIP URI.

    Args:
        field: The argument's name.
        value: The URI.

    Returns:
        The same.

    Raises:
        DailyConfigError: It is none.
    """
    if not isinstance(value, str) or not _SIP_URI.fullmatch(value):
        msg = f"{field} {value!r} must be a SIP URI that begins with sip:, as sip:user@example.com."
        raise DailyConfigError(msg)
    return value


def endpoint(field: str, value: Any) -> str:
    """Check a telephone number or a SIP URI."""
    if isinstance(value, str) and (_NUMBER.fullmatch(value) or _SIP_URI.fullmatch(value)):
        return value
    msg = (
        f"{field} {value!r} must be a number in E.164, as +18058700061, or a SIP URI that begins "
        "with sip:, as sip:user@example.com."
    )
    raise DailyConfigError(msg)


def session(value: Any) -> str:
    """Check the session id of a call.

    Args:
        value: The id.

    Returns:
        The same.

    Raises:
        DailyConfigError: It is none.
    """
    if not isinstance(value, str) or not value.strip():
        msg = f"session_id {value!r} is none: pass what start_dialout() gave, or the participant's id."
        raise DailyConfigError(msg)
    return value


def tones(value: Any) -> str:
    """Check DTMF tones."""
    if not isinstance(value, str) or not _TONES.fullmatch(value):
        msg = "tones must be a string of 1 to 20 of the tones 0-9, *, #, A-D."  # it may be a PIN
        raise DailyConfigError(msg)
    return value


def extension(value: str | None) -> str | None:
    """Check the extension that is dialled after a number.

    Args:
        value: The extension, or None.

    Returns:
        The same.

    Raises:
        DailyConfigError: It is empty or longer than 20 characters.
    """
    if value is not None and not (isinstance(value, str) and 1 <= len(value) <= 20):
        msg = f"extension {value!r} must be a string of 1 to 20 characters."
        raise DailyConfigError(msg)
    return value


def web_url(field: str, value: Any) -> str:
    """Check a URL that Daily is to call.

    Args:
        field: The argument's name.
        value: The URL.

    Returns:
        The same.

    Raises:
        DailyConfigError: It is none.
    """
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
    """Check a secret that Daily is to sign with.

    Args:
        value: The secret, or None.

    Returns:
        The same.

    Raises:
        DailyConfigError: It is not base64; never shows it.
    """
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
    """Check the types of events that a webhook gets. Which there are is Daily's to say.

    Args:
        value: The types, or None.

    Returns:
        They, as a list.

    Raises:
        DailyConfigError: They are no types.
    """
    if value is None:
        return None
    types = texts("event_types", value)
    if not all("." in each for each in types):
        msg = "event_types must be a list of types, as ['participant.joined', 'meeting.ended']."
        raise DailyConfigError(msg)
    return types
