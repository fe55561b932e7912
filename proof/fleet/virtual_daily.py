# SPDX-License-Identifier: BSD-2-Clause
"""A Daily and a Redis that answer in virtual time, without sockets.

The rate limits are those of the local Daily (`local/rest/limits.py`). Its rooms are a dictionary here,
since the local Daily looks through all of its rooms at each request. The Redis runs the scripts of
`_http/redis_slots.py` and `_rest/fleet_deletions.py`, written in Python.
"""

import asyncio
import json
import random
import re
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

from pipecat_daily_rest._core.deadline import Deadline
from pipecat_daily_rest._core.timings import Timings
from pipecat_daily_rest._http import redis_slots
from pipecat_daily_rest._http.account import Account
from pipecat_daily_rest._http.api import API
from pipecat_daily_rest._http.rates import Pacer, RateLimits
from pipecat_daily_rest._http.redis_slots import SharedRedis, _Question
from pipecat_daily_rest._http.response import Response
from pipecat_daily_rest._rest import fleet_deletions
from pipecat_daily_rest._rest.helper import DailyRESTHelper
from pipecat_daily_rest.errors import DailyConnectionError
from pipecat_daily_rest.local.choices import Choices
from pipecat_daily_rest.local.rest.limits import Limiter, Limits
from pipecat_daily_rest.local.rules.schema import Refusal

EPOCH = 1_800_000_000.0  # unix time at which virtual time begins
PAGE = 100
_ROOM = re.compile(r"/rooms/([^/]+)")


def unix() -> float:
    """Give the present in unix seconds."""
    return EPOCH + asyncio.get_running_loop().time()


class _Clock:
    def now(self) -> float:
        return unix()


class VirtualDaily:
    """Daily's rooms, as far as replicas use them, behind the local Daily's rate limits.

    Parameters:
        rooms: The rooms by their names, oldest first.
        asked: The requests by what they were, with those that were refused.
    """

    def __init__(self, limits: Limits | None, choices: Choices, *, seed: int = 1) -> None:
        """Initialize a Daily without rooms."""
        self.limits = Limiter(limits, choices, _Clock())  # type: ignore[arg-type]
        self.rooms: dict[str, dict[str, Any]] = {}
        self.asked: Counter[str] = Counter()
        self._random = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret

    def half_way(self) -> float:
        """Give the seconds that a request takes there, or an answer back."""
        return self._random.uniform(0.015, 0.045)

    def serve(
        self, method: str, path: str, body: Any, query: Mapping[str, str]
    ) -> tuple[int, bytes]:
        """Answer a request."""
        one = _ROOM.fullmatch(path)
        name = f"{method} {'/rooms/:name' if one else path}"
        self.asked[name] += 1
        try:
            self.limits.check(f"{method} {path}", name)
            return 200, json.dumps(self._answer(name, one and one[1], body, query)).encode()
        except Refusal as exc:
            return exc.status, json.dumps(exc.body).encode()

    def _answer(self, name: str, room: str | None, body: Any, query: Mapping[str, str]) -> Any:
        if name == "GET /":
            return {"domain_name": "fleet", "domain_id": "d", "config": {}}
        if name == "GET /presence":
            return {}
        if name == "GET /rooms":
            return self._page(query)
        if name == "POST /rooms":
            return self._make(body)
        if name == "POST /batch/rooms":
            return [self._make(each) for each in body["rooms"]]
        if name == "DELETE /batch/rooms":
            if missing := [each for each in body["room_names"] if each not in self.rooms]:
                raise Refusal(400, "invalid-request-error", f"room {missing[0]} not found")
            for each in body["room_names"]:
                del self.rooms[each]
            return {"deleted_count": len(body["room_names"])}
        if room not in self.rooms:
            raise Refusal(404, "not-found", f"room {room} not found")
        return {"deleted": True, "name": room} if self._gone(name, room) else self.rooms[room]

    def _gone(self, name: str, room: str) -> bool:
        return name.startswith("DELETE") and self.rooms.pop(room) is not None

    def _make(self, body: dict[str, Any]) -> dict[str, Any]:
        name = body["name"]
        if name in self.rooms:
            raise Refusal(400, "invalid-request-error", f"a room named {name} already exists")
        room = {
            "id": name,
            "name": name,
            "api_created": True,
            "privacy": body["privacy"],
            "url": f"https://fleet.daily.co/{name}",
            "created_at": f"{unix():.3f}",
            "config": body["properties"],
        }
        self.rooms[name] = room
        return room

    def _page(self, query: Mapping[str, str]) -> dict[str, Any]:
        """Give a page, newest first."""
        after, page = query.get("starting_after"), []
        for room in reversed(self.rooms.values()):
            if after is not None:
                after = None if room["id"] == after else after
                continue
            page.append(room)
            if len(page) == PAGE:
                break
        return {"total_count": len(self.rooms), "data": page}


