# SPDX-License-Identifier: BSD-2-Clause
"""What the tests of servers that share an account and a Redis have in common."""

from collections.abc import Iterable
from typing import Any

import pytest

from pipecat_daily_rest.server import Session, Sessions, StartRequest
from serving import STAY
from timings import set_timings

KEY = "k" * 16
START = {"createDailyRoom": True, "body": STAY}


def quick(monkeypatch: pytest.MonkeyPatch, **seconds: float) -> None:
    """Have the servers of a fleet tell each other within moments, or as given."""
    times = {"tick": 0.05, "renew": 0.2, "lease": 30.0, "look": 0.1, "calm": 0.01, "young": 0.0}
    given = {f"fleet_{name}": value for name, value in {**times, **seconds}.items()}
    set_timings(monkeypatch, redis_retry=0.1, **given)


def of(replicas: Iterable[Sessions]) -> dict[str, Session]:
    """Give the sessions of replicas by their ids."""
    return {each.id: each for replica in replicas for each in replica.list()}


def repeated(key: str = KEY, **given: Any) -> StartRequest:
    """Give a request with an idempotency key."""
    return StartRequest(**{"body": STAY, "idempotency_key": key, **given})
