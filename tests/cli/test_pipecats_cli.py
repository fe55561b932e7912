# SPDX-License-Identifier: BSD-2-Clause
"""``pipecat daily …`` is ``pipecat-daily-rest …``; and what loading the commands costs Pipecat's CLI."""

import asyncio
import os
import subprocess
import sys

import pytest

from pypi import pipecats_cli

# Of Pipecat's CLI alone: other plugins in this environment are not asked.
PIPECAT = """
import importlib.metadata as metadata, sys
find = metadata.entry_points
metadata.entry_points = lambda **given: [each for each in find(**given) if each.name == "daily"]
from pipecat.cli.main import run
sys.argv[0] = "pipecat"
run()
"""
HEAVY = ("aiohttp", "loguru", "numpy", "pipecat", "asyncio", "jwt", "dotenv")


@pytest.fixture
def pipecat(tmp_path):
    """Runs Pipecat's CLI, and gives its exit code, stdout and stderr."""

    async def run(*words, **environment):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", PIPECAT, *words),
            env={**os.environ, "PYTHONPATH": str(pipecats_cli()), "COLUMNS": "100", **environment},
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        out, err = await process.communicate()
        return process.returncode, out.decode(), err.decode()

    return run


async def test_the_commands_are_there_as_pipecat_daily(pipecat, command):
    code, out, err = await pipecat("--help")
    assert code == 0, err
    assert "daily" in out
    assert "plugin, which failed to load" not in err
    _, ours, _ = await command("version", "--output", "json")
    assert (await pipecat("daily", "version", "--output", "json"))[:2] == (0, ours)
    assert (await pipecat("daily", "--version"))[1].startswith("pipecat-daily-rest ")


async def test_they_do_the_same(pipecat, command, daily):
    made = await pipecat("daily", "rooms", "create", "--name", "demo")
    assert made[:2] == (0, f"{daily.url}/demo\n")
    words = ("rooms", "list", "--output", "json")
    assert (await pipecat("daily", *words))[:2] == (await command(*words))[:2]
    code, _, err = await pipecat("daily", "rooms", "delete", "dmeo", "--yes")
    assert code == 1
    assert "\nError: Room" in err


async def test_a_command_may_have_a_child_and_take_signals(pipecat):
    code, out, err = await pipecat(
        "daily", "local", "--port", "0", "--", "python", "-c", "print(5)"
    )
    assert (code, out.splitlines()[-1]) == (0, "5"), err


def test_help_loads_only_what_typer_needs():
    code = f"""
import sys
from pipecat_daily_rest.cli import app
try:
    app(["run", "--help"], prog_name="pipecat-daily-rest")
except SystemExit:
    print("loaded:", sorted(set({HEAVY!r}) & sys.modules.keys()))
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    assert "loaded: []" in said
