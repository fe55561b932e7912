# SPDX-License-Identifier: BSD-2-Clause
"""A response that was read, and which error it is."""

import re
import time
from collections.abc import Mapping
from typing import Any

from pipecat_daily_rest._core import compact_json, settings
from pipecat_daily_rest._core.secret import hide_secrets, masked, may_hold_secrets
from pipecat_daily_rest._http.retry import read_date, read_retry_after
from pipecat_daily_rest.errors import (
    DailyAPIError,
    DailyAuthenticationError,
    DailyForbiddenError,
    DailyInvalidRequestError,
    DailyNotFoundError,
    DailyRateLimitError,
    DailyServerError,
)

_SHOWN = 300  # characters of a response in an error
_INSTANT = re.compile(r"\b(?:exp|nbf|past)\b")
SKEW = 30.0  # seconds; a longer difference is not the network's delay


class Response:
    """A response that was read. No traceback shows its body."""

    def __init__(
        self, status: int, body: bytes, headers: Mapping[str, str], key: str, *, whole: bool
    ) -> None:
        self.status = status
        self._body = body
        self._headers = headers
        self.key = key
        self.whole = whole

    @property
    def retry_after(self) -> float | None:
        """Seconds that the server asks to wait; None when it does not say."""
        return read_retry_after(self._headers.get("Retry-After"))

    @property
    def behind(self) -> float | None:
        """Seconds that this machine's clock is behind the server's; None when it sent no date."""
        return clock_behind(self._headers.get("Date"), now=time.time())

    @property
    def empty(self) -> bool:
        """Whether it has no body."""
        return not self._body

    def text(self) -> str:
        """The body for an error, with the key and tokens masked: a server may send them back."""
        return masked(self._body.decode("utf-8", "replace"), self.key)

    def json(self) -> Any:
        """The body's JSON, or a ValueError."""
        try:
            value = compact_json.loads(self._body)
            return (
                hide_secrets(value, self.key) if may_hold_secrets(self._body, self.key) else value
            )
        except (ValueError, RecursionError) as exc:
            reason = str(exc)
        raise ValueError(reason)  # the original error holds the body


def clock_behind(date: str | None, *, now: float) -> float | None:
    """Give the seconds that ``now`` is behind a response's date; None when that is none."""
    sent_at = read_date(date)
    return None if sent_at is None else sent_at.timestamp() - now


def refusal(response: Response, what: str, method: str, path: str) -> DailyAPIError:
    """Make the error for a response whose status is not 2xx."""
    shown = " ".join(response.text()[: 4 * _SHOWN].split())
    shown = shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "…"
    try:
        body = response.json()
    except ValueError:
        body = None
    body = body if isinstance(body, dict) else {}
    code, info = _code_and_info(body)
    kind = _kind(response.status, code)
    message = f"{what} (status: {response.status}): {shown}"
    if kind is DailyAuthenticationError:
        message += f" - check DAILY_API_KEY: the keys are at {settings.KEY_PAGE}."
    if kind is DailyInvalidRequestError:
        message += _clock_hint(response, info)
    error = kind(
        message,
        status=response.status,
        code=masked(code, response.key),
        info=masked(info, response.key),
        method=method,
        path=masked(path, response.key),
    )
    if isinstance(error, DailyRateLimitError):
        error.retry_after = response.retry_after
    return error


def _clock_hint(response: Response, info: str) -> str:
    """Daily refused an exp or nbf that was right by this clock: say how wrong the clock is."""
    if not _INSTANT.search(info):
        return ""
    behind = response.behind
    if behind is None or abs(behind) < SKEW:
        return " - is this machine's clock right?"
    which = "behind" if behind > 0 else "ahead of"
    return f" - this machine's clock is {abs(behind):.0f} s {which} the server's: set it right."


def _kind(status: int, code: str) -> type[DailyAPIError]:
    """https://docs.daily.co/docs/rest-api/errors."""
    if code == "authorization-header-error":
        return DailyAuthenticationError
    kinds = {
        400: DailyInvalidRequestError,
        401: DailyAuthenticationError,
        403: DailyForbiddenError,
        404: DailyNotFoundError,
        422: DailyInvalidRequestError,
        429: DailyRateLimitError,
    }
    # A 501 means that Daily does not have this: trying again does not help.
    failed = status >= 500 and status != 501
    return DailyServerError if failed else kinds.get(status, DailyAPIError)


def _code_and_info(body: dict[str, Any]) -> tuple[str, str]:
    """An error's code and text; errors of phone numbers have another shape.

    https://docs.daily.co/reference/rest-api/phone-numbers
    """
    code, info, errors = (body.get(name) for name in ("error", "info", "errors"))
    # An unpaired surrogate cannot be printed.
    code, info = (
        text.encode("utf-8", "replace").decode() if isinstance(text, str) else ""
        for text in (code, info)
    )
    if not code and isinstance(errors, list):
        details = [each["detail"] for each in errors if isinstance(each, dict) and "detail" in each]
        return "", " ".join(map(str, details))
    if " " in code and not info:
        return "", code  # Daily sent a sentence in the place of the code
    return code, info
