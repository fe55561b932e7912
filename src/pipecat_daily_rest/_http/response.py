# SPDX-License-Identifier: BSD-2-Clause
"""What Daily answered, and which error it is."""

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

_SHOWN = 300  # characters of an answer in an error
_INSTANT = re.compile(r"\b(?:exp|nbf|past)\b")
_SKEW = 30.0  # seconds; more is not the answer's way


class Answer:
    """An answer that was read. No traceback shows its body."""

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
        """Seconds that the server asked to wait; None when it did not say."""
        return read_retry_after(self._headers.get("Retry-After"))

    @property
    def behind(self) -> float | None:
        """Seconds that this machine's clock is behind the server's; None when it did not say."""
        sent_at = read_date(self._headers.get("Date"))
        return None if sent_at is None else sent_at.timestamp() - time.time()

    @property
    def empty(self) -> bool:
        """Whether it has no body."""
        return not self._body

    def text(self) -> str:
        """For an error: without the key and without tokens, which a server may send back."""
        return masked(self._body.decode("utf-8", "replace"), self.key)

    def json(self) -> Any:
        """Its JSON, or a ValueError."""
        try:
            value = compact_json.loads(self._body)
            # Most answers hold no secret: then there is nothing to look for, member by member.
            return (
                hide_secrets(value, self.key) if may_hold_secrets(self._body, self.key) else value
            )
        except (ValueError, RecursionError) as exc:
            reason = str(exc)
        raise ValueError(reason)  # not the error itself, which holds the body


def refusal(answer: Answer, what: str, method: str, path: str) -> DailyAPIError:
    """Make the error for an answer that is none of the good ones."""
    shown = " ".join(answer.text()[: 4 * _SHOWN].split())
    shown = shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "…"
    try:
        body = answer.json()
    except ValueError:
        body = None
    body = body if isinstance(body, dict) else {}
    code, info = _code_and_info(body)
    kind = _kind(answer.status, code)
    message = f"{what} (status: {answer.status}): {shown}"
    if kind is DailyAuthenticationError:
        message += f" - check DAILY_API_KEY: the keys are at {settings.KEY_PAGE}."
    if kind is DailyInvalidRequestError:
        message += _clock(answer, info)
    error = kind(
        message,
        status=answer.status,
        code=masked(code, answer.key),
        info=masked(info, answer.key),
        method=method,
        path=masked(path, answer.key),
    )
    if isinstance(error, DailyRateLimitError):
        error.retry_after = answer.retry_after
    return error


def _clock(answer: Answer, info: str) -> str:
    """What an instant that was checked here and is refused there tells of the clocks."""
    if not _INSTANT.search(info):
        return ""
    behind = answer.behind
    if behind is None or abs(behind) < _SKEW:
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
    # A 501 says that there is no such thing: nothing failed, and sending it again does not help.
    failed = status >= 500 and status != 501
    return DailyServerError if failed else kinds.get(status, DailyAPIError)


def _code_and_info(body: dict[str, Any]) -> tuple[str, str]:
    """What an error says; those of phone numbers have shapes of their own.

    https://docs.daily.co/reference/rest-api/phone-numbers
    """
    code, info, errors = (body.get(name) for name in ("error", "info", "errors"))
    # Half of a character cannot be printed.
    code, info = (
        text.encode("utf-8", "replace").decode() if isinstance(text, str) else ""
        for text in (code, info)
    )
    if not code and isinstance(errors, list):
        details = [each["detail"] for each in errors if isinstance(each, dict) and "detail" in each]
        return "", " ".join(map(str, details))
    if " " in code and not info:
        return "", code  # a sentence where the code should be
    return code, info
