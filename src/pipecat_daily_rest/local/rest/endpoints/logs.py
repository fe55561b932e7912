# SPDX-License-Identifier: BSD-2-Clause
"""Logs: what the local Daily knows of its calls and requests.

Reference: https://docs.daily.co/reference/rest-api/logs
"""

import json
import uuid
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from pipecat_daily_rest.local.call.log import LogEntry
from pipecat_daily_rest.local.rest.endpoints.family import Family, Route
from pipecat_daily_rest.local.rest.journal import Request
from pipecat_daily_rest.local.rules.kinds import as_text
from pipecat_daily_rest.local.rules.schema import invalid, not_here

NO_SESSION = "mtgSessionId or userSessionId is required"
NO_METRICS = "the local Daily measures no call: its calls use no network"
NO_DELIVERIES = "the local Daily keeps no log of the webhooks that it sent"

_LIMIT = 20  # when the query has none
_INFO = 1  # the level of joining and leaving in Daily's example


class LogEndpoints(Family):
    """Who joined and left, and which requests were answered."""

    def routes(self) -> list[Route]:
        """List the endpoints."""
        return [("GET", "/logs", self.call_logs), ("GET", "/logs/api", self.api_logs)]

    def call_logs(self, request: web.Request, body: Any) -> Any:
        """Tell who joined and left a meeting, or when a participant did; there are no metrics."""
        # https://docs.daily.co/reference/rest-api/logs/list-logs
        query = request.query
        who, meeting = query.get("userSessionId"), query.get("mtgSessionId")
        if not (who or meeting):
            raise invalid(NO_SESSION)
        with_logs = self._schema.flag(query, "includeLogs")
        metrics = self._schema.flag(query, "includeMetrics")
        level = self._schema.choice(query, "logLevel", "ERROR", "INFO", "DEBUG")
        order = self._schema.choice(
            {"order": query.get("order", "DESC").upper()}, "order", "ASC", "DESC"
        )
        start, end, offset = (
            self._schema.whole(query, name, "a whole number, 0 or more", low=0)
            for name in ("startTime", "endTime", "offset")
        )
        limit = self._schema.limit(query, _LIMIT)
        if metrics:
            raise not_here(NO_METRICS)
        found = [
            entry
            for entry in self._parts.log.entries
            if entry.participant
            and who in (None, "", entry.participant)
            and meeting in (None, "", entry.meeting)
            and (start is None or entry.at * 1000 >= start)
            and (end is None or entry.at * 1000 <= end)
            and level in (None, "INFO")
        ]
        if order == "DESC":
            found.reverse()
        first = offset or 0
        lines = [self._line(entry) for entry in found[first : first + limit]]
        return {} if with_logs is False else {"logs": lines}

    def api_logs(self, request: web.Request, body: Any) -> Any:
        """List the requests that were answered, newest first."""
        # https://docs.daily.co/reference/rest-api/logs/list-api-logs
        source = request.query.get("source", "api")
        if source not in ("api", "webhook"):
            raise invalid(
                f'"source" must be one of [webhook, api] [Received source="{as_text(source)}"]'
            )
        if source == "webhook":
            raise not_here(NO_DELIVERIES)
        url = request.query.get("url")
        found = [
            each
            for each in reversed(self._parts.requests)
            if each.status is not None and url in (None, _url(each))
        ]
        page = self._page(request, found, id=lambda each: each.id, what="log", default=_LIMIT)
        return [self._request(each) for each in page]

    def _line(self, entry: LogEntry) -> dict[str, Any]:
        return {
            "time": _instant(entry.at, "000000"),
            "clientTime": _instant(entry.at, "000000"),
            "message": f"{entry.what}{entry.detail.removeprefix(entry.participant)}",
            "mtgSessionId": entry.meeting,
            "userSessionId": entry.participant,
            "peerId": None,
            "domainName": self._domain.name,
            "level": _INFO,
            "code": None,
        }

    def _request(self, request: Request) -> dict[str, Any]:
        """Describe a request; the responses are not kept."""
        return {
            "id": request.id,
            "userId": str(uuid.uuid5(uuid.UUID(self._domain.id), "owner")),
            "domainId": self._domain.id,
            "source": "api",
            "ip": request.ip,
            "method": request.method,
            "url": _url(request),
            "status": request.status,
            "createdAt": _instant(request.at),
            "request": None if request.body is None else json.dumps(request.body),
            "response": None,
        }


def _url(request: Request) -> str:
    return f"/v1{request.path}"


def _instant(instant: float, finer: str = "") -> str:
    """Write unix seconds as ``2024-03-15T18:42:00.000Z``, with more digits where Daily has them."""
    moment = datetime.fromtimestamp(instant, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}{finer}Z"
