# SPDX-License-Identifier: BSD-2-Clause
"""What a token, a room and a domain allow: permissions, and when Daily ejects somebody. No state.

Reference: https://docs.daily.co/docs/daily-js/guides/permissions
"""

from collections.abc import Callable, Mapping
from typing import Any

from pipecat_daily_rest.local.choices import Choices


def permissions(
    room: Mapping[str, Any], rights: Mapping[str, Any], domain: Mapping[str, Any]
) -> dict[str, Any]:
    """Give the permissions of somebody who joins now.

    A token overrides the room, the room the domain, and the domain Daily's defaults. For owners
    only the token counts.

    Reference: https://docs.daily.co/reference/rest-api/rooms/create-room#permissions
    """
    owner = rights.get("is_owner") is True
    defaults = {
        "hasPresence": owner or not room.get("enable_hidden_participants"),
        "canSend": True,
        "canReceive": {"base": True},
        "canAdmin": owner,
    }
    if not owner:
        defaults |= domain.get("permissions") or {}
        defaults |= room.get("permissions") or {}
    return {**defaults, **(rights.get("permissions") or {})}


def changed(before: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Update permissions: the change replaces members, and in ``canReceive`` its members.

    Reference: https://docs.daily.co/reference/rest-api/rooms/session/update-permissions
    """
    after = {**before, **change}
    if "canReceive" in change:
        after["canReceive"] = {**(before.get("canReceive") or {}), **change["canReceive"]}
    return after


def includes(granted: Any, what: str) -> bool:
    """Tell whether ``canSend`` or ``canAdmin`` includes something."""
    return what in granted if isinstance(granted, list | tuple | set) else bool(granted)


def receives(
    can_receive: Mapping[str, Any],
    kind: str,
    *,
    id: str,
    user_id: str,
    track: str = "*",
    unnamed: bool = False,
) -> bool:
    """Tell whether ``canReceive`` allows a participant's media.

    The most specific of ``base``, ``byUserId`` and ``byParticipantId`` that names the kind counts;
    ``unnamed`` counts when none of them does.
    """
    allowed = unnamed
    rules = (
        can_receive.get("base", True),
        (can_receive.get("byUserId") or {}).get(user_id),
        (can_receive.get("byParticipantId") or {}).get(id),
    )
    for rule in rules:
        named = rule.get(kind) if isinstance(rule, Mapping) else rule
        if isinstance(named, Mapping):  # custom tracks, by name
            named = named.get(track, named.get("*"))
        if named is not None:
            allowed = bool(named)
    return allowed


# -- The words of daily-python ---------------------------------------------------------------------
#
# Rooms, tokens, REST and daily-js say `video` and `audio`, and true or false for everything or
# nothing: https://docs.daily.co/reference/daily-js/types/daily-participant-permissions. So does a
# local room. daily-python says `camera` and `microphone`, in lists and maps.

_TO_BOTS = {"video": "camera", "audio": "microphone"}
_FROM_BOTS = {bots: rest for rest, bots in _TO_BOTS.items()}
_SENDS = ("video", "audio", "screenVideo", "screenAudio", "customVideo", "customAudio")
_ADMINISTERS = ("participants", "streaming", "transcription")


def from_bot(change: Mapping[str, Any]) -> dict[str, Any]:
    """Translate a bot's change of permissions into the words of rooms, or raise ValueError."""

    def word(name: Any) -> Any:
        if name in _TO_BOTS:
            msg = f"daily-python does not know {name!r}: say {_TO_BOTS[name]!r}"
            raise ValueError(msg)
        return _FROM_BOTS.get(name, name) if isinstance(name, str) else name

    given = {name: value for name, value in change.items() if value is not None}
    for name in ("canSend", "canAdmin"):
        if not isinstance(given.get(name, []), list):
            msg = f"{name} must be a list"
            raise ValueError(msg)
    if "canSend" in given:
        given["canSend"] = [word(name) for name in given["canSend"]]
    if "canReceive" in given:
        given["canReceive"] = _received(given["canReceive"], word)
    return given


def for_bots(permissions: Mapping[str, Any], choices: Choices) -> dict[str, Any]:
    """Translate permissions into the words of daily-python.

    Reference: https://reference-python.daily.co/types.html#participantpermissions
    """
    told = dict(permissions)
    if choices.bots_read_lists:
        for name, everything in (("canSend", _SENDS), ("canAdmin", _ADMINISTERS)):
            if isinstance(told.get(name), bool):
                told[name] = list(everything) if told[name] else []
    if isinstance(told.get("canSend"), list):
        told["canSend"] = [_TO_BOTS.get(name, name) for name in told["canSend"]]
    if choices.bots_read_received_as == "camera":
        told["canReceive"] = _received(
            told.get("canReceive") or {}, lambda name: _TO_BOTS.get(name, name)
        )
    return told


def event_for_bots(event: Mapping[str, Any], choices: Choices) -> dict[str, Any]:
    """Translate the permissions in an event into the words of daily-python."""

    def described(participant: Mapping[str, Any]) -> Mapping[str, Any]:
        if "info" not in participant:  # somebody who waits in the lobby
            return participant
        info = participant["info"]
        permissions = for_bots(info["permissions"], choices)
        return {**participant, "info": {**info, "permissions": permissions}}

    told = dict(event)
    for name in ("participant", "local"):
        if name in told:
            told[name] = described(told[name])
    if "participants" in told:
        told["participants"] = [described(each) for each in told["participants"]]
    return told


def _received(can_receive: Any, word: Callable[[Any], Any]) -> Any:
    """Translate the words of ``canReceive``; what is not an object stays as it is."""

    def rule(given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        return {word(kind): allowed for kind, allowed in given.items()}

    if not isinstance(can_receive, Mapping):
        return can_receive
    return {
        name: {who: rule(each) for who, each in given.items()}
        if name != "base" and isinstance(given, Mapping)
        else rule(given)
        for name, given in can_receive.items()
    }


# -- Joining and being ejected ---------------------------------------------------------------------


def start_off(room: Mapping[str, Any], rights: Mapping[str, Any]) -> dict[str, str]:
    """Tell which tracks are off at the start, whatever the newcomer asked for.

    Reference: https://docs.daily.co/reference/rest-api/meeting-tokens/create-meeting-token
    """
    both = {**room, **rights}
    tracks = {"microphone": "start_audio_off", "camera": "start_video_off"}
    return {track: "off" for track, name in tracks.items() if both.get(name) is True}


def ejection(room: Mapping[str, Any], rights: Mapping[str, Any], now: float) -> float | None:
    """Tell when Daily ejects somebody who joins now: unix seconds, or None for never.

    The instant is fixed at the join; a rule in the token switches off both rules of the room.

    Reference: https://docs.daily.co/reference/rest-api/meeting-tokens/create-meeting-token
    """
    return min((at for at, _ in _ends(room, rights, now)), default=None)


def ejection_reason(room: Mapping[str, Any], rights: Mapping[str, Any], now: float) -> str:
    """Tell which rule ejects somebody first: a reason, as in `Seat.close`."""
    return min(_ends(room, rights, now))[1]


def _ends(
    room: Mapping[str, Any], rights: Mapping[str, Any], now: float
) -> list[tuple[float, str]]:
    by_token = rights.get("eject_at_token_exp") or rights.get("eject_after_elapsed") is not None
    source, at_exp, expired = (
        (rights, "eject_at_token_exp", "token-expired")
        if by_token
        else (room, "eject_at_room_exp", "room-expired")
    )
    ends = []
    if source.get(at_exp) and source.get("exp") is not None:
        ends.append((float(source["exp"]), expired))
    if source.get("eject_after_elapsed") is not None:
        ends.append((now + float(source["eject_after_elapsed"]), "time-over"))
    return ends
