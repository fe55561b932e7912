# SPDX-License-Identifier: BSD-2-Clause
"""The machines of a Ray cluster: started on this one by the commands of docs/server.md."""

import asyncio
import os
import re
import secrets
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from proof.command import ROOT
from redis_server import RedisServer
from serving import all_gone, family

_PAGE = (ROOT / "docs" / "server.md").read_text("utf-8").partition("# on the head")[2]
HEAD, NODE, SERVER = re.findall(
    r"^(?:RAY_\S+ )?(?:ray start|pipecat-daily-rest serve) .*$",
    _PAGE.partition("```")[0],
    re.MULTILINE,
)


class Nodes:
    """A head and two machines that run bots, each the tree of processes of a `ray start`."""

    def __init__(self, home: Path, most: int) -> None:
        """Initialize; nothing is started yet."""
        self.redis = RedisServer()
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.address = f"127.0.0.1:{port}"
        self._home = home
        self._words = {
            "redis.internal:6379": f"127.0.0.1:{self.redis.port}",
            "head.internal:6379": self.address,
            "--port=6379": f"--port={port}",
            '"pipecat": 25': f'"pipecat": {most}',
        }
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, line: str, **env: str) -> "subprocess.Popen[bytes]":
        """Start a command of the page."""
        for there, here in self._words.items():
            line = line.replace(there, here)
        words = shlex.split(line)
        given = dict(word.split("=", 1) for word in words if re.match(r"[A-Z_]+=", word))
        command = [word for word in words if not re.match(r"[A-Z_]+=", word)]
        command[0] = str(Path(sys.executable).parent / command[0])
        with self._log(len(self._started)).open("wb") as log:
            process = subprocess.Popen(
                command,
                env={**os.environ, "HOME": str(self._home), **given, **env},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._started.append(process)
        return process

    @property
    def running(self) -> "list[subprocess.Popen[bytes]]":
        """The commands that have not ended."""
        return [each for each in self._started if each.poll() is None]

    async def says(self, process: "subprocess.Popen[bytes]", pattern: str) -> str | None:
        """Wait until a command prints a line, and give its first group; None if it ends before."""
        log = self._log(self._started.index(process))
        while process.poll() is None:
            if found := re.search(pattern, log.read_text("utf-8", "replace"), re.MULTILINE):
                return found[1]
            await asyncio.sleep(0.1)
        return None

    async def up(self, line: str) -> "subprocess.Popen[bytes]":
        """Start a machine; a busy one is started again, since Ray gives up after 30 s."""
        while True:
            process = self.start(line)
            if await self.says(process, "(Ray runtime started)"):
                return process

    def _log(self, number: int) -> Path:
        return self._home.with_name(f"said-{number}.log")

    async def kill(self, process: "subprocess.Popen[bytes]") -> None:
        """Kill a machine: all that its command has started."""
        pids = [process.pid, *family(process.pid)]
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()
        await all_gone(pids)
        # Another machine would not know that a head was here.
        (self._home.parent / "ray" / "ray_current_cluster").unlink(missing_ok=True)

    async def close(self) -> None:
        """Kill all of them."""
        for process in self.running:
            await self.kill(process)
        self.redis.stop()


@asynccontextmanager
async def nodes(folder: Path, most: int) -> AsyncIterator[Nodes]:
    """Start a cluster whose two machines take so many bots each."""
    home = folder / "home"
    home.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "token")
        patch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_gcs_rpc_server_reconnect_timeout_s", "600")
        patch.setenv("RAY_TMPDIR", str(folder))
        started = Nodes(home, most)
        patch.setenv("RAY_ADDRESS", started.address)
        started.redis.start()
        try:
            yield started
        finally:
            await started.close()
