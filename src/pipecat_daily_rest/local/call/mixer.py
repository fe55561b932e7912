# SPDX-License-Identifier: BSD-2-Clause
"""The sound of the rooms: on one clock, everyone hears everyone else."""

import asyncio
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from pipecat_daily_rest.local.call.calls import Calls
from pipecat_daily_rest.local.call.domain import Domain
from pipecat_daily_rest.local.call.room import MEDIA, Participant, Room
from pipecat_daily_rest.local.call.seat import Seat

SAMPLE_RATE = 48_000
TICK = 0.02  # seconds
BLOCK = 960  # samples in a tick

Block: TypeAlias = NDArray[np.int16]

_CATCH_UP = 3  # ticks; further behind it skips them, since a burst would only fill buffers
_SMOOTH = 0.1  # of the new block in the running loudness: about 200 ms
QUIET = 0.008  # loudness (1 is full scale) below which nobody is the active speaker
_LOUDER = 1.6  # times louder than the active speaker: another one becomes it
_FLOOR = -55.0  # dB of full scale that the page shows as nothing; 0 dB is everything


@runtime_checkable
class Voice(Seat, Protocol):
    """A seat that speaks and hears. Called once a tick; must not block or raise.

    A seat with more tracks than its microphone also has ``speak_others``: it gives the next 20 ms
    of each of them that is not silent, by name.
    """

    def speak(self) -> Block | None:
        """Give the next 20 ms of the microphone: 960 samples at 48 kHz, mono; None is silence."""

    def hear(self, mix: Block, voices: Mapping[str, Block]) -> None:
        """Take the 20 ms that the others said. The arrays are shared: never write to them."""


def voice_of(id: str, track: str) -> str:
    """Give the key under which `Voice.hear` gets a track."""
    return id if track == "microphone" else f"{id}/{track}"


def mixed(blocks: Iterable[Block]) -> Block:
    """Mix blocks of 20 ms."""
    return _clip(_sum(blocks))


def loudness_of(samples: Block | NDArray[np.int32]) -> float:
    """Measure 20 ms; 1 is full scale."""
    floats = samples.astype(np.float32)
    return math.sqrt(float(np.dot(floats, floats)) / BLOCK) / 32768


