# SPDX-License-Identifier: BSD-2-Clause
"""The progress bar of a command, on a terminal's stderr only."""

import sys
from collections.abc import Coroutine, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from pipecat_daily_rest._bot.output import let_go

if TYPE_CHECKING:
    from rich.progress import Progress

T = TypeVar("T")

_MOMENT = 2.0  # seconds; what takes longer is shown
_STEP = 0.25  # seconds between two pictures
_WAITS = "Waiting for Daily"


class _Bar:
    """What the command does now, and how far it is; shown or not."""

    text = ""
    done = 0.0
    total: float | None = None
    _shown: "Progress | None" = None

    def draw(self) -> None:
        """Show it as it is now; the terminal may be closed by now."""
        try:
            self._draw()
        except (OSError, ValueError):
            self._shown = None
            let_go()

    def _draw(self) -> None:
        if self._shown is None:
            from rich.console import Console
            from rich.progress import Progress

            # Drawn by `shown` alone: neither a thread nor what is printed is its business.
            self._shown = Progress(
                console=Console(stderr=True),
                transient=True,
                auto_refresh=False,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._shown.add_task("")
            self._shown.start()
        [task] = self._shown.task_ids
        self._shown.update(
            task, description=self.text, completed=self.done, total=self.total, refresh=True
        )

    def hide(self) -> None:
        """Take it off the terminal."""
        shown, self._shown = self._shown, None
        if shown is not None:
            try:
                shown.stop()
            except (OSError, ValueError):
                let_go()


_bar = _Bar()


async def shown(work: Coroutine[Any, Any, T]) -> T:
    """Do a command's work, with a bar in a terminal if it takes longer than a moment."""
    import asyncio

    tell(_WAITS)
    if not sys.stderr.isatty():
        return await work
    task = asyncio.ensure_future(work)
    pause = _MOMENT
    try:
        while not (await asyncio.wait({task}, timeout=pause))[0]:
            _bar.draw()
            pause = _STEP
        return task.result()
    finally:
        _bar.hide()
        if not task.done():  # Ctrl-C
            task.cancel()
            await asyncio.wait({task})


def hide() -> None:
    """Take the bar off the terminal: something is printed. It comes back by itself."""
    _bar.hide()


def tell(text: str, done: float = 0, total: float | None = None) -> None:
    """Say what the command does now, and how far it is where that is known."""
    _bar.text, _bar.done, _bar.total = text, done, total


def steps(text: str, items: Sequence[T]) -> Iterator[T]:
    """Give each item, and say how many are done."""
    for number, item in enumerate(items):
        tell(text, number, len(items))
        yield item


async def wait(seconds: float) -> None:
    """Wait until Daily's presence is up to date."""
    import asyncio

    text, loop = "Waiting until Daily's presence is up to date", asyncio.get_running_loop()
    began = loop.time()
    while (waited := loop.time() - began) < seconds:
        tell(text, waited, seconds)
        await asyncio.sleep(min(_STEP, seconds - waited))
    tell(_WAITS)
