# SPDX-License-Identifier: BSD-2-Clause
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from pipecat_daily_rest._core import daily_module
from programs import processes
from sounds import tone_file
from warm import Warm

BOTS = Path(__file__).parent / "bots"
SUPPORT = Path(__file__).parents[1] / "support"


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has a host of its own, and its bots find the helpers of the tests."""
    monkeypatch.setenv("PIPECAT_DAILY_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("PIPECAT_DAILY_LOG_LEVEL", "CRITICAL")
    for name in ("DAILY_API_KEY", "DAILY_API_URL", "PIPECAT_SETUP_FILES", "PIPECAT_OUTPUT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.syspath_prepend(str(SUPPORT))
    monkeypatch.syspath_prepend(str(daily_module.FOLDER))
    monkeypatch.setenv("PYTHONPATH", f"{daily_module.FOLDER}:{SUPPORT}")


@pytest.fixture
def question(tmp_path: Path) -> Path:
    """A short question: a tone."""
    return tone_file(tmp_path / "question.wav", 440, 0.3)


@pytest.fixture
async def start(tmp_path: Path, warm: Warm) -> AsyncIterator[Callable[..., Any]]:
    """Starts programs."""
    async with processes(tmp_path, warm) as start:
        yield start
