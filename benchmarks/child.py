# SPDX-License-Identifier: BSD-2-Clause
"""Child processes with their own work and CPU time, which a benchmark commands.

The parent sends commands as JSON lines on stdin, and the child answers on stdout. It ends with its
stdin.
"""

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Any, Self

from loguru import logger

_ROOT = Path(__file__).parents[1]
_PATH = (_ROOT, _ROOT / "src/pipecat_daily_rest/local/bot/stand_in", _ROOT / "tests/support")
_END = 10.0  # seconds


class Child:
    """One process, while the block runs."""

    def __init__(self, module: str) -> None:
        """Initialize with the module that it runs, as ``rooms_bots``, which calls `serve`."""
        self._module = module

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", f"benchmarks.{self._module}"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, _PATH))},
            start_new_session=True,
            limit=2**24,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), _END)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def do(self, what: str, **options: Any) -> Any:
        """Send a command, and give its answer."""
        self._process.stdin.write(json.dumps([what, options]).encode() + b"\n")
        line = await self._process.stdout.readline()
        if not line:
            msg = f"The process of {self._module} has ended."
            raise RuntimeError(msg)
        return json.loads(line)

    async def cpu(self) -> float:
        """Give the CPU time that it has used, in seconds."""
        return await self.do("cpu")


async def serve(commands: object) -> None:
    """Carry out the parent's commands: each is an async method."""
    logger.remove()
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader(limit=2**24)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        what, options = json.loads(line)
        answer = time.process_time() if what == "cpu" else await getattr(commands, what)(**options)
        print(json.dumps(answer), flush=True)
