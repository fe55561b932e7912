# SPDX-License-Identifier: BSD-2-Clause
"""Fresh processes that do one job each; in a test of the benchmarks, forks."""

import asyncio
import json
import os
import random
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import IO, Any, TypeVar

from benchmarks.account import Account

T = TypeVar("T")

SEED = 7  # of the order in which the contenders take their turns
_forks: list[Any] = []  # the Python that workers are forked from, if any


@contextmanager
def forks() -> Iterator[None]:
    """Fork all workers of this block from a Python that has imported Pipecat: no time counts."""
    from warm import Warm  # of the tests

    with Warm() as warm:
        _forks.append(warm)
        yield
        _forks.clear()


class Worker:
    """A fresh process that does one job."""

    def __init__(self, process: Any, errors: IO[bytes]) -> None:
        self._process = process
        self._errors = errors

    async def answer(self) -> dict[str, Any]:
        """Wait for its next answer."""
        line = await self._process.stdout.readline()
        if not line:
            self._errors.seek(0)
            said = await self._process.stderr.read() if _forks else self._errors.read()
            shown = said.decode("utf-8", "replace")[-3000:]
            msg = f"A worker of the benchmarks failed:\n{shown}"
            raise RuntimeError(msg)
        return json.loads(line)

    def tell(self, value: Any = None) -> None:
        """Send it a line, so that it goes on."""
        self._process.stdin.write(json.dumps(value).encode() + b"\n")


@asynccontextmanager
async def worker(account: Account, job: str, **options: Any) -> AsyncIterator[Worker]:
    """Start a worker; it ends with the block."""
    # loguru writes as it does by default, into a file.
    where = {"DAILY_API_URL": account.url, "DAILY_API_KEY": account.key, "DAILY_ROOM_URL": ""}
    env = {**os.environ, **where}
    command = ("-m", "benchmarks.worker", job, json.dumps(options))
    with tempfile.TemporaryFile() as errors:
        process = (
            await _forks[0].start(*command, env=env)
            if _forks
            else await asyncio.create_subprocess_exec(
                *(sys.executable, *command),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                env=env,
            )
        )
        try:
            yield Worker(process, errors)
            process.stdin.close()
            await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def answer(account: Account, job: str, **options: Any) -> dict[str, Any]:
    """Run a worker that gives one answer."""
    async with worker(account, job, **options) as process:
        return await process.answer()


def in_turns(what: Sequence[T], rounds: int) -> Iterable[T]:
    """Each of them once in every round, in changing order, so that none gets all quiet moments."""
    order = random.Random(SEED)  # noqa: S311 - to be repeated, not to be secret
    for _ in range(rounds):
        yield from order.sample(what, len(what))


median = statistics.median
