# SPDX-License-Identifier: BSD-2-Clause
"""The tokens of one room."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any, Literal

from pipecat_daily_rest import tokens
from pipecat_daily_rest._core.arguments import model
from pipecat_daily_rest._core.deadline import Deadline
from pipecat_daily_rest._core.secret import Secret, masked
from pipecat_daily_rest._core.waiting import both
from pipecat_daily_rest._rest import checks
from pipecat_daily_rest._rest.domain_id import domain_id
from pipecat_daily_rest._rest.helper import DailyRESTHelper
from pipecat_daily_rest._rest.token_creation import create_token
from pipecat_daily_rest.errors import DailyConfigError, DailyError
from pipecat_daily_rest.models import DailyMeetingTokenProperties

TokenSource = Literal["local", "api"]


@dataclass
class RoomTokens:
    """Makes the tokens of one room."""

    helper: DailyRESTHelper
    source: TokenSource
    name: str
    expires_at: float
    room_ejects: bool

    def properties(
        self, given: DailyMeetingTokenProperties | None, *, owner: bool
    ) -> dict[str, Any]:
        """What is sent or signed: what was given, bound to the room: its name, end, eject rule."""
        wire: dict[str, Any] = {}
        if given is not None:
            model("properties", given, DailyMeetingTokenProperties)
            if given.room_name not in (None, self.name):
                msg = f"room_name {given.room_name!r} is another room than {self.name!r}."
                raise DailyConfigError(masked(msg))
            checks.check_token(given, now=time.time())
            wire = tokens.wire(given)
        wire.setdefault("is_owner", owner)
        last = int(self.expires_at)
        wire["room_name"], wire["exp"] = self.name, min(wire.get("exp") or last, last)
        checks.check_order("the token", wire.get("nbf"), wire["exp"])
        if self.room_ejects and "eject_after_elapsed" in wire:
            # A token's eject rule switches the room's off:
            # https://docs.daily.co/reference/rest-api/meeting-tokens/create-meeting-token
            wire["eject_at_token_exp"] = True
        return wire

    def signed(self, bot: dict[str, Any], user: dict[str, Any]) -> tuple[Secret, Secret] | None:
        """Both; None when Daily has to be asked for anything."""
        id = self.helper.api.account.domain_id
        claims = self._both_claims(bot, user)
        if id is None or claims is None:
            return None
        return self._sign(claims[0], id), self._sign(claims[1], id)

    async def pair(
        self,
        bot: dict[str, Any],
        user: dict[str, Any],
        deadline: Deadline,
        *,
        room: asyncio.Future[Any] | None = None,
    ) -> tuple[Secret, Secret]:
        """Both at once. What Daily makes waits for the room, if one is given."""
        if (claims := self._both_claims(bot, user)) is not None:
            id = await domain_id(self.helper.api, deadline=deadline)
            return self._sign(claims[0], id), self._sign(claims[1], id)
        return await both(
            self.token(bot, deadline=deadline, room=room),
            self.token(user, deadline=deadline, room=room),
        )

    async def token(
        self,
        properties: dict[str, Any],
        *,
        deadline: Deadline | None = None,
        room: asyncio.Future[Any] | None = None,
    ) -> Secret:
        """Sign it here where that is possible and wanted, else ask Daily."""
        claims = self._claims(properties)
        if claims is not None:
            return self._sign(claims, await domain_id(self.helper.api, deadline=deadline))
        # Whether Daily makes a token for a room that does not exist yet is not documented.
        if room is not None:
            await asyncio.wait({room})
            room.result()
        return await create_token(self.helper.api, properties, deadline=deadline)

    async def warm(self, *properties: dict[str, Any]) -> None:
        """Fetch ahead what signing such tokens needs. Daily being away is no error: it comes later."""
        if any(self._claims(each) is not None for each in properties):
            try:
                await domain_id(self.helper.api)
            except DailyError as exc:
                if not exc.retryable:
                    raise

    def _sign(self, claims: dict[str, Any], domain_id: str) -> Secret:
        return tokens.sign(
            claims, api_key=self.helper.api.key, domain_id=domain_id, now=time.time()
        )

    def _both_claims(
        self, bot: dict[str, Any], user: dict[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """Never the same twice; None when one of the tokens has to come from Daily."""
        if bot == user:
            user["exp"] -= 1
        bots, users = self._claims(bot), self._claims(user)
        return None if bots is None or users is None else (bots, users)

    def _claims(self, properties: dict[str, Any]) -> dict[str, Any] | None:
        """The claims to sign; None when the token has to come from Daily."""
        return tokens.short(properties) if self.source == "local" else None
