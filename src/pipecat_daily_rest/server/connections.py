# SPDX-License-Identifier: BSD-2-Clause
"""The connections of a server that is this process's one job: how many, and for how long."""

import asyncio
from typing import Any

from loguru import logger

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

_MOST = 65_536  # descriptors; some programs walk through all that they may have
_HEAD = 15.0  # seconds between two looks at connections without a request


def allow_many() -> None:
    """Raise the limit of descriptors, which is 1,024 in many shells, as far as that is allowed."""
    if resource is None:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _MOST if hard == resource.RLIM_INFINITY else min(hard, _MOST)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def say_when_full(loop: asyncio.AbstractEventLoop) -> None:
    """Say in a sentence that no descriptor is left: asyncio tries again after a second."""

    def failed(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        message = context["message"]
        if message.startswith("socket.accept() out of system resource"):
            logger.error(
                "No connection can be accepted: too many files are open. Raise the limit (ulimit -n)."
            )
        elif "_start_serving" in message and isinstance(context.get("exception"), ValueError):
            pass  # the server has ended within that second
        else:
            loop.default_exception_handler(context)

    loop.set_exception_handler(failed)


async def close_idle(server: Any, every: float = _HEAD) -> None:
    """Close the connections that have sent no whole request from one look to the next.

    Args:
        server: The ``uvicorn.Server``, which would wait for the head of a request for ever.
        every: Seconds between two looks.
    """
    before: dict[Any, Any] = {}
    while True:
        await asyncio.sleep(every)
        idle = {}
        for each in server.server_state.connections:
            cycle = getattr(each, "cycle", each)  # a websocket has none
            if cycle is None or getattr(cycle, "response_complete", False):
                idle[each] = cycle
        for each, cycle in idle.items():
            if each in before and before[each] is cycle:
                each.transport.close()
        before = idle
