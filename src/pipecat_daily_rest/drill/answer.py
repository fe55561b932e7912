# SPDX-License-Identifier: BSD-2-Clause
"""What a server answered to a start, whatever it sent. No I/O."""

import json
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit

from pipecat_daily_rest._core.secret import masked

_SHOWN = 200  # characters of an answer that a sentence shows
_ROOM = ("dailyRoom", "room_url", "url")  # members of an answer, by Pipecat's clients
_TOKEN = ("dailyToken", "token")


@dataclass(frozen=True)
class Answer:
    """What the server answered to a start.

    Parameters:
        status: The HTTP status; None where no answer came.
        says: The answer's text, or why there is none; no secret is in it.
        content: The answer's JSON object; empty where there is none.
    """

    status: int | None
    says: str
    content: dict[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, status: int, raw: bytes, secrets: Collection[str]) -> Self:
        """Read an answer, of which a sentence may show all but the secrets."""
        says = masked(raw.decode("utf-8", "replace"), *secrets)[:_SHOWN]
        says = "".join(each if each.isprintable() else " " for each in says)
        content = None
        with suppress(ValueError, RecursionError):
            content = json.loads(raw)
        return cls(status, says, content if isinstance(content, dict) else {})

    @property
    def started(self) -> bool:
        """Whether there is a call now."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def room(self) -> str:
        """The name of the call's room; "" where the answer has no URL of one."""
        with suppress(ValueError):
            return urlsplit(self._first(_ROOM)).path.strip("/")
        return ""

    @property
    def token(self) -> str:
        """The caller's token; "" without one."""
        return self._first(_TOKEN)

    def _first(self, names: Collection[str]) -> str:
        found = (self.content.get(name) for name in names)
        return next((each for each in found if each and isinstance(each, str)), "")

    def __str__(self) -> str:
        """Give it as a part of a sentence."""
        return f"no answer ({self.says})" if self.status is None else f"{self.status} {self.says}"
