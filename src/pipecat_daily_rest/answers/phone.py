# SPDX-License-Identifier: BSD-2-Clause
"""Telephone numbers, dial-in configurations and webhooks, as Daily answers them."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from pipecat_daily_rest._core.secret import Secret
from pipecat_daily_rest.answers.answer import Answer, Id
from pipecat_daily_rest.models.lenient import without_nulls

_Secret = Annotated[str, AfterValidator(Secret)]


class DailyAvailableNumber(Answer):
    """A telephone number that can be bought.

    Reference: https://docs.daily.co/reference/rest-api/phone-numbers/list-available-numbers

    Parameters:
        phoneNumber: The number, in E.164.
        region: The state, as ``CA``.
    """

    phoneNumber: Id
    region: str = ""


class DailyPhoneNumber(Answer):
    """A telephone number that was bought.

    Reference: https://docs.daily.co/reference/rest-api/phone-numbers/purchased-phone-numbers

    Parameters:
        id: Unique id, for ``caller_id`` and ``release_phone_number()``.
        number: The number, in E.164.
        name: Its name.
        type: ``purchased_phone_number``.
        status: As ``verified``.
        verified: Whether it can be used; None when Daily did not say.
        created_date: When it was bought, as ``2025-03-14T04:46:31.000Z``.
    """

    id: Id
    number: Id
    name: str = ""
    type: str = ""
    status: str = ""
    verified: bool | None = None
    created_date: str = ""


class DailyDialinConfig(Answer):
    """A dial-in configuration: what happens to a call to a number or a SIP address.

    Reference: https://docs.daily.co/reference/rest-api/domainDialinConfig

    Parameters:
        id: Unique id.
        type: ``pinless_dialin`` or ``pin_dialin``.
        phone_number: The number, in E.164; "" for a SIP address only.
        sip_uri: The SIP address, or "".
        name_prefix: Its name.
        hmac: What the requests to ``room_creation_api`` are signed with, for
            `webhooks.read_dialin`; its ``repr`` is masked.
        room_creation_api: The URL that is asked for a room.
        hold_music_url: The music that the caller hears.
        timeout_message: What the caller hears when the room was not ready in time.
        ivr_message: What the caller hears first, with ``pin_dialin``.
    """

    id: Id
    type: str = ""
    phone_number: str = ""
    sip_uri: str = ""
    name_prefix: str = ""
    hmac: _Secret = ""
    room_creation_api: str = ""
    hold_music_url: str = ""
    timeout_message: str = ""
    ivr_message: str = ""

    @model_validator(mode="before")
    @classmethod
    def _flatten(cls, data: Any) -> Any:
        """Daily wraps all but the id and the type into ``config``."""
        if not isinstance(data, dict):
            return data
        config = data.get("config")
        flat = {**(config if isinstance(config, dict) else {}), **data}
        flat.pop("config", None)
        for wrapped, name in (
            ("timeout_config", "timeout_message"),
            ("ivr_greeting", "ivr_message"),
        ):
            holder = flat.pop(wrapped, None)
            if isinstance(holder, dict):
                flat[name] = holder.get("message")
        return without_nulls(flat)


class DailyWebhook(Answer):
    """A webhook.

    Reference: https://docs.daily.co/reference/rest-api/webhooks

    Parameters:
        uuid: Unique id.
        url: Where Daily sends the events.
        hmac: What they are signed with, for `webhooks.read_webhook`; its ``repr`` is masked.
        basicAuth: The credentials that Daily sends with them; its ``repr`` is masked.
        retryType: ``circuit-breaker`` or ``exponential``.
        eventTypes: Which events it gets.
        state: As ``ACTIVE`` or ``FAILED``.
        failedCount: How many deliveries have failed in a row.
        lastMomentPushed: When an event was last delivered, in ISO 8601.
        domainId: The domain.
        createdAt: When it was made, in ISO 8601.
        updatedAt: When it last changed, in ISO 8601.
    """

    uuid: Id
    url: str = ""
    hmac: _Secret = ""
    basicAuth: _Secret = ""
    retryType: str = ""
    eventTypes: list[str] = Field(default_factory=list)
    state: str = ""
    failedCount: int | None = None
    lastMomentPushed: str = ""
    domainId: str = ""
    createdAt: str = ""
    updatedAt: str = ""

    @property
    def failed(self) -> bool:
        """Whether Daily has stopped it: it gets no events until it is updated."""
        return self.state in ("FAILED", "INACTIVE", "0")
