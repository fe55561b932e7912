# SPDX-License-Identifier: BSD-2-Clause
"""The routes that list, describe and stop sessions: this server's, and in a fleet those of others."""

from collections.abc import Awaitable, Callable, Collection
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from pipecat_daily_rest.server import keys as api_keys
from pipecat_daily_rest.server.errors import UnknownSession
from pipecat_daily_rest.server.http_body import read_json
from pipecat_daily_rest.server.http_errors import HTTPError, answer, error_answers
from pipecat_daily_rest.server.session import Session, SessionState
from pipecat_daily_rest.server.sessions import Sessions


class SessionAnswer(BaseModel):
    """A session in a list.

    Parameters:
        sessionId: The session's id.
        agent: Which bot it is; null where another server of the fleet runs it.
        state: ``starting``, ``running``, ``ending`` or ``ended``.
        roomName: The room's name.
        createdAt: When it was started, in ISO 8601; null in the list of the fleet.
        runningSince: When the bot's code began to run; where another server runs it, when the bot
            joined.
        endedAt: When it ended.
        reason: Why it ended.
        error: What went wrong.
    """

    sessionId: str
    agent: str | None
    state: str
    roomName: str | None
    createdAt: str | None
    runningSince: str | None
    endedAt: str | None
    reason: str | None
    error: str | None


class SessionsAnswer(BaseModel):
    """A page of the list of sessions.

    Parameters:
        total_count: How many there are in all.
        sessions: Those of this page, newest first.
    """

    total_count: int
    sessions: list[SessionAnswer]


class FleetAnswer(SessionsAnswer):
    """A page of the list of the fleet's sessions, by their ids.

    Parameters:
        age: Seconds since the fleet looked who is in its rooms.
    """

    age: float


_STOP_BODY = {
    "requestBody": {
        "content": {
            "application/json": {
                "schema": {"type": "object", "properties": {"dailyToken": {"type": "string"}}}
            }
        }
    }
}
_ELSEWHERE: dict[int | str, dict[str, Any]] = {
    202: {"model": SessionAnswer, "description": "Another server was told to stop it"}
}


def add_session_routes(
    router: APIRouter, sessions: Sessions, may_manage: Callable[[str | None], Awaitable[None]]
) -> None:
    """Add the routes to a router.

    Args:
        router: The router.
        sessions: The sessions.
        may_manage: Raises unless a header ``Authorization`` has a private key; a dependency.
    """

    @router.get(
        "/sessions",
        response_model=FleetAnswer | SessionsAnswer,
        responses=error_answers(401, 403, 503),
        dependencies=[Depends(may_manage)],
        summary="List the sessions that run and those of the last ten minutes, or the fleet's",
    )
    async def list_sessions(
        state: Annotated[SessionState | None, Query()] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
        scope: Annotated[Literal["server", "fleet"], Query()] = "server",
    ) -> Any:
        if scope == "fleet":
            if sessions.fleet is None:
                msg = "scope=fleet needs DAILY_REDIS_URL, by which servers know of each other."
                return answer(422, msg, code="invalid-request", field="scope")
            age, all_found = await sessions.fleet.elsewhere.listed()
            found = [each for each in all_found if state in (None, each["state"])]
            page = found[offset : offset + limit]
            return {"total_count": len(found), "sessions": page, "age": round(age, 3)}
        here = sessions.list(state)[::-1]
        page = [each.describe() for each in here[offset : offset + limit]]
        return {"total_count": len(here), "sessions": page}

    @router.get(
        "/sessions/{session_id}",
        response_model=SessionAnswer,
        responses=error_answers(401, 403, 404, 503),
        dependencies=[Depends(may_manage)],
        summary="Describe a session",
    )
    async def get_session(session_id: str) -> dict[str, Any]:
        try:
            return sessions.get(session_id).describe()
        except UnknownSession:
            if sessions.fleet is None:
                raise
            return await sessions.fleet.elsewhere.describe(session_id)

    @router.get(
        "/sessions/{session_id}/report",
        responses=error_answers(401, 403, 404),
        dependencies=[Depends(may_manage)],
        summary="Tell who was in a session for how long, its latency, and what its services used",
    )
    async def report(session_id: str) -> dict[str, Any]:
        return sessions.get(session_id).report()

    @router.delete(
        "/sessions/{session_id}",
        response_model=SessionAnswer,
        responses=error_answers(401, 403, 404, 503) | _ELSEWHERE,
        dependencies=[Depends(may_manage)],
        summary="Stop a session",
    )
    async def delete_session(session_id: str) -> Any:
        try:
            return (await sessions.stop(session_id)).describe()
        except UnknownSession:
            if sessions.fleet is None:
                raise
        return _accepted(await sessions.fleet.elsewhere.stop(session_id))

    @router.post(
        "/sessions/{session_id}/stop",
        response_model=SessionAnswer,
        responses=error_answers(400, 401, 403, 404, 408, 413, 503) | _ELSEWHERE,
        openapi_extra=_STOP_BODY,
        summary="Stop a session, with a private key or with the session's own dailyToken",
    )
    async def stop_session(
        request: Request,
        session_id: str,
        authorization: Annotated[str | None, Header()] = None,
    ) -> Any:
        data = await read_json(request)
        token = data.get("dailyToken") if isinstance(data, dict) else None
        if token is None:
            await may_manage(authorization)
            return await delete_session(session_id)
        if _is_token_of(sessions.list(), session_id, token):
            return (await sessions.stop(session_id)).describe()
        if sessions.fleet is not None and isinstance(token, str):
            if await sessions.fleet.elsewhere.stop_by_token(session_id, token):
                return _accepted({"sessionId": session_id, "state": SessionState.ENDING.value})
        msg = "This is not the dailyToken of the session."
        raise HTTPError(403, msg)


def _accepted(described: dict[str, Any]) -> Response:
    fields = dict.fromkeys(SessionAnswer.model_fields)
    return JSONResponse({**fields, **described}, status_code=202)


def _is_token_of(sessions: Collection[Session], session_id: str, token: Any) -> bool:
    """Compare in constant time; an unknown session is no other answer than a wrong token."""
    found = next((each for each in sessions if each.id == session_id), None)
    right = str(found.user_token) if found is not None and found.user_token else ""
    given = token if isinstance(token, str) else ""
    return api_keys.same(given, right) and right != ""
