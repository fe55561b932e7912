# SPDX-License-Identifier: BSD-2-Clause
"""The paths and shapes by which Pipecat Cloud's SDK and command list and stop sessions.

They are those that pipecatcloud 1.4.0 asks for and reads. The organization may be any; where one bot
is served, so may the agent, as in a start.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter
from fastapi.params import Depends as DependsParam
from pydantic import BaseModel

from pipecat_daily_rest.server.errors import UnknownSession
from pipecat_daily_rest.server.fleet.elsewhere import Elsewhere
from pipecat_daily_rest.server.http_errors import HTTPError, error_answers
from pipecat_daily_rest.server.session import EndReason, Session
from pipecat_daily_rest.server.sessions import Sessions

_SESSIONS = "/v1/organizations/{organization}/services/{agent}/sessions"
_ENDS = {
    EndReason.FINISHED: "completed",
    EndReason.NOBODY_JOINED: "completed",
    EndReason.EVERYBODY_LEFT: "completed",
    EndReason.STOPPED: "terminated",
    EndReason.MAX_DURATION: "terminated",
    EndReason.ROOM_GONE: "terminated",
    EndReason.DRAINED: "terminated",
    EndReason.ERROR: "agent_error",
    EndReason.LOST: "agent_error",
}


class CloudSession(BaseModel):
    """A session as Pipecat Cloud's command reads it.

    Parameters:
        sessionId: The session's id.
        createdAt: When it was started, in ISO 8601 with a Z.
        endedAt: When it ended; None before.
        endState: ``active``, ``completed``, ``terminated`` or ``agent_error``.
        botStartSeconds: After how many seconds the bot's code ran; None before.
        coldStart: Unknown here.
    """

    sessionId: str
    createdAt: str
    endedAt: str | None
    endState: str
    botStartSeconds: float | None
    coldStart: bool | None = None


class CloudSessions(BaseModel):
    """The sessions of an agent.

    Parameters:
        total_count: How many there are.
        sessions: All of them, newest first.
    """

    total_count: int
    sessions: list[CloudSession]


class CloudStop(BaseModel):
    """A session was stopped.

    Parameters:
        status: ``terminated``.
        session_id: Its id.
    """

    status: str
    session_id: str


def add_cloud_paths(router: APIRouter, sessions: Sessions, may_manage: DependsParam) -> None:
    """Add the paths to a router.

    Args:
        router: The router.
        sessions: The sessions.
        may_manage: The dependency that only a private key passes.
    """
    errors = error_answers(401, 403, 404, 503)

    def of(agent: str) -> list[Session]:
        if len(sessions.bots) == 1:
            return list(sessions.list())
        if agent not in sessions.bots:
            msg = f"There is no bot {agent!r}."
            raise HTTPError(404, msg)
        return [each for each in sessions.list() if each.agent == agent]

    def find(agent: str, session_id: str) -> Session | Elsewhere:
        """Find a session of this server, or give who answers for those of the fleet's others."""
        try:
            found = sessions.get(session_id)
        except UnknownSession:
            if sessions.fleet is None:
                raise
            return sessions.fleet.elsewhere
        if found not in of(agent):
            msg = f"There is no session {session_id!r} of {agent!r}."
            raise HTTPError(404, msg)
        return found

    @router.get(
        _SESSIONS,
        response_model=CloudSessions,
        responses=errors,
        dependencies=[may_manage],
        summary="List sessions, by Pipecat Cloud's path",
    )
    async def list_sessions(
        organization: str, agent: str, endState: str | None = None
    ) -> CloudSessions:
        found = [_describe(each) for each in reversed(of(agent))]
        found = [each for each in found if endState in (None, each.endState)]
        return CloudSessions(total_count=len(found), sessions=found)

    @router.get(
        f"{_SESSIONS}/{{session_id}}",
        response_model=CloudSession,
        responses=errors,
        dependencies=[may_manage],
        summary="Describe a session, by Pipecat Cloud's path",
    )
    async def get_session(organization: str, agent: str, session_id: str) -> CloudSession:
        found = find(agent, session_id)
        if isinstance(found, Session):
            return _describe(found)
        return _elsewhere(await found.describe(session_id))

    @router.delete(
        f"{_SESSIONS}/{{session_id}}",
        response_model=CloudStop,
        responses=errors,
        dependencies=[may_manage],
        summary="Stop a session, by Pipecat Cloud's path",
    )
    async def delete_session(organization: str, agent: str, session_id: str) -> CloudStop:
        found = find(agent, session_id)
        await (sessions if isinstance(found, Session) else found).stop(session_id)
        return CloudStop(status="terminated", session_id=session_id)


def _describe(session: Session) -> CloudSession:
    end, since = session.end, session.running_since
    return CloudSession(
        sessionId=session.id,
        createdAt=_instant(session.created_at),
        endedAt=_instant(end.at) if end else None,
        endState=_ENDS[end.reason] if end else "active",
        botStartSeconds=(since - session.created_at).total_seconds() if since else None,
    )


def _elsewhere(described: Mapping[str, Any]) -> CloudSession:
    """Describe a session that another server of the fleet runs."""
    created = described["createdAt"]
    return CloudSession(
        sessionId=described["sessionId"],
        createdAt=_instant(datetime.fromisoformat(created) if created else datetime.now(UTC)),
        endedAt=None,
        endState="active",
        botStartSeconds=None,
    )


def _instant(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
