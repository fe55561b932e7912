# SPDX-License-Identifier: BSD-2-Clause
"""Drives a coroutine and every task that it starts, and acts at the n-th time that one waits."""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from typing import Any, Literal

When = Literal["at", "after"]
_current: ContextVar["Steps | None"] = ContextVar("steps", default=None)


class Steps:
    """Counts how often a session waits, in its own task or in one that it started.

    `acts` has what is done at which count: ``at`` the wait, before anything else can happen, or
    ``after`` it, when what was waited for is there but the task has not seen it yet.
    """

    def __init__(self, acts: dict[int, Callable[[], Any]], when: When = "at") -> None:
        self.acts = dict(acts)
        self.when = when
        self.count = 0
        self.tasks: set[asyncio.Task[Any]] = set()

    def waits(self, future: asyncio.Future[Any] | None) -> None:
        self.count += 1
        act = self.acts.pop(self.count, None)
        if act is None:
            return
        if self.when == "at":
            act()
        elif future is None:
            asyncio.get_running_loop().call_soon(act)
        else:
            # Called before the task's own callback, which is added when this has returned.
            future.add_done_callback(lambda _: act())


class Driven(Coroutine[Any, Any, Any]):
    """A coroutine whose waits are counted."""

    def __init__(self, coro: Coroutine[Any, Any, Any], steps: Steps) -> None:
        self._coro = coro
        self._steps = steps

    def send(self, value: Any) -> Any:
        _current.set(self._steps)
        return self._waits(self._coro.send(value))

    def throw(self, *error: Any) -> Any:
        return self._waits(self._coro.throw(*error))

    def close(self) -> None:
        self._coro.close()

    def __await__(self) -> Any:
        return self._coro.__await__()

    def _waits(self, future: Any) -> Any:
        self._steps.waits(future)
        return future


def factory(
    loop: asyncio.AbstractEventLoop, coro: Coroutine[Any, Any, Any], **options: Any
) -> asyncio.Task[Any]:
    """A task factory that drives what a driven task starts."""
    steps = _current.get()
    if steps is None:
        return asyncio.Task(coro, loop=loop, **options)
    task = asyncio.Task(Driven(coro, steps), loop=loop, **options)
    steps.tasks.add(task)
    return task
