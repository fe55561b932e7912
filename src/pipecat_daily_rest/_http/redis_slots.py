# SPDX-License-Identifier: BSD-2-Clause
"""The rate tiers of an account that several machines share, in Redis.

Each slot is a member of a sorted set; its score is when it is free, by Redis's clock. While Redis
does not respond, each process counts for itself, and no request fails. What else the machines tell
each other goes over the same connection.
"""

import asyncio
import threading
import time
import uuid
import weakref
from collections import defaultdict, deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from loguru import logger

from pipecat_daily_rest._core import settings
from pipecat_daily_rest._core.loops import PerLoop
from pipecat_daily_rest._core.timings import Timings
from pipecat_daily_rest._http.tier import Rate
from pipecat_daily_rest.errors import DailyConfigError

if TYPE_CHECKING:
    from redis import Redis

_LOOK = 0.25  # seconds between two looks for a free slot
_MARGIN = 0.02  # seconds by which Redis's clock and Daily's may differ

# Takes a slot and gives 0, or gives the milliseconds until one may be free. A slot with a later time
# than any can have was taken before Redis's clock was set back.
_TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local limit, window, flight = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '(' .. now + flight + window, '+inf')
local used = redis.call('ZCARD', KEYS[1])
if used >= limit then
    local first = redis.call('ZRANGE', KEYS[1], used - limit, used - limit, 'WITHSCORES')
    return math.max(1, math.ceil(first[2] - now))
end
redis.call('ZADD', KEYS[1], now + flight + window, ARGV[4])
redis.call('PEXPIRE', KEYS[1], 2 * (flight + window))
return 0
"""

_END = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
return redis.call('ZADD', KEYS[1], 'XX', now + ARGV[1], ARGV[2])
"""


class RedisAway(Exception):
    """Redis does not respond for now."""


