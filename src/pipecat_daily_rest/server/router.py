# SPDX-License-Identifier: BSD-2-Clause
"""The HTTP face of `Sessions`: a FastAPI router for one's own app.

Reference: https://docs.pipecat.ai/api-reference/pipecat-cloud/rest-reference/endpoint/start
"""

import importlib.util
from collections.abc import Callable, Collection, Coroutine, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.params import Depends as DependsParam
from fastapi.responses import PlainTextResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel

from pipecat_daily_rest.errors import DailyError
from pipecat_daily_rest.server import dialout
from pipecat_daily_rest.server import keys as api_keys
from pipecat_daily_rest.server.cloud_paths import add_cloud_paths
from pipecat_daily_rest.server.http_body import read_json
from pipecat_daily_rest.server.http_errors import HTTPError, answer_of, error_answers
from pipecat_daily_rest.server.keys import Keys
from pipecat_daily_rest.server.phone import Phone
from pipecat_daily_rest.server.phone_routes import add_phone_routes
from pipecat_daily_rest.server.session_routes import add_session_routes
from pipecat_daily_rest.server.sessions import Sessions
from pipecat_daily_rest.server.start_answer import STARTS, start_and_answer
from pipecat_daily_rest.server.this_machine import from_this_machine
from pipecat_daily_rest.server.trust import read_start


class StatusAnswer(BaseModel):
    """How a server is.

    Parameters:
        status: ``ready``, ``full`` or ``draining``.
        transports: ``["daily"]``, as Pipecat's own runner answers.
        sessions: How many slots are taken.
        maxSessions: How many there are.
    """

    status: str
    transports: list[str]
    sessions: int
    maxSessions: int


class AutoscaleAnswer(BaseModel):
    """What an autoscaler divides by the sessions that one server is to have.

    Parameters:
        value: The sessions, and the buffer that was asked for.
    """

    value: int


