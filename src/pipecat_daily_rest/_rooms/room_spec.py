# SPDX-License-Identifier: BSD-2-Clause
"""What `provisioned_room` was asked for, checked and filled in. No I/O."""

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from loguru import logger

from pipecat_daily_rest._core import room_names, settings
from pipecat_daily_rest._core.arguments import model
from pipecat_daily_rest._core.secret import hide_secrets
from pipecat_daily_rest._rest import checks
from pipecat_daily_rest._rooms.access import Access
from pipecat_daily_rest._rooms.room_tokens import TokenSource
from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.models import DailyMeetingTokenProperties, DailyRoomParams

DEFAULT_LIFETIME = 3600.0  # seconds

_PRIVATE = {"privacy": "private"}
_DEFAULTS = {**DailyRoomParams().model_dump(exclude_none=True), **_PRIVATE}


@dataclass(frozen=True, kw_only=True)
class RoomSpec(Access):
    """What `provisioned_room` was asked for; the fields are its arguments."""

    params: DailyRoomParams | None = None
    room_url: str | None = None
    lifetime: timedelta | float | None = None
    bot: DailyMeetingTokenProperties | None = None
    user: DailyMeetingTokenProperties | None = None
    name_prefix: str = "pipecat"
    token_source: TokenSource = "local"  # noqa: S105 - a choice, not a token
    made_name: str | None = None  # made up by `room_names`, so that no other room has it

    def __post_init__(self) -> None:
        """Keep the key, and a token in the URL, from being shown."""
        super().__post_init__()
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
        self.check_access()
        if self.user is not None and self.user.is_owner:
            msg = (
                "user.is_owner: the user's token never has owner rights. "
                "For a second owner use `await room.create_token(owner=True)`."
            )
            raise DailyConfigError(msg)
        if self.token_source not in ("local", "api"):
            msg = f"token_source must be 'local' or 'api', not {self.token_source!r}."
            raise DailyConfigError(msg)
        exp = self.params.properties.exp if self.params is not None else None
        if exp is not None and self.lifetime is not None:
            msg = "lifetime and params.properties.exp both set the room's end: pass one of them."
            raise DailyConfigError(msg)

    def seconds(self) -> float:
        """The lifetime in seconds."""
        lifetime = DEFAULT_LIFETIME if self.lifetime is None else self.lifetime
        return settings.seconds("lifetime", lifetime)

    @property
    def unique_name(self) -> bool:
        """Whether the room's name is made up here, so that no other room has it."""
        return self.params is None or not self.params.name

    def body(self) -> dict[str, Any]:
        """What is sent: private unless the caller set it, with a name, an expiry, an eject rule."""
        body = _DEFAULTS if self.params is None else self._given(self.params)
        properties = {**body["properties"], "eject_at_room_exp": True}
        name = body.get("name") or self.made_name or room_names.make_name(self.name_prefix)
        if properties.get("exp") is None:
            # The milliseconds make it all but unique: they tell our room from another of its name.
            exp = properties["exp"] = round(time.time() + self.seconds(), 3)
            checks.check_order("properties", properties.get("nbf"), exp)
        return {**body, "name": name, "properties": properties}

    def _given(self, params: DailyRoomParams) -> dict[str, Any]:
        if params.name == "":  # as if it were not set
            params = params.model_copy(update={"name": None})
        checks.check_room(params, now=time.time())
        properties = params.properties
        if "eject_at_room_exp" in properties.model_fields_set and not properties.eject_at_room_exp:
            logger.warning(
                "eject_at_room_exp=False is overridden: without it a call outlives its room"
            )
        body = params.model_dump(exclude_none=True)
        return body if "privacy" in params.model_fields_set else {**body, **_PRIVATE}
