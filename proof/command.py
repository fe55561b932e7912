# SPDX-License-Identifier: BSD-2-Clause
"""Commands that a part runs."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]


class CommandError(Exception):
    """A command ended with another code than 0."""


async def run(
    *command: str | Path,
    env: Mapping[str, str] | None = None,
    cwd: Path = ROOT,
    codes: tuple[int, ...] = (0,),
) -> str:
    """Run a command to its end, and give what it printed; nothing of it outlives the call.

    Args:
        command: The program and its arguments.
        env: What it has beside this process's environment.
        cwd: Where it runs.
        codes: The exit codes that are fine.

    Raises:
        CommandError: It ended with another code.
    """
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, **(env or {})},
        cwd=cwd,
        start_new_session=True,
    )
    try:
        out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    said = out.decode(errors="replace")
    if process.returncode not in codes:
        shown = " ".join(map(str, command))[:200]
        msg = f"`{shown}` ended with {process.returncode}:\n{said[-3000:]}"
        raise CommandError(msg)
    return said
