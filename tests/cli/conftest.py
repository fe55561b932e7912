# SPDX-License-Identifier: BSD-2-Clause
import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from pipecat_daily_rest.local import LocalDaily
from warm import Warm

Command = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest.fixture(autouse=True)
def _plain_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """No command is told how to print, or about a proxy."""
    proxies = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
    names = (each for name in proxies for each in (name, name.lower()))
    for name in (*names, "DAILY_TRUST_ENV", "PIPECAT_OUTPUT", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def daily(local_daily: LocalDaily, monkeypatch: pytest.MonkeyPatch) -> LocalDaily:
    """A local Daily that the environment names."""
    for name, value in local_daily.env().items():
        monkeypatch.setenv(name, value)
    return local_daily


@pytest.fixture
def command(tmp_path: Path, warm: Warm) -> Command:
    """Runs a command in an empty folder, and gives its exit code, stdout and stderr."""

    async def run(*words: str, **environment: str) -> tuple[int, str, str]:
        command = ("-m", "pipecat_daily_rest", *words)
        env = {**os.environ, **environment}
        process = await warm.start(*command, env=env, cwd=tmp_path, stdin=False)
        streams = (process.stdout.read(), process.stderr.read())
        code, out, err = await asyncio.gather(process.wait(), *streams)
        return code, out.decode(), err.decode()

    return run
