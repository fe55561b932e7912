# SPDX-License-Identifier: BSD-2-Clause
"""Send, classify, retry: the one place that sends."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import aiohttp
from loguru import logger
from yarl import URL

from pipecat_daily_rest._core import compact_json, settings
from pipecat_daily_rest._core.deadline import Deadline
from pipecat_daily_rest._core.secret import Secret
from pipecat_daily_rest._core.timings import Timings
from pipecat_daily_rest._http.account import account_of
from pipecat_daily_rest._http.connections import Lease, shared
from pipecat_daily_rest._http.rates import NoTurn, Pacer, RateLimits
from pipecat_daily_rest._http.response import Answer, refusal
from pipecat_daily_rest._http.retry import (
    Repeat,
    RetryPolicy,
    may_repeat,
    never_happened,
)
from pipecat_daily_rest._http.tier import Slot
from pipecat_daily_rest._http.unanswered import unanswered
from pipecat_daily_rest.errors import (
    DailyConfigError,
    DailyConnectionError,
    DailyError,
    DailyResponseError,
)

LOCAL_MARK = "X-Local-Daily"  # the header by which a local Daily tells what it is

_CONNECT_TIMEOUT = 5.0  # seconds
_MOST = 8 << 20  # bytes of an answer; a thousand rooms with all of their properties have less
_MOST_OF_AN_ERROR = 64 << 10


class API:
    """Daily's REST API under one URL and key."""

    def __init__(
        self,
        *,
        api_key: str,
        api_url: str,
        session: aiohttp.ClientSession | None = None,
        policy: RetryPolicy | None = None,
        pace: RateLimits | bool = True,
        timings: Timings | None = None,
    ) -> None:
        """Initialize; nothing is opened before the first request."""
        self.key = settings.api_key(api_key)
        self.url = settings.api_url(api_url)
        self.policy = policy or RetryPolicy()
        self.pace = pace
        self.timings = timings or Timings.current()
        self.is_local = False
        self._root = URL(self.url)
        self._root_path = self._root.raw_path.rstrip("/")
        self._headers = {"Authorization": Secret(f"Bearer {self.key}")}
        self._borrowed = session
        self.account = account_of(self.url, self.key)
        self._pacer: Pacer | None = None
        if pace:
            limits = pace if isinstance(pace, RateLimits) else None
            self._pacer = self.account.paced(limits)
        self.batch_group = self._batch_group()
        self._teardown = False
        self._leases: list[Lease] = []
        self._twin: API | None = None

    def _batch_group(self) -> tuple[object, ...]:
        """The same for all of the account whose deletions may share a request."""
        return type(self), self.policy, self.pace, self._borrowed

    def twin(self) -> "API":
        """Give one for the same URL and key that outlives a borrowed session.

        Returns:
            This one, if it has borrowed none.
        """
        if self._borrowed is None:
            return self
        if self._twin is None:
            self._twin = self.sharing()
            self._twin._borrowed = None
            self._twin.batch_group = self._twin._batch_group()
        return self._twin

    def sharing(self) -> "API":
        """Make another one for the same URL, key and session."""
        other = self._copy()
        other._leases = []
        return other

    def for_teardown(self) -> "API":
        """Make another one whose requests go before others, since they take something down."""
        other = self._copy()
        other._teardown = True
        return other

    def _copy(self) -> "API":
        other = object.__new__(type(self))
        other.__dict__ |= self.__dict__  # copy.copy() takes four times as long
        return other

    async def aclose(self) -> None:
        """Give the shared session back. A borrowed one is left alone."""
        if (lease := self._lease()) is None:
            shared.sweep()
            self._forget_closed()
            return
        self._leases.remove(lease)
        await shared.release(lease)

    def _forget_closed(self) -> None:
        for lease in tuple(self._leases):
            if lease.session.closed:
                with suppress(ValueError):  # another thread was quicker
                    self._leases.remove(lease)

    def _lease(self) -> Lease | None:
        loop = asyncio.get_running_loop()
        for lease in tuple(self._leases):  # from which another thread may take its own
            if lease.loop() is loop:
                return lease
        return None

    def _session(self) -> aiohttp.ClientSession:
        if self._borrowed is not None:
            if self._borrowed.closed:
                msg = (
                    "The aiohttp session that was passed in is closed: keep it open, or pass none."
                )
                raise DailyConfigError(msg)
            if getattr(self._borrowed, "_loop", None) not in (None, asyncio.get_running_loop()):
                msg = (
                    "The aiohttp session that was passed in belongs to another event loop: "
                    "make it where it is used, or pass none."
                )
                raise DailyConfigError(msg)
            return self._borrowed
        if (lease := self._lease()) is None:
            lease = shared.acquire()
            self._forget_closed()
            self._leases.append(lease)
        return lease.session

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
        patient: bool = True,
        sending: Callable[[], None] | None = None,
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
            patient: Whether it waits for its turn.
            sending: Called each time when it goes out.

        Returns:
            The answer's JSON; None for an answer without a body where none is needed.

        Raises:
            NoTurn: Daily's rate limits left no room for it.
            DailyError: What the last attempt ended with; carries ``attempts``.
        """
        deadline = deadline or self.deadline()
        attempt = 0
        failure: DailyError | None = None
        while True:
            slot = await self._turn(method, path, deadline, patient)
            if slot is None:
                if not patient or failure is None:
                    raise NoTurn(what) from failure
                raise failure
            attempt += 1
            try:
                with slot:
                    if sending is not None:
                        sending()
                    answer = await self._send(method, path, what, json, query, deadline)
                    return self._judge(answer, slot, method, path, what)
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
                failure = exc.with_traceback(None)  # or it would hold this frame, which holds it
            await asyncio.sleep(pause)

    def deadline(self) -> Deadline:
        """Give the policy's deadline, from now; its clock stops while requests wait."""
        return Deadline(self.policy.deadline, stops=True)

    async def _turn(self, method: str, path: str, deadline: Deadline, patient: bool) -> Slot | None:
        """Wait until the request is in order; None when that takes too long."""
        if self._pacer is None:
            return Slot(None)
        if (slot := self._pacer.try_take(method, path, self._teardown)) is not None:
            return slot
        bound = self._pacer.limits.wait if patient else 0.0
        bound = bound - deadline.waited if deadline.stops else min(bound, deadline.left())
        with deadline.waiting():
            slot = await self._pacer.take(method, path, bound, self._teardown)
        if slot is None and patient:
            deadline.end()
        return slot

    async def _send(
        self,
        method: str,
        path: str,
        what: str,
        body: Any,
        query: Mapping[str, str] | None,
        deadline: Deadline,
    ) -> Answer | DailyConnectionError:
        """The error is returned and not raised here, where aiohttp's would be its context."""
        # One deletion that hangs leaves time for another.
        left = deadline.left() / (2 if self._teardown else 1)
        limits = aiohttp.ClientTimeout(
            total=max(0.001, min(self.policy.timeout, left)),
            sock_connect=_CONNECT_TIMEOUT,
        )
        session = self._session()
        headers: Mapping[str, str] = self._headers
        options: dict[str, Any] = {}
        if session is self._borrowed:
            headers, options = self._beside(session)
        try:
            answer = await session.request(
                method,
                self._root.with_path(self._root_path + path, encoded=True),
                data=None if body is None else _body(body),
                params=query,
                headers=headers,
                timeout=limits,
                allow_redirects=False,
                raise_for_status=False,  # whatever a borrowed session does by itself
                **options,
            )
            raw, whole = await _read(answer)
        except asyncio.CancelledError as exc:
            exc.__traceback__ = None  # for the same reason as in _unanswered
            raise
        except Exception as exc:  # a borrowed session raises whatever it likes, a parser as well
            timeout = limits.total or 0.0
            return unanswered(what, self.url, exc, key=self.key, timeout=timeout)
        self.is_local = self.is_local or LOCAL_MARK in answer.headers
        return Answer(answer.status, raw, answer.headers, self.key, whole=whole)

    def _beside(self, session: aiohttp.ClientSession) -> tuple[dict[str, str], dict[str, Any]]:
        """What makes the request the same beside what a borrowed session adds by itself."""
        headers: dict[str, str] = {**self._headers}
        if not session.auto_decompress:
            headers["Accept-Encoding"] = "identity"
        if session.auth is None and not session.trust_env:
            return headers, {}
        # aiohttp takes no Authorization beside the session's own, or a netrc's.
        del headers["Authorization"]
        return headers, {"middlewares": (*getattr(session, "_middlewares", ()), self._authorize)}

    async def _authorize(
        self, request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        request.headers["Authorization"] = self._headers["Authorization"]
        return await send(request)

    def _judge(
        self, answer: Answer | DailyConnectionError, slot: Slot, method: str, path: str, what: str
    ) -> Any:
        if isinstance(answer, DailyConnectionError):
            slot.counts = answer.sent
            raise answer
        refused = answer.status == 429
        retry_after = answer.retry_after or 0.0 if refused else 0.0
        slot.judge(refused=refused, retry_after=min(retry_after, self.policy.max_backoff))
        if not 200 <= answer.status < 300:
            raise refusal(answer, what, method, path)
        if not answer.whole:
            msg = f"{what}: Invalid response: status {answer.status}, but more than any answer has."
            raise DailyResponseError(msg)
        # Daily documents no body for some deletes: https://docs.daily.co/reference/rest-api/webhooks
        if answer.empty and (method == "DELETE" or answer.status == 204):
            return None
        try:
            return answer.json()
        except ValueError as exc:
            msg = f"{what}: Invalid response: status {answer.status}, but no JSON."
            raise DailyResponseError(msg) from exc


async def _read(answer: aiohttp.ClientResponse) -> tuple[bytes, bool]:
    """Read an answer, as much as any of Daily's has. Whether that was all of it."""
    if answer.status < 200:  # a connection that was switched to something else
        answer.close()
        return b"", True
    most = _MOST if answer.status < 300 else _MOST_OF_AN_ERROR
    parts: list[bytes] = []
    try:
        while part := await answer.content.readany():
            parts.append(part)
            most -= len(part)
            if most < 0:
                break
    except BaseException:
        answer.close()
        raise
    if most < 0:
        answer.close()  # one that is at its end has given the connection back
    return parts[0] if len(parts) == 1 else b"".join(parts), most >= 0


def _body(json: Any) -> aiohttp.Payload:
    return aiohttp.BytesPayload(compact_json.dumps(json), content_type="application/json")
