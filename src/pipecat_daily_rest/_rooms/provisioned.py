# SPDX-License-Identifier: BSD-2-Clause
"""ProvisionedRoom: what `provisioned_room` yields."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from loguru import logger

from pipecat_daily_rest._core.arguments import flag
from pipecat_daily_rest._core.pipecat_version import runner_arguments
from pipecat_daily_rest._core.secret import Secret
from pipecat_daily_rest._rooms.owned import OwnedRoom
from pipecat_daily_rest._rooms.room_tokens import RoomTokens
from pipecat_daily_rest.models import DailyMeetingTokenProperties, DailyRoomObject

if TYPE_CHECKING:
    from pipecat.runner.types import DailyRunnerArguments


@dataclass(eq=False)
class ProvisionedRoom:
    """A room with the bot's and the user's token.

    Iterating yields ``(url, bot_token)``, so that ``async with provisioned_room() as (room_url,
    token)`` works.

    The ``repr`` of a token and of the join link is ``'***'``, so that no log shows them, and neither
    does ``f"{room.bot_token!r}"`` or ``str([room.bot_token])``. Pass one on as the string that it
    is: ``str(room.bot_token)``, ``f"--token {room.bot_token}"``, `json.dumps`, `shlex.quote`, an
    argument or a variable of a subprocess.

    Parameters:
        url: URL of the room.
        name: Name of the room.
        bot_token: The bot's meeting token, with owner rights.
        user_token: The user's meeting token, without owner rights.
        expires_at: When the room ends by itself; None for a given room without an expiry.
        owned: Whether the room was made here and is deleted at the end.
        room: The room as Daily answered it.
    """

    url: str
    name: str
    bot_token: str = field(repr=False)
    user_token: str = field(repr=False)
    expires_at: datetime | None
    owned: bool
    room: DailyRoomObject = field(repr=False)
    _tokens: RoomTokens = field(repr=False)
    _ownership: OwnedRoom | None = field(default=None, repr=False)

    @classmethod
    def of(
        cls,
        room: DailyRoomObject,
        tokens: RoomTokens,
        both: tuple[str, str],
        *,
        expires_at: datetime | None = None,
        ownership: OwnedRoom | None = None,
    ) -> "ProvisionedRoom":
        """A room with the bot's token and the user's; one without an ownership was given."""
        bot_token, user_token = both
        return cls(
            url=room.url,
            name=room.name,
            bot_token=bot_token,
            user_token=user_token,
            expires_at=expires_at if ownership is None else ownership.expires_at,
            owned=ownership is not None,
            room=room,
            _tokens=tokens,
            _ownership=ownership,
        )

    def __iter__(self) -> Iterator[str]:
        yield self.url
        yield self.bot_token

    @property
    def join_url(self) -> str:
        """The link that lets the user in; it carries the user's token, and its ``repr`` is masked."""
        return Secret(f"{self.url}?t={self.user_token}")

    @property
    def sip_endpoint(self) -> str:
        """The SIP URI that reaches the room, or "" when it has none."""
        return self.room.config.sip_endpoint

    async def create_token(
        self, properties: DailyMeetingTokenProperties | None = None, *, owner: bool = False
    ) -> str:
        """Create one more token for this room, for another participant.

        Args:
            properties: The token's properties. It expires no later than the room.
            owner: Whether the token has owner rights.

        Returns:
            The token; its ``repr`` does not show it.

        Raises:
            DailyError: It could not be created.
        """
        flag("owner", owner)
        return await self._tokens.create(self._tokens.spec(properties, owner=owner))

    @property
    def is_local(self) -> bool:
        """Whether the room is on a local Daily, which marks its answers."""
        return self._tokens.api.is_local

    @property
    def gone(self) -> bool:
        """Whether the room was deleted."""
        return self._ownership is not None and self._ownership.gone

    @property
    def found_gone(self) -> bool:
        """Whether its deletion found that somebody else had deleted it, as far as that is known."""
        return self._ownership is not None and self._ownership.found_gone

    def release(self) -> None:
        """Own the room no longer, since its local Daily has ended."""
        if self._ownership is not None:
            self._ownership.release()

    def keep(self) -> None:
        """Keep the room: it outlives the block, until its ``exp``.

        Does nothing for a room that was given.
        """
        if self._ownership is not None:
            self._ownership.release()
            self._ownership = None
            self.owned = False
            logger.info("Room {} is kept; it ends at {:%H:%M:%S %Z}", self.name, self.expires_at)

    def detach(self) -> None:
        """Leave the room to `drain_on_exit`, which deletes it, or to its ``exp``, which ends it."""
        ownership, self._ownership = self._ownership, None
        if ownership is not None and self.expires_at is not None:
            left = self.expires_at - datetime.now(UTC)
            asyncio.get_running_loop().call_later(left.total_seconds(), ownership.release)

    def __del__(self) -> None:
        ownership = getattr(self, "_ownership", None)
        if ownership is not None:
            ownership.abandon()

    def runner_args(
        self, body: Any = None, session_id: str | None = None
    ) -> "DailyRunnerArguments":
        """Make the arguments of a standard Pipecat bot.

        Args:
            body: What the bot gets as ``runner_args.body``; an empty dict when None.
            session_id: The session's id.

        Returns:
            Pipecat's arguments for a bot on Daily.

        Raises:
            DailyConfigError: Pipecat is older than 1.2.0.
        """
        given: DailyRunnerArguments = runner_arguments()(
            room_url=self.url,
            token=self.bot_token,
            body={} if body is None else body,
            session_id=session_id,
        )
        return given
