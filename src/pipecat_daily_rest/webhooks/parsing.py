# SPDX-License-Identifier: BSD-2-Clause
"""What a webhook of Daily's says. Who sent it is not asked here. Pure: no I/O."""

import json
from typing import TYPE_CHECKING, Any, Literal

from loguru import logger
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipecat_daily_rest._core import settings
from pipecat_daily_rest._core.secret import secret
from pipecat_daily_rest.errors import DailyError
from pipecat_daily_rest.webhooks.events import TYPES, WebhookEvent

if TYPE_CHECKING:
    from pipecat.runner.types import DailyDialinRequest

Reason = Literal["no-signature", "bad-timestamp", "wrong-signature", "outside-window", "unreadable"]

_OPEN = ConfigDict(extra="allow", populate_by_name=True, hide_input_in_errors=True)


class WebhookVerificationError(DailyError):
    """A request that is not to be acted on: not signed by Daily, not from now, or not readable.

    Parameters:
        reason: ``no-signature`` (a header is missing), ``bad-timestamp``, ``wrong-signature``,
            ``outside-window`` (signed by Daily, but not now: a replay, or a wrong clock) or
            ``unreadable`` (signed, but not the JSON of a webhook).
    """

    def __init__(self, message: str, *, reason: Reason) -> None:
        """Initialize the error.

        Args:
            message: The sentence that ``str()`` gives.
            reason: Why, for programs.
        """
        super().__init__(message)
        self.reason: Reason = reason


class WebhookProbe(BaseModel):
    """Daily's test of the endpoint when it is configured: answer 200 at once.

    It is recognised whether it is signed or not, since it comes before you can know the secret that
    Daily makes up; nothing else may follow from it.
    """

    model_config = _OPEN


class DialinCall(BaseModel):
    """A call that comes in and hears music until you connect it to a room.

    The fields have the names of Pipecat's ``DialinSettings``.

    Reference: https://docs.daily.co/docs/guides/features/dial-in-dial-out/sip-interconnect-pinless

    Parameters:
        call_id: The call's id (``callId``), for `pinlessCallUpdate`.
        call_domain: Id of the call's SIP domain (``callDomain``), for the same.
        To: The number that was called; None over SIP without one.
        From: The caller's number; None over SIP without one.
        sip_headers: SIP headers of the call (``sipHeaders``).
    """

    model_config = _OPEN

    call_id: str = Field(alias="callId", min_length=1)
    call_domain: str = Field(alias="callDomain", min_length=1)
    To: str | None = None
    From: str | None = None
    sip_headers: dict[str, Any] | None = Field(default=None, alias="sipHeaders")

    def dialin_request(
        self, *, api_key: str | None = None, api_url: str | None = None
    ) -> "DailyDialinRequest":
        """Make what a standard Pipecat bot expects as ``runner_args.body`` of a call.

        Args:
            api_key: The key with which the bot connects the call; ``DAILY_API_KEY`` when None.
            api_url: The base of the REST API; ``DAILY_API_URL`` when None, else Daily's own.

        Returns:
            Pipecat's request. Its ``model_dump()`` is what Pipecat's own runner passes to the bot.

        Raises:
            DailyConfigError: There is no key, or the URL is not one.
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
        request.daily_api_key = key  # pydantic made a plain string of it, which a repr shows
        return request


def parse_webhook(body: bytes) -> WebhookEvent:
    """Parse a webhook that was verified before.

    Args:
        body: The raw bytes of the request.

    Returns:
        A subclass for the types that have one, else a plain `WebhookEvent`: for types that are new
        to this version too, and for a payload unlike the one that Daily documents.

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
            logger.warning(f"A {kind} webhook is unlike Daily's documents: {_fields(exc)}")
    try:
        return WebhookEvent.model_validate(data)
    except ValidationError as exc:
        msg = f"The webhook is not an event: {_fields(exc)}."
        raise WebhookVerificationError(msg, reason="unreadable") from exc


def parse_dialin(body: bytes) -> DialinCall:
    """Parse the request for a call that was verified before.

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
    """Daily's test, which has nothing of an event or a call; its exact body for calls is unknown."""
    try:
        data = _object(body)
    except WebhookVerificationError:
        return None
    if data.keys() & {"type", "payload", "callId", "callDomain"}:
        return None
    marked = data.get("test") or (call and (data.get("Test") or data.keys() == {"To"}))
    return WebhookProbe.model_validate(data) if marked else None


def read_json(body: bytes) -> Any:
    """Read JSON strictly, with numbers as JavaScript would write them; a ValueError if it is none."""
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
    """What is wrong with which field, without the value."""
    return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in exc.errors())
