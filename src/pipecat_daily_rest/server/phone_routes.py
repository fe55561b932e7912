# SPDX-License-Identifier: BSD-2-Clause
"""The routes of phone calls: Daily's request for a room, and the owner's to call somebody."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.responses import JSONResponse
from loguru import logger

from pipecat_daily_rest.server import dialin, dialout
from pipecat_daily_rest.server.errors import SessionError
from pipecat_daily_rest.server.http_body import read_json
from pipecat_daily_rest.server.http_errors import error_answers
from pipecat_daily_rest.server.phone import Phone
from pipecat_daily_rest.server.sessions import Sessions
from pipecat_daily_rest.server.start_answer import STARTS, start_and_answer
from pipecat_daily_rest.webhooks import WebhookProbe

StartFrom = Callable[..., Coroutine[Any, Any, Response]]


def add_phone_routes(
    router: APIRouter,
    sessions: Sessions,
    phone: Phone,
    *,
    start: StartFrom,
    may_phone: Callable[..., Any],
) -> None:
    """Add them; ``start`` is what ``POST /start`` does with its JSON."""

    async def answer_call(request: Request, agent: str | None) -> Response:
        call = await dialin.read_call(request, phone)
        if isinstance(call, WebhookProbe):
            return JSONResponse({"status": "OK"})
        given = dialin.start_of(call, sessions, agent=agent, dials_out=phone.dials_out)
        try:
            return await start_and_answer(sessions, request, given, {})
        except SessionError as exc:
            logger.warning("A call was refused: {}", exc)
            raise

    @router.post(
        "/daily-dialin-webhook",
        **{**STARTS, "responses": error_answers(400, 401, 403, 408, 409, 413, 429, 502, 503)},
        summary="Start a session for an incoming call: Daily's room_creation_api",
    )
    async def call_default(request: Request) -> Response:
        return await answer_call(request, None)

    @router.post(
        "/v1/public/webhooks/{organization}/{agent}/dialin",
        **STARTS,
        summary="Start a session for an incoming call, by Pipecat Cloud's path",
    )
    async def call_agent(request: Request, organization: str, agent: str) -> Response:
        return await answer_call(request, None if len(sessions.bots) == 1 else agent)

    @router.post(
        "/dial-out",
        **STARTS,
        dependencies=[Depends(may_phone)],
        openapi_extra=_BODY,
        summary="Start a session whose bot calls a phone",
    )
    async def dial_out(
        request: Request,
        idempotency_key: Annotated[str | None, Header()] = None,
    ) -> Response:
        data = await read_json(request)
        given = dialout.start_of(data)
        return await start(request, given, data.get("agent"))


_BODY = {
    "requestBody": {
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "phoneNumber": {"type": "string"},
                        "sipUri": {"type": "string"},
                        "callerId": {"type": "string"},
                        "displayName": {"type": "string"},
                        "agent": {"type": "string"},
                        "body": {"type": "object"},
                    },
                }
            }
        }
    }
}
