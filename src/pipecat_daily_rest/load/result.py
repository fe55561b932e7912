# SPDX-License-Identifier: BSD-2-Clause
"""What was found: in words, as JSON, as a plot. Pure."""

import math
import platform
import shlex
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pipecat_daily_rest.load.plot import Bar, Bars, draw
from pipecat_daily_rest.load.step import Limits, Step, p95, rounded

_MB = 1 << 20

NOT_KNOWN = (
    "What this cannot know: networks between callers and Daily, what daily-python takes for WebRTC "
    "(its stand-in for local rooms has none), the limits of the providers that the bot uses, and "
    "how long their answers take under other people's load."
)


@dataclass(frozen=True, kw_only=True)
class Result:
    """How many calls fit on this machine.

    Parameters:
        bot: The bot.
        limits: What had to hold.
        calls: The largest number of calls with which it did; 0 when not even one did.
        fails: The smallest number with which it did not; None when none was found.
        steps: What was tried, in order.
        cores: How many cores this process may use.
        seconds: How long it took.
    """

    bot: str
    limits: Limits
    calls: int
    fails: int | None
    steps: Sequence[Step]
    cores: float
    seconds: float

    def _mean(self, value: Callable[[Step], float | None]) -> float | None:
        """Give the mean over the steps with the calls that fit, or else with the fewest."""
        calls = self.calls or min(step.calls for step in self.steps)
        found = [value(step) for step in self.steps if step.calls == calls]
        known = [each for each in found if each is not None]
        return statistics.mean(known) / calls if known else None

    @property
    def cpu_per_call(self) -> float | None:
        """Cores that the bot of a call takes."""
        return self._mean(lambda step: None if step.cpu is None else step.cpu.bots)

    @property
    def callers_cpu_per_call(self) -> float | None:
        """Cores that a caller takes, with its part of the local Daily."""
        return self._mean(lambda step: None if step.cpu is None else step.cpu.callers)

    @property
    def memory_per_call(self) -> float | None:
        """MB that the bot of a call takes."""
        bytes_ = self._mean(lambda step: step.bots_memory)
        return None if bytes_ is None else bytes_ / _MB

    @property
    def bottleneck(self) -> str:
        """What more calls would lack, in words."""
        if self.fails is None:
            return (
                f"No limit was passed: no more than {_calls(self.calls)} were to be tried (--most)."
            )
        tried = [step for step in self.steps if step.calls == self.fails]
        step = next(each for each in reversed(tried) if each.passed(self.limits) is not None)
        at = f"with {_calls(step.calls)}"
        if step.callers_lag(self.cores):
            return (
                f"The callers: {at} their own process was too slow, while the bots had CPU left. "
                "So more calls may fit."
            )
        passed = step.passed(self.limits)
        if passed == "ended":
            return f"A call broke off: {at}, {step.ended}"
        if passed == "memory":
            used, most = step.memory / _MB, (self.limits.memory or 0) / _MB
            return f"Memory: {at} the bots and the server used {used:.0f} MB of {most:.0f} MB."
        what = self._late(step) if passed == "latency" else self._lagging(step)
        return f"{self._lacks(step)}: {at} {what}.{self._cpu(step)}"

    def _late(self, step: Step) -> str:
        most = f"{self.limits.latency:g} s"
        if math.isinf(step.latency()):
            return f"{step.missed} of {len(step.latencies)} questions had no answer"
        return f"the p95 of the latency was {step.latency():.3f} s, more than {most}"

    def _lagging(self, step: Step) -> str:
        whose = "server" if (p95(step.server_lags) or 0.0) >= step.lag else "bots"
        return (
            f"the event loop of the {whose} was late by {step.lag:.3f} s (p95), "
            f"more than {self.limits.lag:g} s"
        )

    def _lacks(self, step: Step) -> str:
        if step.cpu is None:
            return "Time"
        if step.full(self.cores):
            return "CPU"
        return "Not the CPU, but what the bots wait for"

    def _cpu(self, step: Step) -> str:
        if (cpu := step.cpu) is None:
            return ""
        return (
            f" Of {self.cores:g} cores, the bots had {cpu.bots:.2f}, the callers {cpu.callers:.2f}, "
            f"the server {cpu.server:.2f} and other programs {cpu.others:.2f}."
        )

    @property
    def busy(self) -> str | None:
        """That the machine was busy, in words; None when it was quiet, or nobody tells."""
        others = [step.cpu.others for step in self.steps if step.cpu is not None]
        disturbed = sum(step.disturbed(self.cores) for step in self.steps)
        if not disturbed:
            return None
        return (
            f"The machine was busy: other programs took up to {max(others):.2f} of {self.cores:g} "
            f"cores, in {disturbed} of {len(self.steps)} measurements. Repeat this when it is quiet."
        )

    def sentences(self) -> list[str]:
        """Say it."""
        if not self.calls:
            first = f"Not even one call fits. {self.bottleneck}"
            return [first, *filter(None, (self.busy,)), NOT_KNOWN]
        least = "At least " if self.fails is None else ""
        lines = [f"{least}{_calls(self.calls)} fit on this machine.", self.bottleneck]
        if (cpu := self.cpu_per_call) is not None and (mb := self.memory_per_call) is not None:
            callers = self.callers_cpu_per_call or 0.0
            lines.append(
                f"A call takes {cpu:.2f} cores and {mb:.0f} MB. Its caller took {callers:.2f} cores "
                "more here, which a server does not need."
            )
        if (busy := self.busy) is not None:
            lines.append(busy)
        lines.append(NOT_KNOWN)
        lines.append(
            f"So: pipecat-daily-rest serve {shlex.quote(self.bot)} --max-sessions {self.calls}"
        )
        return lines

    def to_json(self) -> dict[str, Any]:
        """Give all of it as JSON."""
        from importlib.metadata import version

        limits = self.limits
        return {
            "bot": self.bot,
            "calls": self.calls,
            "maxSessions": self.calls or None,
            "atLeast": self.fails is None,
            "cpuPerCall": rounded(self.cpu_per_call),
            "memoryMBPerCall": rounded(self.memory_per_call),
            "callersCpuPerCall": rounded(self.callers_cpu_per_call),
            "bottleneck": self.bottleneck,
            "busy": self.busy,
            "notKnown": NOT_KNOWN,
            "limits": {
                "latency": limits.latency,
                "lag": limits.lag,
                "memoryMB": limits.memory and round(limits.memory / _MB),
            },
            "machine": {
                "cores": self.cores,
                "system": f"{platform.system()} {platform.machine()}",
                "python": platform.python_version(),
                "pipecat": version("pipecat-ai"),
            },
            "seconds": round(self.seconds, 1),
            "steps": [step.to_json(limits) for step in self.steps],
        }

    def plot(self) -> str:
        """Draw it as SVG: what the limits are about, by the number of calls."""
        latest = {step.calls: step for step in self.steps}
        steps = [latest[calls] for calls in sorted(latest)]

        def bars(heading: str, value: Callable[[Step], float], shown: str) -> Bars:
            drawn = [
                Bar(
                    _calls(step.calls),
                    0.0 if math.isinf(value(step)) else value(step),
                    "no answers" if math.isinf(value(step)) else shown.format(value(step)),
                    step.passed(self.limits) is None,
                )
                for step in steps
            ]
            return Bars(heading, drawn)

        groups = [
            bars(
                f"p95 of the latency; {self.limits.latency:g} s is the limit",
                Step.latency,
                "{:.2f} s",
            ),
            bars("How late the event loops are, p95", lambda step: step.lag * 1000, "{:.0f} ms"),
        ]
        if any(step.cpu for step in steps):
            groups.append(
                bars(
                    f"Cores that the bots take, of {self.cores:g}",
                    lambda step: step.cpu.bots if step.cpu else 0.0,
                    "{:.2f}",
                )
            )
            groups.append(
                bars(
                    "Memory of the bots and the server", lambda step: step.memory / _MB, "{:.0f} MB"
                )
            )
        return draw(groups, f"{_calls(self.calls)} fit")


def _calls(count: int) -> str:
    return f"{count} call" if count == 1 else f"{count} calls"
