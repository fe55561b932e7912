# SPDX-License-Identifier: BSD-2-Clause
"""What `provisioned_room` was asked for, checked and filled in. No I/O."""

import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import aiohttp
from loguru import logger

from pipecat_daily_rest._core import room_names, settings
from pipecat_daily_rest._core.arguments import model
from pipecat_daily_rest._core.secret import hide_secrets, secret
from pipecat_daily_rest._rest import checks
from pipecat_daily_rest._rest.helper import DailyRESTHelper
from pipecat_daily_rest._rooms.room_tokens import TokenSource
from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.models import DailyMeetingTokenProperties, DailyRoomParams

DEFAULT_LIFETIME = 3600.0  # seconds

_PRIVATE = {"privacy": "private"}
_DEFAULTS = {**DailyRoomParams().model_dump(exclude_none=True), **_PRIVATE}


@dataclass(frozen=True, kw_only=True)
class RoomRequest:
    """What `provisioned_room` was asked for; the fields are its arguments."""

    params: DailyRoomParams | None = None
    room_url: str | None = None
    lifetime: timedelta | float | None = None
    bot: DailyMeetingTokenProperties | None = None
    user: DailyMeetingTokenProperties | None = None
    name_prefix: str = "pipecat"
    token_source: TokenSource = "local"  # noqa: S105 - a choice, not a token
    daily: DailyRESTHelper | None = None
    api_key: str | None = field(default=None, repr=False)
    api_url: str | None = None
    aiohttp_session: aiohttp.ClientSession | None = None

    def __post_init__(self) -> None:
        """Keep the key, and a token in the URL, from being shown."""
        object.__setattr__(self, "api_key", secret(self.api_key))
        object.__setattr__(self, "room_url", hide_secrets(self.room_url))

    def check(self) -> None:
        """Check what does not go together."""
        if self.params is not None:
            model("params", self.params, DailyRoomParams)
        for name, given in (("bot", self.bot), ("user", self.user)):
            if given is not None:
                model(name, given, DailyMeetingTokenProperties)
        if self.params is not None and self.room_url is not None:
            msg = "params make a room and room_url uses one that exists: pass one of them."
            raise DailyConfigError(msg)
        if self.daily is not None and (self.api_key or self.api_url or self.aiohttp_session):
            msg = "daily has its own key, URL and session: leave out api_key, api_url, aiohttp_session."
            raise DailyConfigError(msg)
        if self.daily is not None:
            model("daily", self.daily, DailyRESTHelper)
        if self.user is not None and self.user.is_owner:
            msg = (
                "user.is_owner: the user's token is never an owner's. "
                "For a second owner use `await room.create_token(owner=True)`."
            )
            raise DailyConfigError(msg)
        if self.token_source not in ("local", "api"):
            msg = f"token_source must be 'local' or 'api', not {self.token_source!r}."
            raise DailyConfigError(msg)
        exp = self.params.properties.exp if self.params is not None else None
        if exp is not None and self.lifetime is not None:
            msg = (
                "lifetime and params.properties.exp both say when the room ends: pass one of them."
            )
            raise DailyConfigError(msg)

    def seconds(self) -> float:
        """Give the lifetime.

        Returns:
            Seconds.
        """
        return settings.seconds(
            "lifetime", DEFAULT_LIFETIME if self.lifetime is None else self.lifetime
        )

    def helper(self) -> DailyRESTHelper:
        """Make the helper, for a request without one."""
        return DailyRESTHelper(
            daily_api_key=settings.api_key(self.api_key),
            daily_api_url=settings.api_url(self.api_url),
            aiohttp_session=self.aiohttp_session,
        )

    def room(self) -> tuple[dict[str, Any], str, float]:
        """Check the room's parameters and fill in what was left open.

        Returns:
            What is sent: private unless the caller set it, with a name, an expiry and an eject
            rule; the name; the expiry in unix seconds.
        """
        body = _DEFAULTS if self.params is None else self._given(self.params)
        properties = {**body["properties"], "eject_at_room_exp": True}
        name = body.get("name") or room_names.make_name(self.name_prefix)
        if (exp := properties.get("exp")) is None:
            # The fraction makes it all but unique: it tells our room from a namesake.
            exp = properties["exp"] = round(time.time() + self.seconds(), 3)
            checks.check_order("properties", properties.get("nbf"), exp)
        return {**body, "name": name, "properties": properties}, name, exp

    def _given(self, params: DailyRoomParams) -> dict[str, Any]:
        if params.name == "":  # as one that is not set
            params = params.model_copy(update={"name": None})
        checks.check_room(params, now=time.time())
        properties = params.properties
        if "eject_at_room_exp" in properties.model_fields_set and not properties.eject_at_room_exp:
            logger.warning(
                "eject_at_room_exp=False is overridden: without it a call outlives its room"
            )
        body = params.model_dump(exclude_none=True)
        return body if "privacy" in params.model_fields_set else {**body, **_PRIVATE}
