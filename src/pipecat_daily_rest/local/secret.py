# SPDX-License-Identifier: BSD-2-Clause
"""Keys and meeting tokens that nothing prints by accident.

The client has its own, since the local Daily imports nothing of the client.
"""

import logging
import re
import traceback
from typing import Any, SupportsIndex

from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestPayloadError
from loguru import logger

_PART = "[A-Za-z0-9_-]"
# A JWT, or the beginning of a word that may be one: a room's name may hold eyJ. The pattern passes
# each word once, so that no input makes it slow.
_TOKEN = re.compile(
    rf"(?<!{_PART})(?:(?>({_PART}*?)eyJ{_PART}{{10,}}+)\.{_PART}++\.{_PART}*+"
    rf"|eyJ{_PART}{{10,}}+(?:\.{_PART}*+)?)"
)
# The signature of a link to a stored file: https://docs.daily.co/docs/rest-api/access-links
_SIGNATURE = re.compile(
    r"((?:[?&]|\\u0026)(?:X-[A-Za-z]+-)?Signature=)[^&#\s\\\"'<>]+", re.IGNORECASE
)
MASK = "***"
_BAD_REQUEST = (HttpProcessingError, RequestPayloadError)
_LINE = 500  # characters
_FRAMES = 25  # of a traceback: an endless recursion has a thousand


class Secret(str):
    """A string whose ``repr`` does not show it, so that no traceback or dataclass prints it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"'{MASK}'"

    def __getitem__(self, key: SupportsIndex | slice) -> "Secret":
        # Some tools cut a long string before they print it: the part is a secret, too.
        return Secret(super().__getitem__(key))


def secret(given: str | None) -> Secret | None:
    """Make a `Secret` of a key or a token that somebody sent or passed, unless it is None."""
    return Secret(given) if isinstance(given, str) else given


def masked(value: Any, api_key: str) -> Any:
    """Mask the API key, meeting tokens and the signatures of links in a JSON value."""
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
    """Format an exception's traceback with masked keys and tokens."""
    lines: str = masked("".join(traceback.format_exception(exc, limit=-_FRAMES)), api_key)
    return lines


def masked_log(api_key: str) -> logging.Logger:
    """Make a logger for aiohttp's server, which quotes malformed requests."""

    class Masking(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said, exc = record.getMessage(), record.exc_info and record.exc_info[1]
            if exc:  # a malformed request; the exceptions of handlers are logged elsewhere
                said = f"{said}: {str(exc) or type(exc).__name__}"
            line = " ".join(masked(said, api_key).split())
            level = "WARNING" if isinstance(exc, _BAD_REQUEST) else record.levelname
            logger.log(level, "Local Daily: {}", line[:_LINE])

    log = logging.Logger("local_daily")  # outside the hierarchy: no other handler gets it
    log.addHandler(Masking())
    return log
