# SPDX-License-Identifier: BSD-2-Clause
"""Waiting that leaves nothing behind when it is cancelled."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

A = TypeVar("A")
B = TypeVar("B")

_TIMES = 3  # an event loop ends once: whatever cancels more often is something else


async def finish(task: asyncio.Future[Any], bound: float | None = None) -> None:
    """Wait for a task, ``bound`` seconds at the most; a cancellation is raised after the wait.

    The task is not cancelled, and its result is not looked at.
    """
    if task.done():
        return
    # Does what asyncio.wait() does in a third of the time: the end of each room waits here.
    loop = asyncio.get_running_loop()
    waiter = loop.create_future()
    over = False
    cancelled: asyncio.CancelledError | None = None

    def wake(_: object) -> None:
        nonlocal over
        over = True
        if not waiter.done():
            waiter.set_result(None)

    timer = None if bound is None else loop.call_later(bound, wake, None)
    task.add_done_callback(wake)
    try:
        while not (over or task.done()):
            try:
                await waiter
            except asyncio.CancelledError as exc:
                cancelled, waiter = exc, loop.create_future()
    finally:
        task.remove_done_callback(wake)
        if timer is not None:
            timer.cancel()
    if cancelled is not None:
        raise cancelled


async def carry_out(
    make: Callable[[], Coroutine[Any, Any, A]],
    *,
    name: str | None = None,
    bound: float | None = None,
    anew: float | None = None,
) -> A:
    """Run a coroutine in a task to its end, and return its result, whoever is cancelled meanwhile.

    At a second Ctrl-C, or when the program ends, ``asyncio.run()`` cancels every task once, and then
    waits for them. A task that was cancelled so, or that this Ctrl-C interrupted, begins anew, until
    ``anew`` seconds have passed.
    After ``bound`` seconds the task is cancelled. The caller's cancellation is raised at the end.
    """
    loop = asyncio.get_running_loop()
    until = None if bound is None else loop.time() + bound
    latest = None if anew is None else loop.time() + anew
    cancelled: asyncio.CancelledError | None = None
    for _ in range(_TIMES):
        task = asyncio.create_task(make(), name=name)
        try:
            await finish(task, None if until is None else until - loop.time())
        except asyncio.CancelledError as exc:
            cancelled = exc
        if not task.done():
            task.cancel()
            break
        cut_short = task.cancelled() or isinstance(task.exception(), KeyboardInterrupt)
        if not cut_short or (latest is not None and loop.time() >= latest):
            break
    if cancelled is not None:
        if task.done() and not task.cancelled():
            task.exception()  # asyncio logs one that nobody has asked for
        raise cancelled
    return await task


async def unless(stop: Coroutine[Any, Any, Any], work: Awaitable[A]) -> A | None:
    """Give the work's result; once ``stop`` returns, the work is cancelled, and None is given."""
    working, stopped = asyncio.ensure_future(work), asyncio.create_task(stop)
    try:
        await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopped.cancel()
        working.cancel()  # does nothing to what is over
        await finish(working)
    return None if working.cancelled() else working.result()


async def both(first: Coroutine[Any, Any, A], second: Coroutine[Any, Any, B]) -> tuple[A, B]:
    """Run two at once; if one fails, the other is cancelled and has ended before the error is raised."""
    # Not a TaskGroup: before Python 3.13 a child's error replaces a cancellation that comes with
    # it, and the task's count of cancellations stays too high for asyncio.timeout().
    one, two = asyncio.ensure_future(first), asyncio.ensure_future(second)
    try:
        await asyncio.wait({one, two}, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        one.cancel()
        two.cancel()
        await finish(asyncio.gather(one, two, return_exceptions=True))
    for each in (one, two):
        if not each.cancelled() and (error := each.exception()) is not None:
            raise error
    return one.result(), two.result()
