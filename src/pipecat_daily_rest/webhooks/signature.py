# SPDX-License-Identifier: BSD-2-Clause
"""A webhook's signature and its timestamp are verified here."""

import base64
import hmac
import json
import math
import re
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Literal

from pipecat_daily_rest._core import arguments, settings
from pipecat_daily_rest._core.secret import Secret
from pipecat_daily_rest._core.secret import secret as as_secret
from pipecat_daily_rest.errors import DailyConfigError, DailyError
from pipecat_daily_rest.webhooks.events import WebhookEvent
from pipecat_daily_rest.webhooks.parsing import (
    DialinCall,
    WebhookProbe,
    WebhookVerificationError,
    parse_dialin,
    parse_probe,
    parse_webhook,
    read_json,
)

Source = Literal["webhook", "pinless"]

REPLAY_WINDOW = 300.0  # seconds
_HEADERS: Mapping[Source, tuple[str, str]] = {
    "webhook": ("X-Webhook-Signature", "X-Webhook-Timestamp"),
    "pinless": ("X-Pinless-Signature", "X-Pinless-Timestamp"),
}
_TIMESTAMP = re.compile(r"[0-9]{1,16}(?:\.[0-9]{1,9})?")
_MILLISECONDS = 1e11  # in seconds that would be the year 5138
_PROBE = 4096  # bytes; Daily's is {"test":"test"}
_UNSIGNED = 256 << 10  # bytes
_URL_SAFE = str.maketrans("-_", "+/")


def read_webhook(
    body: bytes,
    headers: Mapping[str, str],
    *,
    secret: str,
    reserialized: bool = True,
    replay_window: timedelta | float | None = REPLAY_WINDOW,
    now: float | None = None,
) -> WebhookEvent | WebhookProbe:
    """Verify and parse a webhook.

    Args:
        body: The raw bytes of the request.
        headers: The request's headers.
        secret: The webhook's ``hmac``, in base64.
        reserialized: Whether a signature over the body's compact JSON is accepted, too: Daily's
            documents do not say which of the two is signed. Not for bodies over 256 KiB.
        replay_window: How far from the present the timestamp may be, in seconds or as a
            ``timedelta``; None for no limit. With ``retryType`` ``exponential`` Daily repeats an
            event for 15 minutes and more, maybe with its first timestamp.
        now: The present, in unix seconds; the clock's when None.

    Returns:
        The event as `parse_webhook` gives it; a `WebhookProbe` when Daily only tests the endpoint.

    Raises:
        WebhookVerificationError: Daily did not sign it, or not just now, or it cannot be parsed.
        DailyConfigError: The secret is not base64, or an argument has the wrong type.
    """
    secret = as_secret(secret)
    try:
        verify(
            body,
            headers,
            secret=secret,
            reserialized=reserialized,
            replay_window=replay_window,
            now=now,
        )
    except DailyError:
        if (probe := _probe(body, call=False)) is not None:
            return probe
        raise
    return _probe(body, call=False) or parse_webhook(body)


def read_dialin(
    body: bytes,
    headers: Mapping[str, str],
    *,
    secret: str,
    replay_window: timedelta | float | None = REPLAY_WINDOW,
    now: float | None = None,
) -> DialinCall | WebhookProbe:
    """Verify and parse the request for an incoming call (``room_creation_api``).

    Args:
        body: The raw bytes of the request.
        headers: The request's headers.
        secret: The ``hmac`` of the dial-in configuration, in base64. Daily makes a new one when you
            update the configuration without it.
        replay_window: How far from the present the timestamp may be, in seconds or as a
            ``timedelta``; None for no limit.
        now: The present, in unix seconds; the clock's when None.

    Returns:
        The call; a `WebhookProbe` when Daily only tests the endpoint.

    Raises:
        WebhookVerificationError: Daily did not sign it, or not just now, or it cannot be parsed.
        DailyConfigError: The secret is not base64, or an argument has the wrong type.
    """
    secret = as_secret(secret)
    try:
        verify(body, headers, secret=secret, source="pinless", replay_window=replay_window, now=now)
    except DailyError:
        if (probe := _probe(body, call=True)) is not None:
            return probe
        raise
    return _probe(body, call=True) or parse_dialin(body)


def _probe(body: bytes, *, call: bool) -> WebhookProbe | None:
    """Daily's test of the endpoint, signed or not; None for another body. It is always small."""
    small = isinstance(body, bytes | bytearray | memoryview) and len(body) <= _PROBE
    return parse_probe(body, call=call) if small else None


