# SPDX-License-Identifier: BSD-2-Clause
"""Keys and meeting tokens that nothing prints by accident.

The client has the same for itself, since the local Daily imports nothing of it.
"""

import logging
import re
import traceback
from typing import Any, SupportsIndex

from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestPayloadError
from loguru import logger

_PART = "[A-Za-z0-9_-]"
# A JWT, or the beginning of one where a word begins: a room's name may hold eyJ. Each word is looked
# through once, whatever is in it: a client may send anything.
_TOKEN = re.compile(
    rf"(?<!{_PART})(?:(?>({_PART}*?)eyJ{_PART}{{10,}}+)\.{_PART}++\.{_PART}*+"
    rf"|eyJ{_PART}{{10,}}+(?:\.{_PART}*+)?)"
)
# What makes a link to a stored file work: https://docs.daily.co/docs/rest-api/access-links
_SIGNATURE = re.compile(
    r"((?:[?&]|\\u0026)(?:X-[A-Za-z]+-)?Signature=)[^&#\s\\\"'<>]+", re.IGNORECASE
)
MASK = "***"
_BAD_REQUEST = (HttpProcessingError, RequestPayloadError)
_LINE = 500  # characters
_FRAMES = 25  # of a traceback: one without end has a thousand


class Secret(str):
    """A string whose ``repr`` does not show it, so that no traceback or dataclass prints it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"'{MASK}'"

    def __getitem__(self, key: SupportsIndex | slice) -> "Secret":
        # Some tools cut a long string before they print it.
        return Secret(super().__getitem__(key))


def secret(given: str | None) -> str | None:
    """Make a `Secret` of a key or a token that somebody sent or passed.

    Args:
        given: It, or None.

    Returns:
        The same.
    """
    return Secret(given) if isinstance(given, str) else given


def masked(value: Any, api_key: str) -> Any:
    """Take the API key, meeting tokens and the signatures of links out of a JSON value."""
    if isinstance(value, str):
        value = value.replace(api_key, MASK) if api_key else value
        value = _TOKEN.sub(rf"\g<1>{MASK}", value)
        return _SIGNATURE.sub(rf"\g<1>{MASK}", value)
    if isinstance(value, list):
        return [masked(item, api_key) for item in value]
    if isinstance(value, dict):
        return {masked(name, api_key): masked(item, api_key) for name, item in value.items()}
    return value


def trace(exc: BaseException, api_key: str = "") -> str:
    """Write down an exception without the frames' values, which hold keys and tokens."""
    lines: str = masked("".join(traceback.format_exception(exc, limit=-_FRAMES)), api_key)
    return lines


def masked_log(api_key: str) -> logging.Logger:
    """Make a logger for aiohttp's server, which quotes requests that are no HTTP."""

    class Masking(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said, exc = record.getMessage(), record.exc_info and record.exc_info[1]
            if exc:  # what is no HTTP; a handler's own exception has been written down already
                said = f"{said}: {str(exc) or type(exc).__name__}"
            line = " ".join(masked(said, api_key).split())
            level = "WARNING" if isinstance(exc, _BAD_REQUEST) else record.levelname
            logger.log(level, "Local Daily: {}", line[:_LINE])

    log = logging.Logger("local_daily")  # in nobody's hierarchy: nothing else passes it on
    log.addHandler(Masking())
    return log
