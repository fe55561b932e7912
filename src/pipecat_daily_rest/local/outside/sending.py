# SPDX-License-Identifier: BSD-2-Clause
"""The requests that the local Daily sends: signed, and to this machine only.

The signatures follow https://docs.daily.co/reference/rest-api/webhooks and
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
    "the local Daily sends to this machine only: use a URL like http://127.0.0.1:8080/webhook"
)


def why_not(url: str) -> str | None:
    """Tell why the local Daily does not send to a URL; None when it does."""
    try:
        parsed = URL(url)
        here = parsed.scheme in ("http", "https") and is_loopback(parsed.host or "")
    except ValueError:
        here = False
    return None if here else _NOT_HERE


def new_secret() -> Secret:
    """Make a random ``hmac``: 32 bytes in base64."""
    return Secret(base64.b64encode(secrets.token_bytes(32)).decode())


def is_secret(value: Any) -> bool:
    """Tell whether a value can be an ``hmac``: base64 and not empty."""
    try:
        return isinstance(value, str) and bool(base64.b64decode(value, validate=True))
    except ValueError:
        return False


def as_body(message: Any) -> bytes:
    """Write JSON as JavaScript does: Daily signs these bytes."""
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode()


class Sender:
    """Sends signed requests to endpoints on this machine."""

    def __init__(self) -> None:
        self._connections: aiohttp.ClientSession | None = None

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
        """Send a request, signed with the machine's time; give the status, None for no response.

        ``basic_auth`` is ``user:password`` or its base64, ``secret`` is base64.
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
        if self._connections is None:
            # A new connection for each: a kept one may be closed by now. No proxy is used.
            self._connections = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(force_close=True)
            )
        try:
            async with self._connections.post(
                url,
                data=body,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=timeout),
            ) as response:
                return response.status
        except (aiohttp.ClientError, OSError, ValueError) as exc:
            logger.debug("The local Daily got no response from a webhook: {}", type(exc).__name__)
            return None

    async def aclose(self) -> None:
        """Close the connections."""
        if self._connections is not None:
            await self._connections.close()
            self._connections = None


def _credentials(basic_auth: str) -> Secret:
    plain = ":" in basic_auth
    return Secret(base64.b64encode(basic_auth.encode()).decode() if plain else basic_auth)
