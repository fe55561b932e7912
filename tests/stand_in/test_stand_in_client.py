# SPDX-License-Identifier: BSD-2-Clause
"""A program that uses ``daily`` itself, in a room with people."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web

from pipecat_daily_rest.local import LocalDaily


@pytest.mark.proves(
    "CallClient",
    "CallClient.join",
    "CallClient.leave",
    "CallClient.participants",
    "CallClient.participant_counts",
    "EventHandler",
    "on_call_state_updated",
)
async def test_joined_left_and_joined_again(
    local_daily: LocalDaily, url: str, program: Any
) -> None:
    ana = local_daily.join(url, user_name="Ana")
    bot = await program(
        """
for _ in range(2):
    data, error = wait(client.join, url)
    tell("joined", data["participants"]["local"]["id"], error, client.active_speaker())
    tell("again", *wait(client.join, url))
    tell("look", client.participants(), client.participant_counts())
    tell("left", *wait(client.leave))
    tell("gone", client.participants(), client.participant_counts())
tell("message", *wait(client.send_app_message, "x"))
client.release()
"""
    )
    await bot.ends()
    ids = [line[1] for line in bot.lines if line[0] == "joined"]
    assert len(set(ids)) == 2
    states = [line[1] for line in bot.lines if line[0] == "on_call_state_updated"]
    assert states == ["joining", "joined", "leaving", "left"] * 2
    for line in bot.lines:
        match line:
            case ["again", nothing, error]:
                assert nothing is None
                assert "already in a call" in error
            case ["look", people, counts]:
                assert people.keys() == {"local", ana.id}
                assert counts == {"present": 2, "hidden": 0}
            case ["gone", people, counts]:
                assert people.keys() == {"local"}
                assert counts == {"present": 0, "hidden": 0}
            case ["left", error]:
                assert error is None
    assert ["message", "not in a call"] in bot.lines
    assert ["wrong thread"] not in bot.lines
    # The room tells who is there after the join, and nothing before it.
    order = [line[0] for line in bot.lines]
    assert order.index("joined") > order.index("on_call_state_updated")
    assert order.index("on_participant_joined") > order.index("on_call_state_updated")
    log = [entry.what for entry in local_daily.state.log.entries]
    assert log.count("bot joined") == log.count("bot left") == 2


@pytest.mark.proves("CallClient.release")
async def test_released_in_a_call_it_leaves(local_daily: LocalDaily, program: Any) -> None:
    bot = await program("wait(client.join, url)\nclient.release()\ntell('released')\n")
    await bot.ends()
    assert (await local_daily.state.log.wait_for("bot left")).detail.endswith("leftCall")
    # Nothing is delivered once it is released.
    assert "left" not in [line[1] for line in bot.lines if line[0] == "on_call_state_updated"]


async def test_a_process_that_ends_without_leaving_has_left(
    local_daily: LocalDaily, program: Any
) -> None:
    bot = await program("wait(client.join, url)\n")
    log = await bot.ends()
    assert log == ""
    await local_daily.state.log.wait_for("bot left")


@pytest.mark.proves(
    "CallClient.update_inputs",
    "CallClient.set_user_name",
    "CustomAudioSource",
    "CustomAudioSource.write_frames",
    "CustomAudioTrack",
)
async def test_stereo_a_second_track_and_mute(
    local_daily: LocalDaily, url: str, program: Any
) -> None:
    ana = local_daily.join(url)
    bot = await program(
        """
source, second = CustomAudioSource(44100, 2), CustomAudioSource(8000, 1)
track, other = CustomAudioTrack(source), CustomAudioTrack(second)
wait(client.join, url, client_settings={"inputs": {"microphone": {
    "isEnabled": True, "settings": {"customTrack": {"id": track.id}}}}})
