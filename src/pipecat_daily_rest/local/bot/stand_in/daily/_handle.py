# SPDX-License-Identifier: BSD-2-Clause
"""What every part of `CallClient` shares: its call, until it is released."""

from typing import NoReturn

from daily._call import Call
from daily._events import EventHandler
from daily._link import CallError
from daily._operations import Completion


class Handle:
    """Holds a call."""

    def __init__(self, event_handler: EventHandler | None) -> None:
        """Initialize a handle on a call that is in no room."""
        if event_handler is not None and not isinstance(event_handler, EventHandler):
            msg = "event_handler should be a subclass of `EventHandler`"
            raise TypeError(msg)
        self._open: Call | None = Call(event_handler)

    @property
    def _call(self) -> Call:
        if self._open is None:
            msg = "this object has already been released"
            raise RuntimeError(msg)
        return self._open

    def release(self) -> None:
        """Leave if need be, and free what the client holds."""
        call = self._call
        self._open = None
        call.release()

    def _refuse(
        self, name: str, error: str, completion: Completion = None, *, pair: bool = False
    ) -> None:
        async def refuse() -> NoReturn:
            raise CallError(error)

        self._call.operations.perform(name, refuse, completion, pair=pair)


async def nothing() -> None:
    """Do an operation without effect."""
