# SPDX-License-Identifier: BSD-2-Clause
"""The domain of the key.

Reference: https://docs.daily.co/reference/rest-api/domain
"""

import asyncio
from collections import defaultdict
from weakref import WeakKeyDictionary

from pipecat_daily_rest._http import Deadline, Loop
from pipecat_daily_rest._methods.base import Methods
from pipecat_daily_rest.errors import DailyResponseError

Account = tuple[str, str]

_domain_ids: dict[Account, str] = {}
_turns: WeakKeyDictionary[Loop, defaultdict[Account, asyncio.Lock]] = WeakKeyDictionary()


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
            turns = _turns.setdefault(asyncio.get_running_loop(), defaultdict(asyncio.Lock))
            async with turns[account]:  # many who start at once need one answer
                if account not in _domain_ids:
                    await self._ask_for_domain(deadline)
        return _domain_ids[account]

    async def _ask_for_domain(self, deadline: Deadline | None = None) -> None:
        what = "Unable to get the domain"
        data = await self.api.request("GET", "/", what=what, deadline=deadline)
        found = data.get("domain_id") if isinstance(data, dict) else None
        if not found or not isinstance(found, str):
            msg = f"{what}: Invalid response: no domain_id in it."
            raise DailyResponseError(msg)
        _domain_ids[self.api.url, self.api.key] = found