class _Route(APIRoute):
    """A route whose errors are JSON, whatever app it is mounted in."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_errors(request: Request) -> Response:
            try:
                return await handle(request)
            except (HTTPError, DailyError, RequestValidationError) as exc:
                return answer_of(exc)

        return handle_errors


_UNKNOWN_KEY = "The key is none of this server's."


_START_BODY = {
    "requestBody": {
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "createDailyRoom": {"type": "boolean"},
                        "dailyRoomProperties": {"type": "object"},
                        "dailyMeetingTokenProperties": {"type": "object"},
                        "transport": {"type": "string", "enum": ["daily"]},
                        "body": {},
                    },
                }
            }
        }
    }
}


def session_router(
    sessions: Sessions,
    *,
    keys: Keys | None = None,
    dependencies: Sequence[DependsParam] = (),
    allowed_properties: Collection[str] = (),
    phone: Phone | None = None,
    registry: Any = None,
) -> APIRouter:
    """Make a router to include in an app of one's own.

    Args:
        sessions: The sessions, entered in the app's lifespan.
        keys: Who may start and who may manage; from the environment when None.
        dependencies: What every request has to pass, as the app's own login; ``/livez`` and
            ``/readyz`` as well.
        allowed_properties: Room properties that a browser may set beside the harmless ones, as
            ``enable_dialout``.
        phone: Whose calls come in and whom bots may call; from the environment when None.
        registry: The ``prometheus_client.CollectorRegistry`` that ``GET /metrics`` shows; one with
            the sessions' numbers alone when None.

    Returns:
        The router.
    """
    metrics = _metrics(sessions, registry)
    keys = Keys.from_env() if keys is None else keys
    phone = Phone.from_env() if phone is None else phone
    router = APIRouter(route_class=_Route, dependencies=list(dependencies))

    async def may_start(authorization: Annotated[str | None, Header()] = None) -> None:
        key = api_keys.bearer(authorization)
        if not keys.may_start(key):
            msg = "A key is needed: send 'Authorization: Bearer <key>'."
            raise HTTPError(401, msg if key is None else _UNKNOWN_KEY)

    async def may_manage(authorization: Annotated[str | None, Header()] = None) -> None:
        key = api_keys.bearer(authorization)
        if keys.may_manage(key):
            return
        if key is not None and keys.may_start(key):
            msg = "A private key is needed: this one only starts sessions."
            raise HTTPError(403, msg)
        msg = "A private key is needed: send 'Authorization: Bearer <key>'."
        raise HTTPError(401, msg if key is None else _UNKNOWN_KEY)

    async def may_phone(
        request: Request, authorization: Annotated[str | None, Header()] = None
    ) -> None:
        await may_manage(authorization)
        if not (keys.private or from_this_machine(request)):
            msg = f"Calls are for who has a private key: set {api_keys.PRIVATE}."
            raise HTTPError(403, msg)

    async def start(request: Request, data: Any, agent: str | None) -> Response:
        authorization, allowed = request.headers.get("authorization"), set(allowed_properties)
        if dialout.is_by_phone(data):
            await may_phone(request, authorization)
            data, allowed = dialout.checked(data, phone), {*allowed, "enable_dialout"}
        given = read_start(
            data,
            agent=agent,
            idempotency_key=request.headers.get("idempotency-key"),
            caller=api_keys.caller_of(api_keys.bearer(authorization)),
            allowed=allowed,
        )
        return await start_and_answer(sessions, request, given, data)

    @router.post(
        "/start",
        **STARTS,
        dependencies=[Depends(may_start)],
        openapi_extra=_START_BODY,
        summary="Start a session",
    )
    async def start_default(
        request: Request,
        idempotency_key: Annotated[str | None, Header()] = None,
    ) -> Response:
        return await start(request, await read_json(request), None)

    @router.post(
        "/v1/public/{agent}/start",
        **STARTS,
        dependencies=[Depends(may_start)],
        openapi_extra=_START_BODY,
        summary="Start a session, by Pipecat Cloud's path",
    )
    async def start_agent(
        request: Request,
        agent: str,
        idempotency_key: Annotated[str | None, Header()] = None,
    ) -> Response:
        # Where one bot is served, any name is its own, as the client's configuration has it.
        chosen = None if len(sessions.bots) == 1 else agent
        return await start(request, await read_json(request), chosen)

    add_session_routes(router, sessions, may_manage)
    add_cloud_paths(router, sessions, Depends(may_manage))

    @router.get(
        "/status",
        response_model=StatusAnswer,
        responses=error_answers(401, 403),
        dependencies=[Depends(may_manage)],
        summary="Tell how many slots are taken",
    )
    async def status() -> dict[str, Any]:
        return {
            "status": _status(sessions),
            "transports": ["daily"],
            "sessions": sessions.taken,
            "maxSessions": sessions.slots,
        }

    add_phone_routes(router, sessions, phone, start=start, may_phone=may_phone)

    @router.get(
        "/metrics",
        response_class=PlainTextResponse,
        responses=error_answers(401, 403, 501),
        dependencies=[Depends(may_manage)],
        summary="Show the numbers of the sessions to Prometheus",
    )
    async def show_metrics(accept: Annotated[str, Header()] = "") -> Response:
        if metrics is None:
            msg = "Metrics need prometheus-client: pip install 'pipecat-daily-rest[server]'."
            raise HTTPError(501, msg)
        text, content_type = metrics(accept)
        return Response(text, media_type=content_type)

    @router.get(
        "/health/autoscale",
        response_model=AutoscaleAnswer,
        responses=error_answers(401, 403, 503),
        dependencies=[Depends(may_manage)],
        summary="Tell an autoscaler how many sessions there are, in a fleet on all servers",
    )
    async def autoscale(
        buffer: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    ) -> dict[str, int]:
        return {"value": sessions.taken + await _elsewhere(sessions) + buffer}

    @router.get("/livez", summary="Tell that the process is alive")
    async def livez() -> dict[str, str]:
        return {"status": "alive"}

    @router.get(
        "/readyz", responses=error_answers(503), summary="Tell whether a session could be started"
    )
    async def readyz() -> dict[str, str]:
        if sessions.draining:
            msg = "The server is shutting down."
            raise HTTPError(503, msg, "draining")
        if not await sessions.ready():
            msg = "The bot's readyz() says that it is not ready."
            raise HTTPError(503, msg, "not-ready")
        return {"status": _status(sessions)}

    return router


def _metrics(sessions: Sessions, registry: Any) -> Callable[[str], tuple[bytes, str]] | None:
    """Give what shows a registry in the format that a header asks for; None without the client."""
    if importlib.util.find_spec("prometheus_client") is None:
        return None
    from pipecat_daily_rest.server.metrics import add_to_registry, exposition

    shown = add_to_registry(sessions, registry)
    return lambda accept: exposition(shown, accept)


async def _elsewhere(sessions: Sessions) -> int:
    """Count the sessions of the other servers, as the fleet saw them last."""
    if sessions.fleet is None:
        return 0
    here = {each.id for each in sessions.list()}
    _, found = await sessions.fleet.elsewhere.listed()
    return sum(each["sessionId"] not in here for each in found)


def _status(sessions: Sessions) -> str:
    if sessions.draining:
        return "draining"
    return "full" if sessions.taken >= sessions.slots else "ready"
