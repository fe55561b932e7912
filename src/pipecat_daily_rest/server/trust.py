# SPDX-License-Identifier: BSD-2-Clause
"""What a browser may ask for: it is not trusted with rights, costs or other people's rooms. Pure.

The keys are those of Pipecat's own ``/start``; unknown ones are ignored, as there.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from pipecat_daily_rest._core.secret import masked
from pipecat_daily_rest.errors import DailyConfigError, DailyError, DailyInvalidRequestError
from pipecat_daily_rest.models import DailyMeetingTokenProperties, DailyRoomProperties
from pipecat_daily_rest.server.start_request import StartRequest

# Looks and comfort. What costs money, stores, calls out or lets others in is the server owner's.
ROOM_PROPERTIES = frozenset(
    {
        *("exp", "nbf", "max_participants", "lang", "eject_at_room_exp", "eject_after_elapsed"),
        *("start_video_off", "start_audio_off", "enable_screenshare", "enable_prejoin_ui"),
        *("enable_chat", "enable_advanced_chat", "enable_shared_chat_history"),
        *("enable_emoji_reactions", "enable_hand_raising", "enable_live_captions_ui"),
        *("enable_people_ui", "enable_pip_ui", "enable_network_ui", "enable_video_processing_ui"),
        *("enable_noise_cancellation_ui", "enable_cpu_warning_notifications"),
        *("enable_terse_logging", "enforce_unique_user_ids"),
    }
)
TOKEN_PROPERTIES = frozenset(
    {
        *("exp", "nbf", "user_name", "user_id", "lang", "is_owner", "permissions", "room_name"),
        *("eject_at_token_exp", "eject_after_elapsed", "enable_screenshare", "start_video_off"),
        *("start_audio_off", "enable_prejoin_ui", "enable_live_captions_ui", "close_tab_on_exit"),
        *("enable_terse_logging", "enable_recording_ui"),
    }
)
PERMISSIONS = frozenset({"hasPresence", "canSend", "canReceive", "canAdmin"})
_ROOM, _TOKEN = "dailyRoomProperties", "dailyMeetingTokenProperties"
_OF_ROOM = ("room.", "properties", "Unable to create room")  # how an error about a room begins


class BadStart(DailyConfigError):
    """A start request that is refused.

    Parameters:
        field: Which of its fields is wrong.
    """

    def __init__(self, field: str, message: str) -> None:
        """Initialize the error.

        Args:
            field: Which field is wrong, as ``dailyRoomProperties.exp``.
            message: What is wrong with it, and what to do.
        """
        super().__init__(masked(f"{field} {message}"))
        self.field = field


def read_start(
    data: Any,
    *,
    agent: str | None,
    idempotency_key: str | None,
    caller: str,
    allowed: Collection[str] = (),
) -> StartRequest:
    """Read the body of a start request.

    Args:
        data: The parsed JSON.
        agent: Which bot, where the path says so.
        idempotency_key: The header ``Idempotency-Key``.
        caller: Whose request it is.
        allowed: Room properties that the server's owner allows beside `ROOM_PROPERTIES`.

    Returns:
        The request.

    Raises:
        BadStart: Something in it is wrong or not allowed.
    """
    if not isinstance(data, Mapping):
        field = "The request's body"
        raise BadStart(field, "must be a JSON object.")
    create_room = data.get("createDailyRoom")
    if create_room is None:
        create_room = data.get("transport") == "daily"
    if not isinstance(create_room, bool):
        field = "createDailyRoom"
        raise BadStart(field, "must be true or false.")
    if data.get("transport") not in (None, "daily"):
        field = "transport"
        raise BadStart(field, "must be 'daily': this server has no other.")
    room = _properties(data, _ROOM, DailyRoomProperties, ROOM_PROPERTIES | set(allowed))
    token = _properties(data, _TOKEN, DailyMeetingTokenProperties, TOKEN_PROPERTIES)
    if token is not None:
        _check_rights(token)
    if not create_room and (room is not None or token is not None):
        field = _ROOM if room is not None else _TOKEN
        raise BadStart(field, "needs createDailyRoom: true.")
    try:
        return StartRequest(
            agent=agent,
            create_room=create_room,
            room=room,
            token=token,
            body=data.get("body"),
            idempotency_key=idempotency_key,
            caller=caller,
        )
    except DailyConfigError as exc:
        field = "Idempotency-Key" if "idempotency_key" in str(exc) else "body"
        raise BadStart(field, f"is refused: {exc}") from exc


def _properties(data: Mapping[str, Any], name: str, kind: Any, allowed: Collection[str]) -> Any:
    given = data.get(name)
    if given is None:
        return None
    if not isinstance(given, Mapping):
        raise BadStart(name, "must be a JSON object.")
    for key in given:
        if key not in allowed:
            where = f"{name}.{key}"
            if name == _ROOM and key in kind.model_fields:
                raise BadStart(where, "is not allowed: the server's owner has to allow it.")
            raise BadStart(where, "is not allowed.")
    model: type[BaseModel] = kind
    try:
        return model(**given)
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False)[0]
        where = ".".join([name, *map(str, first["loc"])])
        raise BadStart(where, f"is wrong: {first['msg']}.") from None


def _check_rights(token: DailyMeetingTokenProperties) -> None:
    """The token is the user's, for this session's room."""
    if token.is_owner:
        where = f"{_TOKEN}.is_owner"
        raise BadStart(where, "is refused: a user has no owner rights.")
    if token.room_name is not None:
        where = f"{_TOKEN}.room_name"
        raise BadStart(where, "is refused: the session's room is made now.")
    for key, value in (token.permissions or {}).items():
        where = f"{_TOKEN}.permissions.{key}"
        if key == "canAdmin" and value:  # an empty list gives no right
            raise BadStart(where, "is refused: a user has no owner rights.")
        if key not in PERMISSIONS:
            raise BadStart(where, "is not allowed.")


def blamed(error: DailyError, data: Mapping[str, Any]) -> BadStart | None:
    """Name the property of a start that an error is about.

    Args:
        error: Why the session was not started: ours, or Daily's 400.
        data: The parsed JSON.

    Returns:
        The error that names it; None where no property was given, so that no caller is at fault.
    """
    words = str(error)
    names = (_ROOM, _TOKEN) if words.startswith(_OF_ROOM) else (_TOKEN, _ROOM)
    given = [name for name in names if data.get(name)]
    if not given:
        return None
    if isinstance(error, DailyInvalidRequestError):
        words = f"Daily says {error.info or 'no reason'}."
    for name in given:
        for key in data[name]:
            if re.search(rf"\b{key}\b", words):
                return BadStart(f"{name}.{key}", f"is refused: {words}")
    return BadStart(given[0], f"is refused: {words}")
