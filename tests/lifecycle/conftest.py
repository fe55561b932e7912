# SPDX-License-Identifier: BSD-2-Clause
import asyncio
import sys
from pathlib import Path

import pytest
from stepping import factory

from programs import Program, processes
from timings import set_timings

BOTS = Path(__file__).parent / "bots"
COMMAND = [sys.executable, "-m", "pipecat_daily_rest"]
WITHOUT_DAILY = """
import sys
from importlib.machinery import PathFinder

class WithoutDaily(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        spec = PathFinder.find_spec(name, path, target)
        if name == "daily" and spec and "stand_in" not in str(spec.origin):
            return None
        return spec

sys.meta_path[sys.meta_path.index(PathFinder)] = WithoutDaily
"""


@pytest.fixture
def without_daily(tmp_path):
    """An environment in which daily-python is not installed, wherever it is; the stand-in may be."""
    site = tmp_path / "without_daily"
    site.mkdir()
    (site / "sitecustomize.py").write_text(WITHOUT_DAILY)
    return {"PYTHONPATH": str(site)}


@pytest.fixture
async def counted(monkeypatch):
    """Every wait of a driven session is counted. It looks again soon, and a deletion may take a minute."""
    set_timings(monkeypatch, look_again=(0.05, 0.2), delete=60.0)
    asyncio.get_running_loop().set_task_factory(factory)


@pytest.fixture
async def start(tmp_path, warm):
    async with processes(tmp_path, warm) as start:
        yield start


@pytest.fixture
def run_bot(start, local_daily):
    """Starts `run` with one of the bots against the test's own local Daily."""

    async def run_bot(name, *options, env=None) -> Program:
        return await start(
            *COMMAND, "run", BOTS / f"{name}.py", *options, env={**local_daily.env(), **(env or {})}
        )

    return run_bot
