# SPDX-License-Identifier: BSD-2-Clause
"""Tracks beside the microphone, each heard by its name; and a virtual camera."""

import asyncio
from typing import Any

import numpy as np
import pytest

from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.scripted.hearing import tone_level

# Says 700 Hz on the microphone and 1900 on the track "music", until it gets a message.
TWO_TRACKS = """
speech, music = (CustomAudioSource(16000, 1) for _ in range(2))
tracks = [CustomAudioTrack(source) for source in (speech, music)]
wait(client.join, url, client_settings={"inputs": {"microphone": {
    "isEnabled": True, "settings": {"customTrack": {"id": tracks[0].id}}}}})
tell("added", *wait(client.add_custom_audio_track, "music", tracks[1]))
tell("bad name", *wait(client.add_custom_audio_track, "microphone", tracks[1]))
tell("long name", *wait(client.add_custom_audio_track, "m" * 200, tracks[1]))
end = threading.Event()
other = CustomAudioSource(16000, 1)
Handler.on_app_message = lambda self, message, sender: (
    client.update_inputs({"microphone": False}) if message == "mute" else
    client.update_custom_audio_track("music", CustomAudioTrack(other),
                                     completion=lambda error: tell("updated", error))
    if message == "update" else
    client.remove_custom_audio_track("music", completion=lambda error: tell("removed", error))
    if message == "remove" else
    end.set())
def talk(source, hz):
    while not end.is_set():
        source.write_frames(tone(hz, 0.5, 16000))
for source, hz in ((speech, 700), (music, 1900), (other, 1300)):
    threading.Thread(target=talk, args=(source, hz), daemon=True).start()
end.wait(60)
client.release()
"""


@pytest.mark.proves(
    "CallClient.add_custom_audio_track",
    "CallClient.update_custom_audio_track",
    "CallClient.remove_custom_audio_track",
)
async def test_a_custom_track_is_heard_by_its_name(
    local_daily: LocalDaily, url: str, program: Any
) -> None:
    ana = local_daily.join(url)
    bot = await program(TWO_TRACKS)
    event = await ana.event(
        "participant-updated", lambda e: "music" in e["participant"]["media"]["customAudio"]
    )
    id = event["participant"]["id"]
    assert event["participant"]["media"]["customAudio"]["music"]["state"] == "playable"
    for what, error in (("added", None), ("bad name", "'microphone' cannot"), ("long name", "'mm")):
        (told,) = await bot.tells(what)
        assert told is None if error is None else error in told
    # Both are in the mix, and each is heard alone by its name.
    await ana.hears(700)
    await ana.hears(1900)
    await ana.hears(700, voice=id)
    await ana.hears(1900, voice=id, track="music")
    assert tone_level(ana.heard_from(id), 1900) == 0
    assert tone_level(ana.heard_from(id, "music"), 700) == 0
    # Muting the microphone does not mute the music.
    ana.send("mute")
    await ana.event(
        "participant-updated",
        lambda e: e["participant"]["media"]["microphone"]["state"] == "off",
    )
    ana.forget()
    await ana.hears(1900)
    assert tone_level(ana.heard, 700) == 0
    # Another source replaces it.
    ana.send("update")
    assert await bot.tells("updated") == [None]
    await ana.hears(1300, voice=id, track="music")
    ana.send("remove")
    await ana.event("participant-updated", lambda e: e["participant"]["media"]["customAudio"] == {})
    assert await bot.tells("removed") == [None]
    ana.forget()
    await ana.hears(lambda audio: len(audio) > 48_000)
    assert not ana.heard.any()
    ana.send("end")
    await bot.ends()


async def test_a_bot_hears_a_custom_track_by_its_name(
    local_daily: LocalDaily, url: str, program: Any
) -> None:
    ana = local_daily.join(url)
    bot = await program(
        """
import numpy as np
def hear(id, data, source):
    samples = np.frombuffer(data.audio_frames, np.int16)
    if np.abs(samples).max() > 300:
        spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
        tell("heard", source, int(spectrum.argmax()) * data.sample_rate // len(samples))
end = threading.Event()
Handler.on_app_message = lambda self, message, sender: end.set()
data, error = wait(client.join, url)
(other,) = set(data["participants"]) - {"local"}
for source in ("microphone", "music"):
    client.set_audio_renderer(other, hear, audio_source=source, callback_interval_ms=200)
tell("ready")
end.wait(60)
client.release()
"""
    )
    await bot.tells("ready")
    ana.tone(500, 3)
    ana.tone(1500, 3, track="music")
    await bot.tells("heard", lambda source, hz: source == "microphone" and abs(hz - 500) < 10)
    await bot.tells("heard", lambda source, hz: source == "music" and abs(hz - 1500) < 10)
    await bot.tells(
        "on_participant_updated",
        lambda p: p["media"]["customAudio"].get("music", {}).get("state") == "playable",
    )
    ana.send("end")
    await bot.ends()
    wrong = {"microphone": 1500, "music": 500}
    heard = [line[1:] for line in bot.lines if line[0] == "heard"]
    assert not [hz for source, hz in heard if abs(hz - wrong[source]) < 10]


