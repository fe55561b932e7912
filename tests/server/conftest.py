# SPDX-License-Identifier: BSD-2-Clause
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

from pipecat_daily_rest._core import daily_module
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.server import Sessions
from programs import processes
from serving import BEHAVE
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
