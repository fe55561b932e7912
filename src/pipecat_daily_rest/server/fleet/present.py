# SPDX-License-Identifier: BSD-2-Clause
"""Who is in the rooms of sessions, as servers tell each other: no name and no id of a person. Pure."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pipecat_daily_rest._core import room_names
from pipecat_daily_rest.answers import DailyPresence
from pipecat_daily_rest.server.bot_user import bot_user_id


@dataclass(frozen=True)
class Present:
    """Who is in the room of a session.

    Parameters:
        bot_since: When its bot joined, as Daily says it; None when the bot is not there.
        people: How many others there are.
    """

    bot_since: str | None
    people: int


def present(session_id: str, there: Iterable[DailyPresence]) -> Present:
    """Tell the bot of a session from people."""
    bot, bot_since, people = bot_user_id(session_id), None, 0
    for each in there:
        if each.userId == bot:
            bot_since = each.joinTime
        else:
            people += 1
    return Present(bot_since, people)


def by_owner(
    rooms: Mapping[str, Iterable[DailyPresence]], prefix: str
) -> dict[str, dict[str, Present]]:
    """Give who is in the rooms of sessions, by the owner's tag and the session's id."""
    found: dict[str, dict[str, Present]] = {}
    for name, there in rooms.items():
        session_id = name.removeprefix(f"{prefix}-")
        tag = room_names.session_tag(session_id)
        if tag is not None and room_names.is_session(name, prefix, tag):
            found.setdefault(tag, {})[session_id] = present(session_id, there)
    return found


def to_json(rooms: Mapping[str, Present]) -> str:
    """Write the rooms of one owner for Redis."""
    told = {session_id: [each.bot_since, each.people] for session_id, each in rooms.items()}
    return json.dumps(told, separators=(",", ":"))


def from_json(text: bytes) -> dict[str, Present] | None:
    """Read what `to_json` wrote; None for anything else."""
    try:
        told: dict[str, Any] = json.loads(text)
        return {session_id: Present(since, people) for session_id, (since, people) in told.items()}
    except (ValueError, TypeError, AttributeError):
        return None