tell("added", *wait(client.add_custom_audio_track, "music", other))
threading.Thread(target=second.write_frames, args=[tone(1900, 2, 8000)]).start()
source.write_frames(tone(700, 2, 44100, 2))
tell("muted", *wait(client.update_inputs, {"microphone": False}), client.participants())
tell("removed", *wait(client.remove_custom_audio_track, "music"))
tell("named", client.set_user_name("Robby"))
wait(client.leave)
"""
    )
    await asyncio.gather(ana.hears(700), ana.hears(1900))
    await ana.event(
        "participant-updated",
        lambda e: e["participant"]["media"]["microphone"]["state"] == "off",
    )
    await ana.event(
        "participant-updated", lambda e: e["participant"]["info"]["userName"] == "Robby"
    )
    await bot.ends()
    _, people = await bot.tells("muted")
    assert people["local"]["media"]["microphone"]["state"] == "off"


@pytest.mark.proves("Daily.create_microphone_device", "VirtualMicrophoneDevice.write_frames")
async def test_a_virtual_microphone(local_daily: LocalDaily, url: str, program: Any) -> None:
    ana = local_daily.join(url)
    bot = await program(
        """
device = Daily.create_microphone_device("mine", sample_rate=16000)
wait(client.join, url, client_settings={"inputs": {"microphone": {
    "isEnabled": True, "settings": {"deviceId": "mine"}}}})
tell("written", device.write_frames(tone(700, 2, 16000)))
wait(client.leave)
"""
    )
    await ana.hears(700)
    await bot.ends()
    assert ["written", 32_000] in bot.lines


@pytest.mark.proves(
    "CallClient.set_audio_renderer",
    "AudioData.audio_frames",
    "AudioData.bits_per_sample",
    "AudioData.num_audio_frames",
    "AudioData.num_channels",
    "AudioData.sample_rate",
)
async def test_a_renderer_is_a_stream_without_gaps(
    local_daily: LocalDaily, url: str, program: Any
) -> None:
    ana = local_daily.join(url)
    bot = await program(
        token=ana.id,
        code="""
got = queue.Queue()
wait(client.join, url)
client.set_audio_renderer(token, lambda *a: got.put((a, threading.current_thread())),
                          sample_rate=8000, callback_interval_ms=30)
begun = time.monotonic()
for _ in range(40):
    (id, data, source), thread = got.get(timeout=40)
    tell("data", id, source, data.sample_rate, data.num_channels, data.bits_per_sample,
         data.num_audio_frames, len(data.audio_frames), any(data.audio_frames), thread.name)
tell("took", time.monotonic() - begun)
wait(client.leave)
while not got.empty():
    got.get()
time.sleep(0.2)  # enough to see a stream that goes on
tell("after", got.qsize() < 2)  # one may have been on its way
""",
    )
    await bot.ends()
    data = [line[1:] for line in bot.lines if line[0] == "data"]
    assert data == [[ana.id, "microphone", 8000, 1, 16, 240, 480, False, "daily-audio"]] * 40
    (took,) = await bot.tells("took")
    assert took > 40 * 0.03 * 0.8
    assert ["after", True] in bot.lines


async def test_a_blocked_callback_holds_up_neither_the_room_nor_a_leave(
    local_daily: LocalDaily, url: str, program: Any
) -> None:
    ana = local_daily.join(url)
    bot = await program(
        token=ana.id,
        code="""
wait(client.join, url)
client.set_audio_renderer(token, lambda *a: threading.Event().wait())
tell("ready")
client.leave()
client.release()
tell("out")
""",
    )
    await bot.tells("ready")
    await local_daily.state.log.wait_for("bot left")
    await bot.tells("out")
    await bot.ends()


@pytest.fixture
async def stranger() -> AsyncIterator[tuple[str, list[str]]]:
    """A server that is not a LocalDaily, and the requests that it got."""
    seen: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(f"{request.rel_url} {request.headers} {await request.text()}")
        return web.Response(text="hello")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/demo", seen
    await runner.cleanup()


async def test_a_server_that_is_no_local_daily_never_gets_the_token(
    stranger: tuple[str, list[str]], program: Any
) -> None:
    url, seen = stranger
    bot = await program(
        "tell('join', *wait(client.join, url, token))",
        token="secret",
        url=url + "?t=also-secret",
    )
    log = await bot.ends()
    nothing, error = await bot.tells("join")
    assert nothing is None
    assert "is not a local Daily" in error
    assert "install pipecat-ai[daily]" in error
    assert len(seen) == 1
    assert "secret" not in seen[0] + log + error


async def test_the_token_of_a_link_and_none_in_any_url(
    local_daily: LocalDaily, url: str, token: Callable[..., str], program: Any
) -> None:
    key = token(room_name="demo", is_owner=True, user_name="Boss")
    code = "tell('join', *wait(client.join, url))\nwait(client.leave)"
    bot = await program(code, url=f"{url}?t={key}")
    log = await bot.ends()
    data, error = await bot.tells("join")
    assert error is None
    assert data["participants"]["local"]["info"]["isOwner"]
    assert data["participants"]["local"]["info"]["userName"] == "Boss"
    assert key not in log


async def test_after_the_room_is_lost_no_call_raises_or_blocks(
    local_daily: LocalDaily, program: Any
) -> None:
    bot = await program(
        """