class SharedRedis:
    """The slots that an account's machines share, and the Redis that they are in.

    Parameters:
        redis_url: The URL of the Redis.
        prefix: How the account's keys begin.
    """

    def __init__(self, redis_url: str, digest: str) -> None:
        """Initialize; nothing is connected yet. `digest` is the account's."""
        self.redis_url = redis_url
        self._timings = Timings.current()
        client = _connect(redis_url, self._timings.redis_piece)
        weakref.finalize(self, client.close)  # with the account, or when the process exits
        self.prefix = f"pipecat-daily-rest:{digest[:24]}"
        self._client = client
        self._turns: PerLoop[defaultdict[tuple[str, bool], asyncio.Lock]] = PerLoop(
            lambda: defaultdict(asyncio.Lock)
        )
        self._away = False
        self._look_at = 0.0
        self.begin_anew()

    def begin_anew(self) -> None:
        """Start a thread: after a fork the parent's does not exist."""
        self._lock = threading.Lock()
        # One for all event loops: redis-py's connection belongs to none of them.
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="daily-fleet")
        self._asked: deque[_Question] = deque()

    async def take(
        self, tier: str, rate: Rate, bound: float, *, teardown: bool = False
    ) -> "Ticket | None":
        """Wait for a slot, in order of arrival on this event loop; None after `bound` seconds.

        Teardown has a queue of its own.
        """
        ticket = Ticket(self, f"{self.prefix}:{tier}", rate[1])
        turn = self._turns.get()[tier, teardown]
        try:
            async with asyncio.timeout(bound if bound > 0 else None):
                if not turn.locked() and not await self._pause(ticket, rate[0]):
                    return ticket
                if bound <= 0:
                    return None
                async with turn:
                    while pause := await self._pause(ticket, rate[0]):  # noqa: ASYNC110 - Redis tells nobody
                        await asyncio.sleep(min(pause, _LOOK))
        except BaseException as exc:
            ticket.end(counted=False)  # Redis may have given it meanwhile
            if isinstance(exc, TimeoutError):
                return None
            raise
        return ticket

    async def _pause(self, ticket: "Ticket", limit: int) -> float:
        """Take a slot and give 0, or give the seconds until one may be free."""
        window = _milliseconds(ticket.seconds + _MARGIN)
        flight = _milliseconds(self._timings.redis_flight)
        try:
            pause: int = await self.run(_TAKE, ticket.key, limit, window, flight, ticket.name)
        except RedisAway:
            return 0.0
        return pause / 1000

    async def run(self, script: str, key: str, *given: str | int, gives: type = int) -> Any:
        """Run a script and give its result, an integer from 0 on or of another type.

        Raises:
            RedisAway: Redis does not respond, or with what the script never gives.
        """
        if self._is_away():
            raise RedisAway
        try:
            async with asyncio.timeout(self._timings.redis_reply):
                result = await asyncio.wrap_future(self._ask(_Question(script, key, given, gives)))
        except TimeoutError:  # the pieces of the reply come in time, but not all of it
            self._lose("no answer in time")
            raise RedisAway from None
        if result is None:
            raise RedisAway
        return result

    def tell(self, script: str, key: str, *given: str | int) -> None:
        """Run a script that gives an integer, without waiting for Redis."""
        if not self._away:
            with suppress(RuntimeError):  # the interpreter exits
                self._ask(_Question(script, key, given))

    def end(self, ticket: "Ticket", *, counted: bool) -> None:
        """End the request of a slot, without waiting for Redis."""
        after = _milliseconds(ticket.seconds + _MARGIN) if counted else 0
        self.tell(_END, ticket.key, after, ticket.name)

    def _ask(self, question: "_Question") -> "Future[Any]":
        self._asked.append(question)
        self._worker.submit(self._answer)
        return question.answer

    def _answer(self) -> None:
        """Answer all questions so far with one round trip, on the thread."""
        asked: list[_Question] = []
        while self._asked:
            question = self._asked.popleft()
            if question.answer.set_running_or_notify_cancel():
                asked.append(question)
        if not asked:
            return
        answers: list[Any] = [None] * len(asked)
        try:
            # Not while Redis is away: each question would wait for the timeout again.
            if not self._away:
                answers = self._send(asked) or answers
        finally:
            for question, answer in zip(asked, answers, strict=True):
                question.answer.set_result(answer)

    def _send(self, asked: list["_Question"]) -> list[Any] | None:
        """Give the scripts' results; None when Redis is away."""
        try:
            pipeline = self._client.pipeline(transaction=False)
            for each in asked:
                pipeline.eval(each.script, 1, each.key, *each.arguments)
            answers = pipeline.execute()
        except Exception as exc:  # redis-py may raise anything for a malformed reply
            self._lose(type(exc).__name__)
            return None
        if len(answers) != len(asked) or not all(map(_Question.fits, asked, answers)):
            self._lose("a reply that no script gives")
            return None
        with self._lock:
            back, self._away = self._away, False
        if back:
            logger.info("Redis responds again.")
        return answers

    def _lose(self, reason: str) -> None:
        """Go on without Redis until it responds again."""
        with self._lock:
            first, self._away = not self._away, True
            self._look_at = time.monotonic() + self._timings.redis_retry
        with suppress(Exception):  # the rest of a late reply must not answer the next question
            self._client.connection_pool.disconnect(inuse_connections=True)
        if first:
            logger.warning(
                "Redis does not respond ({}): until it does, this process keeps within Daily's "
                "rate limits without knowing of the other machines' requests.",
                reason,
            )

    def _is_away(self) -> bool:
        """Whether Redis is away; the thread looks now and then, and no request waits for that."""
        with self._lock:
            if self._away and time.monotonic() >= self._look_at:
                self._look_at = time.monotonic() + self._timings.redis_retry
                with suppress(RuntimeError):
                    self._worker.submit(self._send, [_Question(_END, self.prefix, (0, ""))])
            return self._away


class _Question:
    """A script to run, and its result: None when Redis is away."""

    __slots__ = ("answer", "arguments", "gives", "key", "script")

    def __init__(
        self, script: str, key: str, arguments: tuple[str | int, ...], gives: type = int
    ) -> None:
        self.script = script
        self.key = key
        self.arguments = arguments
        self.gives = gives
        self.answer: Future[Any] = Future()

    def fits(self, answer: Any) -> bool:
        return type(answer) is self.gives and not (isinstance(answer, int) and answer < 0)


class Ticket:
    """A slot in Redis.

    Parameters:
        key: The tier's key.
        name: The slot's name there.
        seconds: The tier's window.
    """

    __slots__ = ("_fleet", "key", "name", "seconds")

    def __init__(self, fleet: SharedRedis, key: str, seconds: float) -> None:
        self._fleet = fleet
        self.key = key
        self.name = uuid.uuid4().hex
        self.seconds = seconds

    def end(self, *, counted: bool) -> None:
        """End the request."""
        self._fleet.end(self, counted=counted)


def _connect(redis_url: str, timeout: float) -> "Redis":
    try:
        from redis import Redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry
    except ImportError as exc:
        msg = "DAILY_REDIS_URL needs redis: pip install 'pipecat-daily-rest[redis]'."
        raise DailyConfigError(msg) from exc
    try:
        return Redis.from_url(
            redis_url,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            retry=Retry(NoBackoff(), 1),  # Redis may have closed the connection meanwhile
        )
    except ValueError:
        msg = "The Redis URL must look like redis://host:6379/0: check DAILY_REDIS_URL."
    raise DailyConfigError(
        msg + settings.quotes(redis_url)
    )  # the original error may hold the password


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000) + 1
