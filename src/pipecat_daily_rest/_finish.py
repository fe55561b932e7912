# SPDX-License-Identifier: BSD-2-Clause
"""Waiting that leaves nothing behind when it is cancelled."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

A = TypeVar("A")
B = TypeVar("B")


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


def finished(result: A) -> asyncio.Future[A]:
    """Give what a task that is over is to those who wait for it.

    Args:
        result: Its result.

    Returns:
        A future that has it.
    """
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
