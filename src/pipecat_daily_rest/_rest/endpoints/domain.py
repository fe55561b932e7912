# SPDX-License-Identifier: BSD-2-Clause
"""The domain of the key.

Reference: https://docs.daily.co/reference/rest-api/domain
"""

from pipecat_daily_rest._core import arguments
from pipecat_daily_rest._core.secret import hide_secrets
from pipecat_daily_rest._rest.domain_id import domain_id
from pipecat_daily_rest._rest.endpoints.base import Methods
from pipecat_daily_rest.answers import DailyDomain
from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.properties import DailyDomainProperties


class DomainMethods(Methods):
    """The domain of the key."""

    async def domain_id(self) -> str:
        """Give the id of the key's domain; Daily is asked once per API URL and key.

        Returns:
            The id.

        Raises:
            DailyError: Daily gave no usable answer.
        """
        return await domain_id(self.api)

    async def get_domain(self) -> DailyDomain:
        """Give the key's domain and its properties.

        Reference: https://docs.daily.co/reference/rest-api/domain/get-domain-config

        Returns:
            The domain.

        Raises:
            DailyError: Daily gave no usable answer.
        """
        return await self._ask(DailyDomain, "GET", "/", "Unable to get the domain")

    async def set_domain(self, properties: DailyDomainProperties) -> DailyDomain:
        """Change the domain's properties, for all of its rooms. Others stay as they are.

        For instance::

            await helper.set_domain({"lang": "fr", "geo": None})

        Reference: https://docs.daily.co/reference/rest-api/domain/set-domain-config

        Args:
            properties: What to change; None unsets a property.

        Returns:
            The domain as it is now.

        Raises:
            DailyConfigError: There is nothing to change.
            DailyError: Daily did not change it.
        """
        properties = hide_secrets(properties, self.api.key)
        changes = arguments.json_object("properties", properties)
        if not changes:
            msg = "Nothing to change in the domain: name a property; None unsets one."
            raise DailyConfigError(msg)
        what = "Unable to set the domain's properties"
        return await self._ask(DailyDomain, "POST", "/", what, json={"properties": changes})
