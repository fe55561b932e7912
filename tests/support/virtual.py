# SPDX-License-Identifier: BSD-2-Clause
"""An event loop whose time passes only when everybody waits for it: minutes take milliseconds."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop without sockets, whose clock jumps to the next timer."""

    def __init__(self) -> None:
        super().__init__()
        self._present = 0.0

    def time(self) -> float:
        return self._present

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:
            self._present = max(self._present, self._scheduled[0]._when)
        super()._run_once()


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)


def now() -> float:
    """The running loop's seconds."""
    return asyncio.get_running_loop().time()
