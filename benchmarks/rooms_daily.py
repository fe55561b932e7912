# SPDX-License-Identifier: BSD-2-Clause
"""The benchmark's rooms: one LocalDaily with scripted people."""

import asyncio
from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks.child import serve
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.call.mixer import BLOCK, SAMPLE_RATE, Block
from pipecat_daily_rest.local.call.room import Newcomer

_EVERY = 100  # ticks between two words
_WORD = 10  # ticks
_LOUD = 1000  # of 32767
_WAIT = 60.0  # seconds
_TONE = (np.sin(2 * np.pi * 500 * np.arange(BLOCK) / SAMPLE_RATE) * 9000).astype(np.int16)


class _Words:
    """What is said in one room, and how long its answer takes."""

    def __init__(self, offset: int) -> None:
        self.tick = offset
        self.speaker = ""
        self.said: float | None = None  # when the word began whose echo is awaited
        self.count = 0
        self.took: list[float] = []


class _Person:
    """Somebody who says a word every 2 s, or who waits for the bot's echo of it."""

    def __init__(self, words: _Words, *, speaks: bool) -> None:
        self._words, self._speaks = words, speaks
        self._loop = asyncio.get_running_loop()

    def speak(self) -> Block | None:
        if not self._speaks:
            return None
        words = self._words
        words.tick += 1
        if words.tick % _EVERY == 0:
            words.said = self._loop.time()
            words.count += 1
        return _TONE if words.tick % _EVERY < _WORD else None

    def hear(self, mix: Block, voices: Mapping[str, Block]) -> None:
        words = self._words
        if self._speaks or words.said is None:
            return
        if any(id != words.speaker and block.max() > _LOUD for id, block in voices.items()):
            words.took.append(self._loop.time() - words.said)
            words.said = None

    def send(self, event: dict[str, Any]) -> None:
        pass

    def close(self, reason: str) -> None:
        pass


class _Writer:
    """Somebody who sends messages, and neither speaks nor hears."""

    def __init__(self) -> None:
        self.answered = asyncio.Event()

    def send(self, event: dict[str, Any]) -> None:
        if event["event"] == "app-message" and event["message"] == "pong":
            self.answered.set()

    def close(self, reason: str) -> None:
        pass


class _Rooms:
    """What the benchmark asks for."""

    def __init__(self, daily: LocalDaily) -> None:
        self._daily = daily
        self._state = daily.state
        self._words: list[_Words] = []
        self._late, self._since = 0, 0.0

    async def make(self, *, names: list[str]) -> list[str]:
        """Make rooms in place of the earlier ones; give their URLs."""
        for room in list(self._state.domain.rooms.values()):
            self._state.rooms.delete(room)
        for name in names:
            self._state.rooms.create(name, "public", {})
        return [f"{self._daily.url}/{name}" for name in names]

    async def talk(self) -> None:
        """Put two people into each room: one speaks, the other listens."""
        for number, name in enumerate(self._state.domain.rooms):
            words = _Words(number * _EVERY // len(self._state.domain.rooms))
            for speaks in (True, False):
                person = _Person(words, speaks=speaks)
                media = {"microphone": "playable"}
                me = self._state.lobby.join(name, None, Newcomer(person, "scripted", media=media))
                words.speaker = me.id if speaks else words.speaker
            self._words.append(words)

    async def begin(self) -> None:
        """Begin to measure."""
        self._late, self._since = self._daily.late_ticks, asyncio.get_running_loop().time()
        for words in self._words:
            words.said, words.count = None, 0
            words.took.clear()

    async def measured(self) -> dict[str, Any]:
        """Give the share of late ticks, how many words were said, the seconds to each echo."""
        ticks = (asyncio.get_running_loop().time() - self._since) * 50
        took = [seconds for words in self._words for seconds in words.took]
        late = (self._daily.late_ticks - self._late) / ticks
        return {"late": late, "said": sum(words.count for words in self._words), "took": took}

    async def write(self) -> list[float]:
        """Send a message to all bots at once; give the seconds until each answer."""
        loop = asyncio.get_running_loop()

        async def write(name: str) -> float:
            writer = _Writer()
            me = self._state.lobby.join(name, None, Newcomer(writer, "scripted"))
            began = loop.time()
            self._state.messages.send(me.room, "ping", sender=me.id)
            await asyncio.wait_for(writer.answered.wait(), _WAIT)
            took = loop.time() - began
            self._state.calls.leave(me)
            return took

        return await asyncio.gather(*(write(name) for name in self._state.domain.rooms))


async def _main() -> None:
    async with LocalDaily() as daily:
        await serve(_Rooms(daily))


if __name__ == "__main__":
    asyncio.run(_main())
