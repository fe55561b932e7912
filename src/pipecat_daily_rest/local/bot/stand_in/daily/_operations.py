# SPDX-License-Identifier: BSD-2-Clause
"""What the bot asks of its room, done in turn, and what the bot is told, in order."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from loguru import logger

from daily._events import EventHandler
from daily._link import CallError, Link
from daily._threads import Worker, complete, sockets

_ENDING = 3.0  # seconds that a release waits for the room

Completion = Callable[..., None] | None
Work = Callable[[], Awaitable[object]]


class Operations:
    """The operations of a call, done one after the other on the thread of the sockets.

    Events and completions are called on a thread of their own, in order.

    Parameters:
        link: The link to the room; None outside of a call.
        released: Whether the handler is told nothing any more.
    """

    def __init__(self, handler: EventHandler | None) -> None:
        """Initialize the operations of a call that is in no room."""
        self.link: Link | None = None
        self._handler = handler
        self._events = Worker("daily-events")
        self._turn = asyncio.Lock()
        self.released = False

    def emit(self, event: str, *args: Any) -> None:
        """Call a method of the handler."""
        if self._handler is not None and not self.released:
            self._events.call(getattr(self._handler, event), *args)

    def perform(
        self,
        name: str,
        work: Work,
        completion: Completion = None,
        *,
        pair: bool = False,
        then: Callable[[], None] | None = None,
    ) -> None:
        """Do an operation in turn, and call its completion with the error or None.

        `name` is for `EventHandler.on_error`, `then` is called after a success. The completion of
        a `pair` gets a result before the error.
        """

        async def turn() -> None:
            result, error = None, None
            async with self._turn:
                try:
                    result = await work()
                except CallError as exc:
                    error = str(exc)
                except Exception as exc:
                    logger.error("{} failed: {!r}", name, exc)
                    error = f"the stand-in for daily-python failed: {exc!r}"
            if completion is not None:
                self._events.call(complete, completion, *([result] if pair else []), error)
            if error is not None:
                self.emit("on_error", f"Error handling {name}: {error}")
            elif then is not None:
                then()

        sockets.start(turn())

    def need_link(self) -> Link:
        """Give the link, or refuse what needs a call."""
        if self.link is None:
            msg = "not in a call"
            raise CallError(msg)
        return self.link

    async def ask(self, op: str, **fields: Any) -> dict[str, Any]:
        """Ask the room; give its answer."""
        return await self.need_link().request(op, **fields)

    def finish(self, work: Work, room: str) -> None:
        """Do a last operation, wait for it a little, and end the thread of the events."""

        async def turn() -> None:
            async with self._turn:
                await work()

        try:
            sockets.start(turn()).result(_ENDING)
        except Exception as exc:
            logger.debug("Left {} without its answer: {!r}", room, exc)
        self._events.finish()
