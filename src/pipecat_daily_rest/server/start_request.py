# SPDX-License-Identifier: BSD-2-Clause
"""What a caller asks for when it starts a session."""

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Any

from pipecat_daily_rest._core import arguments
from pipecat_daily_rest._core.secret import hide_account_key, secret
from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.models import DailyMeetingTokenProperties, DailyRoomProperties

_MARGIN = 64  # levels that a body may be nested in when it is sent on
_KEY = re.compile(r"[\x21-\x7e]{16,128}")


@dataclass(frozen=True, kw_only=True)
class StartRequest:
    """What a caller asks for when it starts a session.

    Parameters:
        agent: Which bot, where the server has several; the only or first one when None.
        create_room: Whether the session gets a room. Without one the bot runs with Pipecat's plain
            ``RunnerArguments``.
        room: Properties of the room; the server sets ``exp`` and the name.
        token: Properties of the user's token, which never has owner rights.
        body: What the bot gets as ``runner_args.body``: anything that JSON can hold. It is in no
            log, no list and no answer.
        idempotency_key: 16 to 128 visible ASCII characters. The same key gives the same session
            until ten minutes after its end.
        caller: Whose request it is: idempotency keys of one caller mean nothing for another.
    """

    agent: str | None = None
    create_room: bool = True
    room: DailyRoomProperties | None = None
    token: DailyMeetingTokenProperties | None = None
    body: Any = field(default=None, repr=False)
    idempotency_key: str | None = field(default=None, repr=False)
    caller: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        """Check the request.

        Raises:
            DailyConfigError: A field has a wrong type or value.
        """
        arguments.text("agent", self.agent)
        arguments.flag("create_room", self.create_room)
        if self.room is not None:
            arguments.model("room", self.room, DailyRoomProperties)
        if self.token is not None:
            arguments.model("token", self.token, DailyMeetingTokenProperties)
            if self.token.is_owner:
                msg = "token.is_owner: the user's token never has owner rights."
                raise DailyConfigError(msg)
        key = self.idempotency_key
        if key is not None and not (isinstance(key, str) and _KEY.fullmatch(key)):
            msg = "idempotency_key must be 16 to 128 visible ASCII characters."
            raise DailyConfigError(msg)
        object.__setattr__(self, "idempotency_key", secret(key))
        object.__setattr__(self, "body", hide_account_key(json_copy(self.body)))

    def fingerprint(self) -> str:
        """Tell this request from another one with the same idempotency key, as a digest."""
        asked = [
            self.agent,
            self.create_room,
            self.room and self.room.model_dump(exclude_none=True),
            self.token and self.token.model_dump(exclude_none=True),
            self.body,
        ]
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def json_copy(body: Any) -> Any:
    """Copy what a bot gets as its body, so that it can cross into another process.

    Raises:
        DailyConfigError: JSON cannot hold it.
    """
    try:
        text = "[" * _MARGIN + json.dumps(body, allow_nan=False) + "]" * _MARGIN
        copy = json.loads(text)
        for _ in range(_MARGIN):
            (copy,) = copy
        return copy
    except (TypeError, ValueError, RecursionError):
        pass  # its words may quote the body
    msg = "body must be what JSON can hold, and not nested too deeply."
    raise DailyConfigError(msg)
