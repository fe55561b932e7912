# SPDX-License-Identifier: BSD-2-Clause
import asyncio
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from pipecat_daily_rest.local.call import mixer as mixer_module
from pipecat_daily_rest.local.call.clock import Clock
from pipecat_daily_rest.local.call.mixer import BLOCK, TICK, Block, Mixer
from pipecat_daily_rest.local.call.room import Newcomer, Participant, Room
from pipecat_daily_rest.local.call.state import State
from pipecat_daily_rest.local.rules.claims import sign
from pipecat_daily_rest.local.scripted.person import Scripted


class Seat:
    """A seat that says what it is given and keeps what it gets."""

    def __init__(self, *blocks: Any) -> None:
        self.blocks = list(blocks)
        self.heard: list[tuple[Block, dict[str, Block]]] = []
        self.events: list[dict[str, Any]] = []
        self.closed: str | None = None

    def speak(self) -> Block | None:
        return self.blocks.pop(0) if self.blocks else None

    def hear(self, mix: Block, voices: Mapping[str, Block]) -> None:
        self.heard.append((mix, dict(voices)))

    def send(self, event: dict[str, Any]) -> None:
        self.events.append(event)

    def close(self, reason: str) -> None:
        self.closed = reason


class Deaf:
    """A seat that has events only."""

    def send(self, event: dict[str, Any]) -> None:
        pass

    def close(self, reason: str) -> None:
        pass


def constant(value: int) -> Block:
    return np.full(BLOCK, value, np.int16)


@pytest.fixture
async def state() -> State:
    state = State(api_key="k" * 32, clock=Clock())
    state.rooms.create("demo", "public", {})
    return state


@pytest.fixture
async def mixer(state: State) -> Mixer:
    return Mixer(state.domain, state.calls)


@pytest.fixture
async def room(state: State) -> Room:
    return state.domain.rooms["demo"]


def join(state: State, seat: Any, *, room: str = "demo", token: str | None = None) -> Participant:
    media = {"microphone": "playable"}
    return state.lobby.join(room, token, Newcomer(seat, "scripted", media=media))


def token(state: State, **properties: Any) -> str:
    return sign(properties, api_key=state.domain.api_key, domain_id=state.domain.id, issued_at=0)


async def test_everyone_hears_the_others_and_not_itself(state: State, mixer: Mixer) -> None:
    a, b, c = Seat(constant(100)), Seat(constant(20)), Seat(None)
    ids = [join(state, seat).id for seat in (a, b, c)]
    mixer.tick()
    assert [seat.heard[0][0][0] for seat in (a, b, c)] == [20, 100, 120]
    assert [set(seat.heard[0][1]) for seat in (a, b, c)] == [{ids[1]}, {ids[0]}, set(ids[:2])]
    assert c.heard[0][1][ids[0]][0] == 100
    assert all(seat.heard[0][0].dtype == np.int16 for seat in (a, b, c))


async def test_a_loud_mix_is_clipped_and_does_not_wrap(state: State, mixer: Mixer) -> None:
    listener = Seat(constant(5))
    join(state, listener)
    for value in (30_000, 30_000, -1):
        join(state, Seat(constant(value), constant(-value)))
    mixer.tick()
    mixer.tick()
    assert listener.heard[0][0].min() == 32_767
    assert listener.heard[1][0].max() == -32_768


async def test_rooms_do_not_hear_each_other(state: State, mixer: Mixer) -> None:
    state.rooms.create("other", "public", {})
    a, b = Seat(constant(7)), Seat()
    join(state, a)
    join(state, b, room="other")
    mixer.tick()
    assert not b.heard[0][0].any()
    assert b.heard[0][1] == {}


async def test_a_muted_participant_is_silent_and_its_sound_is_dropped(
    state: State, mixer: Mixer
) -> None:
    speaker, listener = Seat(constant(1), constant(2), constant(3)), Seat()
    participant = join(state, speaker)
    join(state, listener)
    state.calls.update(participant, media={"microphone": "off"})
    mixer.tick()
    mixer.tick()
    state.calls.update(participant, media={"microphone": "playable"})
    mixer.tick()
    assert [heard[0][0] for heard in listener.heard] == [0, 0, 3]
    assert [len(heard[1]) for heard in listener.heard] == [0, 0, 1]


@pytest.mark.parametrize(
    ("permissions", "heard"),
    [
        ({"canSend": True}, 9),
        ({"canSend": ["audio"]}, 9),
        ({"canSend": ["video", "screenAudio"]}, 0),
        ({"canSend": False}, 0),
        ({"hasPresence": False}, 0),
    ],
)
async def test_only_a_participant_who_may_send_audio_is_heard(
    state: State, mixer: Mixer, permissions: dict[str, Any], heard: int
) -> None:
    speaker, listener = Seat(constant(9)), Seat()
    join(state, speaker, token=token(state, permissions=permissions))
    join(state, listener)
    mixer.tick()
    assert listener.heard[0][0][0] == heard
    assert len(speaker.heard) == 1


