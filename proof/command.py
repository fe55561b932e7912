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
    """A command failed."""


async def run(
    *command: str | Path,
    env: Mapping[str, str] | None = None,
    cwd: Path = ROOT,
    codes: tuple[int, ...] = (0,),
) -> str:
    """Run a command and give what it printed; raise `CommandError` unless its code is in ``codes``.

    ``env`` is added to this process's environment. The command never outlives the call.
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
