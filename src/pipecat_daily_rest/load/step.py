# SPDX-License-Identifier: BSD-2-Clause
"""A number of calls that was tried, and what it is judged by. Pure."""

import math
from dataclasses import dataclass, field
from typing import Any, Literal

from pipecat_daily_rest.server.measures import percentile

Passed = Literal["ended", "latency", "lag", "memory"]

_FAR = 2.0  # times a limit; what is beyond is no accident
_FEW, _MANY = 3, 0.25  # questions without an answer, and the same as a part of all
_DISTURBED = 0.1  # of the cores that other programs take
_FULL = 0.9  # of the cores: then the CPU is what lacks
_KEEPS_UP = 0.02  # of the sound of the callers that may be late


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What must hold.

    Parameters:
        latency: Seconds that 95 % of the answers may take.
        lag: Seconds that event loops may be late, in 95 % of the looks.
        memory: Bytes that the bots and the server may use; None for any.
    """

    latency: float
    lag: float
    memory: int | None


@dataclass(frozen=True, kw_only=True)
class CPU:
    """Cores that were in use, on the average."""

    bots: float
    server: float
    callers: float
    others: float
    busiest_callers: float  # of the callers' processes, each of which can use one core


@dataclass(frozen=True, kw_only=True)
class Step:
    """A number of calls, as it was for a while.

    Parameters:
        calls: How many calls there were.
        latencies: Seconds that each answer took; infinite for a question without one.
        lags: Seconds that the bots' event loops were late, at each look.
        server_lags: The same of the server's.
        bots_memory: Bytes of all bots; None where nobody tells.
        server_memory: Bytes of the server, with processes that wait for a call.
        cpu: Cores that were in use; None where nobody tells.
        late_sound: The part of the callers' sound that came late.
        ended: How a call ended that should not have; None when none did.
        seconds: How long it was measured.
    """

    calls: int
    latencies: list[float] = field(repr=False)
    lags: list[float] = field(default_factory=list, repr=False)
    server_lags: list[float] = field(default_factory=list, repr=False)
    bots_memory: int | None = None
    server_memory: int | None = None
    cpu: CPU | None = None
    late_sound: float = 0.0
    ended: str | None = None
    seconds: float = 0.0

    def latency(self, part: float = 0.95) -> float:
        """Give a percentile of the latencies; infinite without any."""
        return percentile(self.latencies, part) if self.latencies else math.inf

    @property
    def missed(self) -> int:
        """How many questions had no answer."""
        return self.latencies.count(math.inf)

    @property
    def lag(self) -> float:
        """The p95 of the bots' lag, or of the server's if that is longer."""
        return max(p95(self.lags) or 0.0, p95(self.server_lags) or 0.0)

    @property
    def memory(self) -> int:
        """Bytes of the bots and the server."""
        return (self.bots_memory or 0) + (self.server_memory or 0)

    def passed(self, limits: Limits) -> Passed | None:
        """Tell which limit it has passed; None when all hold."""
        if self.ended is not None:
            return "ended"
        if limits.memory is not None and self.memory > limits.memory:
            return "memory"
        if self.latency() > limits.latency:
            return "latency"
        if self.lag > limits.lag:
            return "lag"
        return None

    def is_clear(self, limits: Limits, cores: float) -> bool:
        """Tell whether it has passed a limit so far that it need not be tried again."""
        if self.disturbed(cores):
            return False
        latency = self.latency()
        far = _FAR * limits.latency < latency < math.inf or _FAR * limits.lag < self.lag
        missed = self.missed > max(_FEW, _MANY * len(self.latencies))
        return far or missed or self.passed(limits) == "memory"

    def disturbed(self, cores: float) -> bool:
        """Tell whether other programs took a good part of the machine."""
        return self.cpu is not None and self.cpu.others > _DISTURBED * cores

    def full(self, cores: float) -> bool:
        """Tell whether no CPU was left."""
        return self.cpu is not None and (
            self.cpu.bots + self.cpu.server + self.cpu.callers + self.cpu.others > _FULL * cores
        )

    def callers_lag(self, cores: float) -> bool:
        """Tell whether the callers, not the bots, were too slow."""
        return (
            self.late_sound > _KEEPS_UP
            and self.cpu is not None
            and self.cpu.busiest_callers > _FULL
            and not self.full(cores)
        )

    def to_json(self, limits: Limits) -> dict[str, Any]:
        """Give it as JSON."""
        cpu = self.cpu
        return {
            "calls": self.calls,
            "holds": (passed := self.passed(limits)) is None,
            "passed": passed,
            "seconds": round(self.seconds, 1),
            "turns": len(self.latencies),
            "missed": self.missed,
            "p50": rounded(self.latency(0.5)),
            "p95": rounded(self.latency()),
            "lag": rounded(p95(self.lags)),
            "serverLag": rounded(p95(self.server_lags)),
            "botsMB": _megabytes(self.bots_memory),
            "serverMB": _megabytes(self.server_memory),
            "cpu": cpu
            and {
                name: round(getattr(cpu, name), 3)
                for name in ("bots", "server", "callers", "others")
            },
            "lateSound": round(self.late_sound, 4),
            "ended": self.ended,
        }


def p95(values: list[float]) -> float | None:
    """Give the p95; None without values."""
    return percentile(values, 0.95) if values else None


def rounded(value: float | None) -> float | None:
    """Round to three places; None for what is not known, or infinite."""
    return None if value is None or math.isinf(value) else round(value, 3)


def _megabytes(value: int | None) -> float | None:
    return None if value is None else round(value / (1 << 20), 1)
