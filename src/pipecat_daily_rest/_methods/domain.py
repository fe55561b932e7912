# SPDX-License-Identifier: BSD-2-Clause
"""The domain of the key.

Reference: https://docs.daily.co/reference/rest-api/domain
"""

from pipecat_daily_rest._http import Deadline
from pipecat_daily_rest._methods.base import Methods
from pipecat_daily_rest.errors import DailyResponseError

_domain_ids: dict[tuple[str, str], str] = {}


class DomainMethods(Methods):
    """The domain."""

    async def domain_id(self, *, deadline: Deadline | None = None) -> str:
        """Give the id of the key's domain; it is asked for once per API URL and key.

        Args:
            deadline: When it must be over.

        Returns:
            The id.

        Raises:
            DailyError: It could not be told.
        """
        account = (self.api.url, self.api.key)
        if account not in _domain_ids:
            what = "Unable to get the domain"
            data = await self.api.request("GET", "/", what=what, deadline=deadline)
            found = data.get("domain_id") if isinstance(data, dict) else None
            if not found or not isinstance(found, str):
                msg = f"{what}: Invalid response: no domain_id in it."
                raise DailyResponseError(msg)
            _domain_ids[account] = found
        return _domain_ids[account]
