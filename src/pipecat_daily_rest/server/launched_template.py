# SPDX-License-Identifier: BSD-2-Clause
"""The process that bots are forked from, as its launcher sees it."""

import asyncio
import json
import os
import socket
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from loguru import logger

from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.server.bot_program import BotProgram
from pipecat_daily_rest.server.process_template import TEMPLATE

BOOT = 60.0  # seconds in which a template or a child has to import what it needs


class LaunchedTemplate:
    """A template process, from its start to its end."""

    def __init__(self, process: asyncio.subprocess.Process, wire: socket.socket) -> None:
        """Initialize; see `start`."""
        self._process = process
        self._wire = wire

    @classmethod
    async def start(
        cls, preload: Iterable[str], bots: Iterable[str], program: BotProgram | None = None
    ) -> "LaunchedTemplate | None":
        """Start a template; None, with a warning, when it holds threads: it cannot be forked from.

        Raises:
            DailyConfigError: It cannot import what it is to import.
        """
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-c", f"from {TEMPLATE} import main; main()", str(theirs.fileno())),
                pass_fds=(theirs.fileno(),),
                stdin=asyncio.subprocess.DEVNULL,
                start_new_session=True,
                env=_limited(os.environ),
            )
        template = cls(process, ours)
        try:
            modules = {"preload": list(preload), "bots": list(bots)}
            message = {"path": sys.path, **modules, "program": program and asdict(program)}
            answer = await asyncio.wait_for(template._ask(message), BOOT)
            if "error" in answer:
                raise DailyConfigError(str(answer["error"]))
        except BaseException:
            await template.close(0.0)
            raise
        if not answer.get("threads"):
            return template
        logger.warning(
            "Bots are started anew, which takes seconds, and not forked: what was imported runs "
            "threads ({}).",
            ", ".join(answer["threads"]),
        )
        await template.close()
        return None

    async def _ask(self, message: Mapping[str, Any]) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        received = b""
        try:
            await loop.sock_sendall(self._wire, json.dumps(message).encode() + b"\n")
            while not received.endswith(b"\n"):
                part = await loop.sock_recv(self._wire, 1 << 16)
                if not part:
                    raise ConnectionError
                received += part
        except ConnectionError:
            msg = "The process that bots are forked from ended while it imported its modules."
            raise DailyConfigError(msg) from None
        answer: dict[str, Any] = json.loads(received)
        return answer

    async def fork(self) -> tuple[socket.socket, socket.socket]:
        """Fork a child; give the sockets of its orders and of its answers.

        These are two, since a thread of the child waits for orders: the kernel would keep one
        that served both ways open after the bot has closed it.

        Raises:
            ConnectionError: The template has died.
        """
        (orders, its_orders), (answers, its_answers) = socket.socketpair(), socket.socketpair()
        try:
            with its_orders, its_answers:
                # One byte for each child: the template forks when its descriptors arrive.
                theirs = [its_orders.fileno(), its_answers.fileno()]
                while True:
                    try:
                        socket.send_fds(self._wire, [b"f"], theirs)
                    except BlockingIOError:  # many starts at once
                        await asyncio.sleep(0.01)
                    else:
                        return orders, answers
        except BaseException:
            orders.close()
            answers.close()
            raise

    async def close(self, grace: float = 5.0) -> None:
        """End it, by force after ``grace`` seconds; the children go on."""
        self._wire.close()
        try:
            await asyncio.wait_for(self._process.wait(), grace)
        except TimeoutError:
            with suppress(ProcessLookupError):  # it has ended just now
                self._process.kill()
            await self._process.wait()


def _limited(env: Mapping[str, str]) -> dict[str, str]:
    """Limit native thread pools, which a fork does not copy: importing Pipecat would start some."""
    pools = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return {**dict.fromkeys(pools, "1"), **env}
