# SPDX-License-Identifier: BSD-2-Clause
"""Dial-in configurations: what happens to a call to a telephone number or a SIP address.

Reference: https://docs.daily.co/reference/rest-api/domainDialinConfig
"""

from collections.abc import AsyncIterator
from typing import Any, Literal

from pipecat_daily_rest._core import arguments
from pipecat_daily_rest._core.secret import secret
from pipecat_daily_rest._http.retry import Repeat
from pipecat_daily_rest._rest import phone_checks as checks
from pipecat_daily_rest._rest.endpoints.base import Methods, delete, segment, unquoted
from pipecat_daily_rest._rest.pages import listed
from pipecat_daily_rest.answers import DailyDialinConfig
from pipecat_daily_rest.models.lenient import without_nulls

DialinType = Literal["pinless_dialin", "pin_dialin"]


class DialinMethods(Methods):
    """Dial-in configurations."""

    def list_dialin_configs(
        self,
        *,
        phone_number: str | None = None,
        name_prefix: str | None = None,
        sip_username: str | None = None,
        type: DialinType | None = None,
    ) -> AsyncIterator[DailyDialinConfig]:
        """List the dial-in configurations, all pages.

        Args:
            phone_number: Only those of this number.
            name_prefix: Only those of this name.
            sip_username: Only those whose SIP address has this user part.
            type: Only those of this type.

        Returns:
            The configurations, for ``async for``, which raises `DailyError` if a page cannot be read.

        Raises:
            DailyConfigError: An argument has the wrong type or value.
        """
        what = "Unable to list the dial-in configs"
        query = {
            "phone_number": arguments.text("phone_number", phone_number),
            "name_prefix": arguments.text("name_prefix", name_prefix),
            "sip_username": arguments.text("sip_username", sip_username),
            "type": _type(type),
        }
        return listed(
            self.api,
            "/domain-dialin-config",
            what=what,
            read=DailyDialinConfig.read,
            key=lambda config: config.id,
            query=query,
        )

    async def get_dialin_config(self, config_id: str) -> DailyDialinConfig:
        """Look a dial-in configuration up.

        Args:
            config_id: Its id.

        Returns:
            The configuration.

        Raises:
            DailyNotFoundError: It does not exist.
            DailyError: Daily gave no usable answer.
        """
        what = "Unable to get the dial-in config"
        return await self._ask(DailyDialinConfig, "GET", self._config(config_id), what)

    async def create_dialin_config(
        self,
        *,
        type: DialinType = "pinless_dialin",
        phone_number: str | None = None,
        name_prefix: str | None = None,
        room_creation_api: str | None = None,
        hmac: str | None = None,
        hold_music_url: str | None = None,
        timeout_message: str | None = None,
        ivr_message: str | None = None,
    ) -> DailyDialinConfig:
        """Create a dial-in configuration: what happens to a call to a number.

        After a lost response it is not created again; `list_dialin_configs` shows whether it was.

        Args:
            type: ``pinless_dialin`` asks ``room_creation_api`` for a room, ``pin_dialin`` asks the
                caller for a PIN.
            phone_number: A purchased number, in E.164; without one it is called by SIP.
            name_prefix: What the configuration is called.
            room_creation_api: The URL that is asked for a room.
            hmac: What these requests are signed with, in base64; Daily chooses one when None.
            hold_music_url: The music that the caller hears, an MP3 of less than 60 s and 10 MB.
            timeout_message: What the caller hears when the room was not ready in time.
            ivr_message: What the caller hears first, with ``pin_dialin``.

        Returns:
            The configuration, with its ``hmac``.

        Raises:
            DailyConfigError: An argument has the wrong type or value.
            DailyError: Daily did not create it, or it is unknown whether it did.
        """
        hmac = secret(hmac)
        what = "Unable to create the dial-in config"
        body = {
            "type": _type(type),
            **_fields(
                phone_number=phone_number,
                name_prefix=name_prefix,
                room_creation_api=room_creation_api,
                hmac=hmac,
                hold_music_url=hold_music_url,
                timeout_message=timeout_message,
                ivr_message=ivr_message,
            ),
        }
        with unquoted(hmac):
            data = await self.api.request(
                "POST", "/domain-dialin-config", what=what, json=body, repeat=Repeat.UNSENT
            )
        return DailyDialinConfig.read(data, what=what)

    async def update_dialin_config(
        self,
        config_id: str,
        *,
        phone_number: str | None = None,
        name_prefix: str | None = None,
        room_creation_api: str | None = None,
        hmac: str | None = None,
        hold_music_url: str | None = None,
        timeout_message: str | None = None,
        ivr_message: str | None = None,
    ) -> DailyDialinConfig:
        """Change a dial-in configuration.

        Daily does not document whether it keeps an ``hmac`` that is not passed: use the one in
        the answer.

        Args:
            config_id: Its id.
            phone_number: As in `create_dialin_config`; None does not change it, as with the others.
            name_prefix: What the configuration is called.
            room_creation_api: The URL that is asked for a room.
            hmac: What these requests are signed with, in base64.
            hold_music_url: The music that the caller hears.
            timeout_message: What the caller hears when the room was not ready in time.
            ivr_message: What the caller hears first, with ``pin_dialin``.

        Returns:
            The configuration.

        Raises:
            DailyConfigError: An argument has the wrong type or value.
            DailyNotFoundError: It does not exist.
            DailyError: Daily did not change it.
        """
        hmac = secret(hmac)
        path, what = self._config(config_id), "Unable to update the dial-in config"
        body = _fields(
            phone_number=phone_number,
            name_prefix=name_prefix,
            room_creation_api=room_creation_api,
            hmac=hmac,
            hold_music_url=hold_music_url,
            timeout_message=timeout_message,
            ivr_message=ivr_message,
        )
        with unquoted(hmac):
            return await self._ask(DailyDialinConfig, "PUT", path, what, json=body)

    async def delete_dialin_config(self, config_id: str) -> bool:
        """Delete a dial-in configuration. That it is gone already is a success.

        Args:
            config_id: Its id.

        Returns:
            True: it no longer exists.

        Raises:
            DailyConfigError: ``config_id`` is not an id.
            DailyError: Daily did not delete it.
        """
        what = "Failed to delete the dial-in config"
        return await delete(self.api, self._config(config_id), what=what)

    def _config(self, config_id: str) -> str:
        return f"/domain-dialin-config/{segment('config_id', config_id, key=self.api.key)}"


def _type(type: str | None) -> str | None:
    return arguments.one_of("type", type, "pinless_dialin", "pin_dialin")


def _fields(**given: str | None) -> dict[str, Any]:
    """Give the body of a create or an update from its arguments."""
    body: dict[str, Any] = without_nulls(given)
    if "phone_number" in body:
        checks.number("phone_number", body["phone_number"])
    for field in ("room_creation_api", "hold_music_url"):
        if field in body:
            checks.web_url(field, body[field])
    for field in ("name_prefix", "timeout_message", "ivr_message"):
        arguments.text(field, given[field])
    checks.hmac(given["hmac"])
    for field, wrapper in (("timeout_message", "timeout_config"), ("ivr_message", "ivr_greeting")):
        if field in body:
            body[wrapper] = {"message": body.pop(field)}
    return body
