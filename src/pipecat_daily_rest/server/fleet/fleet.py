# SPDX-License-Identifier: BSD-2-Clause
"""The fleet of a server: all servers that share its Daily account, its Redis and its rooms' prefix."""

from collections.abc import AsyncIterator, Callable, Collection

from loguru import logger

from pipecat_daily_rest._http.redis_slots import SharedRedis
from pipecat_daily_rest._rest.deletion import Deletion
from pipecat_daily_rest._rest.helper import DailyRESTHelper
from pipecat_daily_rest.answers import DailyPresence
from pipecat_daily_rest.models import DailyRoomObject
from pipecat_daily_rest.server.fleet.directory import Directory
from pipecat_daily_rest.server.fleet.elsewhere import Elsewhere
from pipecat_daily_rest.server.fleet.lookout import Lookout
from pipecat_daily_rest.server.fleet.member import Member
from pipecat_daily_rest.server.fleet.starts import Starts

_BATCH = 100  # rooms; Daily takes 1000, but a batch that is refused costs halving


class _Rooms:
    """The rooms of the account, for the lookout."""

    def __init__(self, helper: DailyRESTHelper) -> None:
        self._helper = helper

    async def presence(self) -> dict[str, list[DailyPresence]]:
        return await self._helper.presence()

    def list_rooms(self) -> AsyncIterator[DailyRoomObject]:
        return self._helper.list_rooms()

    async def delete_all(self, names: Collection[str]) -> Collection[str]:
        deletion = Deletion(self._helper.api)
        await deletion.run(list(names), size=_BATCH)
        for name, error in deletion.failed.items():
            logger.warning("Room {} could not be deleted: {}", name, error)
        return deletion.failed.keys()


class Fleet:
    """One server of it.

    Parameters:
        member: What it tells of itself, and what it hears.
        starts: What is agreed upon before a session starts.
        elsewhere: The sessions of the other servers.
    """

    def __init__(
        self,
        helper: DailyRESTHelper,
        redis: SharedRedis,
        *,
        prefix: str,
        tag: str,
        limit: int | None,
        stop_grace: float,
        stop: Callable[[str, str | None], object],
    ) -> None:
        """Initialize.

        Args:
            helper: What sends the requests to Daily.
            redis: The Redis of its account.
            prefix: How the rooms' names begin.
            tag: This server's owner tag.
            limit: How many sessions the fleet may have; None for any number.
            stop_grace: Seconds that a bot has to leave.
            stop: Called with the id of a session that is to end, and the digest of a token where
                it is to end only for who has that token.
        """
        directory = Directory(redis, prefix=prefix, tag=tag)
        self.starts = Starts(directory, helper.api, limit=limit)
        self.elsewhere = Elsewhere(directory, helper, prefix=prefix, stop_grace=stop_grace)
        self.member = Member(
            directory,
            Lookout(directory, _Rooms(helper), prefix=prefix),
            prefix=prefix,
            told_again=self.starts.told_again,
            stop=lambda what: stop(what.partition(" ")[0], what.partition(" ")[2] or None),
        )

    async def leave(self, *, rooms_left: bool) -> None:
        """Be gone from the fleet; with rooms left, for the others to sweep them."""
        await self.elsewhere.aclose()
        await self.member.leave(rooms_left=rooms_left)
