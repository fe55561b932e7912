# SPDX-License-Identifier: BSD-2-Clause
"""The benchmark's people: WebRTC clients, by aiortc."""

import asyncio
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import aiohttp
import av
import numpy as np
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from benchmarks.child import serve
from peers import Peer, Tone
from pipecat_daily_rest.local.browser.webrtc import stay_on_this_machine
from pipecat_daily_rest.local.call.mixer import SAMPLE_RATE

_EVERY = 50  # blocks of 20 ms between two words
_WORD = 10  # blocks
_LOUD = 1000  # of 32767
_QUIET = 0.3  # seconds of silence after which a sound is a new word
_SLOTS = 8  # of somebody who hears each voice on a track of its own


class _Words(Tone):
    """A microphone that hears a word of 200 ms each second."""

    def __init__(self, offset: int) -> None:
        super().__init__(hz=500)
        self._offset = offset
        self.said: list[float] = []

    async def recv(self) -> av.AudioFrame:
        frame = await super().recv()
        phase = (self.block + self._offset) % _EVERY
        if phase == 0:
            self.said.append(asyncio.get_running_loop().time())
        if phase < _WORD:
            return frame
        silence = np.zeros((1, frame.samples), np.int16)
        quiet = av.AudioFrame.from_ndarray(silence, format="s16", layout="mono")
        quiet.sample_rate, quiet.time_base, quiet.pts = SAMPLE_RATE, frame.time_base, frame.pts
        return quiet


class _Person(Peer):
    """Somebody who notes when each word of the other begins."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.words: list[float] = []
        self._loud = 0.0

    async def join(self, **options: Any) -> str:
        self.id = await super().join(**options)
        return self.id

    async def _ping(self) -> None:
        while True:  # as often as the page
            self.send({"event": "ping"})
            await asyncio.sleep(1)

    async def _hear(self, track: MediaStreamTrack) -> None:
        loop = asyncio.get_running_loop()
        with suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                if np.abs(frame.to_ndarray()).max() > _LOUD:
                    if loop.time() - self._loud > _QUIET:
                        self.words.append(loop.time())
                    self._loud = loop.time()


class _People:
    """The people of this process, two in each room."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._pairs: list[tuple[_Person, _Person]] = []

    async def join(
        self, *, port: int, rooms: list[str], slots: bool = False, bot: bool = False
    ) -> None:
        """Let two people into each room, or one to a bot, which repeats each word.

        They hear the mix, or each voice on a slot.
        """
        for name in rooms:
            people = [
                _Person(SimpleNamespace(port=port), self._session, name)
                for _ in range(1 if bot else 2)
            ]
            for person in people:
                await person.join(hz=_Words(len(self._pairs) * 7), slots=_SLOTS if slots else 0)
            here = (await people[-1].event("joined"))["participants"]
            for person in people:
                others = [other["id"] for other in here if other["id"] != person.id]
                person.send({"event": "listen", "slots": others})
            self._pairs.append((people[0], people[-1]))

    async def leave(self) -> None:
        """Let everybody leave."""
        people = {person for pair in self._pairs for person in pair}
        self._pairs.clear()
        await asyncio.gather(*(person.close() for person in people), return_exceptions=True)

    async def measured(self, *, seconds: float) -> dict[str, Any]:
        """Listen for a while; give the number of words said, and the seconds until each was heard."""
        loop = asyncio.get_running_loop()
        for person in {person for pair in self._pairs for person in pair}:
            person.tone.said.clear()
        began = loop.time()
        await asyncio.sleep(seconds)
        ended = loop.time() - 1  # what was said in the last second may still be on its way
        said, took = 0, []
        for one, other in self._pairs:
            for speaker, listener in {(one, other), (other, one)}:
                words = [word for word in speaker.tone.said if began <= word < ended]
                said += len(words)
                for word in words:
                    heard = [t - word for t in listener.words if 0 < t - word < 1]
                    took += heard[:1]
        return {"said": said, "took": took}


async def _main() -> None:
    stay_on_this_machine()
    async with aiohttp.ClientSession() as session:
        people = _People(session)
        await serve(people)
        await people.leave()


if __name__ == "__main__":
    asyncio.run(_main())
