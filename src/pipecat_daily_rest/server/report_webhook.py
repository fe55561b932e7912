# SPDX-License-Identifier: BSD-2-Clause
"""The report of each session, sent to a URL, signed as Daily signs its webhooks."""

import asyncio
import json
import time
from typing import Any

import aiohttp
from loguru import logger
from yarl import URL

from pipecat_daily_rest._core import proxies
from pipecat_daily_rest._core.loops import PerLoop
from pipecat_daily_rest._core.secret import secret as as_secret
from pipecat_daily_rest._http.connections import acquire, release
from pipecat_daily_rest._http.retry import RetryPolicy, read_retry_after
from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.server.session import Session
from pipecat_daily_rest.webhooks import sign

SECRET = "PIPECAT_DAILY_REPORT_SECRET"  # noqa: S105 - a variable's name
_AT_ONCE = 20  # connections of reports: those to Daily come from the same hundred
_PATIENT = RetryPolicy(attempts=10, backoff=0.5, max_backoff=30.0, deadline=300.0)


class ReportWebhook:
    """Sends the report of each session that has ended, again until it is accepted.

    The receiver reads it by `pipecat_daily_rest.webhooks.read_webhook`: ``type`` is
    ``session.ended``, ``id`` the session's id, ``payload`` the report.
    """

    def __init__(self, url: str, *, secret: str, policy: RetryPolicy | None = None) -> None:
        """Initialize; nothing is sent yet.

        Args:
            url: Where reports go.
            secret: The secret that signs them, in base64, as ``openssl rand -base64 32`` makes it.
            policy: How often and how long a report is tried; ten times in five minutes when None.

        Raises:
            DailyConfigError: The URL or the secret is not one.
        """
        self._secret = as_secret(secret)
        try:
            self._url = URL(url)
            usable = self._url.scheme in ("http", "https") and bool(self._url.host)
        except (TypeError, ValueError):
            usable = False
        if not usable:
            msg = "The URL of the reports must begin with http:// or https://, and name a host."
            raise DailyConfigError(msg)
        try:
            sign(b"", secret=self._secret)
        except DailyConfigError:
            msg = (
                f"The reports' secret is missing or not base64: set {SECRET} to what "
                "`openssl rand -base64 32` prints."
            )
            raise DailyConfigError(msg) from None
        self._policy = policy or _PATIENT
        self._turns = PerLoop(lambda: asyncio.Semaphore(_AT_ONCE))

    async def send(self, session: Session) -> bool:
        """Send the report of a session. A failure is logged, never raised.

        Args:
            session: The session, which has ended.

        Returns:
            Whether it was accepted.
        """
        event = {
            "version": "1.0.0",
            "type": "session.ended",
            "id": session.id,
            "payload": session.report(),
            "event_ts": round(time.time(), 3),
        }
        body = json.dumps(event, separators=(",", ":")).encode()
        connections = acquire()
        try:
            failure = await self._until_accepted(connections.client, body)
        finally:
            await release(connections)
        if failure is not None:
            logger.bind(**session.log_fields).error(
                "The report of session {} was not accepted by {}: {}",
                session.id,
                self._url.origin(),
                failure,
            )
        return failure is None

    async def _until_accepted(self, client: aiohttp.ClientSession, body: bytes) -> str | None:
        """Send it until it is accepted; else tell why it was given up."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._policy.deadline
        for attempt in range(1, self._policy.attempts + 1):
            async with self._turns.get():
                if loop.time() > until:
                    return "no answer to the reports before it"
                failure, final, retry_after = await self._post(client, body)
            pause = self._policy.pause(attempt, retry_after)
            late = attempt == self._policy.attempts or loop.time() + pause > until
            if failure is None or final or late:
                return failure
            await asyncio.sleep(pause)
        return None  # pragma: no cover - the last attempt has returned

    async def _post(
        self, client: aiohttp.ClientSession, body: bytes
    ) -> tuple[str | None, bool, float | None]:
        """Send it once: why it failed, whether for good, and after how many seconds to try again."""
        options: dict[str, Any] = {}
        if proxies.trusted() and (proxy := proxies.proxy_for(str(self._url))) is not None:
            options["proxy"] = proxy.url
        try:
            async with client.post(
                self._url,
                data=body,
                # Anew each time: the receiver looks at the timestamp.
                headers={**sign(body, secret=self._secret), "Content-Type": "application/json"},
                timeout=aiohttp.ClientTimeout(total=self._policy.timeout),
                allow_redirects=False,
                **options,
            ) as response:
                if 200 <= response.status < 300:
                    return None, True, None
                final = response.status < 500 and response.status not in (408, 425, 429)
                retry_after = read_retry_after(response.headers.get("Retry-After"))
                return f"status {response.status}", final, retry_after
        except (aiohttp.ClientError, TimeoutError, OSError) as exc:
            return f"no answer ({type(exc).__name__})", False, None
