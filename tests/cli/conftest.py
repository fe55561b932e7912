# SPDX-License-Identifier: BSD-2-Clause
import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from pipecat_daily_rest.local import LocalDaily

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
def command(tmp_path: Path) -> Command:
    """Runs a command in an empty folder, and gives its exit code, stdout and stderr."""

    async def run(*words: str, **environment: str) -> tuple[int, str, str]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pipecat_daily_rest", *words),
            env={**os.environ, **environment},
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        out, err = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    return run
