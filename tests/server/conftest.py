# SPDX-License-Identifier: BSD-2-Clause
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from loguru import logger

from balancer import balanced
from pipecat_daily_rest._core import daily_module
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.server import Sessions
from pipecat_daily_rest.server.app import create_app
from programs import processes
from replicas import quick
from serving import BEHAVE, served
from warm import Warm


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has a host of its own."""
    monkeypatch.setenv("PIPECAT_DAILY_STATE", str(tmp_path / "state"))


@pytest.fixture
async def serve(
    local_daily: LocalDaily, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[..., Any]]:
    """Opens `Sessions` on the local Daily."""
    for name, value in local_daily.env().items():
        monkeypatch.setenv(name, value)
    async with AsyncExitStack() as stack:

        async def serve(bot: Any = BEHAVE, **options: Any) -> Sessions:
            given = {"max_sessions": 20, "launcher": "task", **options}
            return await stack.enter_async_context(Sessions(bot, **given))

        yield serve


@pytest.fixture
def said() -> Iterator[list[Any]]:
    """What is logged, as loguru's records."""
    records: list[Any] = []
    handler = logger.add(lambda message: records.append(message.record), level="DEBUG")
    yield records
    logger.remove(handler)


@pytest.fixture
async def start(tmp_path: Path, warm: Warm) -> AsyncIterator[Callable[..., Any]]:
    """Starts programs."""
    async with processes(tmp_path, warm) as start:
        yield start


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which the bot `phoned.py` writes what it got as its body."""
    folder = tmp_path / "calls"
    folder.mkdir()
    monkeypatch.setenv("CALLS", str(folder))
    return folder


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the processes of bots import the stand-in for daily-python."""
    monkeypatch.syspath_prepend(str(daily_module.FOLDER))


@pytest.fixture
def quick_fleet(redis: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers share a Redis, and tell each other within moments."""
    quick(monkeypatch)


@pytest.fixture
async def behind(serve: Callable[..., Any]) -> AsyncIterator[Callable[..., Any]]:
    """Opens replicas behind a balancer; gives them, and what asks the balancer."""
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(aiohttp.ClientSession())

        async def behind(number: int, **options: Any) -> tuple[list[Sessions], Any]:
            replicas = [await serve(**options) for _ in range(number)]
            urls = []
            for each in replicas:
                _, port = await stack.enter_async_context(served(create_app(each)))
                urls.append(f"http://127.0.0.1:{port}")
            url = await stack.enter_async_context(balanced(urls))

            async def ask(method: str, path: str, data: Any = None, **headers: str) -> Any:
                async with client.request(method, url + path, json=data, headers=headers) as answer:
                    return answer.status, await answer.json()

            return replicas, ask

        yield behind