class Mixer:
    """Mixes every room of a domain on one 20 ms clock.

    A participant is heard while its microphone is ``playable``, it may send audio and is not
    hidden, by those who may receive it. A seat that is not a `Voice` neither speaks nor hears.

    Parameters:
        listeners: Each is called once a tick with a room and what was said in it, by voice; they must
            not block or raise.
        watchers: Each is called once a tick, after all rooms, with how loud everybody is who is not
            silent, by session id; 1 is full scale. They must not block or raise.
        late: How many ticks have come more than 20 ms late, or not at all.
        ticks: How many there have been.
        left_out: How many have not come at all, since the process was busy.
    """

    def __init__(self, domain: Domain, calls: Calls) -> None:
        self._domain = domain
        self._calls = calls
        self._loudness: dict[str, float] = {}  # running
        self._now: dict[str, float] = {}  # of this tick
        self._task: asyncio.Task[None] | None = None
        self.listeners: list[Callable[[Room, Mapping[str, Block]], None]] = []
        self.watchers: list[Callable[[Mapping[str, float]], None]] = []
        self.ticks = self.late = self.left_out = 0

    @property
    def now(self) -> int:
        """How many ticks of time have passed, with those that were left out."""
        return self.ticks + self.left_out

    def start(self) -> None:
        """Start the clock."""
        self._task = asyncio.create_task(self._run(), name="mixer")

    async def stop(self) -> None:
        """Stop the clock."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def levels(self, room: Room, listener: Participant | None = None) -> dict[str, float]:
        """Tell how loud everybody is to a listener, who hears itself; to everybody when None.

        By session id, from 0 to 1 (full scale), logarithmic; the silent and hidden are left out.
        """
        levels = {}
        for id, sender in room.participants.items():
            mine = listener in (None, sender)
            if listener is not None and not mine and not self._hears(listener, sender):
                continue
            loudness = self._loudness.get(id, 0.0)
            decibels = 20 * math.log10(loudness) if loudness > 0 else _FLOOR
            if decibels > _FLOOR:
                levels[id] = round(min(1.0, 1 - decibels / _FLOOR), 2)
        return levels

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            self.tick()
            due += TICK
            if (behind := loop.time() - due) > _CATCH_UP * TICK:
                left_out = int(behind / TICK)
                self.late += left_out
                self.left_out += left_out
                due += left_out * TICK
            await asyncio.sleep(max(0.0, due - loop.time()))
            self.late += loop.time() - due > TICK

    def tick(self) -> None:
        """Mix the next 20 ms of every room; a test may call it, too."""
        self.ticks += 1
        before, self._loudness, self._now = self._loudness, {}, {}
        for room in list(self._domain.rooms.values()):
            if room.participants:
                self._mix(room, before)
        for watcher in self.watchers:
            watcher(self._now)

    def _mix(self, room: Room, before: Mapping[str, float]) -> None:
        voices: dict[str, Block] = {}
        senders: dict[str, tuple[Participant, str]] = {}  # whose it is, and which track
        seats = [(p, p.seat) for p in room.participants.values() if isinstance(p.seat, Voice)]
        for participant, seat in seats:
            try:
                said = _take(participant, seat)
            except Exception as exc:
                self._calls.fail(participant, exc)
                continue
            senders |= {voice_of(participant.id, track): (participant, track) for track in said}
            voices |= {voice_of(participant.id, track): block for track, block in said.items()}
            self._measure(participant.id, _sum(said.values()) if said else None, before)
        total = _sum(voices.values())
        for participant, seat in seats:
            if participant.id not in room.participants:
                continue
            unheard = self._unheard(participant, senders)
            others = total - _sum(voices[id] for id in unheard) if unheard else total
            mix = _clip(others)
            rest = {id: voice for id, voice in voices.items() if id not in unheard}
            try:
                seat.hear(mix, rest)
            except Exception as exc:
                self._calls.fail(participant, exc)
        for listener in self.listeners:
            listener(room, voices)
        self._find_speaker(room)

    def _unheard(
        self, listener: Participant, senders: Mapping[str, tuple[Participant, str]]
    ) -> set[str]:
        """The voices that a listener does not get: its own, and those that it may not receive."""
        return {
            voice
            for voice, (sender, track) in senders.items()
            if sender is listener or not self._hears(listener, sender, track)
        }

    def _hears(self, listener: Participant, sender: Participant, track: str = "microphone") -> bool:
        kind = MEDIA.get(track, "customAudio")
        return self._calls.may_receive(listener, sender, kind, track)

    def _measure(
        self, id: str, said: NDArray[np.int32] | None, before: Mapping[str, float]
    ) -> None:
        now = 0.0 if said is None else loudness_of(said)
        if now:
            self._now[id] = now
        loudness = before.get(id, 0.0) * (1 - _SMOOTH) + now * _SMOOTH
        if loudness > 1e-4:
            self._loudness[id] = loudness

    def _find_speaker(self, room: Room) -> None:
        loudest = max(room.participants, key=lambda id: self._loudness.get(id, 0.0), default=None)
        if loudest is None or loudest == room.active_speaker:
            return
        loudness = self._loudness.get(loudest, 0.0)
        current = self._loudness.get(room.active_speaker or "", 0.0)
        if loudness > QUIET and (current < QUIET or loudness > current * _LOUDER):
            self._calls.speaking(room, loudest)


def _take(participant: Participant, seat: Voice) -> dict[str, Block]:
    """Take 20 ms of each track, muted ones too; give those that others get."""
    speak_others = getattr(seat, "speak_others", None)
    tracks = {"microphone": seat.speak(), **(speak_others() if speak_others else {})}
    said = {}
    for track, block in tracks.items():
        if block is not None and block.shape != (BLOCK,):
            msg = f"a block of shape {block.shape} instead of ({BLOCK},)"
            raise ValueError(msg)
        if block is not None and participant.sends(track):
            said[track] = block
    return said


def _sum(blocks: Iterable[Block]) -> NDArray[np.int32]:
    total = np.zeros(BLOCK, np.int32)
    for block in blocks:
        total += block
    return total


def _clip(total: NDArray[np.int32]) -> Block:
    return np.clip(total, -32768, 32767).astype(np.int16)
