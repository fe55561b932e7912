# SPDX-License-Identifier: BSD-2-Clause
"""The same session, made in several ways: a room, a token for the bot and the user, the deletion.

Each contender is opened with an account, warm or not, and gives the function that starts a session.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import aiohttp

from benchmarks.account import Account

LIFETIME = 3600.0  # seconds


@dataclass(frozen=True)
class Session:
    """What a session needs before its pipeline starts."""

    url: str
    bot_token: str
    user_token: str


Start: TypeAlias = Callable[[], AbstractAsyncContextManager[Session]]
Contender: TypeAlias = Callable[..., AbstractAsyncContextManager[Start]]


def _of_package(make: Callable[[], AbstractAsyncContextManager[Any]]) -> Start:
    @asynccontextmanager
    async def start() -> AsyncIterator[Session]:
        async with make() as room:
            yield Session(room.url, room.bot_token, room.user_token)

    return start


@asynccontextmanager
async def package(account: Account, *, warm: bool = True, **options: Any) -> AsyncIterator[Start]:
    """This package, tokens signed on this machine."""
    from pipecat_daily_rest import DailyRESTHelper, provisioned_room

    async with DailyRESTHelper(daily_api_key=account.key, daily_api_url=account.url) as daily:
        if warm:
            await daily.warm()
        yield _of_package(lambda: provisioned_room(daily=daily, **options))


@asynccontextmanager
async def package_api(account: Account, *, warm: bool = True) -> AsyncIterator[Start]:
    """This package, tokens created by Daily."""
    async with package(account, warm=warm, token_source="api") as start:
        yield start


@asynccontextmanager
async def pool(account: Account, *, warm: bool = True, size: int = 5) -> AsyncIterator[Start]:
    """This package, rooms made ahead."""
    from pipecat_daily_rest import DailyRESTHelper, RoomPool

    async with (
        DailyRESTHelper(daily_api_key=account.key, daily_api_url=account.url) as daily,
        RoomPool(size=size, daily=daily) as rooms,
    ):
        yield _of_package(rooms.room)


@asynccontextmanager
async def _pipecats(account: Account, *, warm: bool) -> AsyncIterator[Any]:
    from pipecat.transports.daily.utils import DailyRESTHelper

    async with aiohttp.ClientSession() as session:
        if warm:
            key = {"Authorization": f"Bearer {account.key}"}
            async with session.get(f"{account.url}/", headers=key) as answer:
                await answer.read()
        yield DailyRESTHelper(
            daily_api_key=account.key, daily_api_url=account.url, aiohttp_session=session
        )


def _with_pipecat(make: Callable[[Any], Any]) -> Contender:
    @asynccontextmanager
    async def contender(account: Account, *, warm: bool = True) -> AsyncIterator[Start]:
        async with _pipecats(account, warm=warm) as helper:

            @asynccontextmanager
            async def start() -> AsyncIterator[Session]:
                session = await make(helper)
                yield session
                await helper.delete_room_by_url(session.url)

            yield start

    return contender


async def _create(helper: Any) -> str:
    from pipecat.transports.daily.utils import DailyRoomParams, DailyRoomProperties

    properties = DailyRoomProperties(exp=time.time() + LIFETIME, eject_at_room_exp=True)
    room = await helper.create_room(DailyRoomParams(privacy="private", properties=properties))
    return room.url


async def _configure(helper: Any) -> Session:
    from pipecat.runner.daily import configure

    # It takes the URL from DAILY_API_URL.
    config = await configure(helper.aiohttp_session, api_key=helper.daily_api_key)
    user = await helper.get_token(config.room_url, LIFETIME, owner=False)
    return Session(config.room_url, config.token, user)


async def _in_sequence(helper: Any) -> Session:
    url = await _create(helper)
    bot = await helper.get_token(url, LIFETIME)
    return Session(url, bot, await helper.get_token(url, LIFETIME, owner=False))


async def _gathered(helper: Any) -> Session:
    url = await _create(helper)
    tokens = (helper.get_token(url, LIFETIME, owner=owner) for owner in (True, False))
    return Session(url, *await asyncio.gather(*tokens))


@asynccontextmanager
async def bare(account: Account, *, warm: bool = True) -> AsyncIterator[Start]:
    """aiohttp alone, with the requests and bodies that this package sends. It makes no tokens."""
    key = {"Authorization": f"Bearer {account.key}"}
    async with aiohttp.ClientSession() as http:

        @asynccontextmanager
        async def start() -> AsyncIterator[Session]:
            body = {
                "name": f"bare-{secrets.token_hex(10)}",
                "privacy": "private",
                "properties": {
                    "exp": round(time.time() + LIFETIME, 3),
                    "enable_chat": False,
                    "enable_prejoin_ui": False,
                    "enable_emoji_reactions": False,
                    "eject_at_room_exp": True,
                    "start_video_off": False,
                },
            }
            async with http.post(f"{account.url}/rooms", json=body, headers=key) as answer:
                answer.raise_for_status()
                room = await answer.json()
            yield Session(room["url"], "", "")
            url = f"{account.url}/rooms/{room['name']}"
            async with http.delete(url, headers=key) as answer:
                answer.raise_for_status()
                await answer.json()

        yield start


CONTENDERS: dict[str, Contender] = {
    "package": package,
    "pool": pool,
    "package_api": package_api,
    "configure": _with_pipecat(_configure),
    "sequence": _with_pipecat(_in_sequence),
    "gathered": _with_pipecat(_gathered),
    "bare": bare,
}
LABELS = {
    "package": "this package",
    "pool": "this package, from a `RoomPool`",
    "package_api": 'this package, `token_source="api"`',
    "configure": "Pipecat's `configure()`, and a user token",
    "sequence": "Pipecat's helper, in sequence",
    "gathered": "Pipecat's helper, tokens gathered",
    "bare": "bare aiohttp",
}
PIPECATS = ("configure", "sequence", "gathered")
