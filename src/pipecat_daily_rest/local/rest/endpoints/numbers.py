# SPDX-License-Identifier: BSD-2-Clause
"""Telephone numbers, and whom a call to one of them reaches.

Reference: https://docs.daily.co/reference/rest-api/phone-numbers and
https://docs.daily.co/reference/rest-api/domainDialinConfig
"""

import re
import uuid
from dataclasses import replace
from typing import Any

from aiohttp import web

from pipecat_daily_rest.local.outside.phone import DialinConfig
from pipecat_daily_rest.local.outside.phone_bodies import (
    BUY_NUMBER,
    DIALIN_CREATE,
    DIALIN_UPDATE,
    is_number,
)
from pipecat_daily_rest.local.outside.sending import new_secret
from pipecat_daily_rest.local.rest.endpoints.family import Family, Route, iso
from pipecat_daily_rest.local.rules import schema
from pipecat_daily_rest.local.rules.schema import Refusal, invalid
from pipecat_daily_rest.local.secret import Secret

_SIP_HOST = "pinless-sip.local-daily.invalid"
_INVALID = "Number is invalid."
_TOO_NEW = "Failed to release new number, try again in 14 days"
_NOT_OURS = "Failed to configure {type} dialin: {number} not associated with domain: {domain}"
_PINLESS = "pinless_dialin"


