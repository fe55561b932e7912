# SPDX-License-Identifier: BSD-2-Clause
"""Which line of a test created a room that no block owns."""

import functools
import sys
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from pipecat_daily_rest._core.callers_line import callers_line
from pipecat_daily_rest._rest import helper

Line = tuple[str, int]

# By the module of the helper; Pipecat's only if a test has imported it.
_CREATES = {
    helper.__name__: ("create_room", "create_rooms"),
    "pipecat.transports.daily.utils": ("create_room",),
}


def watch(environment: pytest.MonkeyPatch) -> dict[str, Line]:
    """Note which line creates each room with a helper of this package or of Pipecat.

    The dict fills as rooms are created, by their names; undoing ``environment`` ends it.
    """
    lines: dict[str, Line] = {}
    for module, creates in _CREATES.items():
        kind = getattr(sys.modules.get(module), "DailyRESTHelper", None)
        if kind is not None:
            for create in creates:
                environment.setattr(kind, create, _watched(getattr(kind, create), lines))
    return lines


def _watched(
    create: Callable[..., Coroutine[Any, Any, Any]], lines: dict[str, Line]
) -> Callable[..., Coroutine[Any, Any, Any]]:
    @functools.wraps(create)
    def call(*args: Any, **kwargs: Any) -> Coroutine[Any, Any, Any]:
        line = callers_line()  # here, since a task of its own has no caller

        async def run() -> Any:
            __tracebackhide__ = True
            made = await create(*args, **kwargs)
            lines.update(dict.fromkeys(_names(made), line))
            return made

        return run()

    return call


def _names(made: Any) -> Iterator[str]:
    for room in made if isinstance(made, list) else [made]:
        yield room.name