def verify(
    body: bytes,
    headers: Mapping[str, str],
    *,
    secret: str,
    source: Source = "webhook",
    reserialized: bool = False,
    replay_window: timedelta | float | None = REPLAY_WINDOW,
    now: float | None = None,
) -> None:
    """Check that Daily signed a request, and did so just now.

    Args:
        body: The raw bytes of the request, not its JSON: another space means another signature.
        headers: The request's headers; upper and lower case are the same.
        secret: The ``hmac`` of the webhook or of the dial-in configuration, in base64.
        source: ``webhook``, or ``pinless`` for an incoming call.
        reserialized: Whether a signature over the body's compact JSON, as ``JSON.stringify`` writes
            it, is accepted, too: Daily's sample signs that. Not for bodies over 256 KiB.
        replay_window: How far from the present the timestamp may be, in seconds or as a
            ``timedelta``; None for no limit.
        now: The present, in unix seconds; the clock's when None.

    Raises:
        WebhookVerificationError: Daily did not.
        DailyConfigError: The secret is not base64, or an argument has the wrong type.
    """
    secret = as_secret(secret)
    _check(secret)
    raw = _raw(body)
    arguments.flag("reserialized", reserialized)
    window = None if replay_window is None else settings.seconds("replay_window", replay_window)
    present = _present(now)
    signature_header, timestamp_header = _headers(source)
    signature = _header(headers, signature_header)
    timestamp = _header(headers, timestamp_header)
    instant = _instant(timestamp, timestamp_header)
    # The sender is unknown yet: only small bodies are read as JSON.
    if not _matches(signature, secret, timestamp, raw) and not (
        reserialized
        and len(raw) <= _UNSIGNED
        and (compact := _compact(raw)) is not None
        and _matches(signature, secret, timestamp, compact)
    ):
        msg = (
            f"{signature_header} is not the signature of this body: it must be made with the "
            "webhook's own hmac secret, and checked against the raw bytes of the request."
        )
        raise WebhookVerificationError(msg, reason="wrong-signature")
    # After the signature: a wrong clock is blamed only for what Daily signed.
    age = present - instant
    if window is not None and abs(age) > window:
        msg = (
            f"{timestamp_header} is {abs(age):.0f} s in the {'past' if age > 0 else 'future'}, and "
            f"{window:g} s are allowed: it is a replay, or this machine's clock is wrong."
        )
        raise WebhookVerificationError(msg, reason="outside-window")


def sign(
    body: bytes,
    *,
    secret: str,
    source: Source = "webhook",
    milliseconds: bool = False,
    now: float | None = None,
) -> dict[str, str]:
    """Sign a body as Daily does, for the tests of a program that receives webhooks.

    Args:
        body: The raw bytes that you send.
        secret: The ``hmac`` secret, in base64.
        source: ``webhook``, or ``pinless`` for an incoming call.
        milliseconds: Whether the timestamp is in milliseconds; Daily's documents show seconds, but
            milliseconds were seen in real requests.
        now: The present, in unix seconds; the clock's when None.

    Returns:
        The two headers.

    Raises:
        DailyConfigError: The secret is not base64, or an argument has the wrong type.
    """
    secret = as_secret(secret)
    _check(secret)
    raw = _raw(body)
    signature_header, timestamp_header = _headers(source)
    arguments.flag("milliseconds", milliseconds)
    instant = _present(now)
    timestamp = str(math.floor(instant * 1000 if milliseconds else instant))
    signature = _signature(secret, timestamp, raw).decode()
    return {signature_header: signature, timestamp_header: timestamp}


def _compact(raw: bytes) -> bytes | None:
    """The body as ``JSON.stringify`` would write it; None when it is not JSON."""
    try:
        return json.dumps(read_json(raw), separators=(",", ":"), ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None


def _raw(body: bytes) -> bytes:
    if isinstance(body, bytes | bytearray | memoryview):
        return bytes(body)
    msg = (
        f"body must be the raw bytes of the request, not {type(body).__name__}: "
        "`await request.body()` (FastAPI) or `await request.read()` (aiohttp)."
    )
    raise DailyConfigError(msg)


def _present(now: float | None) -> float:
    return time.time() if now is None else arguments.seconds("now", now)


def _headers(source: Source) -> tuple[str, str]:
    if isinstance(source, str) and source in _HEADERS:
        return _HEADERS[source]
    msg = f"source must be one of {', '.join(_HEADERS)}, not {source!r}."
    raise DailyConfigError(msg)


def _header(headers: Mapping[str, str], name: str) -> str:
    try:
        for key, value in headers.items():
            if key.lower() == name.lower():
                return str.strip(value)
    except (AttributeError, TypeError):
        msg = "headers must be the headers of the request: a mapping of names to strings."
        raise DailyConfigError(msg) from None
    msg = f"The request has no {name} header: Daily did not sign it."
    raise WebhookVerificationError(msg, reason="no-signature")


def _instant(timestamp: str, header: str) -> float:
    """Unix seconds, from a timestamp in seconds or milliseconds."""
    if not _TIMESTAMP.fullmatch(timestamp):
        msg = f"{header} is not a unix timestamp."
        raise WebhookVerificationError(msg, reason="bad-timestamp")
    number = float(timestamp)
    return number / 1000 if number > _MILLISECONDS else number


def _check(secret: Secret) -> None:
    try:
        usable = isinstance(secret, str) and bool(_key(secret))
    except ValueError:
        usable = False
    if not usable:
        msg = (
            "The hmac secret is missing or not base64: use the `hmac` that Daily gave you for the "
            "webhook or the dial-in configuration."
        )
        raise DailyConfigError(msg)


def _key(secret: Secret) -> bytes:
    # As lenient as Buffer.from() in Daily's samples: URL-safe letters, and padding may be missing.
    text = Secret(secret.strip().rstrip("=").translate(_URL_SAFE))
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)


def _signature(secret: Secret, timestamp: str, body: bytes) -> bytes:
    signer = hmac.new(_key(secret), timestamp.encode() + b".", "sha256")
    signer.update(body)  # without a copy
    return base64.b64encode(signer.digest())


def _matches(signature: str, secret: Secret, timestamp: str, body: bytes) -> bool:
    given = signature.encode(errors="replace")  # compare_digest() takes ASCII strings only
    return hmac.compare_digest(given, _signature(secret, timestamp, body))