source = CustomAudioSource(16000, 1)
track = CustomAudioTrack(source)
wait(client.join, url, client_settings={"inputs": {"microphone": {
    "isEnabled": True, "settings": {"customTrack": {"id": track.id}}}}})
tell("in")
sys.stdin.readline()
while client.participants()["local"]["info"].get("userId"):
    time.sleep(0.01)
begun = time.monotonic()
client.set_user_name("x")
client.update_inputs({"microphone": False})
client.update_subscription_profiles({"base": {"camera": "unsubscribed"}})
client.participants(), client.participant_counts(), client.active_speaker()
client.set_audio_renderer("7c2e1b9e-0000-4000-8000-000000000000", print)
tell("took", time.monotonic() - begun)
tell("message", *wait(client.send_app_message, "x"))
tell("eject", *wait(client.eject_remote_participants, ["7c2e1b9e-0000-4000-8000-000000000000"]))
tell("frames", source.write_frames(bytes(640)))
tell("left", *wait(client.leave))
client.release()
"""
    )
    await bot.tells("in")
    await local_daily.aclose()
    bot.process.stdin.write(b"\n")
    log = await bot.ends()
    assert "the local Daily has ended" in log
    for line in (["message", "not in a call"], ["eject", "not in a call"], ["left", None]):
        assert line in bot.lines
    assert ["frames", 320] in bot.lines


async def test_a_bot_is_told_of_its_permissions(local_daily: LocalDaily, program: Any) -> None:
    bot = await program(
        """
wait(client.join, url)
tell("here")
sys.stdin.readline()
tell("own", client.participants()["local"]["info"]["permissions"])
client.release()
"""
    )
    await bot.tells("here")
    [robot] = local_daily.rooms["demo"].participants.values()
    local_daily.state.calls.permit(robot.room, {robot.id: {"canSend": ["video"]}})

    def own(participant: dict[str, Any]) -> bool:
        return participant["info"].get("permissions", {}).get("canSend") == ["camera"]

    [participant] = await bot.tells("on_participant_updated", own)
    assert participant["id"] == robot.id
    assert participant["info"]["isLocal"] is True
    assert participant["info"]["userName"] == "Robot"
    bot.process.stdin.write(b"\n")
    await bot.ends()
    [permissions] = await bot.tells("own")
    assert permissions["canSend"] == ["camera"]
    # Its own entry is not among the others.
    assert not [line for line in bot.lines if line[0] == "on_participant_joined"]


@pytest.mark.proves(
    "CallClient.get_network_stats",
    "CallClient.participant_counts",
    "CallClient.start_transcription",
    "CallClient.update_transcription",
    "on_network_stats_updated",
    "on_participant_counts_updated",
    "on_transcription_started",
    "on_transcription_updated",
)
async def test_what_pipecat_does_not_pass_on(
    local_daily: LocalDaily, url: str, token: Callable[..., str], program: Any
) -> None:
    bot = await program(
        token=token(room_name="demo", is_owner=True),
        code="""
tell("outside", *wait(client.start_transcription))
wait(client.join, url, token)
tell("stats", client.get_network_stats())
tell("start", *wait(client.start_transcription, {"language": "en"}))
tell("again", *wait(client.start_transcription))
tell("update", *wait(client.update_transcription, ["0af00000-0000-4000-8000-000000000000"]))
for line in sys.stdin:
    tell("stats", client.get_network_stats(), client.participant_counts())
