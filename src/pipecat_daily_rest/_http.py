# SPDX-License-Identifier: BSD-2-Clause
"""Send, classify, retry: the one place that sends."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

import aiohttp
from loguru import logger

from pipecat_daily_rest import settings
from pipecat_daily_rest._secret import Secret, hidden, masked
from pipecat_daily_rest.errors import (
    DailyAPIError,
    DailyAuthenticationError,
    DailyConfigError,
    DailyConnectionError,
    DailyError,
    DailyForbiddenError,
    DailyInvalidRequestError,
    DailyNotFoundError,
    DailyRateLimitError,
    DailyResponseError,
    DailyServerError,
    DailyTimeoutError,
)
from pipecat_daily_rest.retry import Repeat, RetryPolicy, may_repeat, read_retry_after

LOCAL_MARK = "X-Local-Daily"  # the header by which a local Daily tells what it is

Loop: TypeAlias = asyncio.AbstractEventLoop

_CONNECT_TIMEOUT = 5.0  # seconds
_KEEPALIVE = 50.0  # seconds; Daily's side drops an idle connection after 60 to 120
_SHOWN = 300  # characters of an answer in an error


class Deadline:
    """An instant on the event loop's clock that several requests share."""

    def __init__(self, seconds: float) -> None:
        """Initialize the deadline.

        Args:
            seconds: From now.
        """
        self._at = asyncio.get_running_loop().time() + seconds

    def left(self) -> float:
        """Give the time that is left.

        Returns:
            Seconds, 0 when it is over.
        """
        return max(0.0, self._at - asyncio.get_running_loop().time())


