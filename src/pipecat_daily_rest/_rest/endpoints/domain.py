# SPDX-License-Identifier: BSD-2-Clause
"""The domain of the key.

Reference: https://docs.daily.co/reference/rest-api/domain
"""

from pipecat_daily_rest._core import arguments
from pipecat_daily_rest._core.deadline import Deadline
from pipecat_daily_rest._core.secret import hide_secrets
from pipecat_daily_rest._http.api import API
from pipecat_daily_rest._rest.endpoints.base import Methods
from pipecat_daily_rest.answers import DailyDomain
from pipecat_daily_rest.errors import DailyConfigError, DailyResponseError
from pipecat_daily_rest.properties import DailyDomainProperties

_GET = "Unable to get the domain"


class DomainMethods(Methods):
    """The domain of the key."""

    async def domain_id(self) -> str:
        """Give the id of the key's domain; it is asked for once per API URL and key.

        Returns:
            The id.

        Raises:
            DailyError: It could not be told.
        """
        return await domain_id(self.api)

    async def get_domain(self) -> DailyDomain:
        """Give the key's domain and its properties.

        Reference: https://docs.daily.co/reference/rest-api/domain/get-domain-config

        Returns:
            The domain.

        Raises:
            DailyError: It could not be told.
        """
        return await _get_domain(self.api)

    async def set_domain(self, properties: DailyDomainProperties) -> DailyDomain:
        """Change the domain's properties, for all of its rooms. What is not named stays as it is.

        For instance::

            await helper.set_domain({"lang": "fr", "geo": None})

        Reference: https://docs.daily.co/reference/rest-api/domain/set-domain-config

        Args:
            properties: What to change; None unsets a property.

        Returns:
            The domain as it is now.

        Raises:
            DailyConfigError: There is nothing to change.
            DailyError: It could not be changed.
        """
        properties = hide_secrets(properties, self.api.key)
        changes = arguments.json_object("properties", properties)
        if not changes:
            msg = "Nothing to change in the domain: name a property; None unsets one."
            raise DailyConfigError(msg)
        what = "Unable to set the domain's properties"
        body = {"properties": changes}
        return DailyDomain.read(
            await self.api.request("POST", "/", what=what, json=body), what=what
        )


async def domain_id(api: API, *, deadline: Deadline | None = None) -> str:
    """Give the id of the key's domain; it is asked for once per API URL and key."""
    account = api.account
    if account.domain_id is None:
        try:
            async with account.domain_turn.get():  # many who start at once need one answer
                if account.domain_id is None:
                    return await ask_for_domain_id(api, deadline)
        finally:
            account.domain_turn.drop()
    return account.domain_id


async def ask_for_domain_id(api: API, deadline: Deadline | None = None) -> str:
    """Ask for the id of the key's domain and keep it, even if it is known."""
    domain = await _get_domain(api, deadline)
    if not domain.domain_id or not isinstance(domain.domain_id, str):
        msg = f"{_GET}: Invalid response: no domain_id in it."
        raise DailyResponseError(msg)
    api.account.domain_id = domain.domain_id
    return domain.domain_id


async def _get_domain(api: API, deadline: Deadline | None = None) -> DailyDomain:
    return DailyDomain.read(await api.request("GET", "/", what=_GET, deadline=deadline), what=_GET)
