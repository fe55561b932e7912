# SPDX-License-Identifier: BSD-2-Clause
"""A bot's process and the orders of its server."""

import io
import json
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from pipecat_daily_rest.server.process_child import _Server


class _Lock:
    """A lock that calls something after its next release."""

    def __init__(self, then: Callable[[], None]) -> None:
        self._lock = threading.Lock()
        self._then: Callable[[], None] | None = then

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: Any) -> None:
        self._lock.release()
        then, self._then = self._then, None
        if then is not None:
            then()


def test_a_bot_that_begins_while_it_is_told_to_stop_is_stopped_once() -> None:
    orders: SimpleQueue[bytes] = SimpleQueue()  # without an end: the process would leave
    server: Any = _Server(iter(orders.get, None), io.BytesIO())  # type: ignore[arg-type]
    stops: list[str] = []
    server._lock = _Lock(lambda: server.on_stop(lambda: stops.append("stop")))
    for order in ({"stop": True}, {"stop": True}, {"start": {}}):
        orders.put(json.dumps(order).encode())
    assert server.order() == {"start": {}}  # those before it were taken
    assert stops == ["stop"]
