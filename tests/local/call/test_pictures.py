# SPDX-License-Identifier: BSD-2-Clause
"""Feeds by themselves: who is asked for what, and what goes from one form to the other."""

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from loguru import logger

from pipecat_daily_rest.local.call import pictures, vp8
from pipecat_daily_rest.local.call.clock import Clock
from pipecat_daily_rest.local.call.pictures import Feed, Picture, is_key
from pipecat_daily_rest.local.call.state import State
from pipecat_daily_rest.local.rules.claims import sign
from pipecat_daily_rest.local.scripted.person import Scripted
from pipecat_daily_rest.testing.daily_thread import DailyThread, RemotePerson

WAIT = 30.0  # seconds; only a failure takes that long
RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def plain(colour: tuple[int, int, int], width: int = 64, height: int = 48) -> Picture:
    return Picture(width, height, bytes(colour) * width * height)


def near(picture: Picture, colour: tuple[int, int, int]) -> bool:
    return bool(np.abs(np.array([*picture.rgb[:3]]) - colour).max() < 24)


class Publisher:
    """Notes what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def wanted(self, wanted: bool) -> None:
        self.asked.append(wanted)

    def refresh(self) -> None:
        self.asked.append("key")


class Viewer:
    """Takes pictures or VP8, and waits for them."""

    def __init__(self) -> None:
        self.taken: list[Any] = []
        self._news = asyncio.Event()

    def __call__(self, item: Any) -> None:
        self.taken.append(item)
        self._news.set()

    async def takes(self, fits: Callable[[Any], bool]) -> Any:
        async with asyncio.timeout(WAIT):
            while True:
                for item in self.taken:
                    if fits(item):
                        return item
                self._news.clear()
                await self._news.wait()


@pytest.fixture
async def feed() -> Feed:
    feed = Feed()
    feed.open(True)
    return feed


async def test_a_picture_stays_until_the_next(feed: Feed) -> None:
    first, late = Viewer(), Viewer()
    feed.look(first)
    feed.show(plain(RED))
    feed.show(plain(GREEN))
    feed.look(late)
    assert first.taken == [plain(RED), plain(GREEN)]
    assert late.taken == [plain(GREEN)]
    feed.leave(first)
    feed.leave(first)
    feed.show(plain(BLUE))
    assert first.taken[2:] == []
    assert late.taken[1:] == [plain(BLUE)]


async def test_a_closed_feed_shows_its_picture_when_it_opens(feed: Feed) -> None:
    look, tap = Viewer(), Viewer()
    feed.look(look)
    feed.tap(tap)
    feed.open(False)
    feed.show(plain(RED))
    feed.push(vp8.Encoder().encode(plain(BLUE), 0, True))
    assert look.taken == [None]  # the feed shows nothing any more
    assert tap.taken == []
    assert feed._converter is None
    feed.open(True)
    assert look.taken == [None, plain(RED)]
    await tap.takes(is_key)
    feed.open(False)
    assert feed._converter is None


async def test_a_publisher_is_told_who_looks_and_asked_for_a_key_frame(feed: Feed) -> None:
    publisher, first, second = Publisher(), Viewer(), Viewer()
    feed.publish(publisher)
    feed.look(first)
    feed.tap(second)
    feed.leave(first)
    feed.leave(second)
    assert publisher.asked == [False, True, "key", "key", False]
    # A later publisher is told at once.
    feed.tap(first)
    feed.publish(later := Publisher())
    assert later.asked == [True]
    feed.publish(None)
    feed.leave(first)
    assert later.asked == [True]


async def test_vp8_begins_with_a_key_frame_and_is_passed_on_as_it_came(feed: Feed) -> None:
    publisher, tap = Publisher(), Viewer()
    feed.publish(publisher)
    feed.tap(tap)
    encoder = vp8.Encoder()
    frames = [encoder.encode(plain((n * 20, 0, 0)), n / 15, n in (0, 3)) for n in range(6)]
    assert [is_key(frame) for frame in frames] == [True, False, False, True, False, False]
    publisher.asked.clear()
    for frame in frames[1:]:
        feed.push(frame)
    assert tap.taken == frames[3:]
    assert publisher.asked == ["key", "key"]
    feed.open(False)
    feed.open(True)
    feed.push(frames[4])
    assert tap.taken == frames[3:]


async def test_vp8_becomes_pictures_and_pictures_vp8(feed: Feed) -> None:
    look = Viewer()
    feed.look(look)
    encoder = vp8.Encoder()
    for number, colour in enumerate((RED, GREEN)):
        feed.push(encoder.encode(plain(colour, 320, 180), number / 15, number == 0))
    picture = await look.takes(lambda picture: near(picture, GREEN))
    assert (picture.width, picture.height) == (320, 180)
    # A broken frame does no harm: the next key frame repairs the picture.
    feed.push(b"\1nonsense")
    feed.push(encoder.encode(plain(BLUE, 320, 180), 1, True))
    await look.takes(lambda picture: near(picture, BLUE))
    feed.leave(look)
    assert feed._converter is None

    other, tap = Feed(), Viewer()
    other.open(True)
    other.tap(tap)
    decoder = vp8.Decoder()
    for colour, size in ((RED, (64, 48)), (BLUE, (33, 21))):
        other.show(plain(colour, *size))

        def shows(frame: bytes, size: tuple[int, int] = size, colour: Any = colour) -> bool:
            tap.taken.remove(frame)
            seen = decoder.decode([frame])
            return seen is not None and (seen.width, seen.height) == size and near(seen, colour)

        await tap.takes(shows)
    # A picture that does not change is sent again, and again when somebody lost it.
    tap.taken.clear()
    await tap.takes(lambda frame: not is_key(frame))
    other.refresh()
    await tap.takes(is_key)
    other.leave(tap)
    assert other._converter is None


async def test_a_slow_decoder_begins_again_with_a_key_frame(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "_MOST_WAITING", 3)
    publisher, look = Publisher(), Viewer()
    feed.publish(publisher)
    feed.look(look)
    encoder = vp8.Encoder()
    publisher.asked.clear()
    for number in range(6):  # without a turn for the decoder
        feed.push(encoder.encode(plain(RED), number / 15, number == 0))
    assert publisher.asked == ["key", "key"]
    assert not feed._vp8
    feed.push(encoder.encode(plain(BLUE), 1, True))
    await look.takes(lambda picture: near(picture, BLUE))
    assert not [picture for picture in look.taken if near(picture, RED)]


async def test_a_converter_that_fails_is_logged_and_begins_again(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = vp8.Encoder.encode
    calls = 0

    def fails(self: Any, *args: Any) -> bytes:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise RuntimeError("out of colours")
        return real(self, *args)

    monkeypatch.setattr(vp8.Encoder, "encode", fails)
    logged: list[str] = []
    sink = logger.add(logged.append)
    tap = Viewer()
    feed.tap(tap)
    feed.show(plain(RED))
    async with asyncio.timeout(WAIT):
        while feed._converter is not None:  # noqa: ASYNC110 - it has no event for that
            await asyncio.sleep(0.01)
    logger.remove(sink)
    assert "out of colours" in "".join(logged)
    feed.show(plain(RED))
    await tap.takes(is_key)
    feed.leave(tap)


async def test_a_participant_who_is_hidden_or_may_not_send_is_not_seen() -> None:
    state = State(api_key="k" * 32, clock=Clock())
    state.rooms.create("demo", "public", {})

    def token(**permissions: Any) -> str:
        properties = {"room_name": "demo", "permissions": permissions}
        key, id = state.domain.api_key, state.domain.id
        return sign(properties, api_key=key, domain_id=id, issued_at=state.clock.now())

    ana = Scripted(state.lobby, state.calls, state.messages, "demo")
    hidden = Scripted(state.lobby, state.calls, state.messages, "demo", token(hasPresence=False))
    hidden.shows(RED)
    with pytest.raises(TimeoutError, match="it saw nothing"):
        await ana.sees(RED, of=hidden.id, timeout=0.005)
    limited = Scripted(state.lobby, state.calls, state.messages, "demo", token(canSend=["video"]))
    limited.shows(GREEN)
    await ana.sees(GREEN, of=limited.id)
    with pytest.raises(PermissionError, match="screenVideo"):
        limited.shows(GREEN, source="screenVideo")
    with pytest.raises(TimeoutError, match=r"it saw \(0, 255, 0\) last"):
        await ana.sees(RED, of=limited.id, timeout=0.005)
    described = limited.participant.describe()["media"]
    assert described["camera"]["state"] == "playable"
    assert described["screenVideo"]["offReasons"] == ["sendPermission"]
    limited.hides()
    assert limited.participant.describe()["media"]["camera"]["offReasons"] == ["user"]
    limited.leave()
    assert not limited.participant.sends("camera")


async def test_a_permission_that_is_taken_and_given_back() -> None:
    state = State(api_key="k" * 32, clock=Clock())
    room = state.rooms.create("demo", "public", {})
    ana, bo = (Scripted(state.lobby, state.calls, state.messages, "demo") for _ in range(2))
    ana.shows(RED)
    await bo.sees(RED, of=ana.id)
    for change in ({"canSend": ["audio"]}, {"hasPresence": False}):
        state.calls.permit(room, {ana.id: change})
        with pytest.raises(TimeoutError, match="it saw nothing"):
            await bo.sees(RED, of=ana.id, timeout=0.005)
        state.calls.permit(room, {ana.id: {"canSend": True, "hasPresence": True}})
        await bo.sees(RED, of=ana.id)


async def test_pictures_from_another_thread() -> None:
    """As the fixture `local_daily` gives it to a test."""
    thread = DailyThread()
    try:
        thread.call(thread.daily.state.rooms.create, "demo", "public", {})
        ana, bo = (RemotePerson(thread, thread.call(thread.daily.join, "demo")) for _ in range(2))
        picture = np.zeros((10, 20, 3), np.uint8)
        picture[:, 10:] = BLUE
        ana.shows(picture)
        seen = await bo.sees(lambda pixels: pixels[5, 15, 2] == 255, of=ana.id)
        assert (seen == picture).all()
        with pytest.raises(TimeoutError, match="did not see the colour"):
            await bo.sees(RED, of=ana.id, timeout=0.005)
    finally:
        await asyncio.to_thread(thread.stop)
