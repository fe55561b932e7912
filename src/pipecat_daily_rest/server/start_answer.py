# SPDX-License-Identifier: BSD-2-Clause
"""A session is started for a request, and answered in Pipecat's format."""

import asyncio
from collections.abc import Mapping
from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from loguru import logger
from pydantic import BaseModel

from pipecat_daily_rest.errors import DailyConfigError, DailyInvalidRequestError
from pipecat_daily_rest.server.http_body import has_left
from pipecat_daily_rest.server.http_errors import HTTPError, error_answers
from pipecat_daily_rest.server.session import EndReason
from pipecat_daily_rest.server.sessions import Sessions
from pipecat_daily_rest.server.start_request import StartRequest
from pipecat_daily_rest.server.trust import blamed


class StartAnswer(BaseModel):
    """A session that has started.

    Parameters:
        dailyRoom: The room's URL.
        dailyToken: The user's meeting token.
        sessionId: The session's id.
    """

    dailyRoom: str | None = None
    dailyToken: str | None = None
    sessionId: str


STARTS: dict[str, Any] = {
    "response_model": StartAnswer,
    "response_model_exclude_none": True,
    "responses": error_answers(400, 401, 403, 404, 408, 409, 413, 429, 502, 503),
}
"""How FastAPI describes a route that starts a session."""


async def start_and_answer(
    sessions: Sessions, request: Request, given: StartRequest, data: Mapping[str, Any]
) -> Response:
    """Start a session and answer with its room; ``data`` is what the caller has sent."""
    left = asyncio.create_task(has_left(request))
    try:
        session = await sessions.start(given)
        await asyncio.sleep(0)  # a room of the pool is there at once
    except (DailyConfigError, DailyInvalidRequestError) as exc:
        if (blame := blamed(exc, data)) is not None:
            raise blame from exc
        logger.error("No session can be started: {}", exc)
        msg = "The server failed: see its log."
        raise HTTPError(500, msg) from exc
    finally:
        left.cancel()
    if given.idempotency_key is None and left.done() and left.result():
        session.ask(EndReason.STOPPED)  # nobody will ever know its id
    content = {"sessionId": session.id}
    if session.room_url is not None:
        content = {
            "dailyRoom": session.room_url,
            "dailyToken": str(session.user_token),
            "sessionId": session.id,
        }
    return JSONResponse(content, headers={"Cache-Control": "no-store"})
