# SPDX-License-Identifier: BSD-2-Clause
"""Every local Daily of this process under observation: what it is asked, what it answers.

A request is looked at before a fault meets it, and its answer before one changes it.
"""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from document.check import DOCUMENT
from pipecat_daily_rest.local.rest import routes
from pipecat_daily_rest.local.rules.schema import Refusal


@dataclass(frozen=True)
class Exchange:
    """One request and its answer, as they were."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    status: int
    answer: Any

    def wrong_request(self) -> list[str]:
        return DOCUMENT.wrong_request(self.method, self.path, self.query, self.body)

    def wrong(self) -> list[str]:
        """A request that is refused may be wrong: tests send such ones on purpose."""
        if self.method == "HEAD":  # aiohttp answers it as a GET, without a body
            return []
        found = DOCUMENT.wrong_answer(self.method, self.path, self.status, self.answer)
        return [*(self.wrong_request() if self.status < 400 else []), *found]


class Observer:
    """What was seen since the last look."""

    def __init__(self) -> None:
        self.wrong: list[str] = []
        self.watchers: list[Callable[[Exchange], None]] = []
        self._lock = threading.Lock()  # a fixture's local Daily has a thread of its own

    def saw(self, exchange: Exchange) -> None:
        with self._lock:
            self.wrong += exchange.wrong()
        for watch in list(self.watchers):
            watch(exchange)

    def take(self) -> list[str]:
        with self._lock:
            found, self.wrong = self.wrong, []
        return list(dict.fromkeys(found))


OBSERVER = Observer()


def install() -> None:
    """Observe whatever local Daily starts from now on."""
    respond = routes._Api._respond

    async def observed(
        self: Any, endpoint: Any, request: web.Request, body: Any, *rest: Any
    ) -> web.Response:
        response = await respond(self, endpoint, request, body, *rest)
        OBSERVER.saw(
            Exchange(
                request.method,
                request.rel_url.raw_path.removeprefix(routes.PREFIX),
                dict(request.query),
                None if isinstance(body, Refusal) else body,
                response.status,
                json.loads(response.text or "null"),
            )
        )
        return response

    routes._Api._respond = observed  # type: ignore[method-assign]
