# SPDX-License-Identifier: BSD-2-Clause
"""A Daily to ask: a local one, or the real one, within its limits and leaving nothing behind."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from document.check import DOCUMENT
from pipecat_daily_rest.local import LocalDaily

LIVE_URL = "https://api.daily.co/v1"
SIGNED = "locally_signed_token"  # no switch, but noted as one
LIFETIME = 600  # seconds that a room of ours lasts, should nothing delete it

# Half of what Daily allows (20 in a second; 50 in 30 s), since the account may have other users.
# https://docs.daily.co/docs/rest-api/authentication
INTERVAL = 0.1  # seconds
SLOW_INTERVAL = 1.2
SLOW = ("DELETE /rooms/{room_name}", "GET /recordings")
PATIENCE = 5  # times that a 429 is waited for


@dataclass(frozen=True)
class Answer:
    """One answer and what it is to."""

    operation: str
    status: int
    body: Any
    headers: frozenset[str]

    @property
    def code(self) -> str | None:
        return self.body.get("error") if isinstance(self.body, dict) else None

    @property
    def info(self) -> str:
        info = self.body.get("info") if isinstance(self.body, dict) else None
        return info if isinstance(info, str) else ""


class Pace:
    """So many seconds between two requests of a tier."""

    def __init__(
        self,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._now, self._sleep = now, sleep
        self._next: dict[float, float] = {}

    async def wait(self, operation: str | None) -> None:
        interval = SLOW_INTERVAL if operation in SLOW else INTERVAL
        due = self._next.get(interval, 0.0)
        if (left := due - self._now()) > 0:
            await self._sleep(left)
        self._next[interval] = max(due, self._now()) + interval


@dataclass
class Target:
    """A Daily, what it answered, and what is known of its switches.

    Parameters:
        url: The base of the API.
        key: The API key.
        local: The local Daily that it is, None for the real one.
        prefix: What all rooms of this run begin with.
        made: Rooms that have a name of Daily's choice.
        answers: What was answered, in order.
        switches: What was found of the unconfirmed points.
    """

    url: str
    key: str
    local: LocalDaily | None = None
    prefix: str = field(default_factory=lambda: f"contract-{secrets.token_hex(4)}")
    made: set[str] = field(default_factory=set)
    answers: list[Answer] = field(default_factory=list)
    switches: dict[str, Any] = field(default_factory=dict)
    pace: Pace = field(default_factory=Pace)

    @classmethod
    def of(cls, daily: LocalDaily) -> "Target":
        """Give a local Daily as what is asked."""
        return cls(daily.api_url, daily.api_key, daily)

    def name(self) -> str:
        """Make up the name of a room."""
        return f"{self.prefix}-{secrets.token_hex(6)}"

    def exp(self, seconds: float = LIFETIME) -> int:
        """Give an instant of its clock."""
        now = time.time() if self.local is None else self.local.state.clock.now()
        return int(now + seconds)

    async def wait(self, seconds: float) -> None:
        """Let time pass there."""
        if self.local is None:
            await asyncio.sleep(seconds)
        else:
            self.local.advance(seconds)

    def switch(self, name: str, value: Any) -> None:
        """Note what was found of an unconfirmed point."""
        self.switches[name] = value

    async def ask(
        self,
        method: str,
        path: str,
        json: Any = None,
        *,
        query: dict[str, str] | None = None,
        key: str | None = None,
    ) -> Answer:
        """Send a request, again after a 429."""
        operation = DOCUMENT.find(method, path)
        headers = {"Authorization": f"Bearer {self.key if key is None else key}"}
        for _ in range(PATIENCE):
            if self.local is None:
                await self.pace.wait(operation)
            async with (
                aiohttp.ClientSession(headers=headers) as session,
                session.request(method, self.url + path, json=json, params=query) as answer,
            ):
                try:
                    body = await answer.json()
                except (aiohttp.ContentTypeError, ValueError):
                    body = await answer.text()
                names = frozenset(name.title() for name in answer.headers)
                given = Answer(operation or f"{method} {path}", answer.status, body, names)
            if given.status != 429 or self.local is not None:
                break
            await asyncio.sleep(30 / PATIENCE)
        self.answers.append(given)
        if operation == "POST /rooms" and given.status == 200:
            self.made.add(body["name"])
        return given

    async def sweep(self) -> list[str]:
        """Delete whatever rooms of this run are left, and no others; give their names."""
        left, page = set(), {"limit": "100"}
        while data := (await self.ask("GET", "/rooms", query=page)).body["data"]:
            left |= {room["name"] for room in data}
            page["starting_after"] = data[-1]["id"]
        ours = sorted(
            name for name in left if name in self.made or name.startswith(f"{self.prefix}-")
        )
        if ours:
            batch = await self.ask("DELETE", "/batch/rooms", {"room_names": ours})
            if batch.status != 200:  # one of them has expired meanwhile
                for name in ours:
                    await self.ask("DELETE", f"/rooms/{name}")
        return ours
