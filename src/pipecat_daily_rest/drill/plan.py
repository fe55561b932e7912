# SPDX-License-Identifier: BSD-2-Clause
"""What is drilled, and how."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pipecat_daily_rest.errors import DailyConfigError

PORT = "{port}"  # in the command and the URL: a free port
DRILLS = ("storm", "away", "kill", "more-starts", "sigterm")  # in this order


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is drilled, and how.

    Parameters:
        command: The server's command; ``{port}`` in it is a free port.
        url: Where the server starts a call.
        calls: How many calls run in a drill.
        max_sessions: How many calls the server takes at once; None where that is not known.
        bot_process: Whether each bot has a process of its own, of which one is killed.
        talk: Seconds that calls go on after SIGTERM.
        away: Seconds that Daily's REST API does not answer.
        storm: Seconds that it answers 429.
        within: Seconds in which rooms have to be gone, and the server after its last call.
        only: The drills to do; all of them when empty.
        headers: Headers of each start.
        body: What the bots get as their body.
        log: The file to which the server's output is added; None for nowhere.
        api_key: The key that the local Daily accepts; a random one when None.
    """

    command: tuple[str, ...]
    url: str = ""
    calls: int = 3
    max_sessions: int | None = None
    bot_process: bool = False
    talk: float = 5.0
    away: float = 20.0
    storm: float = 10.0
    within: float = 60.0
    only: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Any = field(default_factory=dict)
    log: Path | None = None
    api_key: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            DailyConfigError: One is wrong, or two contradict each other.
        """
        if not self.command:
            msg = "Say which server to drill: drill -- pipecat-daily-rest serve bot.py"
            raise DailyConfigError(msg)
        if not self.url:
            port = PORT if any(PORT in word for word in self.command) else "7860"
            object.__setattr__(self, "url", f"http://127.0.0.1:{port}/start")
        try:
            parts = urlsplit(self.url.replace(PORT, "1"))
            usable = parts.scheme == "http" and parts.hostname and parts.port != 0
        except ValueError:
            usable = False
        if not usable:
            msg = "--url must look like http://127.0.0.1:7860/start."
            raise DailyConfigError(msg)
        for name in ("talk", "away", "storm", "within"):
            if not 0 <= getattr(self, name) < math.inf:
                msg = f"--{name} must be seconds, 0 or more."
                raise DailyConfigError(msg)
        for name in self.only:
            if name not in DRILLS:
                msg = f"There is no drill {name!r}: --only takes {', '.join(DRILLS)}."
                raise DailyConfigError(msg)
        if self.calls < 1:
            msg = "--calls must be 1 or more."
            raise DailyConfigError(msg)
        if self.max_sessions is not None and not self.calls <= self.max_sessions:
            msg = f"--calls {self.calls} are more than the server takes (--max-sessions)."
            raise DailyConfigError(msg)
