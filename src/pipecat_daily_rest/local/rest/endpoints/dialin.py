# SPDX-License-Identifier: BSD-2-Clause
"""Dial-in configurations: which endpoint makes a room when somebody calls a number.

Reference: https://docs.daily.co/reference/rest-api/domainDialinConfig
"""

import uuid
from dataclasses import replace
from typing import Any

from aiohttp import web

from pipecat_daily_rest.local.outside.phone import DialinConfig
from pipecat_daily_rest.local.outside.phone_bodies import DIALIN_CREATE, DIALIN_UPDATE
from pipecat_daily_rest.local.outside.sending import new_secret
from pipecat_daily_rest.local.rest.endpoints.family import Family, Route
from pipecat_daily_rest.local.rules import schema
from pipecat_daily_rest.local.rules.schema import invalid
from pipecat_daily_rest.local.secret import Secret

_SIP_HOST = "pinless-sip.local-daily.invalid"
_NOT_OURS = "Failed to configure {type} dialin: {number} not associated with domain: {domain}"
_PINLESS = "pinless_dialin"


class DialinEndpoints(Family):
    """The dial-in configurations of the domain."""

    def routes(self) -> list[Route]:
        """List the endpoints."""
        return [
            ("GET", "/domain-dialin-config", self.list_configs),
            ("POST", "/domain-dialin-config", self.create_config),
            ("GET", "/domain-dialin-config/{id}", self.get_config),
            ("PUT", "/domain-dialin-config/{id}", self.update_config),
            ("DELETE", "/domain-dialin-config/{id}", self.delete_config),
        ]

    def list_configs(self, request: web.Request, body: Any) -> Any:
        """List the configurations, newest first."""
        query = request.query
        parts = query.get("phone_numbers", "").split(",")
        found = [
            config
            for config in reversed(self._parts.switchboard.configs.values())
            if query.get("phone_number") in (None, config.fields.get("phone_number"))
            and query.get("name_prefix") in (None, config.fields.get("name_prefix"))
            and any(part in config.fields.get("phone_number", "") for part in parts)
            and query.get("type") in (None, config.type)
            and query.get("sip_username") in (None, config.sip_uri.partition("@")[0])
        ]
        return self._listed(request, [_describe(each) for each in found], "dial-in config")

    async def create_config(self, request: web.Request, body: Any) -> Any:
        """Make a configuration, once its endpoint has passed the test."""
        given = self._schema.body(DIALIN_CREATE, body)
        needs_number = given.get("type") == _PINLESS and self._choices.dialin_needs_number
        if "type" not in given or (needs_number and "phone_number" not in given):
            raise invalid(schema.MISSING)
        type_ = given.pop("type")
        self._check_number(given, type_, None)
        id = str(uuid.uuid4())
        hmac = Secret(given.pop("hmac", None) or new_secret())
        config = DialinConfig(id, type_, f"user--{id[:13]}@{_SIP_HOST}", hmac, given)
        await self._verify(config)
        self._check_number(given, type_, None)  # another request may have taken it meanwhile
        self._parts.switchboard.configs[id] = config
        return _describe(config)

    def get_config(self, request: web.Request, body: Any) -> Any:
        """Give a configuration."""
        return _describe(self._config(request))

    async def update_config(self, request: web.Request, body: Any) -> Any:
        """Change a configuration, once a new endpoint has passed the test."""
        config = self._config(request)
        given = self._schema.body(DIALIN_UPDATE, body)
        self._check_number(given, config.type, config)
        wanted = replace(config, fields={**config.fields, **given})
        hmac = wanted.fields.pop("hmac", None)
        if hmac is not None or not self._choices.dialin_update_keeps_hmac:
            wanted.hmac = Secret(hmac or new_secret())
        if "room_creation_api" in given:
            await self._verify(wanted)
            config = self._config(request)  # it may have been deleted meanwhile
            self._check_number(given, config.type, config)
        vars(config).update(vars(wanted))
        return _describe(config)

    def delete_config(self, request: web.Request, body: Any) -> Any:
        """Delete a configuration."""
        del self._parts.switchboard.configs[self._config(request).id]
        return {"status": "ok"}

    async def _verify(self, config: DialinConfig) -> None:
        if not await self._parts.switchboard.passes(config):
            raise invalid(self._choices.webhook_failed_info)

    def _config(self, request: web.Request) -> DialinConfig:
        return self._find(request, self._parts.switchboard.configs, "dial-in config")

    def _check_number(self, given: dict[str, Any], type_: str, own: DialinConfig | None) -> None:
        if (number := given.get("phone_number")) is None:
            return
        telephony = self._parts.telephony
        if not telephony.numbers.owns(number):
            kind = type_.removesuffix("_dialin")
            domain = self._domain.name
            raise invalid(_NOT_OURS.format(type=kind, number=number[1:], domain=domain))
        for config in self._parts.switchboard.configs.values():
            if config is not own and config.fields.get("phone_number") == number:
                raise invalid(f"{number} is used by another dial-in config")


def _describe(config: DialinConfig) -> dict[str, Any]:
    pinless = config.type == _PINLESS
    return {
        "id": config.id,
        "type": config.type,
        "config": {
            "sip_uri": config.sip_uri if pinless else None,
            **({"hmac": config.hmac} if pinless else {}),
            **config.fields,
        },
    }
