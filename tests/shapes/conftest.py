# SPDX-License-Identifier: BSD-2-Clause
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from pipecat_daily_rest.local import LocalDaily
from programs import Program, processes
from warm import Warm

BOTS = Path(__file__).with_name("bots")


@pytest.fixture
async def start(
    tmp_path: Path, local_daily: LocalDaily, warm: Warm
) -> AsyncIterator[Callable[..., Awaitable[Program]]]:
    """Starts a bot: ``await start(name, *arguments, run=…)``.

    By Python as it is, or under ``pipecat-daily-rest run``. All that it has of the local Daily, and
    of `llm`, `stt` and `tts`, is its environment.
    """
    async with processes(tmp_path, warm) as start:

        async def bot(name: str, *arguments: str, run: bool = False) -> Program:
            runner = ("-m", "pipecat_daily_rest", "run") if run else ()
            return await start(
                *(sys.executable, *runner, BOTS / f"{name}.py", *arguments),
                env=local_daily.env(),
            )

        yield bot