async def test_a_track_that_ends_is_heard_to_its_end_and_then_nothing_comes(
    local_daily: LocalDaily, url: str, program: Any
) -> None:
    """The bot takes Ana's sound a second at a time; Bo's microphone is its clock."""
    ana, bo = local_daily.join(url, user_name="Ana"), local_daily.join(url, user_name="Bo")
    ana.mute()
    bot = await program(
        """
import collections
import numpy as np
counts = collections.Counter()
def hear(id, data, source):
    counts[names[id] + " " + source] += 1
    if names[id] == "Ana":
        loud = np.flatnonzero(np.abs(np.frombuffer(data.audio_frames, np.int16)) > 300)
        tell("heard", source, data.num_audio_frames, int(loud[-1]) if len(loud) else 0)
    elif counts["Bo microphone"] % 25 == 0:
        tell("counts", counts)
end = threading.Event()
Handler.on_app_message = lambda self, message, sender: end.set()
data, error = wait(client.join, url)
names = {id: p["info"]["userName"] for id, p in data["participants"].items()}
for id in set(names) - {"local"}:
    for source in ("microphone", "music", "nothing"):
        client.set_audio_renderer(id, hear, audio_source=source,
                                  callback_interval_ms=1000 if names[id] == "Ana" else 20)
end.wait(60)
client.release()
"""
    )

    async def counts() -> dict[str, int]:
        """Give what has come by the next half second of Bo's silence."""
        bot.lines.clear()
        return (await bot.tells("counts"))[0]

    assert (await counts()).keys() == {"Bo microphone"}
    for track in ("microphone", "music"):
        bot.lines.clear()
        if track == "microphone":
            ana.mute(False)
        ana.tone(500, 0.3, track=track)
        await bo.hears(lambda _, t=track: len(bo.heard_from(ana.id, t)) >= 14_400)
        if track == "microphone":
            ana.mute()
        else:
            local_daily.state.calls.update(ana.participant, custom_audio={})
        source, size, last = await bot.tells("heard")
        assert (source, size) == (track, 16_000)
        assert 4_000 < last < 16_000 - 1  # the tone of 0.3 s, and then silence
        before = (await counts())[f"Ana {track}"]
        assert (await counts())[f"Ana {track}"] == before >= 1
    ana.send("end")
    await bot.ends()


@pytest.mark.parametrize(
    ("color_format", "pixel"),
    [("RGBA", "b'\\xff\\0\\0\\xff'"), ("ABGR", "b'\\xff\\0\\0\\xff'"), ("RGB", "b'\\xff\\0\\0'")],
)
@pytest.mark.proves(
    "Daily.create_camera_device",
    "VirtualCameraDevice.color_format",
    "VirtualCameraDevice.height",
    "VirtualCameraDevice.name",
    "VirtualCameraDevice.width",
    "VirtualCameraDevice.write_frame",
)
async def test_a_virtual_camera(
    local_daily: LocalDaily, url: str, program: Any, color_format: str, pixel: str
) -> None:
    ana = local_daily.join(url)
    bot = await program(
        token=color_format,
        code=f"""
camera = Daily.create_camera_device("camera", 64, 48, token)
tell("camera", camera.name, camera.width, camera.height, camera.color_format)
client.update_inputs({{"camera": {{"isEnabled": True, "settings": {{"deviceId": "camera"}}}}}})
wait(client.join, url)
end = threading.Event()
Handler.on_app_message = lambda self, message, sender: end.set()
camera.write_frame({pixel} * 64 * 48)
end.wait(60)
client.release()
""",
    )
    assert await bot.tells("camera") == ["camera", 64, 48, color_format]
    (id,) = [e["participant"]["id"] for e in [await ana.event("participant-joined")]]
    pixels = await ana.sees((255, 0, 0), of=id)
    assert pixels.shape == (48, 64, 3)
    ana.send("end")
    await bot.ends()


