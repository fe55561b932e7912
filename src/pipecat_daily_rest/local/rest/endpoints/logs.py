# SPDX-License-Identifier: BSD-2-Clause
"""Logs: what the local Daily really knows of its calls and requests, and no more.

Reference: https://docs.daily.co/reference/rest-api/logs
"""

import json
import re
import uuid
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from pipecat_daily_rest.local.call.log import LogEntry
from pipecat_daily_rest.local.rest.endpoints.family import NOT_HERE, Family, Route
from pipecat_daily_rest.local.rest.journal import Request
from pipecat_daily_rest.local.rules.kinds import as_text
from pipecat_daily_rest.local.rules.schema import Refusal, invalid

NO_SESSION = "mtgSessionId or userSessionId is required"
NO_METRICS = "the local Daily measures no call: its calls have no network in between"
NO_DELIVERIES = "the local Daily keeps no log of the webhooks that it sent"

_LIMIT = 20  # when the query has none
_INFO = 1  # what Daily's example gives to those who come and go


class LogEndpoints(Family):
    """Who came and went, and which requests came."""

    def routes(self) -> list[Route]:
        """List the endpoints."""
        return [("GET", "/logs", self.call_logs), ("GET", "/logs/api", self.api_logs)]

    def call_logs(self, request: web.Request, body: Any) -> Any:
        """Tell who came and went in a meeting, or when a participant did. There are no metrics.

        Reference: https://docs.daily.co/reference/rest-api/logs/list-logs
        """
        query = request.query
        who, meeting = query.get("userSessionId"), query.get("mtgSessionId")
        if not (who or meeting):
            raise invalid(NO_SESSION)
        with_logs = self._choice("includeLogs", query.get("includeLogs", "true"), "true", "false")
        metrics = self._choice(
            "includeMetrics", query.get("includeMetrics", "false"), "true", "false"
        )
        level = self._choice("logLevel", query.get("logLevel", "INFO"), "ERROR", "INFO", "DEBUG")
        order = self._choice("order", query.get("order", "DESC").upper(), "ASC", "DESC")
        start, end = (self._number(name, query.get(name)) for name in ("startTime", "endTime"))
        limit = self._schema.limit(query.get("limit", str(_LIMIT)))
        offset = self._number("offset", query.get("offset")) or 0
        if metrics == "true":
            raise Refusal(501, NOT_HERE, NO_METRICS)
        found = [
            entry
            for entry in self._state.log
            if entry.participant
            and who in (None, "", entry.participant)
            and meeting in (None, "", entry.meeting)
            and (start is None or entry.at * 1000 >= start)
            and (end is None or entry.at * 1000 <= end)
            and level == "INFO"
        ]
        if order == "DESC":
            found.reverse()
        lines = [self._line(entry) for entry in found[offset : offset + limit]]
        return {"logs": lines} if with_logs == "true" else {}

    def api_logs(self, request: web.Request, body: Any) -> Any:
        """List the requests that were answered, newest first.

        Reference: https://docs.daily.co/reference/rest-api/logs/list-api-logs
        """
        source = request.query.get("source", "api")
        if source not in ("api", "webhook"):
            raise invalid(
                f'"source" must be one of [webhook, api] [Received source="{as_text(source)}"]'
            )
        if source == "webhook":
            raise Refusal(501, NOT_HERE, NO_DELIVERIES)
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
            "domainName": self._state.domain_name,
            "level": _INFO,
            "code": None,
        }

    def _request(self, request: Request) -> dict[str, Any]:
        """The answers are not kept."""
        return {
            "id": request.id,
            "userId": str(uuid.uuid5(uuid.UUID(self._state.domain_id), "owner")),
            "domainId": self._state.domain_id,
            "source": "api",
            "ip": request.ip,
            "method": request.method,
            "url": _url(request),
            "status": request.status,
            "createdAt": _instant(request.at),
            "request": None if request.body is None else json.dumps(request.body),
            "response": None,
        }

    def _choice(self, name: str, value: str, *values: str) -> str:
        if value not in values:
            raise self._wrong(name, value, f"one of {', '.join(values)}")
        return value

    def _wrong(self, name: str, value: str, expected: str) -> Refusal:
        text = self._choices.wrong_value_info
        return invalid(text.format(name=name, value=as_text(value), expected=expected))

    def _number(self, name: str, value: str | None) -> int | None:
        if value is None:
            return None
        if not re.fullmatch(r"[0-9]{1,18}", value):
            raise self._wrong(name, value, "a whole number, 0 or more")
        return int(value)


def _url(request: Request) -> str:
    return f"/v1{request.path}"


def _instant(instant: float, finer: str = "") -> str:
    """As ``2024-03-15T18:42:00.000Z``, with more digits where Daily has them."""
    moment = datetime.fromtimestamp(instant, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}{finer}Z"
