# SPDX-License-Identifier: BSD-2-Clause
"""The requests to the REST API, with masked secrets."""

import json
import re
import uuid
from dataclasses import dataclass, field, replace
from typing import Any

from aiohttp import hdrs, web

from pipecat_daily_rest.local.secret import MASK, SECRET_MEMBERS, masked

_MOST_AGENT = 200  # characters of a user agent
_MOST = 10_000  # requests
_MOST_BYTES = 8 * 1024 * 1024  # of their bodies
_TOKEN_PATH = re.compile(r"^(/meeting-tokens/).+", re.DOTALL)


@dataclass(frozen=True)
class Request:
    """One request to the REST API. Keys, tokens and secrets in it are masked.

    Parameters:
        method: The HTTP method.
        path: The path below ``/v1``, without the query.
        body: The parsed JSON body; None when there was none, or none that can be read.
        status: The status of the response; None while there is none.
        at: When it arrived, in unix seconds of the local Daily's clock.
        id: UUID, as in ``GET /logs/api``.
        ip: The client's address.
        size: The body's size in bytes.
        query: The query, without the question mark.
        agent: The client's ``User-Agent``, cut to 200 characters.
    """

    method: str
    path: str
    body: Any
    status: int | None
    at: float
    id: str = field(default_factory=lambda: str(uuid.uuid4()), compare=False, repr=False)
    ip: str = field(default="", compare=False, repr=False)
    size: int = field(default=0, compare=False, repr=False)
    query: str = field(default="", compare=False, repr=False)
    agent: str = field(default="", compare=False, repr=False)

    def __str__(self) -> str:
        body = "" if self.body is None else f" {json.dumps(self.body)}"
        return f"{self.method} {self.path}{body} -> {self.status or 'no response yet'}"


class Journal(list[Request]):
    """The latest requests in order of arrival: up to 10,000, and up to 8 MiB of bodies.

    Parameters:
        dropped: How many are no longer here.
        version: Changes with every request and every response.
    """

    dropped = version = 0

    def append(self, request: Request) -> None:
        """Add a request; drop the oldest tenth when there are too many."""
        super().append(request)
        self.version += 1
        if len(self) > _MOST:
            self._drop(len(self) - _MOST * 9 // 10)
        self._size = request.size + (self._size if len(self) > 1 else 0)
        if self._size > _MOST_BYTES:
            kept, self._size = len(self), 0
            while kept > 0 and self._size + self[kept - 1].size <= _MOST_BYTES * 9 // 10:
                kept -= 1
                self._size += self[kept].size
            self._drop(kept)

    def _drop(self, many: int) -> None:
        del self[:many]
        self.dropped += many

    def answered(self, request: Request, status: int) -> None:
        """Note the status of a response."""
        for index in reversed(range(len(self))):
            if self[index] is request:
                self[index] = replace(request, status=status)
                self.version += 1
                return

    _size = 0  # bytes of the bodies, or more


def masked_body(value: Any, api_key: str) -> Any:
    """Mask the API key, meeting tokens and the secrets of webhooks in a body."""
    if isinstance(value, str):
        return masked(value, api_key)
    if isinstance(value, list):
        return [masked_body(item, api_key) for item in value]
    if isinstance(value, dict):
        return {
            masked(name, api_key): MASK
            if name in SECRET_MEMBERS and inner is not None
            else masked_body(inner, api_key)
            for name, inner in value.items()
        }
    return value


def masked_path(path: str, api_key: str) -> str:
    """Mask the API key and meeting tokens in a path."""
    return _TOKEN_PATH.sub(rf"\1{MASK}", masked(path, api_key))


def user_agent(request: web.Request, api_key: str) -> str:
    """Give a request's ``User-Agent``, masked and cut to a readable length."""
    return masked(request.headers.get(hdrs.USER_AGENT, ""), api_key)[:_MOST_AGENT]
