# SPDX-License-Identifier: BSD-2-Clause
import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest

from bare_bot import Socket
from peers import Peer, Peers
from pipecat_daily_rest.local import LocalDaily


@pytest.fixture
async def daily(local_daily: LocalDaily) -> LocalDaily:
    """A local Daily with a public room ``demo``."""
    local_daily.state.rooms.create("demo", "public", {})
    return local_daily


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as http:
        yield http


@pytest.fixture
async def peer(daily: LocalDaily) -> AsyncIterator[Peers]:
    """Makes somebody who can join a room: ``peer()``, ``peer(room)``."""
    peers: list[Peer] = []
    async with aiohttp.ClientSession() as session:

        def make(room: str = "demo") -> Peer:
            peers.append(Peer(daily, session, room))
            return peers[-1]

        yield make
        await asyncio.gather(*(peer.close() for peer in peers))


@pytest.fixture
async def connect(daily: LocalDaily) -> AsyncIterator[Callable[..., Any]]:
    """Opens a bot's link: ``connect()``, ``connect(room)``."""
    async with aiohttp.ClientSession() as session:

        async def connect(room: str = "demo") -> Socket:
            return Socket(await session.ws_connect(f"{daily.url}/{room}/link"))

        yield connect