@pytest.mark.proves(
    "CallClient.set_video_renderer",
    "CustomVideoSource",
    "CustomVideoSource.write_frame",
    "CustomVideoTrack",
    "VideoFrame.buffer",
    "VideoFrame.color_format",
    "VideoFrame.height",
    "VideoFrame.timestamp_us",
    "VideoFrame.width",
)
async def test_i420_both_ways_and_a_picture_that_stands_still(
    local_daily: LocalDaily, url: str, program: Any
) -> None:
    ana = local_daily.join(url)
    bot = await program(
        """
width, height = 33, 21
half = 17 * 11
source = CustomVideoSource(width, height, "I420")
track = CustomVideoTrack(source)
red = bytes([81]) * (width * height) + bytes([90]) * half + bytes([240]) * half
count = 0
def see(id, frame, source):
    global count
    count += 1
    size = frame.width * frame.height
    middle = frame.height // 2 * frame.width + frame.width // 2
    quarter = ((frame.width + 1) // 2) * ((frame.height + 1) // 2)
    at = (frame.height // 4) * ((frame.width + 1) // 2) + frame.width // 4
    assert len(frame.buffer) == size + 2 * quarter and frame.timestamp_us > 0
    tell("saw", count, frame.width, frame.height, frame.color_format, source,
         [frame.buffer[middle], frame.buffer[size + at], frame.buffer[size + quarter + at]])
end = threading.Event()
Handler.on_app_message = lambda self, message, sender: end.set()
data, error = wait(client.join, url, client_settings={"inputs": {"camera": {
    "isEnabled": True, "settings": {"customTrack": {"id": track.id}}}}})
source.write_frame(red)
(other,) = set(data["participants"]) - {"local"}
client.set_video_renderer(other, see, color_format="I420")
client.set_video_renderer(other, see, video_source="nose")
end.wait(60)
client.release()
"""
    )
    id = (await ana.event("participant-joined"))["participant"]["id"]
    pixels = await ana.sees((254, 0, 0), of=id)
    assert pixels.shape == (21, 33, 3)
    picture = np.zeros((13, 27, 3), np.uint8)
    picture[:] = (255, 0, 0)
    ana.shows(picture)
    # One picture was shown, and it is repeated, as a camera does.
    _, *shape, colour = await bot.tells("saw", lambda count, *_: count >= 10)
    assert shape == [27, 13, "I420", "camera"]
    assert max(abs(a - b) for a, b in zip(colour, (82, 90, 240), strict=True)) <= 2
    await bot.tells("on_error", lambda message: "no video track 'nose'" in message)
    ana.hides()
    await bot.tells("on_participant_updated", lambda p: p["media"]["camera"]["state"] == "off")
    ana.send("end")
    await bot.ends()


async def test_a_muted_camera_shows_the_same_picture_again(
    local_daily: LocalDaily, url: str, program: Any
) -> None:
    """The bot writes one picture only; it is shown again when the camera is on again."""
    ana = local_daily.join(url)
    bot = await program(
        """
source, other = (CustomVideoSource(8, 8, "RGB") for _ in range(2))
track, second = CustomVideoTrack(source), CustomVideoTrack(other)
other.write_frame(bytes([0, 0, 255]) * 64)
end = threading.Event()
Handler.on_app_message = lambda self, message, sender: (
    end.set() if message == "end" else
    client.update_inputs({"camera": {"settings": {"customTrack": {"id": second.id}}}})
    if message == "other" else client.update_inputs({"camera": message}))
wait(client.join, url, client_settings={"inputs": {"camera": {
    "isEnabled": True, "settings": {"customTrack": {"id": track.id}}}}})
source.write_frame(bytes([0, 255, 0]) * 64)
end.wait(60)
client.release()
"""
    )
    id = (await ana.event("participant-joined"))["participant"]["id"]
    await ana.sees((0, 255, 0), of=id)
    for _ in range(3):
        ana.send(False)
        await ana.event(
            "participant-updated",
            lambda e: e["participant"]["media"]["camera"]["state"] == "off",
        )
        ana.send(True)
        await ana.sees((0, 255, 0), of=id)
    # Another source replaces it while somebody watches.
    looks = asyncio.create_task(ana.sees((0, 0, 255), of=id))
    async with asyncio.timeout(60):
        while not ana.participant.room.participants[id].feeds["camera"]._looks:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    ana.send("other")
    await looks
    ana.send("end")
    await bot.ends()


@pytest.mark.parametrize("end", ["hides", "may not be seen", "loses its network"])
async def test_a_camera_that_ends_is_not_repeated(
    local_daily: LocalDaily, url: str, program: Any, end: str
) -> None:
    """Bo's picture, which stands still, is the clock."""
    ana, bo = local_daily.join(url, user_name="Ana"), local_daily.join(url, user_name="Bo")
    for person in (ana, bo):
        person.shows((255, 0, 0))
    bot = await program(
        """
import collections
counts = collections.Counter()
def see(id, frame, source):
    counts[names[id]] += 1
    if names[id] == "Bo" and counts["Bo"] % 5 == 0:
        tell("counts", counts)
done = threading.Event()
Handler.on_app_message = lambda self, message, sender: done.set()
data, error = wait(client.join, url)
names = {id: p["info"]["userName"] for id, p in data["participants"].items()}
for id in set(names) - {"local"}:
    client.set_video_renderer(id, see)
done.wait(60)
client.release()
"""
    )

    async def count() -> int:
        bot.lines.clear()
        return (await bot.tells("counts"))[0].get("Ana", 0)

    async def goes_on() -> bool:
        return await count() < await count()

    async with asyncio.timeout(60):
        while not await goes_on():
            pass
        match end:
            case "hides":
                ana.hides()
            case "may not be seen":
                room = ana.participant.room
                (robot,) = (p for p in room.participants.values() if p.kind == "bot")
                rule = {"byParticipantId": {ana.id: False}}
                local_daily.state.calls.permit(room, {robot.id: {"canReceive": rule}})
            case "loses its network":
                local_daily.room("demo").lose_network("Ana", seconds=3600)
        while await goes_on():
            pass
        assert not await goes_on()
    bo.send("end")
    await bot.ends()
