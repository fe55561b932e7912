# SPDX-License-Identifier: BSD-2-Clause
"""What tests of the session server share."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import uvicorn

from pipecat_daily_rest.server import Ended, ProcessLauncher, SessionSpec, TaskLauncher

BEHAVE = Path(__file__).parents[1] / "server" / "bots" / "behave.py"
STAY = {"do": "stay"}

LAUNCHERS: dict[str, Callable[[], Any]] = {
    "task": lambda: "task",
    "fork": lambda: ProcessLauncher(fork=True),
    "spawn": lambda: ProcessLauncher(fork=False),
    "another": lambda: "serving:OneLauncher",
}


class OneLauncher:
    """A launcher of somebody else's: whatever it is told it passes on to another one."""

    capacity = 5

    def __init__(self) -> None:
        self._other = TaskLauncher()

    async def open(self, bots: Any, running: Any) -> None:
        await self._other.open(bots, running)

    async def start(self, spec: SessionSpec) -> None:
        await self._other.start(SessionSpec(**json.loads(json.dumps(spec.to_json()))))

    async def stop(self, session_id: str, grace: float) -> None:
        await self._other.stop(session_id, grace)

    async def ended(self, session_id: str) -> Ended:
        return await self._other.ended(session_id)

    async def drain(self, grace: float) -> None:
        await self._other.drain(grace)


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[tuple[uvicorn.Server, int]]:
    """Serve an app in this process, and give the server and its port."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="on"))
    server.install_signal_handlers = lambda: None
    task = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    try:
        yield server, server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await task


async def raw(port: int, data: bytes, *, seconds: float = 60.0) -> str:
    """Send bytes on a connection of their own, and give all that comes until it is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        received = await asyncio.wait_for(reader.read(-1), seconds)
    finally:
        writer.close()
    return received.decode("latin-1")


async def until(condition: Callable[[], Any]) -> None:
    """Wait for what tells nobody that it has happened."""
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(0.01)


async def seen(calls: Path, session_id: str) -> Any:
    """What the bot of a session, `phoned.py`, got as its body."""
    file = calls / session_id
    await until(lambda: file.exists() and file.read_text())
    return json.loads(file.read_text())


def state_of(pid: int) -> str:
    """The state of a process by its letter in /proc: Z once it has ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


def family(pid: int) -> list[int]:
    """The processes that one has started, and those that these have started."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):  # it has just ended
            for child in map(int, task.read_text().split()):
                found += [child, *family(child)]
    return found


async def all_gone(pids: list[int]) -> None:
    """Wait until so many processes have ended."""
    await until(lambda: all(state_of(pid) == "Z" for pid in pids))
