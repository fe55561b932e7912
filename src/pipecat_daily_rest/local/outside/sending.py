# SPDX-License-Identifier: BSD-2-Clause
"""What the local Daily sends by itself: signed, and to nobody but this machine.

The signatures are those of https://docs.daily.co/reference/rest-api/webhooks and
https://docs.daily.co/docs/guides/features/dial-in-dial-out/sip-interconnect-pinless
"""

import base64
import hmac
import json
import secrets
import time
from typing import Any, Literal

import aiohttp
from loguru import logger
from yarl import URL

from pipecat_daily_rest.local.guard import is_loopback
from pipecat_daily_rest.local.secret import Secret

Source = Literal["Webhook", "Pinless"]

_NOT_HERE = (
    "the local Daily calls nobody but this machine: it takes URLs like "
    "http://127.0.0.1:8080/webhook"
)


def why_not(url: str) -> str | None:
    """Tell why a URL is not called.

    Args:
        url: The URL.

    Returns:
        A sentence, or None when it is called.
    """
    try:
        parsed = URL(url)
        here = parsed.scheme in ("http", "https") and is_loopback(parsed.host or "")
    except ValueError:
        here = False
    return None if here else _NOT_HERE


def new_secret() -> Secret:
    """Make up an ``hmac``.

    Returns:
        32 random bytes in base64.
    """
    return Secret(base64.b64encode(secrets.token_bytes(32)).decode())


def is_secret(value: Any) -> bool:
    """Tell whether a value can be an ``hmac``.

    Args:
        value: What was sent.

    Returns:
        Whether it is base64 and not empty.
    """
    try:
        return isinstance(value, str) and bool(base64.b64decode(value, validate=True))
    except ValueError:
        return False


def as_body(message: Any) -> bytes:
    """Write JSON as JavaScript does, which is what Daily signs.

    Args:
        message: The JSON.

    Returns:
        The bytes.
    """
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode()


class Outgoing:
    """The requests to the webhooks of this machine."""

    def __init__(self) -> None:
        """Initialize; nothing is opened before the first request."""
        self._session: aiohttp.ClientSession | None = None

    async def post(
        self,
        url: str,
        body: bytes,
        *,
        source: Source,
        secret: Secret,
        milliseconds: bool,
        basic_auth: Secret | None = None,
        timeout: float,  # noqa: ASYNC109
    ) -> int | None:
        """Send a signed request. The time in its signature is this machine's, never a moved one.

        Args:
            url: Where to.
            body: The JSON.
            source: What is in the names of the headers.
            secret: The ``hmac``, in base64.
            milliseconds: Whether the timestamp is in milliseconds.
            basic_auth: Credentials of the endpoint: ``user:password``, or its base64.
            timeout: Seconds to wait for the answer.

        Returns:
            The status of the answer; None when there was none, or when the URL is not called.
        """
        if why_not(url) is not None:
            return None
        timestamp = str(int(time.time() * (1000 if milliseconds else 1)))
        message = timestamp.encode() + b"." + body
        signature = base64.b64encode(hmac.digest(base64.b64decode(secret), message, "sha256"))
        headers = {
            "Content-Type": "application/json",
            f"X-{source}-Signature": signature.decode(),
            f"X-{source}-Timestamp": timestamp,
        }
        if basic_auth is not None:
            headers["Authorization"] = Secret(f"Basic {_credentials(basic_auth)}")
        if self._session is None:
            # A connection each: one that was kept may be closed by now. No proxy is asked.
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True))
        try:
            async with self._session.post(
                url,
                data=body,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=timeout),
            ) as answer:
                return answer.status
        except (aiohttp.ClientError, OSError, ValueError) as exc:
            logger.debug("The local Daily got no answer from a webhook: {}", type(exc).__name__)
            return None

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def _credentials(basic_auth: str) -> Secret:
    plain = ":" in basic_auth
    return Secret(base64.b64encode(basic_auth.encode()).decode() if plain else basic_auth)
