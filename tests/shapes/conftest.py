# SPDX-License-Identifier: BSD-2-Clause
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from pipecat_daily_rest.local import LocalDaily
from programs import Program, processes
from providers import Provider
from warm import Warm

BOTS = Path(__file__).with_name("bots")


@pytest.fixture
async def provider() -> AsyncIterator[Callable[..., Awaitable[Provider]]]:
    """Gives a provider: ``await provider(answer, transcript=…, tones=…)``."""
    async with AsyncExitStack() as stack:

        async def provider(answer: Any = lambda messages: "Yes.", **options: Any) -> Provider:
            return await stack.enter_async_context(Provider(answer, **options))

        yield provider


@pytest.fixture
async def start(
    tmp_path: Path, local_daily: LocalDaily, warm: Warm
) -> AsyncIterator[Callable[..., Awaitable[Program]]]:
    """Starts a bot: ``await start(name, provider, *arguments, run=…)``.

    By Python as it is, or under ``pipecat-daily-rest run``. All that it has of the local Daily is
    its environment.
    """
    async with processes(tmp_path, warm) as start:

        async def bot(name: str, provider: Provider, *arguments: str, run: bool = False) -> Program:
            runner = ("-m", "pipecat_daily_rest", "run") if run else ()
            return await start(
                *(sys.executable, *runner, BOTS / f"{name}.py", *arguments),
                env={**local_daily.env(), **provider.env()},
            )

        yield bot