class NumberEndpoints(Family):
    """The telephone numbers of the domain, and its dial-in configurations."""

    def routes(self) -> list[Route]:
        """List the endpoints."""
        return [
            ("GET", "/list-available-numbers", self.available),
            ("GET", "/purchased-phone-numbers", self.purchased),
            ("POST", "/buy-phone-number", self.buy),
            ("DELETE", "/release-phone-number/{id}", self.release),
            ("GET", "/domain-dialin-config", self.list_configs),
            ("POST", "/domain-dialin-config", self.create_config),
            ("GET", "/domain-dialin-config/{id}", self.get_config),
            ("PUT", "/domain-dialin-config/{id}", self.update_config),
            ("DELETE", "/domain-dialin-config/{id}", self.delete_config),
        ]

    def available(self, request: web.Request, body: Any) -> Any:
        """List numbers that can be bought.

        Reference: https://docs.daily.co/reference/rest-api/phone-numbers/list-available-numbers
        """
        query = request.query
        digits = [name for name in ("starts_with", "contains", "ends_with") if name in query]
        area, region, city = (query.get(name) for name in ("areacode", "region", "city"))
        wrong = (
            len(digits) > 1
            or any(not re.fullmatch("[0-9]{3,7}", query[name]) for name in digits)
            or (area is not None and region is not None)
            or (city is not None and (region is None or area is not None or bool(digits)))
        )
        if wrong:
            raise Refusal(400, "validation-error", "invalid path parameter")
        found = self._parts.telephony.numbers.available(
            area=area,
            region=region,
            city=city,
            starts=query.get("starts_with", ""),
            contains=query.get("contains", ""),
            ends=query.get("ends_with", ""),
        )
        return {"total_count": len(found), "data": found}

    def purchased(self, request: web.Request, body: Any) -> Any:
        """List the numbers that were bought, the newest first.

        Reference: https://docs.daily.co/reference/rest-api/phone-numbers/purchased-phone-numbers
        """
        numbers = [
            {
                "name": number.number,
                "type": "purchased_phone_number",
                "id": number.id,
                "pagination_id": number.order,
                "created_date": iso(number.bought_at),
                "number": number.number,
                "status": "verified",
                "verified": True,
            }
            for number in reversed(self._parts.telephony.numbers.purchased.values())
            if request.query.get("filter_name", "") in number.number
            and request.query.get("filter_number", "") in number.number
        ]
        return self._listed(request, numbers, "phone number")

    def buy(self, request: web.Request, body: Any) -> Any:
        """Buy a number.

        Reference: https://docs.daily.co/reference/rest-api/phone-numbers/buy-phone-number
        """
        wanted = self._schema.body(BUY_NUMBER, body).get("number")
        numbers = self._parts.telephony.numbers
        bought = None
        if wanted is None or is_number(wanted):
            bought = numbers.buy(wanted, now=self._now)
        if bought is None:
            refusal = Refusal(422, _INVALID)
            error = {"detail": _INVALID, "title": "Invalid Attribute"}
            refusal.body = {"errors": [{**error, "status": "422", "code": "422"}], "status": 422}
            raise refusal
        return {"id": bought.id, "number": bought.number}

    def release(self, request: web.Request, body: Any) -> Any:
        """Give a number back, 14 days after it was bought at the earliest.

        Reference: https://docs.daily.co/reference/rest-api/phone-numbers/release-phone-number
        """
        id = request.match_info["id"]
        purchased = self._parts.telephony.numbers.purchased
        if (number := purchased.get(id)) is None:
            raise Refusal(404, "not-found", f"phone number {id} not found")
        if number.bound(self._now):
            raise Refusal(422, _TOO_NEW)
        del purchased[id]
        return {"status": "ok"}

    def list_configs(self, request: web.Request, body: Any) -> Any:
        """List the dial-in configurations, the newest first.

        Reference: https://docs.daily.co/reference/rest-api/domainDialinConfig
        """
        found = list(reversed(self._parts.switchboard.configs.values()))
        query = request.query
        for name in ("phone_number", "name_prefix"):
            if name in query:
                found = [each for each in found if each.fields.get(name) == query[name]]
        if "phone_numbers" in query:
            parts = query["phone_numbers"].split(",")
            found = [e for e in found if any(p in e.fields.get("phone_number", "") for p in parts)]
        if "type" in query:
            found = [each for each in found if each.type == query["type"]]
        if "sip_username" in query:
            user = query["sip_username"]
            found = [each for each in found if each.sip_uri.partition("@")[0] == user]
        return self._listed(request, [_describe(each) for each in found], "dial-in config")

    async def create_config(self, request: web.Request, body: Any) -> Any:
        """Make a dial-in configuration.

        Reference: https://docs.daily.co/reference/rest-api/domainDialinConfig
        """
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
        self._check_number(given, type_, None)  # another one may have come meanwhile
        self._parts.switchboard.configs[id] = config
        return _describe(config)

    def get_config(self, request: web.Request, body: Any) -> Any:
        """Give a dial-in configuration.

        Reference: https://docs.daily.co/reference/rest-api/domainDialinConfig
        """
        return _describe(self._config(request))

    async def update_config(self, request: web.Request, body: Any) -> Any:
        """Change a dial-in configuration.

        Reference: https://docs.daily.co/reference/rest-api/domainDialinConfig
        """
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
        """Delete a dial-in configuration.

        Reference: https://docs.daily.co/reference/rest-api/domainDialinConfig
        """
        del self._parts.switchboard.configs[self._config(request).id]
        return {"status": "ok"}

    async def _verify(self, config: DialinConfig) -> None:
        if not await self._parts.switchboard.passes(config):
            raise invalid(self._choices.webhook_failed_info)

    def _config(self, request: web.Request) -> DialinConfig:
        id = request.match_info["id"]
        if (config := self._parts.switchboard.configs.get(id)) is None:
            raise Refusal(404, "not-found", f"dial-in config {id} not found")
        return config

    def _check_number(self, given: dict[str, Any], type_: str, own: DialinConfig | None) -> None:
        if (number := given.get("phone_number")) is None:
            return
        telephony = self._parts.telephony
        if not telephony.numbers.owns(number):
            kind = type_.removesuffix("_dialin")
            domain = self._state.domain_name
            raise invalid(_NOT_OURS.format(type=kind, number=number[1:], domain=domain))
        others = (
            config for config in self._parts.switchboard.configs.values() if config is not own
        )
        if any(number == other.fields.get("phone_number") for other in others):
            raise invalid(f"{number} is used by another dial-in config")

    def _listed(self, request: web.Request, items: list[dict[str, Any]], what: str) -> Any:
        page = self._page(request, items, id=lambda item: str(item["id"]), what=what)
        return {"total_count": len(items), "data": page}


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
