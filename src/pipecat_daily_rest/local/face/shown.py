# SPDX-License-Identifier: BSD-2-Clause
"""What the page shows, as JSON: rooms, their timelines, requests. Every answer is bounded."""

import re
import statistics
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from itertools import islice
from typing import Any

from pipecat_daily_rest.local.call.domain import Domain
from pipecat_daily_rest.local.call.room import Participant
from pipecat_daily_rest.local.face.timelines import Life, Timelines
from pipecat_daily_rest.local.outside.call_events import endpoints
from pipecat_daily_rest.local.rest.journal import Journal, Request
from pipecat_daily_rest.local.rules.schema import no_room
from pipecat_daily_rest.local.secret import Secret

PAGE = 50  # rooms or requests in an answer
_MOST_PEOPLE = 200  # people of the room that is looked at
_MOST_ENTRIES = 100  # entries in an answer
_FACES = 6  # people of a room in the list
# The names that `_core/room_names.py` makes.
_OURS = re.compile(r".+-(?:([rp])|s([a-z0-9]{8})-)[a-z0-9]{20}")

Query = Mapping[str, str]


class Shown:
    """Reads what the page asks for."""

    def __init__(self, timelines: Timelines, domain: Domain, requests: Journal) -> None:
        self._timelines = timelines
        self._domain = domain
        self._requests = requests
        self._links: dict[str, str] = {}  # by the room's id

    def counts(self) -> dict[str, Any]:
        """Tell how many rooms are open, how many people are in them, and what the clock says."""
        open_rooms = self._domain.existing().values()
        return {
            "now": self._domain.clock.now(),
            "ahead": round(self._domain.clock.ahead),
            "open": len(open_rooms),
            "people": sum(len(room.participants) for room in open_rooms),
            "rooms": len(self._timelines.lives),
            "requests": len(self._requests),
            "journal": self._requests.version,
        }

    def changed(self, changes: dict[int, None]) -> list[dict[str, Any]]:
        """Take the newest of some changed rooms out, and describe them."""
        numbers = sorted(changes, reverse=True)[:PAGE]
        for number in numbers:
            del changes[number]
        lives = (self._timelines.lives.get(number) for number in numbers)
        return [self.room(life) for life in lives if life is not None]

    # -- Rooms -----------------------------------------------------------------------------

    def rooms(self, query: Query) -> dict[str, Any]:
        """List the rooms, newest first: ``before`` a number, with a ``text``, those in a ``state``."""
        before, text = _number(query, "before"), query.get("text", "").lower()
        state = query.get("state", "")
        found = (
            life
            for life in self._timelines.newest()
            if (before is None or life.number < before)
            and state in ("", self._state(life))
            and (not text or any(text in word for word in _words(life)))
        )
        page = [self.room(life) for life in islice(found, PAGE)]
        return {"rooms": page, "more": next(found, None) is not None}

    def room(self, life: Life) -> dict[str, Any]:
        """Describe a room for the list."""
        room, people = life.room, life.room.participants.values()
        return {
            "number": life.number,
            "version": life.version,
            "name": room.name,
            "state": self._state(life),
            "privacy": room.privacy,
            "created": room.created_at,
            "exp": room.config.get("exp"),
            "agent": room.made_by,
            "named": _named(room.name),
            "people": [self._person(each) for each in islice(people, _FACES)],
            "count": len(people),
            "waiting": len(room.waiting),
            "link": self._link(life),
            "latency": life.turns[-1] if life.turns else None,
        }

    def life(self, number: int, query: Query) -> dict[str, Any]:
        """Describe the room that is looked at, with entries of its timeline.

        These are the latest; with ``since`` those that changed after a version; with ``skip`` those
        before so many of the latest.
        """
        if (life := self._timelines.lives.get(number)) is None:
            raise no_room(str(number))
        since, skip = _number(query, "since"), _number(query, "skip") or 0
        entries = life.entries()
        found = [each for each in entries if since is None or each.version > since]
        page = found[: max(0, len(found) - skip)][-_MOST_ENTRIES:]
        people = islice(life.room.participants.values(), _MOST_PEOPLE)
        return {
            **self.room(life),
            "people": [self._person(each) for each in people],
            "calls": [] if life.ended else endpoints(life.room),
            "turns": len(life.turns),
            "median": statistics.median(life.turns) if life.turns else None,
            "entries": [asdict(each) for each in page],
            "kept": len(entries),
            "dropped": life.added - len(entries),
            "gap": since is not None and len(page) < len(found),
        }

    def _state(self, life: Life) -> str:
        if life.ended:
            return "ended"
        return "expired" if self._domain.expired(life.room) else "open"

    def _person(self, participant: Participant) -> dict[str, Any]:
        return {
            "id": participant.id,
            "name": self._timelines.name(participant),
            "kind": participant.kind,
            "owner": participant.is_owner,
            "hidden": participant.hidden,
            "muted": participant.media["microphone"] == "off",
            "away": participant.outage is not None,
            "speaks": self._timelines.speaks(participant.id),
            "joined": participant.joined_at,
        }

    def _link(self, life: Life) -> str | None:
        """Give the link with which a person joins; a private room needs a token."""
        room = life.room
        if self._state(life) != "open":
            self._links.pop(room.id, None)
            return None
        if room.privacy == "public":
            return f"/{room.name}"
        if room.id not in self._links:
            token = self._domain.sign({"room_name": room.name})
            self._links[room.id] = Secret(f"/{room.name}?t={token}")
            while len(self._links) > 2 * PAGE:
                del self._links[next(iter(self._links))]
        return self._links[room.id]

    # -- Requests --------------------------------------------------------------------------

    def requests(self, query: Query) -> dict[str, Any]:
        """List the requests, newest first: ``before`` a number, by ``method``, ``status``, ``text``.

        ``status`` is its first digit, or ``none`` while there is no response.
        """
        method, text = query.get("method", ""), query.get("text", "").lower()
        status, before = query.get("status", ""), _number(query, "before")
        found = (
            (number, each)
            for number, each in self._newest(before)
            if (not method or method == each.method)
            and (not status or str(each.status or "none").startswith(status))
            and (
                not text
                or text in each.path.lower()
                or text in each.query.lower()
                or text in each.agent.lower()
            )
        )
        page = [_request(number, each) for number, each in islice(found, PAGE)]
        return {"requests": page, "more": next(found, None) is not None}

    def request(self, number: int) -> dict[str, Any]:
        """Give a request with its body."""
        index = number - self._requests.dropped
        if not 0 <= index < len(self._requests):
            raise no_room(str(number))
        request = self._requests[index]
        return {**_request(number, request), "body": request.body}

    def _newest(self, before: int | None) -> Iterator[tuple[int, Request]]:
        first = self._requests.dropped
        last = len(self._requests) if before is None else before - first
        for index in range(min(last, len(self._requests)) - 1, -1, -1):
            yield first + index, self._requests[index]


def _request(number: int, request: Request) -> dict[str, Any]:
    return {
        "number": number,
        "at": request.at,
        "method": request.method,
        "path": request.path + (f"?{request.query}" if request.query else ""),
        "status": request.status,
        "agent": request.agent,
        "size": request.size,
    }


def _named(name: str) -> str:
    """Tell whose names have this shape: somebody else may have chosen it, too."""
    shape = _OURS.fullmatch(name)
    if shape is None:
        return ""
    if shape[2]:
        return f"session server, owner tag {shape[2]}"
    return {"r": "provisioned_room()", "p": "RoomPool"}[shape[1]]


def _words(life: Life) -> Iterator[str]:
    yield life.room.name.lower()
    for participant in life.room.participants.values():
        yield participant.user_name.lower()


def _number(query: Query, name: str) -> int | None:
    given = query.get(name, "")
    return int(given) if re.fullmatch("[0-9]{1,15}", given) else None
