# SPDX-License-Identifier: BSD-2-Clause
"""The tokens of one room."""

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from pipecat_daily_rest import checks, tokens
from pipecat_daily_rest._finish import finish
from pipecat_daily_rest._http import Deadline
from pipecat_daily_rest._secret import Secret, masked
from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.helper import DailyRESTHelper
from pipecat_daily_rest.models import DailyMeetingTokenProperties

TokenSource = Literal["local", "api"]
A = TypeVar("A")
B = TypeVar("B")


@dataclass
class Mint:
    """Makes the tokens of one room."""

    helper: DailyRESTHelper
    source: TokenSource
    name: str
    expires_at: float
    room_ejects: bool

    def properties(
        self, given: DailyMeetingTokenProperties | None, *, owner: bool
    ) -> DailyMeetingTokenProperties:
        """Copy what was given and bind it to the room: its name, its end, its eject rule."""
        properties = (given or DailyMeetingTokenProperties()).model_copy(deep=True)
        if properties.room_name not in (None, self.name):
            msg = f"room_name {properties.room_name!r} is another room than {self.name!r}."
            raise DailyConfigError(masked(msg))
        properties.room_name = self.name
        if properties.is_owner is None:
            properties.is_owner = owner
        checks.check_token(properties, now=time.time())
        last = int(self.expires_at)
        properties.exp = min(properties.exp or last, last)
        if self.room_ejects and properties.eject_after_elapsed is not None:
            # A token's eject rule switches the room's off:
            # https://docs.daily.co/reference/rest-api/meeting-tokens/create-meeting-token
            properties.eject_at_token_exp = True
        return properties

    async def pair(
        self,
        bot: DailyMeetingTokenProperties,
        user: DailyMeetingTokenProperties,
        deadline: Deadline,
    ) -> tuple[Secret, Secret]:
        """Both at once; never the same string."""
        if bot == user and user.exp is not None:
            user.exp -= 1
        if self.claims(bot) is not None or self.claims(user) is not None:
            await self._prepare(deadline)  # once, else both would ask for the domain's id
        return await _both(self.token(bot, deadline=deadline), self.token(user, deadline=deadline))

    async def token(
        self, properties: DailyMeetingTokenProperties, *, deadline: Deadline | None = None
    ) -> Secret:
        """Sign it here where that is possible and wanted, else ask Daily."""
        claims = self.claims(properties)
        if claims is None:
            return await self.helper.create_token(properties, deadline=deadline)
        domain_id = await self._prepare(deadline)
        return tokens.sign(
            claims, api_key=self.helper.api.key, domain_id=domain_id, now=time.time()
        )

    async def _prepare(self, deadline: Deadline | None) -> str:
        """What signing needs: PyJWT, and the domain's id."""
        _, domain_id = await _both(tokens.load(), self.helper.domain_id(deadline=deadline))
        return domain_id

    def claims(self, properties: DailyMeetingTokenProperties) -> dict[str, Any] | None:
        """The claims to sign; None when the token has to come from Daily."""
        return tokens.claims(properties) if self.source == "local" else None


async def _both(first: Coroutine[Any, Any, A], second: Coroutine[Any, Any, B]) -> tuple[A, B]:
    """Run two at once; when one fails, the other is cancelled and over before the error goes on."""
    # Not a TaskGroup: before Python 3.13 a child's error takes the place of a cancellation that
    # comes with it, and leaves the task's count of cancellations too high for asyncio.timeout().
    one, two = asyncio.ensure_future(first), asyncio.ensure_future(second)
    try:
        await asyncio.wait({one, two}, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        one.cancel()
        two.cancel()
        await finish(asyncio.gather(one, two, return_exceptions=True))
    for each in (one, two):
        if not each.cancelled() and (error := each.exception()) is not None:
            raise error
    return one.result(), two.result()
