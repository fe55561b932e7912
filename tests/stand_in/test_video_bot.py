# SPDX-License-Identifier: BSD-2-Clause
"""A bot on Pipecat's own DailyTransport that sees and shows, in a room with people."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pipecat_daily_rest.local import LocalDaily

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


async def joined(bot: Any) -> str:
    """Give the session id of the bot that has joined."""
    (data,) = await bot.tells("on_joined")
    return data["participants"]["local"]["id"]


@pytest.mark.parametrize(
    ("color_format", "seen"),
    [
        ("RGB", [255, 0, 0]),
        ("RGBA", [255, 0, 0, 255]),
        ("BGRA", [0, 0, 255, 255]),
        ("ARGB", [255, 255, 0, 0]),
        ("ABGR", [255, 0, 0, 255]),
    ],
)
async def test_a_bot_sees_a_camera(
    local_daily: LocalDaily, url: str, start: Any, color_format: str, seen: list[int]
) -> None:
    ana = local_daily.join(url, user_name="Ana")
    bot = await start(url, "", "video")
    await joined(bot)
    picture = np.zeros((90, 160, 3), np.uint8)
    picture[:] = RED
    ana.shows(picture)
    await bot.tells(
        "on_participant_updated",
        lambda p: p["id"] == ana.id and p["media"]["camera"]["state"] == "playable",
    )
    ana.send({"do": "capture", "participant": ana.id, "color_format": color_format})
    colour, size, given, who, source = await bot.tells("saw")
    assert [colour, size, given] == [seen, [160, 90], color_format]
    assert [who, source] == [ana.id, "camera"]


async def test_a_bot_sees_a_camera_and_a_screen_apart(
    local_daily: LocalDaily, url: str, start: Any
) -> None:
    ana, bo = local_daily.join(url), local_daily.join(url)
    bot = await start(url, "", "video")
    await joined(bot)
    for person in (ana, bo):
        for source in ("camera", "screenVideo"):
            ana.send({"do": "capture", "participant": person.id, "video_source": source})
    ana.shows(RED)
    ana.shows(GREEN, source="screenVideo")
    bo.shows(BLUE)
    for colour, person, source in (
        (RED, ana, "camera"),
        (GREEN, ana, "screenVideo"),
        (BLUE, bo, "camera"),
    ):
        await bot.tells(
            "saw",
            lambda *saw, wanted=[list(colour), person.id, source]: [saw[0], *saw[3:]] == wanted,
        )
    ana.shows(WHITE)
    await bot.tells("saw", lambda *saw: [saw[0], *saw[3:]] == [list(WHITE), ana.id, "camera"])
    # The bot sees a camera while it is on.
    ana.hides()
    await bot.tells(
        "on_participant_updated",
        lambda p: p["id"] == ana.id and p["media"]["camera"]["state"] == "off",
    )
    ana.shows(BLUE)
    await bot.tells("saw", lambda *saw: [saw[0], *saw[3:]] == [list(BLUE), ana.id, "camera"])


async def test_pictures_stop_when_nobody_watches(
    local_daily: LocalDaily, url: str, start: Any
) -> None:
    ana = local_daily.join(url)
    bot = await start(url, "", "video")
    id = await joined(bot)
    feed = ana.participant.feeds["camera"]
    assert not feed._looks
    ana.send({"do": "capture", "participant": ana.id})
    ana.shows(RED)
    await bot.tells("saw")
    assert len(feed._looks) == 1
    bot.process.kill()
    await ana.event("participant-left", lambda e: e["participant"]["id"] == id)
    assert not feed._looks


async def test_a_bot_shows_its_camera_and_its_screen(
    local_daily: LocalDaily, url: str, start: Any
) -> None:
    ana = local_daily.join(url)
    bot = await start(url, "", "video")
    id = await joined(bot)
    for source, to in (("camera", None), ("screenVideo", "screenVideo")):
        ana.send({"do": "show", "colour": RED, "to": to})
        pixels = await ana.sees(RED, of=id, source=source)
        assert pixels.shape == (240, 320, 3)
        assert (pixels == RED).all()
        # Somebody who watches later gets the last picture.
        await ana.sees(RED, of=id, source=source)
        ana.send({"do": "show", "colour": GREEN, "to": to})
        await ana.sees(GREEN, of=id, source=source)
    media = ana.participant.room.participants[id].media
    assert media["camera"] == media["screenVideo"] == "playable"


async def test_custom_video_is_refused_and_the_bot_goes_on(
    local_daily: LocalDaily, url: str, start: Any
) -> None:
    ana = local_daily.join(url)
    bot = await start(url, "", "video")
    id = await joined(bot)
    ana.send({"do": "custom video"})
    await bot.tells("added")
    ana.send({"do": "show", "colour": BLUE, "to": None})
    await ana.sees(BLUE, of=id)
    ana.send({"do": "end"})
    log = await bot.ends()
    assert "addCustomVideoTrack: custom video tracks do not work in a local room" in log
    assert "Traceback" not in log


async def test_a_bot_without_video_shows_nothing(
    local_daily: LocalDaily, url: str, start: Any
) -> None:
    ana = local_daily.join(url)
    bot = await start(url, "")
    id = await joined(bot)
    participant = ana.participant.room.participants[id]
    assert participant.media["camera"] == participant.media["screenVideo"] == "off"
    assert not ana.participant.feeds["camera"]._looks


@pytest.mark.parametrize("allowed", [["audio"], ["audio", "screenVideo"], ["video"], False])
async def test_a_bot_shows_only_what_its_permissions_allow(
    local_daily: LocalDaily, url: str, token: Callable[..., str], start: Any, allowed: Any
) -> None:
    ana = local_daily.join(url)
    key = token(room_name="demo", permissions={"canSend": allowed})
    bot = await start(url, key, "video")
    id = await joined(bot)
    may = {"camera": "video" in (allowed or ()), "screenVideo": "screenVideo" in (allowed or ())}
    for source, on in may.items():
        to = None if source == "camera" else source
        ana.send({"do": "show", "colour": RED, "to": to})
        if on:
            await ana.sees(RED, of=id, source=source)
    ana.send({"do": "look"})
    await bot.tells("participants")
    participant = ana.participant.room.participants[id]
    for source, on in may.items():
        assert (participant.describe()["media"][source]["state"] == "playable") == on
