# SPDX-License-Identifier: BSD-2-Clause
"""Phone numbers: offered, bought and released.

Reference: https://docs.daily.co/reference/rest-api/phone-numbers
"""

import re
from typing import Any

from aiohttp import web

from pipecat_daily_rest.local.outside.phone_bodies import BUY_NUMBER
from pipecat_daily_rest.local.rest.endpoints.family import Family, Route, iso
from pipecat_daily_rest.local.rules.schema import Refusal

_INVALID = "Number is invalid."
_TOO_NEW = "Failed to release new number, try again in 14 days"


class NumberEndpoints(Family):
    """The phone numbers of the domain."""

    def routes(self) -> list[Route]:
        """List the endpoints."""
        return [
            ("GET", "/list-available-numbers", self.available),
            ("GET", "/purchased-phone-numbers", self.purchased),
            ("POST", "/buy-phone-number", self.buy),
            ("DELETE", "/release-phone-number/{id}", self.release),
        ]

    def available(self, request: web.Request, body: Any) -> Any:
        """List numbers that can be bought."""
        # https://docs.daily.co/reference/rest-api/phone-numbers/list-available-numbers
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
        """List the numbers that were bought, newest first."""
        # https://docs.daily.co/reference/rest-api/phone-numbers/purchased-phone-numbers
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
        """Buy a number."""
        # https://docs.daily.co/reference/rest-api/phone-numbers/buy-phone-number
        wanted = self._schema.body(BUY_NUMBER, body).get("number")
        numbers = self._parts.telephony.numbers
        if (bought := numbers.buy(wanted, now=self._now)) is None:
            invalid = Refusal(422, _INVALID)
            error = {"detail": _INVALID, "title": "Invalid Attribute"}
            invalid.body = {"errors": [{**error, "status": "422", "code": "422"}], "status": 422}
            raise invalid
        return {"id": bought.id, "number": bought.number}

    def release(self, request: web.Request, body: Any) -> Any:
        """Release a number, 14 days after it was bought at the earliest."""
        # https://docs.daily.co/reference/rest-api/phone-numbers/release-phone-number
        purchased = self._parts.telephony.numbers.purchased
        number = self._find(request, purchased, "phone number")
        if number.bound(self._now):
            raise Refusal(422, _TOO_NEW)
        del purchased[number.id]
        return {"status": "ok"}