tell("stop", *wait(client.stop_transcription))
client.release()
""",
    )
    await bot.tells("update")
    ana = local_daily.join(url)
    await bot.tells(
        "on_participant_counts_updated", lambda counts: counts == {"present": 2, "hidden": 0}
    )
    room = local_daily.room(url)
    room.lose_network("Robot", seconds=10)
    (lost,) = await bot.tells("on_network_stats_updated", lambda s: s["quality"] == 0)
    before = len(bot.lines)

    def told() -> bool:
        return any(line[0] == "on_participant_counts_updated" for line in bot.lines[before:])

    ana.send("late")
    ana.leave()
    local_daily.advance(11)
    await bot.tells("on_app_message")
    # Alone again, not only before somebody joined.
    await bot.tells(
        "on_participant_counts_updated", lambda counts: told() and counts["present"] == 1
    )
    bot.process.stdin.write(b"\n")
    bot.process.stdin.close()
    await bot.ends()
    said = {line[0]: line[1:] for line in bot.lines}
    assert said["outside"] == ["not in a call"]
    assert said["start"] == said["update"] == said["stop"] == [None]
    assert "transcribed already" in said["again"][0]
    good, counts = said["stats"]
    assert (good["quality"], good["threshold"], counts["present"]) == (100, "good", 1)
    assert lost["threshold"] == "veryLow"
    assert said["on_transcription_started"][0]["language"] == "en"
    assert said["on_transcription_updated"][0]["participants"] == [
        "0af00000-0000-4000-8000-000000000000"
    ]
    # The events of the meantime come in order, after the event that the network is back.
    names = [line[0] for line in bot.lines]
    back = [name for name in names if name.startswith("on_network")]
    assert (
        back
        == [
            *["on_network_connection_status_updated"] * 3,
            "on_network_stats_updated",
        ]
        * 2
    )
    last = max(at for at, name in enumerate(names) if name == "on_network_stats_updated")
    assert last < names.index("on_app_message") < names.index("on_participant_left")


@pytest.mark.proves(
    "CallClient.active_speaker",
    "CallClient.eject_remote_participants",
    "CallClient.publishing",
    "CallClient.update_publishing",
    "on_participant_left",
    "on_publishing_updated",
)
async def test_active_speaker_eject_and_publishing(
    local_daily: LocalDaily, url: str, token: Callable[..., str], program: Any
) -> None:
    ana, bo = local_daily.join(url), local_daily.join(url)
    bot = await program(
        token=token(room_name="demo", is_owner=True),
        code="""
end = threading.Event()
Handler.on_app_message = lambda self, message, sender: end.set()
source = CustomAudioSource(16000, 1)
track = CustomAudioTrack(source)
def talk():
    while not end.is_set():
        source.write_frames(tone(700, 0.5, 16000))
wait(client.join, url, token, client_settings={"inputs": {"microphone": {
    "isEnabled": True, "settings": {"customTrack": {"id": track.id}}}}})
threading.Thread(target=talk, daemon=True).start()
speaks = sys.stdin.readline().strip()
while (client.active_speaker() or {}).get("id") != speaks:
    time.sleep(0.01)
tell("speaks")
tell("before", client.publishing()["microphone"]["isPublishing"])
tell("held", *wait(client.update_publishing, {"microphone": {"isPublishing": False}}))
tell("after", client.publishing()["microphone"]["isPublishing"])
tell("out", *wait(client.eject_remote_participants, [sys.stdin.readline().strip()]))
end.wait(60)
client.release()
""",
    )
    await ana.hears(700)
    ana.tone(500, 60, amplitude=0.9)
    bot.process.stdin.write(f"{ana.id}\n".encode())
    await bot.tells("speaks")
    await bot.tells("after")
    await ana.event(
        "participant-updated",
        lambda e: e["participant"]["media"]["microphone"]["state"] == "off",
    )
    ana.forget()
    await ana.hears(lambda audio: len(audio) >= 24_000)
    assert not ana.heard.any()
    bot.process.stdin.write(f"{bo.id}\n".encode())
    assert await bo.left() == "ejected"
    await bot.tells("on_participant_left", lambda p, why: (p["id"], why) == (bo.id, "leftCall"))
    ana.send("end")
    await bot.ends()
    for line in (["before", True], ["held", None], ["after", False], ["out", None]):
        assert line in bot.lines
    told = [line[1] for line in bot.lines if line[0] == "on_publishing_updated"]
    assert told[-1]["microphone"]["isPublishing"] is False


@pytest.mark.proves(
    "CallClient.subscription_profiles",
    "CallClient.subscriptions",
    "CallClient.update_subscription_profiles",
    "CallClient.update_subscriptions",
    "on_subscription_profiles_updated",
    "on_subscriptions_updated",
)
async def test_subscriptions_are_told_as_they_were_set(
    local_daily: LocalDaily, url: str, program: Any
) -> None:
    ana = local_daily.join(url)
    bot = await program(
        token=ana.id,
        code="""
