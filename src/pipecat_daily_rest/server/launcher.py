# SPDX-License-Identifier: BSD-2-Clause
"""Where a bot runs is a launcher's business: in this process, in a child, on another machine.

A launcher never repeats a start by itself: no session starts twice.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from pipecat_daily_rest._core.secret import hide_account_key, secret

Outcome = Literal["finished", "error", "lost"]
Told = Callable[[str, Mapping[str, Any]], None]  # a session's id, and what its bot has measured


@dataclass(frozen=True, kw_only=True)
class SessionSpec:
    """What a launcher needs to run a bot. All of it is JSON.

    Parameters:
        session_id: The session's id.
        bot: The bot, as ``module:function`` or the path of a file.
        agent: The bot's name.
        room_name: The room's name; None for a session without a room.
        room_url: The room's URL; None for a session without a room.
        token: The bot's meeting token; None for a session without a room.
        body: What the bot gets as ``runner_args.body``. It may hold secrets.
        traceparent: The span that the bot's spans belong to, as W3C's header; None without traces.
    """

    session_id: str
    bot: str
    agent: str
    room_name: str | None = None
    room_url: str | None = None
    token: str | None = field(default=None, repr=False)
    body: Any = field(default=None, repr=False)
    traceparent: str | None = None

    def __post_init__(self) -> None:
        """Keep the token and the account's key from being shown."""
        object.__setattr__(self, "token", secret(self.token))
        object.__setattr__(self, "body", hide_account_key(self.body))

    def to_json(self) -> dict[str, Any]:
        """Give the fields as JSON."""
        return {**self.__dict__, "token": self.token and str(self.token)}


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a bot has ended.

    Parameters:
        outcome: ``finished`` when the bot returned or was cancelled, ``error`` when it raised,
            ``lost`` when its process died.
        error: What it raised, or how its process died, as one line without secrets.
    """

    outcome: Outcome
    error: str | None = None


class Launcher(Protocol):
    """Runs bots. Every launcher passes the contract suite, ``tests/server/test_launchers.py``.

    Two methods are optional. ``async ready() -> bool`` tells whether it would take a bot.
    ``listen(told)`` is called before `open` with a function that takes a session's id and what its
    bot has measured, as JSON: without it there are no latencies and no usage. Where bots run,
    `run_session` measures them.
    """

    @property
    def capacity(self) -> int | None:
        """How many bots it can run at once; None when it sets no limit."""

    async def open(self, bots: Mapping[str, str], running: Callable[[str], None]) -> None:
        """Get ready.

        Args:
            bots: Every bot, by its name, as ``module:function`` or the path of a file.
            running: To be called with a session's id when its bot's code begins to run.

        Raises:
            DailyConfigError: A bot cannot be loaded.
        """

    async def start(self, spec: SessionSpec) -> None:
        """Start a bot, once. It returns when the bot is on its way.

        Raises:
            StartFailed: It could not be started.
        """

    async def stop(self, session_id: str, grace: float) -> None:
        """Tell a bot to end, and end it by force after ``grace`` seconds, where that is possible.

        Somebody may be in a hurry: then this call is cancelled, and made again with fewer seconds.
        A bot that has ended, or that was never started, needs nothing.
        """

    async def ended(self, session_id: str) -> Ended:
        """Wait for the end of a bot. Called once for each start."""

    async def drain(self, grace: float) -> None:
        """End: all bots have ``grace`` seconds; nothing of this launcher runs afterwards."""


LauncherFactory = Callable[[], Launcher]
OnEnd = Callable[[Any], Awaitable[None] | None]
