# SPDX-License-Identifier: BSD-2-Clause
"""Who is in a room, and what is done to them.

Reference: https://docs.daily.co/reference/rest-api/rooms/session
"""

from typing import Any

from pipecat_daily_rest import _rooms
from pipecat_daily_rest._methods.base import Methods


class SessionMethods(Methods):
    """The calls in the rooms."""

    async def presence(self) -> dict[str, list[dict[str, Any]]]:
        """Tell who is in which room. It lags by 10 to 25 seconds.

        Returns:
            The participants by room name; empty rooms are not in it.

        Raises:
            DailyError: It could not be told.
        """
        return await _rooms.presence(self.api)