wait(client.join, url)
tell("at first", client.subscriptions()[token]["media"]["microphone"]["subscriptionState"])
off = {"microphone": "unsubscribed"}
tell("one", *wait(client.update_subscriptions, participant_settings={token: {"media": off}}))
tell("then", client.subscriptions()[token]["media"]["microphone"]["subscriptionState"])
tell("all", *wait(client.update_subscription_profiles, {"base": off}))
tell("base", client.subscription_profiles()["base"]["microphone"]["subscriptionState"])
# Without effect: a renderer is enough.
heard = threading.Event()
client.set_audio_renderer(token, lambda id, data, source: any(data.audio_frames) and heard.set())
tell("heard", heard.wait(60))
client.release()
""",
    )
    ana.tone(500, 60)
    await bot.ends()
    for line in (
        ["at first", "subscribed"],
        ["one", None],
        ["then", "unsubscribed"],
        ["all", None],
        ["base", "unsubscribed"],
        ["heard", True],
    ):
        assert line in bot.lines
    told = {name: what[0] for name, *what in bot.lines if what}
    (mine,) = told["on_subscriptions_updated"].values()
    assert mine["media"]["microphone"]["subscriptionState"] == "unsubscribed"
    base = told["on_subscription_profiles_updated"]["base"]
    assert base["microphone"]["subscriptionState"] == "unsubscribed"


async def test_a_message_that_is_too_large_is_an_error_and_one_without_json_is_null(
    local_daily: LocalDaily, url: str, program: Any
) -> None:
    ana = local_daily.join(url)
    bot = await program(
        """
wait(client.join, url)
tell("nan", *wait(client.send_app_message, {"a": [float("nan"), float("-inf")]}))
tell("large", *wait(client.send_app_message, "x" * 70_000))
tell("sent", *wait(client.send_app_message, "hello"))
client.release()
"""
    )
    await bot.ends()
    errors = {line[0]: line[1] for line in bot.lines if len(line) == 2}
    assert "65536 bytes of JSON" in errors["large"]
    assert errors["nan"] is errors["sent"] is None
    assert ana.received == [{"a": [None, None]}, "hello"]


async def test_a_renderer_of_a_participant_who_has_left_is_forgotten(
    local_daily: LocalDaily, url: str, program: Any
) -> None:
    ana = local_daily.join(url)
    bot = await program(
        """
wait(client.join, url)
ahead = "00000000-0000-4000-8000-000000000001"
ana = next(id for id in client.participants() if id != "local")
wait(client.update_subscriptions, {ana: {"media": "unsubscribed"}, ahead: {"media": "unsubscribed"}})
tell("set", *client.subscriptions())
while len(client.participants()) > 1:
    time.sleep(0.05)
wait(client.update_subscriptions, {ana: {"media": "subscribed"}})
tell("then", *client.subscriptions())
for late in (ana, ahead):
    client.set_audio_renderer(late, lambda *_: None)
    client.set_video_renderer(late, lambda *_: None)
tell("rendered", *client._call.media._audio_in._renderers, *client._call.media._video_in._renderers)
client.release()
"""
    )
    await bot.tells("set")
    ana.leave()
    await bot.ends()
    lines = {line[0]: set(line[1:]) for line in bot.lines if line[0] in ("set", "then")}
    ahead = "00000000-0000-4000-8000-000000000001"
    [rendered] = [line[1:] for line in bot.lines if line[0] == "rendered"]
    assert rendered == [[ahead, "microphone"], [ahead, "camera"]]
    assert lines["set"] == {ana.id, ahead}
    assert lines["then"] == {ahead}
