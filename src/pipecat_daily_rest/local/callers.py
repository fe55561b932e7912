# SPDX-License-Identifier: BSD-2-Clause
"""Callers whom another process lets in, to load a bot: each asks it again and again.

Every request needs the API key, as for the REST API::

    POST   /.callers        {"room": URL, "token": …, "pause": 1, "timeout": 10}   gives an id
    DELETE /.callers        {"id": …}: the caller leaves
    POST   /.callers/notes  the turns since the last request, and how late the sound was
"""

import asyncio
import random
from collections.abc import Sequence
from typing import Any

from aiohttp import web

from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.local.call.mixer import Block, Mixer
from pipecat_daily_rest.local.call.room import JoinRefused
from pipecat_daily_rest.local.for_tests import ForTests
from pipecat_daily_rest.local.rest.control import checked, guarded
from pipecat_daily_rest.local.scripted.hearing import read_wav
from pipecat_daily_rest.local.scripted.person import Scripted
from pipecat_daily_rest.local.secret import masked

PATH = "/.callers"  # no room can have this name

_KEEP = 1.0  # seconds of what a caller heard that it keeps
_LOOK = 0.05  # seconds between two looks whether the bot has come
_REST = 1.0  # seconds after which a caller asks again, at the most
_MEMBERS = ("room", "token", "pause", "timeout", "start")


class Callers:
    """The callers of a local Daily."""

    def __init__(
        self, daily: ForTests, mixer: Mixer, api_key: str, questions: Sequence[str]
    ) -> None:
        """Read what they ask, WAV files; a `DailyConfigError` says which cannot be used."""
        self._daily = daily
        self._mixer = mixer
        self._api_key = api_key
        self._questions = [read_wav(path) for path in questions]
        for path, sound in zip(questions, self._questions, strict=True):
            if not sound.any():
                msg = f"{path!r} is silent: a caller must say something."
                raise DailyConfigError(msg)
        self._people: dict[str, Scripted] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._notes: list[dict[str, Any]] = []

    def routes(self) -> list[web.RouteDef]:
        """List the routes."""
        return [
            web.post(PATH, guarded(self._api_key, self._join)),
            web.delete(PATH, guarded(self._api_key, self._leave)),
            web.post(f"{PATH}/notes", guarded(self._api_key, self._tell)),
        ]

    async def aclose(self) -> None:
        """Let everybody leave."""
        for id in list(self._people):
            self._end(id)

    def _join(self, body: Any) -> dict[str, str]:
        given = checked("a caller", body, _MEMBERS, "room", "token")
        try:
            person = self._daily.join(
                given["room"], given["token"], user_name="Caller", keep=_KEEP, transcribe=None
            )
        except JoinRefused as exc:
            raise DailyConfigError(str(exc)) from exc
        self._people[person.id] = person
        calls = self._call(
            person, given.get("pause", 1.0), given.get("timeout", 10.0), given.get("start", 30.0)
        )
        self._tasks[person.id] = asyncio.create_task(calls, name="caller")
        return {"id": person.id}

    def _leave(self, body: Any) -> dict[str, bool]:
        self._end(checked("a caller", body, ("id",), "id")["id"])
        return {"left": True}

    def _end(self, id: str) -> None:
        if (person := self._people.pop(id, None)) is not None:
            self._tasks.pop(id).cancel()
            person.leave()

    def _tell(self, body: Any) -> dict[str, Any]:
        notes, self._notes = self._notes, []
        return {"notes": notes, "ticks": self._mixer.ticks, "late": self._mixer.late}

    async def _call(self, person: Scripted, pause: float, timeout: float, start: float) -> None:  # noqa: ASYNC109
        dice = random.Random(person.participant.room.name)  # noqa: S311 - no secret
        try:
            async with asyncio.timeout(start):
                while not _bot_is_in(person):  # noqa: ASYNC110 - a room tells nobody who came first
                    await asyncio.sleep(_LOOK)
            while True:
                await self._ask(person, dice.choice(self._questions), pause, timeout)
                await asyncio.sleep(dice.uniform(0, _REST))
        except TimeoutError:
            self._note(person, gone=f"the bot did not join within {start:g} s")
        except Exception as exc:  # the room is gone, or it was ejected
            self._note(person, gone=str(exc))

    async def _ask(self, person: Scripted, what: Block, pause: float, timeout: float) -> None:  # noqa: ASYNC109
        try:
            reply = await person.asks(what, pause=pause, timeout=timeout)
        except TimeoutError as exc:
            self._note(person, missed=str(exc))
        else:
            self._note(person, latency=reply.latency)

    def _note(self, person: Scripted, **what: Any) -> None:
        told = {
            name: masked(value, self._api_key) if isinstance(value, str) else value
            for name, value in what.items()
        }
        self._notes.append({"caller": person.id, **told})


def _bot_is_in(person: Scripted) -> bool:
    return any(each.kind == "bot" for each in person.participant.room.participants.values())
