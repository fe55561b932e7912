# SPDX-License-Identifier: BSD-2-Clause
"""The tokens of one room, signed here or created by Daily."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from pipecat_daily_rest import tokens
from pipecat_daily_rest._core.arguments import model
from pipecat_daily_rest._core.deadline import Deadline
from pipecat_daily_rest._core.secret import Secret, masked
from pipecat_daily_rest._core.waiting import both
from pipecat_daily_rest._http.api import API
from pipecat_daily_rest._rest import checks
from pipecat_daily_rest._rest.domain_id import domain_id
from pipecat_daily_rest._rest.token_creation import create_token
from pipecat_daily_rest.errors import DailyConfigError, DailyError
from pipecat_daily_rest.models import DailyMeetingTokenProperties

TokenSource = Literal["local", "api"]
_Given: TypeAlias = DailyMeetingTokenProperties | None


@dataclass(frozen=True)
class TokenSpec:
    """One token of a room.

    Parameters:
        properties: As Daily takes them.
        claims: What is signed here; None when Daily has to create the token.
    """

    properties: dict[str, Any]
    claims: dict[str, Any] | None


@dataclass(frozen=True)
class RoomTokens:
    """Creates the tokens of one room, which expires at ``expires_at`` (unix seconds)."""

    api: API
    source: TokenSource
    room_name: str
    expires_at: float
    room_ejects: bool  # at its expiry

    def spec(self, given: _Given, *, owner: bool) -> TokenSpec:
        """A token with these properties, bound to the room."""
        return self._spec(self._properties(given, owner=owner))

    def specs(self, bot: _Given, user: _Given) -> tuple[TokenSpec, TokenSpec]:
        """The bot's token and the user's. They always differ: else the user's ends 1 s earlier."""
        bots, users = self._properties(bot, owner=True), self._properties(user, owner=False)
        if bots == users:
            users["exp"] -= 1
        return self._spec(bots), self._spec(users)

    async def create(
        self,
        spec: TokenSpec,
        *,
        deadline: Deadline | None = None,
        room: asyncio.Future[Any] | None = None,
    ) -> Secret:
        """Sign a token here where that is possible and wanted, else have Daily create it.

        Daily is asked once ``room`` exists: nobody documents what it does for one that does not.
        """
        if spec.claims is not None:
            return self._sign(spec.claims, await domain_id(self.api, deadline=deadline))
        if room is not None:
            await asyncio.wait({room})
            room.result()
        return await create_token(self.api, spec.properties, deadline=deadline)

    def begin_both(
        self,
        bot: TokenSpec,
        user: TokenSpec,
        deadline: Deadline,
        *,
        room: asyncio.Future[Any] | None = None,
    ) -> "asyncio.Future[tuple[Secret, Secret]]":
        """Begin to create the bot's token and the user's: done at once if that needs no request."""
        id = self.api.account.domain_id
        if id is None or bot.claims is None or user.claims is None:
            return asyncio.create_task(self._create_both(bot, user, deadline, room))
        signed = asyncio.get_running_loop().create_future()
        signed.set_result((self._sign(bot.claims, id), self._sign(user.claims, id)))
        return signed

    async def _create_both(
        self,
        bot: TokenSpec,
        user: TokenSpec,
        deadline: Deadline,
        room: asyncio.Future[Any] | None,
    ) -> tuple[Secret, Secret]:
        if bot.claims is not None and user.claims is not None:  # one look for the id, not two
            id = await domain_id(self.api, deadline=deadline)
            return self._sign(bot.claims, id), self._sign(user.claims, id)
        return await both(
            self.create(bot, deadline=deadline, room=room),
            self.create(user, deadline=deadline, room=room),
        )

    async def warm(self, *specs: TokenSpec) -> None:
        """Get the domain's id ahead, if signing needs it. Daily being away is no error yet."""
        if any(spec.claims is not None for spec in specs):
            try:
                await domain_id(self.api)
            except DailyError as exc:
                if not exc.retryable:
                    raise

    def _properties(self, given: _Given, *, owner: bool) -> dict[str, Any]:
        """The given ones, bound to the room: its name, its expiry, its eject rule."""
        properties: dict[str, Any] = {}
        if given is not None:
            model("properties", given, DailyMeetingTokenProperties)
            if given.room_name not in (None, self.room_name):
                msg = (
                    f"room_name must be this room's name, {self.room_name!r}, "
                    f"not {given.room_name!r}: leave it out."
                )
                raise DailyConfigError(masked(msg))
            checks.check_token(given, now=time.time())
            properties = tokens.wire(given)
        properties.setdefault("is_owner", owner)
        last = int(self.expires_at)
        properties["room_name"] = self.room_name
        properties["exp"] = min(properties.get("exp") or last, last)
        checks.check_order("the token", properties.get("nbf"), properties["exp"])
        if self.room_ejects and "eject_after_elapsed" in properties:
            # A token's eject rule switches the room's off:
            # https://docs.daily.co/reference/rest-api/meeting-tokens/create-meeting-token
            properties["eject_at_token_exp"] = True
        return properties

    def _spec(self, properties: dict[str, Any]) -> TokenSpec:
        claims = tokens.short(properties) if self.source == "local" else None
        return TokenSpec(properties, claims)

    def _sign(self, claims: dict[str, Any], domain_id: str) -> Secret:
        return tokens.sign_with(
            claims, signer=self.api.signer, domain_id=domain_id, now=time.time()
        )
