# SPDX-License-Identifier: BSD-2-Clause
"""What a test asks about the requests that its local Daily got."""

import re
from collections.abc import Iterable
from typing import Any

from pipecat_daily_rest.local.arguments import must_be
from pipecat_daily_rest.local.rest.journal import Request
from pipecat_daily_rest.testing.daily_thread import DailyThread


class Requests:
    """The part of `LocalDailyFixture` for the requests."""

    def __init__(self, thread: DailyThread) -> None:
        self._thread = thread

    @property
    def requests(self) -> list[Request]:
        """The requests that the REST API got, in order of arrival; keys and tokens are masked."""
        return self._thread.call(lambda: list(self._thread.daily.requests))

    def requests_to(self, method: str, path: str, /, **body: Any) -> list[Request]:
        """Pick from the requests.

        Args:
            method: The HTTP method, or ``*`` for all.
            path: The path below ``/v1``, as in `fail`.
            **body: What the body holds at least; an object may hold more than is named here.

        Returns:
            The requests, in order of arrival.
        """
        return [
            request for request in _to(self.requests, method, path) if _holds(request.body, body)
        ]

    def assert_requested(
        self, method: str, path: str, /, *, times: int | None = None, **body: Any
    ) -> list[Request]:
        """Check that a request came.

        For instance::

            local_daily.assert_requested("POST", "/rooms", privacy="private", times=1)
            local_daily.assert_requested("POST", "/rooms", properties={"enable_chat": True})

        Args:
            method: The HTTP method, or ``*`` for all.
            path: The path below ``/v1``, as in `fail`.
            times: How often exactly; at least once when None.
            **body: What the body held at least; an object may hold more than is named here.

        Returns:
            The requests that it found.

        Raises:
            AssertionError: It did not come; the message lists the requests that did.
            DailyConfigError: An argument has the wrong type or value.
        """
        must_be(int | None, times=times)
        __tracebackhide__ = True
        requests = self.requests
        to = _to(requests, method, path)
        found = [request for request in to if _holds(request.body, body)]
        if len(found) != times if times is not None else not found:
            wanted = "no request" if times is None else f"{len(found)} requests, not {times},"
            holding = f" with {body}" if body else ""
            others = "these did" if to else f"none to {path} at all, but"
            came = lines(map(str, to or requests))
            msg = f"{wanted} came to {method} {path}{holding}; {others}:{came}"
            raise AssertionError(msg)
        return found

    def assert_not_requested(self, method: str, path: str, /, **body: Any) -> None:
        """Check that no request came.

        Args:
            method: The HTTP method, or ``*`` for all.
            path: The path below ``/v1``, as in `fail`.
            **body: What the body held at least.

        Raises:
            AssertionError: One came.
        """
        __tracebackhide__ = True
        self.assert_requested(method, path, times=0, **body)


def _to(requests: list[Request], method: str, path: str) -> list[Request]:
    must_be(str, method=method, path=path)
    pattern = ".*" if path == "*" else "[^/]+".join(map(re.escape, path.split("*")))
    return [
        request
        for request in requests
        if method in ("*", request.method) and re.fullmatch(pattern, request.path, re.DOTALL)
    ]


def _holds(value: Any, part: Any) -> bool:
    if isinstance(part, dict) and (isinstance(value, dict) or not part):
        return all(name in value and _holds(value[name], part[name]) for name in part)
    return bool(value == part)


def lines(lines: Iterable[str]) -> str:
    """A list for a message, each item on a line of its own."""
    return "".join(f"\n  {line}" for line in lines) or " nothing"