class VirtualRedis:
    """What replicas share: the slots of the rate tiers, and the rooms that they delete together."""

    def __init__(self) -> None:
        self._slots: dict[str, dict[str, int]] = {}
        self._deletions: dict[str, str] = {}
        self._turn: tuple[str, int] = ("", 0)  # whose it is, and until when

    def run(self, question: _Question) -> Any:
        """Run one of the scripts."""
        now = int(unix() * 1000)
        key, texts = question.key, [str(each) for each in question.arguments]
        scripts: dict[str, Callable[[], Any]] = {
            redis_slots._TAKE: lambda: self._take(key, now, *map(int, texts[:3]), texts[3]),
            redis_slots._END: lambda: self._end(key, now + int(texts[0]), texts[1]),
            fleet_deletions._ADD: lambda: self._add(texts[1:]),
            fleet_deletions._LOOK_FOR: lambda: self._look(now, texts[0], int(texts[1]), texts[3:]),
            fleet_deletions._SETTLE: lambda: self._settle(now, texts[0], int(texts[1]), texts[2:]),
        }
        return scripts[question.script]()

    def _take(self, key: str, now: int, limit: int, window: int, flight: int, name: str) -> int:
        slots = self._slots.setdefault(key, {})
        for old in [each for each, free_at in slots.items() if free_at <= now]:
            del slots[old]
        if len(slots) >= limit:
            return max(1, sorted(slots.values())[len(slots) - limit] - now)
        slots[name] = now + flight + window
        return 0

    def _end(self, key: str, free_at: int, name: str) -> int:
        if name in self._slots.get(key, {}):
            self._slots[key][name] = free_at
        return 0

    def _add(self, names: list[str]) -> int:
        for name in names:
            self._deletions.setdefault(name, " ")
        return 1

    def _look(self, now: int, me: str, turn: int, names: list[str]) -> list[bytes]:
        told = [self._deletions[name] + name for name in names if name in self._deletions]
        for each in told:
            if each[0] != " ":
                del self._deletions[each[1:]]
        if not told or any(each[0] != " " for each in told) or self._turn[1] > now:
            return [b"left", *(each.encode() for each in told)]
        self._turn = (me, now + turn)
        waiting = sorted(name for name, what in self._deletions.items() if what == " ")
        return [b"turn", *(name.encode() for name in waiting[:1000])]

    def _settle(self, now: int, me: str, gap: int, names: list[str]) -> int:
        if self._turn[0] == me:
            self._turn = (me, now + gap)
        for each in names:
            if each[0] == "+":
                self._deletions.pop(each[1:], None)
            elif each[1:] in self._deletions:
                self._deletions[each[1:]] = each[0]
        return 0


class _VirtualFleet(SharedRedis):
    """The real one, whose questions are answered here and now."""

    def __init__(self, redis: VirtualRedis, digest: str) -> None:
        self._redis = redis
        super().__init__("redis://127.0.0.1:1/0", digest)

    def _ask(self, question: _Question) -> "Future[Any]":
        question.answer.set_result(self._redis.run(question))
        return question.answer


class _VirtualAPI(API):
    """The real one, but for the one place where a request leaves the process."""

    daily: VirtualDaily

    async def _send(
        self,
        method: str,
        path: str,
        what: str,
        body: Any,
        query: Mapping[str, str] | None,
        deadline: Deadline,
    ) -> Response | DailyConnectionError:
        await asyncio.sleep(self.daily.half_way())
        status, raw = self.daily.serve(method, path, body, query or {})
        await asyncio.sleep(self.daily.half_way())
        return Response(status, raw, {}, self.key, whole=True)


def helper_of(daily: VirtualDaily, redis: VirtualRedis, timings: Timings) -> DailyRESTHelper:
    """Give the helper of one more replica: its account is its own, its slots are the fleet's."""
    helper = DailyRESTHelper(daily_api_key="virtual-key-0123456789", pace=False)
    loop: Callable[[], float] = asyncio.get_running_loop().time
    api = _VirtualAPI(api_key=helper.api.key, api_url=helper.api.url, pace=False, timings=timings)
    api.daily = daily
    api.account = Account("virtual")
    api.account.pacer = api._pacer = Pacer(RateLimits(), clock=loop)
    api.account.pacer.fleet = _VirtualFleet(redis, "virtual")
    helper.api = api
    return helper
