# SPDX-License-Identifier: BSD-2-Clause
"""The connection of a server to a Ray cluster, which has to have a token."""

import asyncio
import logging
import os
import secrets
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Self

import ray
from ray._raylet import Config  # type: ignore[attr-defined]
from ray.exceptions import RayError
from ray.experimental.internal_kv import _internal_kv_get

from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.server.error_line import one_line

LOCAL = "local"  # the address of a Ray that is started on this machine, and ends with the server
HEAD_IS_LOST = "should it be lost, all calls end a minute later"  # of a head without Redis


def address() -> str:
    """Give the address of the cluster in the environment."""
    return os.environ.get("RAY_ADDRESS") or LOCAL


def authenticate(*, is_local: bool) -> None:
    """Have a token: without one whoever reaches Ray's ports runs what they want there.

    Ray would write one of a new cluster into the home folder.

    Raises:
        DailyConfigError: There is none, or it is not wanted.
    """
    if os.environ.get("RAY_AUTH_MODE", "token").lower() != "token":
        msg = (
            "RAY_AUTH_MODE: without a token everybody who reaches Ray's ports runs code on its "
            "machines. Set it to 'token' on all of them, and RAY_AUTH_TOKEN to the same secret."
        )
        raise DailyConfigError(msg)
    given = os.environ.get("RAY_AUTH_TOKEN") or os.environ.get("RAY_AUTH_TOKEN_PATH")
    if not given and not (Path.home() / ".ray" / "auth_token").exists():
        if not is_local:
            msg = (
                "RAY_AUTH_TOKEN: set it to the token of the Ray cluster. Start each of its machines "
                "with it, and with RAY_AUTH_MODE=token."
            )
            raise DailyConfigError(msg)
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_urlsafe(32)
    os.environ["RAY_AUTH_MODE"] = "token"
    Config.initialize("")  # Ray has read the variables when it was imported


class Ray:
    """A connection to a cluster, and a thread for the calls of Ray's that may block.

    The thread is a daemon, so that such a call holds up no end, and it does not end: Linux ends what
    a thread has started, as Ray's processes, with this thread.
    """

    def __init__(self) -> None:
        """Initialize; the environment has the cluster's address."""
        self.address = address()
        self._work: SimpleQueue[Callable[[], None]] | None = None
        self._connected = False  # here, and not by the program before

    async def __aenter__(self) -> Self:
        """Connect, unless the program has done that.

        Raises:
            DailyConfigError: There is none, or it is open to everybody.
        """
        if ray.is_initialized():
            return self
        if self.address.startswith("ray://"):
            msg = "RAY_ADDRESS: Ray's client has no part here: pass the head as host:port."
            raise DailyConfigError(msg)
        os.environ.setdefault(
            "RAY_TQDM_PATCH_PRINT", "0"
        )  # Ray would replace print() in this process
        logging.getLogger("ray").setLevel(logging.ERROR)  # it warns of signals that are ours
        given: dict[str, Any] = {"address": self.address, "configure_logging": False}
        is_local = self.address == LOCAL
        authenticate(is_local=is_local)
        if is_local:
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
            given |= {"include_dashboard": False, "object_store_memory": 80 << 20, "num_cpus": 0}
        try:
            await self.call(partial(ray.init, **given, log_to_driver=is_local))
        except (RayError, OSError, RuntimeError, ValueError) as exc:
            msg = (
                f"Ray at {self.address} cannot be reached ({one_line(exc)}). Check RAY_ADDRESS, and that "
                "RAY_AUTH_MODE is 'token' there and RAY_AUTH_TOKEN the same."
            )
            raise DailyConfigError(msg) from exc
        self._connected = True
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let go of the cluster; one that was started here ends."""
        if self._connected:
            self._connected = False
            await self.call(ray.shutdown)

    async def is_behind_redis(self) -> bool:
        """Tell whether the head keeps what it knows in Redis, which it tells its nodes."""
        name = b"extra_usage_tag_gcs_storage"
        return bool(
            await self.call(lambda: _internal_kv_get(name, namespace=b"usage_stats")) == b"redis"
        )

    async def call(self, function: Callable[[], Any]) -> Any:
        """Call a function there and give what it returns."""
        if self._work is None:
            self._work = SimpleQueue()
            threading.Thread(target=self._run, args=(self._work,), name="ray", daemon=True).start()
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Any] = loop.create_future()

        def tell(give: Callable[[Any], None], what: Any) -> None:
            if not done.done():
                give(what)

        def work() -> None:
            try:
                answer, give = function(), done.set_result
            except BaseException as exc:
                answer, give = exc, done.set_exception
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(tell, give, answer)

        self._work.put(work)
        return await done

    @staticmethod
    def _run(work: "SimpleQueue[Callable[[], None]]") -> None:
        while True:
            work.get()()
