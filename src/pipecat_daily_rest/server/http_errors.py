# SPDX-License-Identifier: BSD-2-Clause
"""Errors as JSON that client-js, pipecatcloud's SDK and people can read."""

import math
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from loguru import logger
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from pipecat_daily_rest._core.secret import masked
from pipecat_daily_rest.errors import DailyConfigError, DailyError, DailyInvalidRequestError
from pipecat_daily_rest.server.errors import (
    AtCapacity,
    Draining,
    FleetFull,
    FleetUnknown,
    SessionError,
    StartConflict,
    UnknownSession,
)
from pipecat_daily_rest.server.phone import NotAllowed
from pipecat_daily_rest.server.trust import BadStart

_LONGEST = 1000  # characters of a message


class ErrorAnswer(BaseModel):
    """An error.

    Parameters:
        error: What happened, as one sentence.
        code: A fixed word for programs.
        info: What happened and what to do, as client-js shows it to people.
        status: The HTTP status.
        field: Which field of the request is wrong.
    """

    error: str
    code: str
    info: str
    status: int
    field: str | None = None


def error_answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe a route's errors for its OpenAPI page: these statuses, and 422 of FastAPI's own."""
    return {status: {"model": ErrorAnswer} for status in (*statuses, 422)}


class HTTPError(Exception):
    """A request that gets an error as its answer."""

    def __init__(
        self, status: int, message: str, code: str | None = None, *, challenge: str = "Bearer"
    ) -> None:
        """Initialize the error; ``code`` is the status when None. A 401 asks by ``challenge``."""
        super().__init__(message)
        self.status = status
        self.code = code or str(status)
        self.challenge = challenge


def answer(
    status: int,
    message: str,
    *,
    code: str | None = None,
    field: str | None = None,
    retry_after: float | None = None,
    challenge: str = "Bearer",
) -> JSONResponse:
    """Make the answer for an error."""
    message = _plain(message)
    content: dict[str, Any] = {
        "error": message,
        "code": code or str(status),
        "info": message,
        "status": status,
    }
    if field is not None:
        content["field"] = _plain(field)
    headers = {"Cache-Control": "no-store"}
    if retry_after is not None:
        headers["Retry-After"] = str(math.ceil(retry_after))
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = challenge
    return JSONResponse(content, status_code=status, headers=headers)


def _plain(text: str) -> str:
    """Give what can be sent of a text that may quote the request: no half character, no token."""
    return masked(text.encode("utf-8", "replace").decode())[:_LONGEST]


def answer_of(error: Exception) -> JSONResponse:
    """Make the answer for an exception."""
    if isinstance(error, HTTPError):
        return answer(error.status, str(error), code=error.code, challenge=error.challenge)
    if isinstance(error, HTTPException):
        response = answer(error.status_code, str(error.detail))
        response.headers.update(error.headers or {})
        return response
    if isinstance(error, RequestValidationError):
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"][1:]))
        return answer(422, f"{field}: {first['msg']}.", code="invalid-request", field=field)
    if isinstance(error, SessionError):
        status, code = _SESSION_ERRORS.get(type(error), (500, "500"))
        return answer(status, str(error), code=code, retry_after=error.retry_after)
    if isinstance(error, BadStart):
        return answer(400, str(error), code="invalid-properties", field=error.field)
    if isinstance(error, NotAllowed):
        return answer(403, str(error), code="dialout-not-allowed")
    if isinstance(error, DailyConfigError):
        return answer(400, str(error), code="invalid-properties")
    if isinstance(error, DailyInvalidRequestError):
        msg = f"Daily refuses the properties: {error.info or 'no reason is given'}."
        return answer(400, msg, code="invalid-properties")
    if isinstance(error, DailyError):
        logger.error("Daily did not make a room: {}", error)
        msg = "Daily did not make a room: try again later."
        return answer(502, msg, code="daily-error")
    logger.opt(exception=error).error("A request failed")
    return answer(500, "The server failed: see its log.")


_SESSION_ERRORS = {
    AtCapacity: (429, "PCC-AGENT-AT-CAPACITY"),
    FleetFull: (429, "PCC-AGENT-AT-CAPACITY"),
    Draining: (503, "draining"),
    FleetUnknown: (503, "fleet-unknown"),
    StartConflict: (409, "idempotency-conflict"),
    UnknownSession: (404, "404"),
}
