# SPDX-License-Identifier: BSD-2-Clause
"""Keys and meeting tokens that nothing prints by accident: masking, and what is logged through it."""

import logging
import traceback

from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestPayloadError
from loguru import logger

from pipecat_daily_rest._core.secret import MASK, SECRET_MEMBERS, Secret, masked, secret

__all__ = ["MASK", "SECRET_MEMBERS", "Secret", "masked", "masked_log", "secret", "trace"]

_BAD_REQUEST = (HttpProcessingError, RequestPayloadError)
_LINE = 500  # characters
_FRAMES = 25  # of a traceback: an endless recursion has a thousand


def trace(exc: BaseException, api_key: str = "") -> str:
    """Format an exception's traceback with masked keys and tokens."""
    return masked("".join(traceback.format_exception(exc, limit=-_FRAMES)), api_key)


def masked_log(*secrets: str) -> logging.Logger:
    """Make a logger for aiohttp's server, which quotes malformed requests."""

    class Masking(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said, exc = record.getMessage(), record.exc_info and record.exc_info[1]
            if exc:  # a malformed request; the exceptions of handlers are logged elsewhere
                said = f"{said}: {str(exc) or type(exc).__name__}"
            line = " ".join(masked(said, *secrets).split())
            level = "WARNING" if isinstance(exc, _BAD_REQUEST) else record.levelname
            logger.log(level, "Local Daily: {}", line[:_LINE])

    log = logging.Logger("local_daily")  # outside the hierarchy: no other handler gets it
    log.addHandler(Masking())
    return log
