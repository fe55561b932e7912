# SPDX-License-Identifier: BSD-2-Clause
"""Waiting that leaves nothing behind when it is cancelled."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

A = TypeVar("A")
B = TypeVar("B")

_TIMES = 3  # an event loop ends once; more than that is no end of a loop


async def finish(task: asyncio.Future[Any], bound: float | None = None) -> None:
    """Wait until a task has ended, whatever happens to the caller meanwhile.

    The task is never cancelled and its result is not looked at.

    Args:
        task: The task.
        bound: Seconds to wait at the most.

    Raises:
        CancelledError: The caller was cancelled while it waited; raised when the wait is over.
    """
    if task.done():
        return
    # What asyncio.wait() does, at a third of its price: each room's end comes by here.
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
    """Have a task do something to its end, whatever happens to the caller and to the task.

    At a second Ctrl-C, or when its program ends, ``asyncio.run()`` cancels every task once, and then
    waits for them. What was cancelled so begins anew.

    Args:
        make: Makes what is done; one that was cancelled half-way must be able to begin anew.
        name: The task's name.
        bound: Seconds to wait at the most; then the task is cancelled.
        anew: Seconds after which what was cancelled does not begin anew.

    Returns:
        Its result.

    Raises:
        CancelledError: The caller was cancelled, raised when the task has ended; or the bound is over.
        Exception: What it raised.
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
        if not task.cancelled() or (latest is not None and loop.time() >= latest):
            break
    if cancelled is not None:
        if task.done() and not task.cancelled():
            task.exception()  # is seen
        raise cancelled
    return await task


def finished(result: A) -> asyncio.Future[A]:
    """Give what a task that is over is to those who wait for it."""
    future: asyncio.Future[A] = asyncio.get_running_loop().create_future()
    future.set_result(result)
    return future


async def both(first: Coroutine[Any, Any, A], second: Coroutine[Any, Any, B]) -> tuple[A, B]:
    """Run two at once; when one fails, the other is cancelled and over before the error goes on.

    Args:
        first: The one.
        second: The other.

    Returns:
        The results of both.
    """
    # Not a TaskGroup: before Python 3.13 a child's error takes the place of a cancellation that
    # comes with it, and leaves the task's count of cancellations too high for asyncio.timeout().
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