@pytest.mark.parametrize("fault", ["speak", "hear", "shape", "close"])
async def test_a_participant_whose_seat_fails_is_ejected_and_the_others_go_on(
    state: State, mixer: Mixer, room: Room, fault: str
) -> None:
    def broken(*_: Any) -> None:
        msg = "broken"
        raise RuntimeError(msg)

    bad, good, listener = Seat(), Seat(*[constant(4)] * 2), Seat()
    if fault == "shape":
        bad.blocks = [np.zeros(3, np.int16)]
    elif fault == "close":
        bad.close = bad.speak = broken  # type: ignore[method-assign, assignment]
    else:
        setattr(bad, fault, broken)
    participants = [join(state, seat) for seat in (bad, good, listener)]
    mixer.tick()
    mixer.tick()
    assert [heard[0][0] for heard in listener.heard] == [4, 4]
    assert list(room.participants.values()) == participants[1:]
    assert bad.closed == (None if fault == "close" else "failed")


async def test_a_seat_without_sound_is_not_called(state: State, mixer: Mixer, room: Room) -> None:
    deaf = join(state, Deaf())
    mixer.tick()
    assert deaf.id in room.participants


async def test_the_loudest_is_the_active_speaker_and_keeps_it_until_another_is_louder(
    state: State, mixer: Mixer, room: Room
) -> None:
    ana, bo, listener = Seat(), Seat(), Seat()
    ids = [join(state, seat).id for seat in (ana, bo, listener)]

    def minute(a: int, b: int) -> str | None:
        ana.blocks, bo.blocks = [constant(a)] * 60, [constant(b)] * 60
        for _ in range(60):
            mixer.tick()
        return room.active_speaker

    assert minute(60, 0) is None  # noise is nobody
    assert minute(6000, 0) == ids[0]
    assert minute(6000, 7000) == ids[0]  # a little louder: no flicker
    assert minute(2000, 9000) == ids[1]
    assert minute(0, 0) == ids[1]  # silence leaves the last one
    assert minute(3000, 0) == ids[0]
    changes = [e for e in listener.events if e["event"] == "active-speaker-changed"]
    assert [change["participant"]["id"] for change in changes] == [ids[0], ids[1], ids[0]]


async def test_levels_follow_the_voices(state: State, mixer: Mixer, room: Room) -> None:
    loud, soft = Seat(*[constant(20_000)] * 60), Seat(*[constant(700)] * 60)
    ids = [join(state, seat).id for seat in (loud, soft, Seat())]
    assert mixer.levels(room) == {}
    for _ in range(60):
        mixer.tick()
    levels = mixer.levels(room)
    assert set(levels) == set(ids[:2])
    assert 0.9 < levels[ids[0]] <= 1
    assert 0.2 < levels[ids[1]] < 0.5
    for _ in range(120):
        mixer.tick()
    assert mixer.levels(room) == {}


async def test_the_clock_keeps_real_time_and_stops(state: State, mixer: Mixer) -> None:
    enough = asyncio.Event()

    class Counting(Seat):
        def hear(self, mix: Block, voices: Mapping[str, Block]) -> None:
            super().hear(mix, voices)
            if len(self.heard) > 25:
                enough.set()

    seat = Counting()
    join(state, seat)
    began = time.monotonic()
    mixer.start()
    await enough.wait()
    # Never early: it may be late on a busy machine, but the pace is absolute.
    assert time.monotonic() - began >= 25 * TICK - 0.001 - mixer_module._CATCH_UP * TICK
    await mixer.stop()
    count = len(seat.heard)
    await asyncio.sleep(3 * TICK)
    assert len(seat.heard) == count
    await mixer.stop()


async def test_after_a_stall_the_clock_skips_instead_of_a_burst(
    state: State, mixer: Mixer, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, ticks = 0.0, []
    loop = asyncio.get_running_loop()
    real_sleep = asyncio.sleep

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds
        await real_sleep(0)

    def tick() -> None:
        nonlocal now
        ticks.append(round(now, 3))
        now += 1.0 if len(ticks) == 3 else 0.07 if len(ticks) == 6 else 0.005
        if len(ticks) == 12:
            raise asyncio.CancelledError

    monkeypatch.setattr(loop, "time", lambda: now)
    monkeypatch.setattr(asyncio, "sleep", sleep)
    monkeypatch.setattr(mixer, "tick", tick)
    with pytest.raises(asyncio.CancelledError):
        await mixer._run()
    # The fourth tick is after the stall, and the pace goes on from there; a short one is caught
    # up, so that the pace does not drift.
    assert ticks[:6] == [0, 0.02, 0.04, 1.04, 1.06, 1.08]
    assert ticks[6:] == [1.15, 1.155, 1.16, 1.165, 1.18, 1.2]
    # 49 that the stall swallowed; after the short one the first two are too late, the third is not.
    assert mixer.late == 49 + 2


async def test_an_empty_room_is_not_mixed(
    state: State, mixer: Mixer, monkeypatch: pytest.MonkeyPatch
) -> None:
    mixed: list[Room] = []
    monkeypatch.setattr(mixer, "_mix", lambda room, _: mixed.append(room))
    mixer.tick()
    assert mixed == []
    Scripted(state.lobby, state.calls, state.messages, "demo")
    mixer.tick()
    assert len(mixed) == 1
