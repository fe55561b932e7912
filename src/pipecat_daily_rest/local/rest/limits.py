# SPDX-License-Identifier: BSD-2-Clause
"""Daily's three rate tiers: which requests exceed the limits.

Reference: https://docs.daily.co/docs/rest-api/authentication
"""

import math
import re
from collections import Counter, deque
from dataclasses import dataclass
from typing import TypeAlias

from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.local.arguments import fits
from pipecat_daily_rest.local.call.clock import Clock
from pipecat_daily_rest.local.choices import Choices
from pipecat_daily_rest.local.rules.schema import Refusal

_SLOW = re.compile(r"DELETE /rooms/[^/]+|GET /recordings")
_MEDIA_START = re.compile(r"POST /rooms/[^/]+/(recordings|live-streaming|dialOut)/start")
_BATCH = re.compile(r"(POST|DELETE) /batch/rooms")

Rate: TypeAlias = tuple[int, float]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How many requests are answered in how many seconds, in each tier.

    Parameters:
        default: All other requests.
        slow: ``DELETE /rooms/:name`` and ``GET /recordings``.
        media_start: Starts of recordings, of live streams and of calls to a phone or a SIP
            address.
    """

    default: Rate = (100, 5.0)
    slow: Rate = (50, 30.0)
    media_start: Rate = (5, 5.0)

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            DailyConfigError: A limit is not a number of requests and of seconds.
        """
        for name, rate in vars(self).items():
            if not fits(Rate, rate) or rate[0] < 1 or not 0 < rate[1] < math.inf:
                msg = f"Limits: {name} must be a number of requests and of seconds, as (100, 5.0)."
                raise DailyConfigError(msg)


class Limiter:
    """Counts requests, and refuses those above the limits.

    Parameters:
        limits: The limits; None when no request is refused.
        passed: How many requests were let through, by tier.
        refused: How many were answered with a 429, by tier; ``refused.total()`` for all.
    """

    def __init__(self, limits: Limits | None, choices: Choices, clock: Clock) -> None:
        self.limits = limits
        self.passed: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self._choices = choices
        self._clock = clock
        self._counted: dict[tuple[str, str], deque[float]] = {}

    def check(self, request: str, endpoint: str) -> None:
        """Count a request, or refuse it with a 429."""
        tier = self._tier(request)
        if tier is None:
            return
        if self.limits is not None:
            rate = getattr(self.limits, tier)
            counter = (tier, endpoint if self._choices.rate_per_endpoint else "")
            counted = self._counted.setdefault(counter, deque(maxlen=rate[0]))
            free_in = self._free_in(counted, rate)
            if free_in <= 0 or self._choices.refused_requests_count:
                counted.append(self._clock.now())
            if free_in > 0:
                self.refused[tier] += 1
                raise self._refusal(rate, free_in)
        self.passed[tier] += 1

    def _tier(self, request: str) -> str | None:
        if _BATCH.fullmatch(request):
            return self._choices.batch_tier
        if _SLOW.fullmatch(request):
            return "slow"
        return "media_start" if _MEDIA_START.fullmatch(request) else "default"

    def _free_in(self, counted: "deque[float]", rate: Rate) -> float:
        """Give the seconds until one more request is allowed; 0 or less for now."""
        requests, seconds = rate
        if len(counted) < requests:
            return 0.0
        now, oldest = self._clock.now(), counted[0]
        if self._choices.rate_window == "sliding":
            return oldest + seconds - now
        return (oldest // seconds + 1) * seconds - now

    def _refusal(self, rate: Rate, free_in: float) -> Refusal:
        requests, seconds = rate
        text = self._choices.rate_limit_info
        info = None if text is None else text.format(requests=requests, seconds=f"{seconds:g}")
        refusal = Refusal(429, "rate-limit-error", info)
        if self._choices.rate_limit_retry_after:
            refusal.headers["Retry-After"] = str(math.ceil(free_in))
        return refusal
