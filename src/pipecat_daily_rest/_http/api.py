# SPDX-License-Identifier: BSD-2-Clause
"""The one place that sends a request, reads the response, and tries again."""

import asyncio
import hmac
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

import aiohttp
from loguru import logger
from yarl import URL

from pipecat_daily_rest._core import compact_json, proxies, settings
from pipecat_daily_rest._core.deadline import Deadline
from pipecat_daily_rest._core.secret import Secret
from pipecat_daily_rest._core.timings import Timings
from pipecat_daily_rest._http.account import account_of
from pipecat_daily_rest._http.connections import (
    Connections,
    acquire,
    close_orphans,
    release,
)
from pipecat_daily_rest._http.rates import NoTurn, Pacer, RateLimits
from pipecat_daily_rest._http.response import Response, refusal
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

if TYPE_CHECKING:
    from pipecat_daily_rest._http.redis_slots import SharedRedis

LOCAL_MARK = "X-Local-Daily"  # the header with which a local Daily says what it is

_CONNECT_TIMEOUT = 5.0  # seconds
_MOST = 8 << 20  # bytes of a response; a thousand rooms with all of their properties have less
_MOST_OF_AN_ERROR = 64 << 10  # bytes


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
        trust_env: bool | None = None,
    ) -> None:
        """Initialize; nothing is opened before the first request."""
        self.key = settings.api_key(api_key)
        self.url = settings.api_url(api_url)
        self.policy = policy or RetryPolicy()
        self.pace = pace
        self.trust_env = proxies.trusted() if trust_env is None else trust_env
        self.timings = timings or Timings.current()
        self.is_local = False
        self.server_date: str | None = None  # of the last response
        # Requests by method and status, retries, rooms; an API that is made of this one adds to it.
        self.counts: Counter[tuple[str, ...]] = Counter()
        self._root = URL(self.url)
        self._root_path = self._root.raw_path.rstrip("/")
        self._headers = {"Authorization": Secret(f"Bearer {self.key}")}
        self._borrowed = session
        self.account = account_of(self.url, self.key)
        self._pacer: Pacer | None = None
        if pace:
            limits = pace if isinstance(pace, RateLimits) else None
            self._pacer = self.account.paced(limits)
        self._teardown = False
        self._connections: list[Connections] = []
        self._twin: API | None = None

    @cached_property
    def signer(self) -> hmac.HMAC:
        """HMAC-SHA256 with the key, for tokens: each is signed with a copy."""
        return hmac.new(self.key.encode(), digestmod="sha256")

    @property
    def batch_group(self) -> tuple[object, ...]:
        """Equal for those of an account whose deletions may share a request."""
        return type(self), self.policy, self.pace, self._borrowed, self.trust_env

    @property
    def fleet(self) -> "SharedRedis | None":
        """What the machines that share the account have in Redis; None where none do."""
        return None if self._pacer is None else self._pacer.fleet

    def twin(self) -> "API":
        """Give an API for the same account that works on when a borrowed session is closed."""
        if self._borrowed is None:
            return self
        if self._twin is None:
            self._twin = self.sharing()
            self._twin._borrowed = None
        return self._twin

    def sharing(self) -> "API":
        """Make one for the same account and borrowed session, to be closed by itself."""
        other = self._copy()
        other._connections = []
        return other

    def for_teardown(self) -> "API":
        """Make one whose requests go before others, since they delete something."""
        other = self._copy()
        other._teardown = True
        return other

    def _copy(self) -> "API":
        other = object.__new__(type(self))
        other.__dict__ |= self.__dict__  # copy.copy() takes four times as long
        return other

    async def aclose(self) -> None:
        """Release the running loop's connections. A borrowed session is left alone."""
        if (connections := self._mine()) is None:
            close_orphans()
            self._forget_closed()
            return
        self._connections.remove(connections)
        await release(connections)

    def _forget_closed(self) -> None:
        for connections in tuple(self._connections):
            if connections.client.closed:
                with suppress(ValueError):  # another thread was quicker
                    self._connections.remove(connections)

    def _mine(self) -> Connections | None:
        """Those of the running loop that this API holds."""
        loop = asyncio.get_running_loop()
        for connections in tuple(self._connections):  # another thread may remove its own meanwhile
            if connections.loop() is loop:
                return connections
        return None

    def _client(self) -> aiohttp.ClientSession:
        """What to send with: the borrowed session, or the running loop's connections."""
        if self._borrowed is not None:
            if self._borrowed.closed:
                msg = (
                    "The ClientSession that you passed is closed: keep it open, or do not pass one."
                )
                raise DailyConfigError(msg)
            if getattr(self._borrowed, "_loop", None) not in (None, asyncio.get_running_loop()):
                msg = (
                    "The ClientSession that you passed belongs to another event loop: "
                    "make it where it is used, or do not pass one."
                )
                raise DailyConfigError(msg)
            return self._borrowed
        if (connections := self._mine()) is None:
            connections = acquire()
            self._forget_closed()
            self._connections.append(connections)
        return connections.client

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
    ) -> Any:
        """Send a request, again where `repeat` allows it, and give the response's JSON.

        None stands for a response without a body, where Daily sends none. `path` is quoted already;
        `what` begins the error's message; `json` may be a function, which makes the body each time
        the request goes out; `deadline` is the policy's from now when None; errors in `surface` are
        the caller's to handle: no second attempt; a request that is not `patient` is not sent if it
        would have to wait for the rate limits.
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
                    body = json() if callable(json) else json
                    response = await self._send(method, path, what, body, query, deadline)
                    status = str(response.status) if isinstance(response, Response) else "none"
                    self.counts["request", method, status] += 1
                    return self._judge(response, slot, method, path, what)
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
                self.counts["retry", method] += 1
                logger.info("{} Trying again in {:.2f} s.", exc, pause)
                failure = exc.with_traceback(None)  # avoids a reference cycle with this frame
            await asyncio.sleep(pause)

    def deadline(self) -> Deadline:
        """Give the policy's deadline from now; its clock stops while requests wait for rate limits."""
        return Deadline(self.policy.deadline, stops=True)

    async def _turn(self, method: str, path: str, deadline: Deadline, patient: bool) -> Slot | None:
        """Wait until the rate limits allow the request; None when that takes too long."""
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
    ) -> Response | DailyConnectionError:
        """Send it once. The error is returned: raised here, it would have aiohttp's as its context."""
        # A deletion that hangs leaves time for a second attempt.
        left = deadline.left() / (2 if self._teardown else 1)
        limits = aiohttp.ClientTimeout(
            total=max(0.001, min(self.policy.timeout, left)),
            sock_connect=_CONNECT_TIMEOUT,
        )
        client = self._client()
        headers: Mapping[str, str] = self._headers
        options: dict[str, Any] = {}
        if client is self._borrowed:
            headers, options = self._for_borrowed(client)
        # Not by aiohttp's trust_env: it would read a netrc, too.
        if self.trust_env and (proxy := proxies.proxy_for(self.url)) is not None:
            options = {**options, "proxy": proxy.url}
        try:
            response = await client.request(
                method,
                self._root.with_path(self._root_path + path, encoded=True),
                data=None if body is None else _body(body),
                params=query,
                headers=headers,
                timeout=limits,
                allow_redirects=False,
                raise_for_status=False,  # a borrowed session may have it on
                **options,
            )
            raw, whole = await _read(response)
        except asyncio.CancelledError as exc:
            exc.__traceback__ = None  # its frames hold the headers with the key
            raise
        except Exception as exc:  # a borrowed session, or a parser, may raise anything
            timeout = limits.total or 0.0
            proxy = proxies.proxy_for(self.url)
            return unanswered(
                *(what, self.url, exc),
                key=self.key,
                timeout=timeout,
                proxy=proxy,
                proxy_used=self.trust_env,
            )
        self.is_local = self.is_local or LOCAL_MARK in response.headers
        self.server_date = response.headers.get("Date")
        return Response(response.status, raw, response.headers, self.key, whole=whole)

    def _for_borrowed(self, client: aiohttp.ClientSession) -> tuple[dict[str, str], dict[str, Any]]:
        """Headers and options that make up for how a borrowed session is set up."""
        headers: dict[str, str] = {**self._headers}
        if not client.auto_decompress:
            headers["Accept-Encoding"] = "identity"
        if client.auth is None and not client.trust_env:
            return headers, {}
        # aiohttp refuses an Authorization header beside the session's own auth or a netrc's.
        del headers["Authorization"]
        return headers, {"middlewares": (*getattr(client, "_middlewares", ()), self._authorize)}

    async def _authorize(
        self, request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        request.headers["Authorization"] = self._headers["Authorization"]
        return await send(request)

    def _judge(
        self,
        response: Response | DailyConnectionError,
        slot: Slot,
        method: str,
        path: str,
        what: str,
    ) -> Any:
        """Give the response's JSON, or raise its error; the slot learns what came of it."""
        if isinstance(response, DailyConnectionError):
            slot.counts = response.sent
            raise response
        refused = response.status == 429
        retry_after = response.retry_after or 0.0 if refused else 0.0
        slot.judge(refused=refused, retry_after=min(retry_after, self.policy.max_backoff))
        if not 200 <= response.status < 300:
            raise refusal(response, what, method, path)
        if not response.whole:
            msg = f"{what}: Invalid response: status {response.status}, longer than {_MOST >> 20} MiB."
            raise DailyResponseError(msg)
        # Daily documents no body for some deletes: https://docs.daily.co/reference/rest-api/webhooks
        if response.empty and (method == "DELETE" or response.status == 204):
            return None
        try:
            return response.json()
        except ValueError as exc:
            msg = f"{what}: Invalid response: status {response.status}, but not JSON."
            raise DailyResponseError(msg) from exc


async def _read(response: aiohttp.ClientResponse) -> tuple[bytes, bool]:
    """Read a body up to the limit, and tell whether that was all of it."""
    if response.status < 200:  # a connection that was switched to another protocol
        response.close()
        return b"", True
    most = _MOST if response.status < 300 else _MOST_OF_AN_ERROR
    parts: list[bytes] = []
    try:
        while part := await response.content.readany():
            parts.append(part)
            most -= len(part)
            if most < 0:
                break
    except BaseException:
        response.close()
        raise
    if most < 0:
        response.close()  # one that was read to its end has given the connection back
    return parts[0] if len(parts) == 1 else b"".join(parts), most >= 0


def _body(json: Any) -> aiohttp.Payload:
    return aiohttp.BytesPayload(compact_json.dumps(json), content_type="application/json")