class _Sessions:
    """One aiohttp session per event loop, counted by its users and closed by the last."""

    def __init__(self) -> None:
        self._shared: WeakKeyDictionary[Loop, tuple[aiohttp.ClientSession, int]] = (
            WeakKeyDictionary()
        )

    def acquire(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        session, users = self._shared.get(loop, (None, 0))
        if session is None or session.closed:
            connector = aiohttp.TCPConnector(keepalive_timeout=_KEEPALIVE)
            session, users = aiohttp.ClientSession(connector=connector), 0
        self._shared[loop] = (session, users + 1)
        return session

    async def release(self, session: aiohttp.ClientSession) -> None:
        loop = asyncio.get_running_loop()
        shared, users = self._shared.get(loop, (None, 0))
        if shared is not session:
            return
        if users > 1:
            self._shared[loop] = (session, users - 1)
        else:
            del self._shared[loop]
            await session.close()


_sessions = _Sessions()


class API:
    """Daily's REST API under one URL and key."""

    def __init__(
        self,
        *,
        api_key: str,
        api_url: str,
        session: aiohttp.ClientSession | None = None,
        policy: RetryPolicy | None = None,
    ) -> None:
        """Initialize; nothing is opened before the first request.

        Args:
            api_key: The key.
            api_url: The base URL.
            session: A session to borrow; it is never closed here. Else the event loop's shared one.
            policy: How often and how long requests are tried.
        """
        self.key = settings.api_key(api_key)
        self.url = settings.api_url(api_url)
        self.policy = policy or RetryPolicy()
        self.is_local = False
        self._borrowed = session
        self._leases: WeakKeyDictionary[Loop, aiohttp.ClientSession] = WeakKeyDictionary()

    def twin(self) -> "API":
        """Make another one for the same URL and key, on a session of its own.

        Returns:
            One that outlives a borrowed session.
        """
        return API(api_key=self.key, api_url=self.url, policy=self.policy)

    async def aclose(self) -> None:
        """Give the shared session back. A borrowed one is left alone."""
        lease = self._leases.pop(asyncio.get_running_loop(), None)
        if lease is not None:
            await _sessions.release(lease)

    def _session(self) -> aiohttp.ClientSession:
        if self._borrowed is not None:
            if self._borrowed.closed:
                msg = (
                    "The aiohttp session that was passed in is closed: keep it open, or pass none."
                )
                raise DailyConfigError(msg)
            return self._borrowed
        loop = asyncio.get_running_loop()
        lease = self._leases.get(loop)
        if lease is None:
            lease = self._leases[loop] = _sessions.acquire()
        return lease

    async def request(
        self,
        method: str,
        path: str,
        *,
        what: str,
        json: Any = None,
        query: Mapping[str, str] | None = None,
        repeat: Repeat = Repeat.SAFE,
        deadline: Deadline | None = None,
        surface: tuple[type[DailyError], ...] = (),
    ) -> Any:
        """Send a request, again where that is safe, and read the answer.

        Args:
            method: The HTTP method.
            path: Below the API URL, beginning with a slash and already quoted.
            what: What failed, as an error's message begins.
            json: The body.
            query: The query.
            repeat: Whether it may be sent again after no good answer came.
            deadline: When it must be over; the policy's deadline from now when None.
            surface: Errors that are the caller's to handle: no second attempt.

        Returns:
            The answer's JSON; None for an answer without a body where none is needed.

        Raises:
            DailyError: What the last attempt ended with; carries ``attempts``.
        """
        deadline = deadline or Deadline(self.policy.deadline)
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self._send(method, path, what, json, query, deadline)
            except DailyError as exc:
                exc.attempts = attempt
                unsent = never_happened(exc)
                pause = self.policy.pause(attempt, getattr(exc, "retry_after", None))
                if repeat is Repeat.UNSENT and not unsent and not isinstance(exc, surface):
                    exc.args = (f"{exc} Whether it took effect is unknown.",)
                if (
                    isinstance(exc, surface)
                    or not may_repeat(exc, repeat, unsent=unsent)
                    or attempt >= self.policy.attempts
                    or pause >= deadline.left()
                ):
                    raise
                logger.info("{} Trying again in {:.2f} s.", exc, pause)
                await asyncio.sleep(pause)

    async def _send(
        self,
        method: str,
        path: str,
        what: str,
        body: Any,
        query: Mapping[str, str] | None,
        deadline: Deadline,
    ) -> Any:
        limits = aiohttp.ClientTimeout(
            total=max(0.001, min(self.policy.timeout, deadline.left())),
            sock_connect=_CONNECT_TIMEOUT,
        )
        answer = await self._exchange(method, path, what, body, query, limits)
        if isinstance(answer, DailyError):
            raise answer
        if not 200 <= answer.status < 300:
            raise self._refusal(answer, what, method, path)
        # Daily documents no body for some deletes: https://docs.daily.co/reference/rest-api/webhooks
        if answer.empty and (method == "DELETE" or answer.status == 204):
            return None
        try:
            return answer.json()
        except ValueError as exc:
            msg = f"{what}: Invalid response: status {answer.status}, but no JSON."
            raise DailyResponseError(msg) from exc

    async def _exchange(
        self,
        method: str,
        path: str,
        what: str,
        body: Any,
        query: Mapping[str, str] | None,
        limits: aiohttp.ClientTimeout,
    ) -> "_Answer | DailyConnectionError":
        """The error is returned and not raised here, where aiohttp's would be its context."""
        error: DailyConnectionError
        try:
            async with self._session().request(
                method,
                self.url + path,
                json=body,
                params=query,
                headers={"Authorization": Secret(f"Bearer {self.key}")},
                timeout=limits,
                allow_redirects=False,
            ) as answer:
                self.is_local = self.is_local or LOCAL_MARK in answer.headers
                retry_after = answer.headers.get("Retry-After")
                return _Answer(answer.status, await answer.read(), retry_after, self.key)
        except asyncio.CancelledError as exc:
            exc.__traceback__ = None  # for the same reason as in _no_answer
            raise
        except aiohttp.ConnectionTimeoutError as exc:
            error = self._no_answer(DailyTimeoutError, what, "connecting timed out", exc)
            error.sent = False
        except TimeoutError as exc:
            reason = f"timed out after {limits.total:.1f} s"
            error = self._no_answer(DailyTimeoutError, what, reason, exc)
        except aiohttp.ClientConnectorError as exc:
            reason = exc.os_error.strerror or type(exc.os_error).__name__
            error = self._no_answer(DailyConnectionError, what, reason, exc)
            error.sent = False
        except (aiohttp.ClientError, OSError) as exc:
            reason = f"the connection was lost ({type(exc).__name__})"
            error = self._no_answer(DailyConnectionError, what, reason, exc)
        return error

    def _no_answer(
        self, kind: type[DailyConnectionError], what: str, reason: str, cause: Exception
    ) -> DailyConnectionError:
        error = kind(f"{what}: no answer from {self.url}: {reason}.")
        # Only its kind and its words: its frames and arguments hold the request with its headers.
        kinds = (TimeoutError, OSError, aiohttp.ClientError)
        bare = next(each for each in kinds if isinstance(cause, each))
        error.__cause__ = bare(masked(f"{type(cause).__name__}: {cause}", self.key))
        return error

    def _refusal(self, answer: "_Answer", what: str, method: str, path: str) -> DailyAPIError:
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
        error = kind(
            message,
            status=answer.status,
            code=masked(code, self.key),
            info=masked(info, self.key),
            method=method,
            path=masked(path, self.key),
        )
        if isinstance(error, DailyRateLimitError):
            error.retry_after = read_retry_after(answer.retry_after)
        return error


class _Answer:
    """An answer that was read. No traceback shows its body."""

    def __init__(self, status: int, body: bytes, retry_after: str | None, key: str) -> None:
        self.status = status
        self.retry_after = retry_after
        self._body = body
        self._key = key

    @property
    def empty(self) -> bool:
        return not self._body

    def text(self) -> str:
        """For an error: without the key and without tokens, which a server may send back."""
        return masked(self._body.decode("utf-8", "replace"), self._key)

    def json(self) -> Any:
        """Its JSON, or a ValueError."""
        try:
            return hidden(json.loads(self._body), self._key)
        except (ValueError, RecursionError) as exc:
            reason = str(exc)
        raise ValueError(reason)  # not the error itself, which holds the body


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
    code, info = (text if isinstance(text, str) else "" for text in (code, info))
    if not code and isinstance(errors, list):
        details = [each["detail"] for each in errors if isinstance(each, dict) and "detail" in each]
        return "", " ".join(map(str, details))
    if " " in code and not info:
        return "", code  # a sentence where the code should be
    return code, info


def never_happened(error: DailyError) -> bool:
    """Tell whether a request surely had no effect.

    Args:
        error: What it ended with.

    Returns:
        True after a refusal (4xx) or when no connection came about; False when the answer was lost,
        could not be read, or was a 5xx.
    """
    if isinstance(error, DailyAPIError):
        return not isinstance(error, DailyServerError)
    if isinstance(error, DailyConnectionError):
        return not error.sent
    return isinstance(error, DailyConfigError)
