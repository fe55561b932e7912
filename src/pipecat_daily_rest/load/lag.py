# SPDX-License-Identifier: BSD-2-Clause
"""How late an event loop is."""

import asyncio
from collections.abc import Callable
from typing import NoReturn

_PAUSE = 0.05  # seconds between two looks


async def watch(heard: Callable[[float], None]) -> NoReturn:
    """Tell again and again by how many seconds the loop wakes its tasks too late."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + _PAUSE
        await asyncio.sleep(_PAUSE)
        heard(max(0.0, loop.time() - due))
