# SPDX-License-Identifier: BSD-2-Clause
"""Shorter waits for tests, and for the programs that they start."""

import json
import os
from typing import Any

import pytest

from pipecat_daily_rest._core.timings import VARIABLE, Timings


def timings_env(**seconds: Any) -> dict[str, str]:
    """The environment of a program that waits this long; see `Timings` for the names."""
    given = {**json.loads(os.environ.get(VARIABLE, "{}")), **seconds}
    Timings(**given)
    return {VARIABLE: json.dumps(given)}


def set_timings(monkeypatch: pytest.MonkeyPatch, **seconds: Any) -> None:
    """From now on what is made in this test waits this long."""
    for name, value in timings_env(**seconds).items():
        monkeypatch.setenv(name, value)
