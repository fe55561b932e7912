# SPDX-License-Identifier: BSD-2-Clause
"""When a request is sent again. Pure: no I/O."""

import enum
import math
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from pipecat_daily_rest._core import arguments
from pipecat_daily_rest.errors import (
    DailyAPIError,
    DailyConfigError,
    DailyConnectionError,
    DailyError,
)


class Repeat(enum.Enum):
    """When a request may be sent again."""

    SAFE = enum.auto()
    """Sending twice does what sending once does: after a 429, a 5xx, a lost or unreadable response."""

    UNSENT = enum.auto()
    """Only if the first surely had no effect: after a 429 or a refused connection."""


@dataclass(frozen=True)
class RetryPolicy:
    """How often and how long a request is tried.

    Parameters:
        attempts: How often it is sent at the most.
        backoff: Seconds; the pause after attempt n is drawn from 0 to ``backoff * 2**(n-1)``.
        max_backoff: Seconds; the longest pause, a server's ``Retry-After`` included.
        deadline: Seconds; from the first send to the last answer, all attempts together, without
            the wait for Daily's rate limits.
        timeout: Seconds that one attempt may take.
    """

    attempts: int = 6
    backoff: float = 0.2
    max_backoff: float = 8.0
    deadline: float = 30.0
    timeout: float = 10.0

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            DailyConfigError: One of them makes no sense.
        """
        arguments.at_least("RetryPolicy: attempts", self.attempts, 1)
        for name in ("backoff", "max_backoff", "deadline", "timeout"):
            value = getattr(self, name)
            if (
                not arguments.is_number(value)
                or not value >= 0
                or (name in ("deadline", "timeout") and not value)
            ):
                msg = f"RetryPolicy: {name} must be a positive number of seconds."
                raise DailyConfigError(msg)

    def pause(self, attempt: int, retry_after: float | None = None) -> float:
        """Draw the pause after an attempt: exponential with full jitter.

        Args:
            attempt: The number of the attempt that failed, from 1.
            retry_after: Seconds that the server asked for, if it did.

        Returns:
            Seconds.
        """
        longest = min(self.max_backoff, self.backoff * 2 ** min(attempt - 1, 30))
        drawn = random.uniform(0, longest)  # noqa: S311 - jitter, not a secret
        return min(self.max_backoff, max(drawn, retry_after or 0.0))


def never_happened(error: DailyError) -> bool:
    """Tell whether a request surely had no effect: Daily refused it, or there was no connection.

    A response that was lost or unreadable, a 5xx but 501, a 1xx and a redirect prove nothing.
    """
    if isinstance(error, DailyAPIError):
        return 400 <= error.status < 500 or error.status == 501
    if isinstance(error, DailyConnectionError):
        return not error.sent
    return isinstance(error, DailyConfigError)


def may_repeat(error: DailyError, repeat: Repeat, *, unsent: bool) -> bool:
    """Tell whether a request is sent again after an error."""
    return error.retryable and (unsent or repeat is Repeat.SAFE)


def read_retry_after(header: str | None, *, now: datetime | None = None) -> float | None:
    """Read a ``Retry-After`` header, which Daily does not document: seconds from now, 0 or more."""
    if not header:
        return None
    try:
        seconds = float(header)
        return max(0.0, seconds) if math.isfinite(seconds) else None
    except ValueError:
        pass
    instant = read_date(header)
    if instant is None:
        return None
    return max(0.0, (instant - (now or datetime.now(UTC))).total_seconds())


def read_date(header: str | None) -> datetime | None:
    """Read a header that holds a date; None when it is not a date."""
    try:
        instant = parsedate_to_datetime(header or "")
        # To UTC here, where an offset out of the calendar is caught.
        return instant.replace(tzinfo=instant.tzinfo or UTC).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
