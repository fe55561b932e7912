# SPDX-License-Identifier: BSD-2-Clause
"""Webhooks are parsed here, after `signature` has verified them. Pure: no I/O."""

import json
from typing import TYPE_CHECKING, Any, Literal

from loguru import logger
from pydantic import BaseModel, Field, ValidationError

from pipecat_daily_rest._core import settings
from pipecat_daily_rest._core.secret import secret
from pipecat_daily_rest.errors import DailyError
from pipecat_daily_rest.webhooks.events import OPEN, TYPES, WebhookEvent

if TYPE_CHECKING:
    from pipecat.runner.types import DailyDialinRequest

Reason = Literal["no-signature", "bad-timestamp", "wrong-signature", "outside-window", "unreadable"]


class WebhookVerificationError(DailyError):
    """A request to refuse: Daily did not sign it, or not just now, or it cannot be parsed.

    Parameters:
        reason: ``no-signature`` (a header is missing), ``bad-timestamp``, ``wrong-signature``,
            ``outside-window`` (signed by Daily, but not just now: a replay, or a wrong clock) or
            ``unreadable`` (signed, but not the JSON of a webhook).
    """

    def __init__(self, message: str, *, reason: Reason) -> None:
        """Initialize the error.

        Args:
            message: What ``str()`` gives.
            reason: Why, for programs.
        """
        super().__init__(message)
        self.reason: Reason = reason


class WebhookProbe(BaseModel):
    """Daily's test of an endpoint when you configure it: respond 200 at once, and do nothing else.

    It is accepted with or without a signature: it comes before you can know the secret that Daily
    makes.
    """

    model_config = OPEN


class DialinCall(BaseModel):
    """An incoming call, which hears music until you connect it to a room.

    The fields have the names of Pipecat's ``DialinSettings``.

    Reference: https://docs.daily.co/docs/guides/features/dial-in-dial-out/sip-interconnect-pinless

    Parameters:
        call_id: The call's id (``callId``), for `pinlessCallUpdate`.
        call_domain: Id of the call's SIP domain (``callDomain``), for the same.
        To: The number that was called; None over SIP without one.
        From: The caller's number; None over SIP without one.
        sip_headers: SIP headers of the call (``sipHeaders``).
    """

    model_config = OPEN

    call_id: str = Field(alias="callId", min_length=1)
    call_domain: str = Field(alias="callDomain", min_length=1)
    To: str | None = None
    From: str | None = None
    sip_headers: dict[str, Any] | None = Field(default=None, alias="sipHeaders")

    def dialin_request(
        self, *, api_key: str | None = None, api_url: str | None = None
    ) -> "DailyDialinRequest":
        """Make what a Pipecat bot expects in ``runner_args.body`` for an incoming call.

        Args:
            api_key: The key with which the bot connects the call; ``DAILY_API_KEY`` when None.
            api_url: The base of the REST API; ``DAILY_API_URL`` when None, else Daily's own.

        Returns:
            Pipecat's request. Pipecat's own runner passes its ``model_dump()`` to the bot.

        Raises:
            DailyConfigError: There is no key, or ``api_url`` is not a URL.
        """
        api_key = secret(api_key)
        key, url = settings.api_key(api_key), settings.api_url(api_url)
        from pipecat.runner.types import DailyDialinRequest, DialinSettings

        headers = self.sip_headers
        request = DailyDialinRequest(
            dialin_settings=DialinSettings(
                call_id=self.call_id,
                call_domain=self.call_domain,
                To=self.To,
                From=self.From,
                sip_headers=None if headers is None else {k: str(v) for k, v in headers.items()},
            ),
            daily_api_key=key,
            daily_api_url=url,
        )
        request.daily_api_key = key  # pydantic made a plain string of it, and a repr shows that
        return request


def parse_webhook(body: bytes) -> WebhookEvent:
    """Parse a webhook that is verified already.

    Args:
        body: The raw bytes of the request.

    Returns:
        The subclass for the event's type; a plain `WebhookEvent` for a type that has none here, and
        for a payload other than Daily documents.

    Raises:
        WebhookVerificationError: It is not an event.
    """
    data = _object(body)
    kind = data.get("type")
    model = TYPES.get(kind, WebhookEvent) if isinstance(kind, str) else WebhookEvent
    if model is not WebhookEvent:
        try:
            return model.model_validate(data)
        except ValidationError as exc:
            logger.warning(f"A {kind} webhook is not as Daily documents it: {_fields(exc)}")
    try:
        return WebhookEvent.model_validate(data)
    except ValidationError as exc:
        msg = f"The webhook is not an event: {_fields(exc)}."
        raise WebhookVerificationError(msg, reason="unreadable") from exc


def parse_dialin(body: bytes) -> DialinCall:
    """Parse the request for an incoming call that is verified already.

    Args:
        body: The raw bytes of the request.

    Returns:
        The call.

    Raises:
        WebhookVerificationError: It is not a call.
    """
    try:
        return DialinCall.model_validate(_object(body))
    except ValidationError as exc:
        msg = f"The dial-in webhook is not a call: {_fields(exc)}."
        raise WebhookVerificationError(msg, reason="unreadable") from exc


def _object(body: bytes) -> dict[str, Any]:
    try:
        data = read_json(body)
    except (ValueError, TypeError) as exc:
        msg = "The webhook's body is not JSON."
        raise WebhookVerificationError(msg, reason="unreadable") from exc
    if not isinstance(data, dict):
        msg = "The webhook's body is not a JSON object."
        raise WebhookVerificationError(msg, reason="unreadable")
    return data


def parse_probe(body: bytes, *, call: bool) -> WebhookProbe | None:
    """Parse Daily's test of an endpoint; None for another body. The test's body for calls is unknown."""
    try:
        data = _object(body)
    except WebhookVerificationError:
        return None
    if data.keys() & {"type", "payload", "callId", "callDomain"}:
        return None
    marked = data.get("test") or (call and (data.get("Test") or data.keys() == {"To"}))
    return WebhookProbe.model_validate(data) if marked else None


def read_json(body: bytes) -> Any:
    """Read JSON strictly, with numbers as JavaScript writes them; a ValueError for anything else."""
    try:
        return json.loads(body, parse_float=_number, parse_constant=_refuse)
    except RecursionError as exc:
        msg = "nested too deeply"
        raise ValueError(msg) from exc


def _number(text: str) -> float:
    number = float(text)
    return int(number) if number.is_integer() and abs(number) < 1e21 else number


def _refuse(constant: str) -> None:
    msg = f"{constant} is not JSON"
    raise ValueError(msg)


def _fields(exc: ValidationError) -> str:
    """The fields and what is wrong with each, without the values."""
    return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in exc.errors())
