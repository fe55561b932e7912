# SPDX-License-Identifier: BSD-2-Clause
"""The stand-in accepts and refuses what daily-python does, argument by argument.

`daily_python_grid.json` has the answers of the compiled module to the cases of `grid`; ``make
snapshot`` renews it.
"""

import importlib.util
import json
import os
import sys
from pathlib import Path

import grid
import pytest

from pipecat_daily_rest.local.server import STAND_IN

HERE = Path(__file__).parent
REAL: dict[str, str] = json.loads((HERE / "daily_python_grid.json").read_text())
NO_DAILY = importlib.util.find_spec("daily") is None

# A local room refuses an empty name of a custom track. By row and column.
NAMES = {
    ("add_custom_audio_track(track_name)", grid.AS_ARGUMENTS.index("")),
    ("update_custom_audio_track(track_name)", grid.AS_ARGUMENTS.index("")),
}


def rows(*, stand_in: bool) -> dict[str, str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if stand_in:
        environment["PYTHONPATH"] = str(STAND_IN)
    return grid.rows(sys.executable, environment)


def test_every_argument_is_accepted_or_refused_as_by_daily_python() -> None:
    ours = rows(stand_in=True)
    assert ours.keys() == REAL.keys()
    differences = [
        (row, column, theirs, letter)
        for row, letters in ours.items()
        for column, (theirs, letter) in enumerate(zip(REAL[row], letters, strict=True))
        if letter != theirs
        # Where the compiled module aborts its process, the stand-in refuses in some way.
        and not (theirs == "X" and letter not in "aX?")
        and (row, column) not in NAMES
    ]
    assert differences == []


def test_the_grid_covers_every_argument() -> None:
    letters = "".join(REAL.values())
    assert len(letters) > 10_000
    assert set(letters) <= set(grid.LETTERS)
    assert min(letters.count("a"), letters.count("r"), letters.count("T")) > 500
    surface = json.loads((HERE / "daily_python.json").read_text())["classes"]
    for name, real in surface.items():
        calls = {name: real["call"]} if name != "EventHandler" else {}
        if name not in ("EventHandler", "LogLevel"):
            prefix = "" if name == "CallClient" else f"{name}."
            calls |= {f"{prefix}{member}": given for member, given in real["members"].items()}
        for call, parameters in calls.items():
            for parameter, *_ in parameters if isinstance(parameters, list) else ():
                completes = parameter == "completion" and name == "CallClient"
                if call != "Daily.init" and not completes:  # a process has one init
                    assert f"{call}({parameter})" in REAL


@pytest.mark.real_daily
@pytest.mark.skipif(NO_DAILY, reason="daily-python is not installed")
def test_the_grid_is_what_the_installed_daily_python_answers() -> None:
    assert rows(stand_in=False) == REAL
