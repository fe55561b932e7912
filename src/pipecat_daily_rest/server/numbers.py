# SPDX-License-Identifier: BSD-2-Clause
"""Telephone numbers and SIP URIs, as people write them and as Daily takes them. Pure.

What could lead a call elsewhere than the allowlist says is refused, not understood.
"""

import re
import unicodedata
from typing import Any

from pipecat_daily_rest.errors import DailyConfigError

_SEPARATORS = re.compile(r"[\s().\-/\u2010-\u2015\u2212]")
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
_PREFIX = re.compile(r"\+(?:[1-9][0-9]{0,14})?")
_LONGEST = 500  # characters
# https://www.rfc-editor.org/rfc/rfc3261#section-19.1: `maddr` and `Route` would lead elsewhere.
# Members of the query become SIP headers; Daily takes those that begin with X-.
_SIP = re.compile(
    r"(?i:sip):(?P<user>[A-Za-z0-9_.!~*'()&=+$,/-]+)"
    r"@(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)(?P<port>:[0-9]{1,5})?"
    r"(?P<rest>(?i:;transport=(?:udp|tcp|tls))?(?:\?(?i:X-)[^\s?#@]*)?)",
    re.ASCII,
)
# Of a value, what the RFC lets stand as it is, or the escape of a printable character.
_HEADER = re.compile(
    r"(?i:X-)[A-Za-z0-9_-]+=(?:[A-Za-z0-9_.!~*'()+$/:-]|%[2-6][0-9A-Fa-f]|%7[0-9A-Ea-e])*", re.ASCII
)


def e164(given: Any) -> str:
    """Give a telephone number in E.164: separators go, ``00`` and ``tel:`` become a plus.

    Raises:
        DailyConfigError: It is no number with its country code.
    """
    text = given if isinstance(given, str) and len(given) <= _LONGEST else ""
    number = _plain(text)
    if not _NUMBER.fullmatch(number):
        msg = f"{_quoted(given)} is no telephone number with its country code, as +14155550100."
        raise DailyConfigError(msg)
    return number


def prefix(given: Any) -> str:
    """Give the beginning of telephone numbers, as ``+1415``; a plus alone begins all.

    Raises:
        DailyConfigError: It is none.
    """
    number = _SEPARATORS.sub("", given) if isinstance(given, str) else ""
    if not _PREFIX.fullmatch(number):
        msg = f"{_quoted(given)} is no beginning of a number: write +, the country code and digits."
        raise DailyConfigError(msg)
    return number


def sip_uri(given: Any) -> str:
    """Give a SIP URI with its scheme and host in lower case.

    Raises:
        DailyConfigError: It is none, or has more than a transport and headers that begin with X-.
    """
    text = given if isinstance(given, str) and len(given) <= _LONGEST else ""
    found = _SIP.fullmatch(text.strip())
    if found is None or not all(map(_HEADER.fullmatch, _headers(found["rest"]))):
        msg = (
            f"{_quoted(given)} is no SIP URI, as sip:desk@example.com; it may have a transport and "
            "headers that begin with X-."
        )
        raise DailyConfigError(msg)
    return f"sip:{found['user']}@{found['host'].lower()}{found['port'] or ''}{found['rest']}"


def sip_pattern(given: Any) -> str:
    """Give a SIP URI of an allowlist: a whole one, or ``sip:*@host`` for every user.

    Raises:
        DailyConfigError: It is none.
    """
    uri = sip_uri(given)
    if {";", "?"} & {*uri} or ("*" in uri and not uri.startswith("sip:*@")):
        msg = (
            f"{_quoted(given)} allows no SIP URI: write sip:desk@example.com, or sip:*@example.com."
        )
        raise DailyConfigError(msg)
    return uri


def _plain(text: str) -> str:
    number = unicodedata.normalize("NFKC", text).strip()
    if number[:4].lower() == "tel:":
        number = number[4:]
    number = number.replace("(0)", "") if number.startswith("+") else number
    number = _SEPARATORS.sub("", number)
    return f"+{number[2:]}" if number.startswith("00") else number


def _headers(rest: str) -> list[str]:
    query = rest.partition("?")[2]
    return query.split("&") if query else []


def _quoted(given: Any) -> str:
    return repr(given[:40]) if isinstance(given, str) else f"A {type(given).__name__}"
