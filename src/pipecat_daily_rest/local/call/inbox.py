# SPDX-License-Identifier: BSD-2-Clause
"""Waiting until something has changed as wanted, and for events."""

import asyncio
import json
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pipecat_daily_rest.local.arguments import must_be
from pipecat_daily_rest.local.call.budget import BUDGET
from pipecat_daily_rest.local.rules.strict_json import size_of

T = TypeVar("T")

_MOST_TOLD = 5  # values in a message
_MOST_TEXT = 200  # characters of each


class Waiters:
    """Those who wait until something has changed as wanted."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()

    def wake(self) -> None:
        """Have everybody who waits look again."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def until(
        self,
        check: Callable[[], T | None],
        timeout: float | None,  # noqa: ASYNC109
        failed: Callable[[], str],
        *,
        instead: Callable[[], str] = str,
        pause: float = 0.0,
    ) -> T:
        """Wait until ``check`` gives something.

        ``failed`` says what did not happen in time, ``instead`` what did. ``timeout`` is in seconds,
        and so is ``pause``, between two looks.
        """
        must_be(float | None, timeout=timeout)
        allowed = BUDGET.of(timeout)
        try:
            async with asyncio.timeout(allowed):
                while not (result := check()):
                    await self._changed.wait()
                    await asyncio.sleep(pause)
                return result
        except TimeoutError:
            came = instead()
            msg = f"{failed()} within {allowed:g} s{came and f'. {came}'}"
            raise TimeoutError(msg) from None


@dataclass(eq=False)
class _Entry:
    event: dict[str, Any]
    size: int
    taken: bool = False


class Inbox(Waiters):
    """Events in order, and waiting for one. Each is given once.

    It holds the latest ``most`` events of up to ``most_bytes`` of JSON, and always the last one.
    """

    def __init__(self, most: int | None = None, most_bytes: int | None = None) -> None:
        super().__init__()
        self._most, self._most_bytes = most, most_bytes
        self._entries: deque[_Entry] = deque()
        self._bytes = 0

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events, in order."""
        return [entry.event for entry in self._entries]

    def put(self, event: dict[str, Any]) -> None:
        """Add an event."""
        size = 0 if self._most_bytes is None else size_of(event)
        self._entries.append(_Entry(event, size))
        self._bytes += size
        while len(self._entries) > 1 and self._is_full():
            self._bytes -= self._entries.popleft().size
        self.wake()

    def _is_full(self) -> bool:
        most_bytes, most = self._most_bytes, self._most
        too_many = most is not None and len(self._entries) > most
        return too_many or (most_bytes is not None and self._bytes > most_bytes)

    async def take(
        self,
        name: str,
        where: Callable[[dict[str, Any]], bool] | None,
        timeout: float,  # noqa: ASYNC109
        who: str,
    ) -> dict[str, Any]:
        """Wait for the next event of that name for which ``where`` is true, or take one from here.

        ``timeout`` is in seconds; ``who`` waits, which the error says.
        """
        must_be(str, name=name)
        must_be(Callable | None, where=where)

        def find() -> dict[str, Any] | None:
            for entry in self._entries:
                event = entry.event
                fits = event["event"] == name and (where is None or where(event))
                if fits and not entry.taken:
                    entry.taken = True
                    return event
            return None

        def came() -> str:
            same = [entry.event for entry in self._entries if entry.event["event"] == name]
            if same:
                return f"Only these came of that name, and each is given once: {tell(same)}"
            counts = Counter(entry.event["event"] for entry in self._entries)
            others = ", ".join(f"{other} ({count})" for other, count in counts.items())
            return f"What came: {others or 'nothing'}"

        return await self.until(find, timeout, lambda: f"{who} did not get {name!r}", instead=came)


def tell(values: Sequence[Any]) -> str:
    """Give the latest values for a message, as JSON, cut to a readable length."""
    texts = [json.dumps(value, ensure_ascii=False, default=repr) for value in values[-_MOST_TOLD:]]
    cut = [text if len(text) <= _MOST_TEXT else f"{text[:_MOST_TEXT]}…" for text in texts]
    return ", ".join(cut) or "none"
