# SPDX-License-Identifier: BSD-2-Clause
"""A bot records its call: by the stand-in for `daily`, and by Pipecat's transport over it."""

from collections.abc import Callable
from typing import Any

import pytest

from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.choices import Choices
from pipecat_daily_rest.local.recording.sound_file import read_sound
from pipecat_daily_rest.local.scripted.hearing import tone_level

Token = Callable[..., str]
ID = "c3df927c-f738-4471-a2b7-066fa7e95a6b"

RECORDS = f"""
assert wait(client.join, url, token) [1] is None
tell("started", *wait(client.start_recording, stream_id="{ID}"))
tell("again", *wait(client.start_recording, stream_id="{ID}"))
tell("second", *wait(client.start_recording, force_new=True))
settings = {{"layout": {{"preset": "active-participant"}}}}
tell("updated", *wait(client.update_recording, settings, stream_id="{ID}"))
sys.stdin.readline()
tell("stopped", *wait(client.stop_recording, stream_id="{ID}"))
tell("no more", *wait(client.stop_recording, stream_id="{ID}"))
sys.stdin.readline()
client.release()
"""


@pytest.mark.proves(
    "CallClient.start_recording",
    "CallClient.stop_recording",
    "CallClient.update_recording",
    "on_recording_started",
    "on_recording_stopped",
)
async def test_a_bot_records(local_daily: LocalDaily, token: Token, program: Any) -> None:
    local_daily.state.rooms.create("demo", "public", {"enable_recording": "cloud-audio-only"})
    bot = await program(RECORDS, token=token(room_name="demo", is_owner=True))
    assert await bot.tells("started") == [ID, None]
    nothing, error = await bot.tells("again")
    assert (nothing, "recorded already" in error) == (None, True)
    second, error = await bot.tells("second")
    assert error is None
    assert second != ID
    assert await bot.tells("updated") == [None]
    (status,) = await bot.tells("on_recording_started", lambda status: status["streamId"] == ID)
    assert status["type"] == "cloud-audio-only"
    (joined,) = [e for e in local_daily.state.log.entries if e.what == "bot joined"]
    assert status["startedBy"] == joined.participant
    ana, bo = local_daily.join("demo"), local_daily.join("demo")
    ana.tone(440, 1)
    await bo.hears(lambda heard: tone_level(heard, 440) > 0 and not heard[-4800:].any())
    bot.process.stdin.write(b"\n")
    assert await bot.tells("stopped") == [None]
    assert await bot.tells("on_recording_stopped") == [ID]
    # By now the file is complete.
    first = next(each for each in local_daily.recordings if each.id == status["recordingId"])
    assert first.status == "finished"
    assert tone_level(read_sound(first.paths[0]), 440) > 0.05
    (error,) = await bot.tells("no more")
    assert error == "no such recording runs in the room"
    bot.process.stdin.write(b"\n")
    await bot.ends()
    # The second one goes on without the bot, until everybody has left.
    assert [each.status for each in local_daily.recordings] == ["finished", "in-progress"]
    ana.leave()
    bo.leave()
    await local_daily.state.log.wait_for("recording stopped", count=2)
    assert [each.status for each in local_daily.recordings] == ["finished", "finished"]


ASKS = """
assert wait(client.join, url, token)[1] is None
tell("recording", *wait(client.start_recording, json.loads(SETTINGS)))
client.release()
"""


@pytest.mark.parametrize(
    ("settings", "enabled", "kind"),
    [
        ("null", None, "cloud"),
        ("null", ["local", "raw-tracks"], "raw-tracks"),
        ('{"layout": {"preset": "audio-only"}}', "cloud", "cloud-audio-only"),
        ('{"layout": {"preset": "raw-tracks-audio-only"}}', "cloud", "raw-tracks"),
    ],
)
async def test_what_a_bot_records_is_in_its_settings_or_its_rights(
    local_daily: LocalDaily, token: Token, program: Any, settings: str, enabled: Any, kind: str
) -> None:
    local_daily.state.rooms.create("demo", "public", {})
    rights = {} if enabled is None else {"enable_recording": enabled}
    key = token(room_name="demo", is_owner=True, **rights)
    bot = await program(f"SETTINGS = {settings!r}\n{ASKS}", token=key)
    stream, error = await bot.tells("recording")
    assert error is None
    (status,) = await bot.tells("on_recording_started")
    assert (status["type"], status["streamId"]) == (kind, stream)
    assert ("records the sound alone" in await bot.ends()) is (kind == "cloud")


@pytest.mark.proves("on_recording_error")
async def test_a_bot_is_told_of_a_full_disk(program: Any, tmp_path: Any) -> None:
    """A folder that cannot be made stands for it; tests/local/recording fills one."""
    (tmp_path / "file").touch()
    async with LocalDaily(
        recordings=tmp_path / "file", choices=Choices(start_recording_gives="status")
    ) as daily:
        daily.state.rooms.create("demo", "public", {})
        domain = daily.state.domain
        key = domain.sign({"room_name": "demo", "is_owner": True})
        wait = "sys.stdin.readline()\nclient.release()"
        code = 'SETTINGS = "null"\n' + ASKS.replace("client.release()", wait)
        bot = await program(code, token=key, url=f"{daily.url}/demo")
        status, error = await bot.tells("recording")
        assert error is None
        stream, message = await bot.tells("on_recording_error")
        assert stream == status["streamId"]
        assert message.startswith("the file cannot be written: ")
        bot.process.stdin.write(b"\n")
        await bot.ends()
