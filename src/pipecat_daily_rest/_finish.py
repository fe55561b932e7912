# SPDX-License-Identifier: BSD-2-Clause
"""Waiting that a cancellation does not cut short."""

import asyncio
from typing import Any


async def finish(task: asyncio.Future[Any], bound: float | None = None) -> None:
    """Wait until a task has ended, whatever happens to the caller meanwhile.

    The task is never cancelled and its result is not looked at.

    Args:
        task: The task.
        bound: Seconds to wait at the most.

    Raises:
        CancelledError: The caller was cancelled while it waited; raised when the wait is over.
    """
    loop = asyncio.get_running_loop()
    end = None if bound is None else loop.time() + bound
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        left = None if end is None else end - loop.time()
        if left is not None and left <= 0:
            break
        try:
            await asyncio.wait({task}, timeout=left)
        except asyncio.CancelledError as exc:
            cancelled = exc
    if cancelled is not None:
        raise cancelled
