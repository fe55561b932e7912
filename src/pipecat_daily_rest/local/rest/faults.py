# SPDX-License-Identifier: BSD-2-Clause
"""Injected faults: which requests fail, how often and how.

A request meets at most one fault: the first that was added and is not used up.
"""

import asyncio
import math
import random
import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar, cast

from aiohttp import web

from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.local.arguments import must_be
from pipecat_daily_rest.local.rest.failures import KINDS, Failure

_POLL = 0.02  # seconds between two checks whether the client is still connected

_METHODS = ("*", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")

F = TypeVar("F", bound="Fault")


class Fault:
    """Which requests fail, how often, and how.

    Parameters:
        method: The HTTP method, or ``*`` for all.
        path: The path below ``/v1``. ``*`` alone stands for every path, and within a path for
            anything but a slash.
        times: How many requests fail before all is well; None for all of them.
        hits: How many requests have failed.
    """

    def __init__(
        self, method: str, path: str, failure: Failure | None, *, times: int | None = 1
    ) -> None:
        """Initialize the fault.

        Args:
            method: The HTTP method, or ``*``.
            path: The pattern of the path.
            failure: What goes wrong.
            times: How many requests fail; None for all.

        Raises:
            DailyConfigError: The method, the path or the number is wrong.
        """
        must_be(str, method=method, path=path)
        must_be(int | None, times=times)
        if method.upper() not in _METHODS:
            msg = f"method must be one of {', '.join(_METHODS)}, not {method!r}."
            raise DailyConfigError(msg)
        if path != "*" and not path.startswith("/"):
            msg = f"path must begin with a slash or be *, not {path!r}."
            raise DailyConfigError(msg)
        if times is not None and times < 1:
            msg = f"times must be at least 1, or None for always, not {times}."
            raise DailyConfigError(msg)
        self.method = method.upper()
        self.path = path
        self.times = times
        self.hits = 0
        self._failure = failure
        pattern = ".*" if path == "*" else "[^/]+".join(map(re.escape, path.split("*")))
        self._pattern = re.compile(pattern, re.DOTALL)
        self._cancelled = False
        self._hit = asyncio.Event()

    @property
    def over(self) -> bool:
        """Whether the fault is used up or cancelled."""
        return self._cancelled or self.hits == self.times

    def cancel(self) -> None:
        """Stop the fault: further requests succeed."""
        self._cancelled = True

    async def wait(self, hits: int = 1) -> None:
        """Wait until requests have failed; call it on the local Daily's event loop.

        Args:
            hits: How many.

        Raises:
            DailyConfigError: ``hits`` is not a number.
        """
        must_be(int, hits=hits)
        while self.hits < hits:
            self._hit.clear()
            await self._hit.wait()

    def meet(self, method: str, path: str) -> Failure | None:
        """Decide whether a request fails, and count it.

        Args:
            method: The request's method.
            path: The request's path below ``/v1``.

        Returns:
            How it fails; None when it does not.
        """
        if self.over or self.method not in ("*", method) or not self._pattern.fullmatch(path):
            return None
        failure = self._choose()
        if failure is not None:
            self.hits += 1
            self._hit.set()
        return failure

    def _choose(self) -> Failure | None:
        return self._failure

    def describe(self) -> dict[str, Any]:
        """Describe the fault, and tell how many requests have failed.

        Returns:
            JSON.
        """
        failure = {} if self._failure is None else self._failure.describe()
        which = {"method": self.method, "path": self.path, "times": self.times}
        return {**which, "hits": self.hits, **failure}


class Chaos(Fault):
    """Requests that fail at random: the same ones for the same seed and order of requests."""

    def __init__(
        self,
        seed: int | str,
        *,
        rate: float = 0.2,
        kinds: Iterable[str] | None = None,
        method: str = "*",
        path: str = "*",
        times: int | None = None,
    ) -> None:
        """Initialize the chaos.

        Args:
            seed: The seed of the random choice.
            rate: The share of the requests that fail, from 0 to 1.
            kinds: Names of `KINDS`; all of them when None.
            method: The HTTP method, or ``*``.
            path: The pattern of the path.
            times: How many requests fail; None for all that the rate hits.

        Raises:
            DailyConfigError: A kind, the rate, the path or the number is wrong.
        """
        super().__init__(method, path, None, times=times)
        must_be(int | str, seed=seed)
        must_be(float, rate=rate)
        must_be(Iterable | None, kinds=kinds)
        self.seed = seed
        self.rate = rate
        self.kinds = tuple(KINDS if kinds is None else kinds)
        if not self.kinds or not all(kind in [*KINDS] for kind in self.kinds):
            given = ", ".join(map(str, self.kinds))
            msg = f"kinds must be some of {', '.join(KINDS)}, not {given!r}."
            raise DailyConfigError(msg)
        if not 0 <= rate <= 1:
            msg = f"rate must be from 0 to 1, not {rate}."
            raise DailyConfigError(msg)
        self._random = random.Random(seed)  # noqa: S311 - it must repeat, not be secret

    def _choose(self) -> Failure | None:
        drawn, kind = self._random.random(), self._random.choice(self.kinds)
        return KINDS[kind] if drawn < self.rate else None

    def describe(self) -> dict[str, Any]:
        """Describe the fault, and tell how many requests have failed.

        Returns:
            JSON.
        """
        chaos = {"seed": self.seed, "rate": self.rate, "kinds": list(self.kinds)}
        return {**super().describe(), "chaos": chaos}


class Faults:
    """The faults of one local Daily."""

    def __init__(self) -> None:
        self.added: list[Fault] = []
        self._stopped = False

    def add(self, fault: F) -> F:
        """Add a fault."""
        self.added.append(fault)
        return fault

    def clear(self) -> None:
        """Cancel and remove all faults."""
        for fault in self.added:
            fault.cancel()
        self.added.clear()

    def stop(self) -> None:
        """End the requests that hang, since the local Daily stops."""
        self._stopped = True

    async def serve(
        self, request: web.Request, path: str, respond: Callable[[], Awaitable[web.Response]]
    ) -> web.StreamResponse | None:
        """Answer a request, or make it fail; give None after closing the connection instead.

        ``path`` is the part below ``/v1``; ``respond`` carries the request out.
        """
        found = (fault.meet(request.method, path) for fault in self.added)
        failure = next((each for each in found if each is not None), None)
        if failure is None:
            return await respond()
        await self._pass(failure.delay)
        own = await respond() if failure.commits and not self._stopped else None
        await self._pass(math.inf if failure.hang else failure.delay_after, request)
        if self._stopped or not failure.answers:
            _hang_up(request)
            return None
        response = failure.respond(own)
        return await _send_half(request, response) if failure.truncate else response

    async def _pass(self, seconds: float, request: web.Request | None = None) -> None:
        """Let time pass while the local Daily runs and the request's client is connected."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while not self._stopped and (left := end - loop.time()) > 0:
            # aiohttp does not tell a handler that its client has disconnected.
            if request is not None and request.transport is None:
                return
            await asyncio.sleep(min(left, _POLL))


def _hang_up(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


async def _send_half(request: web.Request, whole: web.Response) -> web.StreamResponse:
    body = cast(bytes, whole.body)
    half = web.StreamResponse(status=whole.status, headers=whole.headers)
    half.content_length = len(body)
    try:
        await half.prepare(request)
        await half.write(body[: len(body) // 2])
    except ConnectionError:
        return half
    if request.transport is not None:
        request.transport.close()  # not abort(): what was written still goes out
    return half
