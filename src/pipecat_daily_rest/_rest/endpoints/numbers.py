# SPDX-License-Identifier: BSD-2-Clause
"""Telephone numbers.

Reference: https://docs.daily.co/reference/rest-api/phone-numbers
"""

from collections.abc import AsyncIterator

from pipecat_daily_rest._core import arguments
from pipecat_daily_rest._http.retry import Repeat
from pipecat_daily_rest._rest import phone_checks as checks
from pipecat_daily_rest._rest.endpoints.base import Methods, segment
from pipecat_daily_rest._rest.pages import listed
from pipecat_daily_rest.answers import DailyAvailableNumber, DailyPhoneNumber
from pipecat_daily_rest.answers.answer import read_list
from pipecat_daily_rest.errors import DailyConfigError, DailyNotFoundError
from pipecat_daily_rest.models.lenient import without_nulls


class NumberMethods(Methods):
    """Telephone numbers."""

    async def list_available_numbers(
        self,
        *,
        areacode: str | None = None,
        region: str | None = None,
        city: str | None = None,
        contains: str | None = None,
        starts_with: str | None = None,
        ends_with: str | None = None,
    ) -> list[DailyAvailableNumber]:
        """List telephone numbers that can be bought.

        Reference: https://docs.daily.co/reference/rest-api/phone-numbers/list-available-numbers

        Args:
            areacode: Only those of this area; not together with ``region``.
            region: Only those of this state, as ``CA``.
            city: Only those of this city; needs ``region``, and goes with no digits.
            contains: 3 to 7 digits of the number; pass one of this and the next two.
            starts_with: 3 to 7 digits at its beginning.
            ends_with: 3 to 7 digits at its end.

        Returns:
            The numbers.

        Raises:
            DailyConfigError: Daily does not combine these arguments, or one has the wrong value.
            DailyError: Daily gave no usable answer.
        """
        digits = {"contains": contains, "starts_with": starts_with, "ends_with": ends_with}
        for field, value in digits.items():
            checks.some_digits(field, value)
        sought = [field for field, value in digits.items() if value is not None]
        if len(sought) > 1:
            msg = f"pass one of {' and '.join(sought)}: Daily does not combine them."
            raise DailyConfigError(msg)
        if areacode is not None and region is not None:
            msg = "pass areacode or region: Daily does not combine them."
            raise DailyConfigError(msg)
        if city is not None and (region is None or sought):
            msg = "pass city with region, and with no other filter: Daily does not combine them."
            raise DailyConfigError(msg)
        places = {"areacode": areacode, "region": region, "city": city}
        given = {**{name: arguments.text(name, place) for name, place in places.items()}, **digits}
        what = "Unable to list the available phone numbers"
        data = await self.api.request(
            "GET", "/list-available-numbers", what=what, query=without_nulls(given)
        )
        return [DailyAvailableNumber.read(each, what=what) for each in read_list(data, what=what)]

    def list_phone_numbers(
        self, *, name: str | None = None, number: str | None = None
    ) -> AsyncIterator[DailyPhoneNumber]:
        """List the telephone numbers that were bought, all pages.

        Reference: https://docs.daily.co/reference/rest-api/phone-numbers/purchased-phone-numbers

        Args:
            name: Only those with this in their name.
            number: Only those with this in their number.

        Returns:
            The numbers, for ``async for``, which raises `DailyError` if a page cannot be read.

        Raises:
            DailyConfigError: An argument is not a string.
        """
        what = "Unable to list the phone numbers"
        return listed(
            self.api,
            "/purchased-phone-numbers",
            what=what,
            read=DailyPhoneNumber.read,
            key=lambda bought: bought.id,
            query={
                "filter_name": arguments.text("name", name),
                "filter_number": arguments.text("number", number),
            },
        )

    async def buy_phone_number(self, number: str | None = None) -> DailyPhoneNumber:
        """Buy a telephone number. It costs money, and cannot be released for 14 days.

        After a lost response it is not bought again; `list_phone_numbers` shows whether it was.

        Reference: https://docs.daily.co/reference/rest-api/phone-numbers/buy-phone-number

        Args:
            number: The number, in E.164; Daily chooses one of California when None.

        Returns:
            The number, with its id.

        Raises:
            DailyConfigError: It is not a number in E.164.
            DailyInvalidRequestError: It is not for sale; ``info`` says why.
            DailyError: It was not bought, or it is unknown whether it was.
        """
        body = {} if number is None else {"number": checks.number("number", number)}
        what = f"Unable to buy {number or 'a phone number'}"
        return await self._ask(
            DailyPhoneNumber, "POST", "/buy-phone-number", what, json=body, repeat=Repeat.UNSENT
        )

    async def release_phone_number(self, number_id: str) -> bool:
        """Release a telephone number, 14 days after it was bought at the earliest.

        Reference: https://docs.daily.co/reference/rest-api/phone-numbers/release-phone-number

        Args:
            number_id: Its id, not the number.

        Returns:
            True: it is no longer yours.

        Raises:
            DailyNotFoundError: It does not exist.
            DailyInvalidRequestError: It is too new; ``info`` says so.
            DailyError: It could not be released.
        """
        path = f"/release-phone-number/{segment('number_id', number_id, key=self.api.key)}"
        try:
            await self.api.request("DELETE", path, what="Unable to release the phone number")
        except DailyNotFoundError as exc:
            if exc.attempts == 1:  # otherwise an earlier attempt has released it
                raise
        return True
