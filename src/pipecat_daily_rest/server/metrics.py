# SPDX-License-Identifier: BSD-2-Clause
"""The numbers of sessions for Prometheus. This file alone imports prometheus-client."""

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import Any
from weakref import WeakKeyDictionary

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.exposition import choose_encoder

from pipecat_daily_rest.server.session_numbers import Histogram
from pipecat_daily_rest.server.sessions import Sessions

_HISTOGRAMS: dict[str, tuple[str, Callable[[Sessions], Histogram]]] = {
    "pipecat_session_start_seconds": (
        "From the taken slot until the bot's code runs.",
        lambda each: each.numbers.start,
    ),
    "pipecat_session_duration_seconds": (
        "From the taken slot until the room is deleted.",
        lambda each: each.numbers.duration,
    ),
    "pipecat_user_bot_latency_seconds": (
        "From the end of a person's speech until the bot speaks, of bots that detect speech.",
        lambda each: each.numbers.latency,
    ),
}
_ROOMS = {
    "created": "Rooms that were made.",
    "deleted": "Rooms that were made and are gone.",
    "leaked": "Rooms that could not be deleted in time: a later attempt or their exp ends them.",
}


class _Collector:
    """Sums the numbers of all sessions that are in a registry."""

    def __init__(self) -> None:
        self.sessions: list[Sessions] = []

    def collect(self) -> Iterator[Any]:
        """Give the families at this moment; called by prometheus-client."""
        yield from self._sessions()
        for name, (text, of) in _HISTOGRAMS.items():
            yield _histogram(name, text, [of(each) for each in self.sessions])
        yield from self._daily()

    def _sessions(self) -> Iterator[Any]:
        taken = sum(each.taken for each in self.sessions)
        slots = sum(each.slots for each in self.sessions)
        yield GaugeMetricFamily("pipecat_sessions_active", "Slots that are taken.", taken)
        yield GaugeMetricFamily("pipecat_sessions_capacity", "Sessions at once.", slots)
        started = sum(each.numbers.started for each in self.sessions)
        yield CounterMetricFamily("pipecat_sessions_started", "Sessions that got a room.", started)
        ended: Counter[str] = sum((each.numbers.ended for each in self.sessions), Counter())
        family = CounterMetricFamily(
            "pipecat_sessions_ended", "Sessions that ended, by reason.", labels=["reason"]
        )
        for reason in self.sessions[0].numbers.ended:
            family.add_metric([reason], ended[reason])
        yield family
        refused: Counter[str] = sum((each.numbers.refused for each in self.sessions), Counter())
        family = CounterMetricFamily(
            "pipecat_sessions_refused", "Starts that were refused.", labels=["why"]
        )
        for why in self.sessions[0].numbers.refused:
            family.add_metric([why], refused[why])
        yield family

    def _daily(self) -> Iterator[Any]:
        """Give what the helpers of the sessions have sent; several sessions may share one."""
        helpers = {id(each.rooms.counts): each.rooms.counts for each in self.sessions}
        counts: Counter[tuple[str, ...]] = sum(helpers.values(), Counter())
        for what, text in _ROOMS.items():
            yield CounterMetricFamily(f"daily_rooms_{what}", text, counts["room", what])
        requests = CounterMetricFamily(
            "daily_requests", "Requests to Daily, by status.", labels=["method", "status"]
        )
        retries = CounterMetricFamily(
            "daily_request_retries", "Requests that were sent again.", labels=["method"]
        )
        for key, number in sorted(counts.items()):
            if key[0] == "request":
                requests.add_metric(key[1:], number)
            elif key[0] == "retry":
                retries.add_metric(key[1:], number)
        yield requests
        yield retries
        pools = [each.rooms.pool_stats for each in self.sessions]
        hits, misses = sum(each.hits for each in pools), sum(each.misses for each in pools)
        waiting = sum(each.waiting for each in pools)
        yield GaugeMetricFamily("daily_pool_size", "Rooms that wait ready.", waiting)
        yield CounterMetricFamily("daily_pool_hits", "Sessions with a room of the pool.", hits)
        yield CounterMetricFamily("daily_pool_misses", "Sessions that found it empty.", misses)


_collectors: WeakKeyDictionary[Any, _Collector] = WeakKeyDictionary()


def add_to_registry(sessions: Sessions, registry: Any = None) -> Any:
    """Have a registry show the numbers of sessions. Those of several in a registry are summed.

    Args:
        sessions: The sessions.
        registry: A ``prometheus_client.CollectorRegistry``; a new one when None.

    Returns:
        The registry.
    """
    registry = CollectorRegistry() if registry is None else registry
    collector = _collectors.get(registry)
    if collector is None:
        collector = _collectors[registry] = _Collector()
        collector.sessions.append(sessions)
        registry.register(collector)
    elif sessions not in collector.sessions:
        collector.sessions.append(sessions)
    return registry


def exposition(registry: Any, accept: str) -> tuple[bytes, str]:
    """Give the text of a registry and its content type, in the format that the header asks for."""
    try:
        encode, content_type = choose_encoder(accept)
    except (TypeError, ValueError):  # a version that is no number
        encode, content_type = choose_encoder("")
    return encode(registry), content_type


def _histogram(name: str, text: str, parts: list[Histogram]) -> Any:
    counts = list(accumulate(map(sum, zip(*(each.counts for each in parts), strict=True))))
    bounds = [*map(str, parts[0].bounds), "+Inf"]
    buckets = list(zip(bounds, counts, strict=True))
    return HistogramMetricFamily(name, text, buckets, sum(each.sum for each in parts))
