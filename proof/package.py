# SPDX-License-Identifier: BSD-2-Clause
"""The wheel and the sdist: built, installed, and tried in an empty folder as a newcomer would."""

import os
import subprocess
import sys
from pathlib import Path

from proof.command import ROOT, CommandError

PROGRAM = """
import asyncio
from importlib.metadata import version

import pipecat_daily_rest
from pipecat_daily_rest import provisioned_room


async def main():
    assert "site-packages" in pipecat_daily_rest.__file__, pipecat_daily_rest.__file__
    async with provisioned_room() as room:
        print("room", room.name)
    print("version", version("pipecat-daily-rest"))


asyncio.run(main())
"""


def build(folder: Path) -> tuple[Path, Path]:
    """Build both from this repository; give the wheel and the sdist."""
    _run(sys.executable, "-m", "hatchling", "build", "--directory", folder, cwd=ROOT)
    return next(folder.glob("*.whl")), next(folder.glob("*.tar.gz"))


def tried(python: Path, folder: Path) -> str:
    """Use what is installed there: the commands, the examples, a local Daily, a room.

    Returns:
        What was said.

    Raises:
        CommandError: Something failed.
    """
    folder.mkdir()
    (folder / "program.py").write_text(PROGRAM, encoding="utf-8")
    ours = (python, "-m", "pipecat_daily_rest")
    said = _run(python.with_name("pipecat-daily-rest"), "--version", cwd=folder)
    _run(*ours, "demo", "--copy", "bots", cwd=folder)
    copied = {path.name for path in (folder / "bots").iterdir()}
    there = {path.name for path in (ROOT / "examples").iterdir()} - {"__pycache__"}
    if copied != there:
        msg = f"`demo --copy` is wrong about {', '.join(sorted(copied ^ there))}"
        raise CommandError(msg)
    return said + _run(*ours, "local", "--", python, "program.py", cwd=folder)


def _run(*command: str | Path, cwd: Path) -> str:
    clean = {"PYTHONPATH": "", "DAILY_API_KEY": "", "VIRTUAL_ENV": ""}
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **clean}, capture_output=True, text=True
    )
    if done.returncode:
        msg = f"{command[-1]} ended with {done.returncode}:\n{done.stdout}{done.stderr[-2000:]}"
        raise CommandError(msg)
    return done.stdout
