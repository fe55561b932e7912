# SPDX-License-Identifier: BSD-2-Clause
"""Daily's three rate tiers: a request waits here until its tier has a free slot.

Reference: https://docs.daily.co/docs/rest-api/authentication
"""

import math
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipecat_daily_rest._core import arguments
from pipecat_daily_rest._core.secret import secret
from pipecat_daily_rest._http.tier import Clock, Rate, Slot, Tier
from pipecat_daily_rest.errors import DailyConfigError, DailyTimeoutError

if TYPE_CHECKING:
    from pipecat_daily_rest._http.redis_slots import SharedRedis

_SLOW = re.compile(r"DELETE /rooms/[^/]+|GET /recordings")
_MEDIA_START = re.compile(r"POST /rooms/[^/]+/(?:recordings|live-streaming|dialOut)/start")

_RESERVE = 5  # slots of the default tier that are kept for teardown


@dataclass(frozen=True, kw_only=True)
class RateLimits:
    """How much an account may ask of Daily: requests and seconds for each of its three rate tiers.

    The numbers are the account's: what one helper says holds for all of the same URL and key.

    Parameters:
        default: All requests that are in no other tier.
        slow: The deletion of a single room and the list of recordings.
        media_start: Starts of recordings, of live streams and of calls to a phone or a SIP
            address.
        wait: Seconds that a request waits for a free slot at the most.
        redis_url: The Redis in which machines that share the account count together, as
            ``redis://host:6379/0``; ``DAILY_REDIS_URL`` when None. Needs the extra ``redis``.
    """

    default: Rate = (100, 5.0)
    slow: Rate = (50, 30.0)
    media_start: Rate = (5, 5.0)
    wait: float = 60.0
    redis_url: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            DailyConfigError: One of them makes no sense.
        """
        for name in ("default", "slow", "media_start"):
            rate = getattr(self, name)
            requests, seconds = (
                rate if isinstance(rate, tuple | list) and len(rate) == 2 else (0, 0)
            )
            numbers = type(requests) is int and isinstance(seconds, int | float)
            if not numbers or requests < 1 or not 0 < seconds < math.inf:
                msg = (
                    f"RateLimits: {name} must be a number of requests and a number of seconds, "
                    "as (100, 5.0)."
                )
                raise DailyConfigError(msg)
        if not arguments.is_number(self.wait) or not self.wait >= 0:
            msg = "RateLimits: wait must be a number of seconds, 0 or more."
            raise DailyConfigError(msg)
        arguments.text("RateLimits: redis_url", self.redis_url)
        object.__setattr__(self, "redis_url", secret(self.redis_url))


def tier_of(method: str, path: str) -> str:
    """Tell in which rate tier a request is; Daily names none for batches: they count as default."""
    request = f"{method} {path}"
    if _SLOW.fullmatch(request):
        return "slow"
    return "media_start" if _MEDIA_START.fullmatch(request) else "default"


class NoTurn(DailyTimeoutError):
    """A request was not sent: Daily's rate limits allowed it too late."""

    sent = False

    def __init__(self, what: str) -> None:
        """Initialize the error."""
        super().__init__(f"{what}: not sent: too many requests wait for Daily's rate limits.")


class Pacer:
    """The three rate tiers of one account, shared by all of its helpers in this process."""

    def __init__(self, limits: RateLimits, clock: Clock = time.monotonic) -> None:
        self.fleet: SharedRedis | None = None
        self.limits = limits
        self._clock = clock
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget all requests: after a fork they are the parent's."""
        self.tiers = {
            name: Tier(getattr(self.limits, name), clock=self._clock)
            for name in ("default", "slow", "media_start")
        }
        self.limit(self.limits)
        if self.fleet is not None:
            self.fleet.begin_anew()

    def limit(self, limits: RateLimits) -> None:
        """Change the limits."""
        self.limits = limits
        for name, tier in self.tiers.items():
            tier.rate = getattr(limits, name)
        default = self.tiers["default"]
        default.reserve = min(_RESERVE, default.rate[0] // 4)

    def try_take(self, method: str, path: str, teardown: bool = False) -> Slot | None:
        """Take a slot that is free at once; None when `take` has to be awaited."""
        if self.fleet is not None:
            return None
        return self.tiers[tier_of(method, path)].try_take(teardown=teardown)

    async def take(
        self, method: str, path: str, bound: float, teardown: bool = False
    ) -> Slot | None:
        """Wait for a slot, `bound` seconds at the most; None when none was free in time."""
        name = tier_of(method, path)
        tier = self.tiers[name]
        began = tier.now()
        slot = await tier.take(bound, teardown=teardown)
        if slot is None or self.fleet is None:
            return slot
        requests, seconds = tier.rate
        rate = (requests if teardown else requests - tier.reserve, seconds)
        left = bound - (tier.now() - began)
        try:
            slot.ticket = await self.fleet.take(name, rate, left, teardown=teardown)
        except BaseException:
            slot.void()
            raise
        if slot.ticket is None:
            slot.void()
            return None
        return slot
