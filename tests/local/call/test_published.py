# SPDX-License-Identifier: BSD-2-Clause
"""What a bot gets of tracks: silence while one is published, nothing while none is."""

import uuid
from collections.abc import AsyncIterator
from typing import Any, TypeAlias

import pytest

from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.bot.seat import END, PICTURE, SOUND, BotSeat
from pipecat_daily_rest.local.call.room import Newcomer, Participant
from pipecat_daily_rest.local.scripted.person import Scripted

KINDS = {SOUND: "sound", PICTURE: "picture", END: "end"}
Call: TypeAlias = tuple[LocalDaily, Scripted, Participant, BotSeat]


@pytest.fixture
async def demo() -> AsyncIterator[Call]:
    """Ana, and a bot that wants all of her sounds; the clock is the test's."""
    async with LocalDaily() as daily:
        await daily.mixer.stop()
        daily.state.rooms.create("demo", "public", {})
        ana, seat = daily.join("demo", user_name="Ana"), BotSeat()
        bot = daily.state.lobby.join("demo", None, Newcomer(seat, "bot", "Robot"))
        seat.take_place(bot, daily.state.calls.may_receive)
        sources = ("microphone", "screenAudio", "camera", "music")
        seat.voices = {(ana.id, source) for source in sources} | {(bot.id, "microphone")}
        yield daily, ana, bot, seat


def frames(seat: BotSeat) -> list[str]:
    """What waits for the bot, in order."""
    return [
        f"{KINDS[frame[16]]} of {frame[18 : 18 + frame[17]].decode()}"
        + (" with silence" if frame[16] == SOUND and len(frame) == 18 + frame[17] else "")
        for frame in iter(seat.next_frame, None)
    ]


async def test_a_track_that_is_not_published_sends_nothing(demo: Call) -> None:
    daily, ana, _, seat = demo

    def tick() -> list[str]:
        daily.mixer.tick()
        return sorted(frames(seat))

    silent = ["sound of microphone with silence"]
    assert [tick(), tick()] == [silent, silent]  # no track "music", and nothing of oneself
    ana.tone(500, 0.04)
    assert [tick(), tick(), tick()] == [["sound of microphone"]] * 2 + [silent]
    ana.mute()
    assert [tick(), tick()] == [["end of microphone"], []]
    ana.mute(False)
    assert tick() == silent
    ana.mute()
    tick()
    ana.tone(500, 0.04, track="music")
    assert [tick(), tick(), tick()] == [["sound of music"]] * 2 + [["sound of music with silence"]]
    daily.state.calls.update(ana.participant, custom_audio={})
    assert [tick(), tick()] == [["end of music"], []]


@pytest.mark.parametrize(
    ("whose", "lost", "again"),
    [
        ("Ana", {"canSend": []}, {"canSend": True}),
        ("Ana", {"hasPresence": False}, {"hasPresence": True}),
        ("Robot", {"canReceive": {"base": False}}, {"canReceive": {"base": True}}),
    ],
)
async def test_a_track_that_may_not_be_sent_or_received_sends_nothing(
    demo: Call, whose: str, lost: Any, again: Any
) -> None:
    daily, ana, bot, seat = demo
    id = {"Ana": ana.id, "Robot": bot.id}[whose]
    daily.mixer.tick()
    frames(seat)
    daily.state.calls.permit(bot.room, {id: lost})
    for expected in (["end of microphone"], []):
        daily.mixer.tick()
        assert frames(seat) == expected
    daily.state.calls.permit(bot.room, {id: again})
    daily.mixer.tick()
    assert frames(seat) == ["sound of microphone with silence"]


@pytest.mark.parametrize("who", ["Ana", "Robot"])
async def test_without_a_network_there_is_silence(demo: Call, who: str) -> None:
    daily, ana, _, seat = demo
    ana.tone(500, 1)
    daily.room("demo").lose_network(who, seconds=10)
    for _ in range(3):
        daily.mixer.tick()
        assert frames(seat) == ["sound of microphone with silence"]
    daily.advance(11)
    daily.mixer.tick()
    assert frames(seat) == ["sound of microphone"]


async def test_a_participant_who_left_sends_nothing(demo: Call) -> None:
    daily, ana, _, seat = demo
    daily.mixer.tick()
    ana.leave()
    for expected in (["sound of microphone with silence", "end of microphone"], []):
        daily.mixer.tick()
        assert frames(seat) == expected


@pytest.mark.parametrize("end", ["hides", "leaves", "loses its network", "may not", "not wanted"])
async def test_a_camera_that_ends_drops_the_picture_that_waits(demo: Call, end: str) -> None:
    daily, ana, bot, seat = demo
    wanted = [(ana.participant, "camera")]
    seat.look(wanted)
    ana.shows((255, 0, 0))
    assert frames(seat) == ["picture of camera"]
    ana.shows((0, 255, 0))  # still waits when the camera ends
    rule: Any = {"canReceive": {"base": {"audio": True}}}
    match end:
        case "hides":
            ana.hides()
        case "leaves":
            ana.leave()
        case "loses its network":
            daily.room("demo").lose_network("Ana", seconds=10)
        case "may not":
            daily.state.calls.permit(bot.room, {bot.id: rule})
        case "not wanted":
            seat.look([])
    head = uuid.UUID(ana.id).bytes
    assert seat.next_frame() == head + bytes([END, 6]) + b"camera"
    assert seat.next_frame() is None
