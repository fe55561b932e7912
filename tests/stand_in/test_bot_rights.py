# SPDX-License-Identifier: BSD-2-Clause
"""The permissions of a bot: what it may do, what stops when they change, and what it is told."""

from collections.abc import Callable
from typing import Any

import pytest

from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.choices import Choices
from pipecat_daily_rest.local.rules.claims import sign

TONE = {"do": "tone", "hz": 700, "seconds": 60}
Token = Callable[..., str]
EVERYTHING = ["camera", "microphone", "screenVideo", "screenAudio", "customVideo", "customAudio"]


@pytest.fixture
def url(local_daily: LocalDaily) -> str:
    local_daily.state.rooms.create("demo", "private", {"enable_knocking": True})
    return f"{local_daily.url}/demo"


@pytest.fixture
def person(local_daily: LocalDaily, url: str, token: Token) -> Callable[..., Any]:
    def person(name: str = "Ana", **rights: Any) -> Any:
        return local_daily.join(url, token(room_name="demo", **rights), user_name=name)

    return person


async def start_pipecat(start: Any, url: str, key: str) -> tuple[Any, str]:
    bot = await start(url, key)
    (joined,) = await bot.tells("on_joined")
    return bot, joined["participants"]["local"]["id"]


def rights_of(participant: dict[str, Any]) -> dict[str, Any]:
    """Give its permissions; before a join it has none."""
    return participant["info"].get("permissions", {})


# -- A Pipecat bot ---------------------------------------------------------------------------


async def test_a_bot_is_silent_and_deaf_while_it_may_not(
    call: Any, url: str, token: Token, person: Any, start: Any
) -> None:
    ana, bo = person("Ana"), person("Bo", user_id="bo")
    bot, robot = await start_pipecat(start, url, token(room_name="demo"))

    async def permit(**permissions: Any) -> None:
        body = {"data": {robot: permissions}}
        assert (await call("POST", "/rooms/demo/update-permissions", body))[0] == 200

    ana.send(TONE)
    await ana.hears(700)
    await permit(canSend=["video"])

    def off(participant: dict[str, Any]) -> bool:
        return participant["info"]["isLocal"] and participant["media"]["microphone"] == {
            "state": "off",
            "offReasons": ["sendPermission"],
            "subscribed": "unsubscribed",
        }

    await bot.tells("on_participant_updated", off)
    ana.forget()
    await ana.hears(lambda audio: len(audio) >= 24_000)
    assert not ana.heard.any()
    await permit(canSend=True)
    await bot.tells(
        "on_participant_updated",
        lambda p: p["info"]["isLocal"] and rights_of(p).get("canSend") == EVERYTHING,
    )
    await ana.hears(700)
    # It hears Ana and no longer Bo.
    ana.tone(500, 60)
    bo.tone(1500, 60)
    for person_, hz in ((ana, 500), (bo, 1500)):
        await bot.tells("heard", lambda f, who, p=person_, hz=hz: abs(f - hz) < 10 and who == p.id)
    await permit(canReceive={"byUserId": {"bo": False}})
    await bot.tells(
        "on_participant_updated", lambda p: rights_of(p).get("canReceive", {}).get("byUserId")
    )

    async def heard_bo() -> bool:
        """Tell whether the bot hears Bo before it hears Ana again."""
        bot.lines.clear()
        await bot.tells("heard", lambda hz, who: abs(hz - 500) < 10 and who == ana.id)
        return any(line[0] == "heard" and line[2] == bo.id for line in bot.lines)

    for _ in range(20):  # sound on its way to the bot still arrives: seconds on a busy machine
        if not await heard_bo() and not await heard_bo():
            break
    assert not await heard_bo()
    await permit(canReceive={"byUserId": {}})
    await bot.tells("heard", lambda hz, who: abs(hz - 1500) < 10 and who == bo.id)


async def test_an_admin_changes_the_rights_of_others(
    url: str, token: Token, person: Any, start: Any
) -> None:
    ana, bo = person("Ana"), person("Bo")
    key = token(room_name="demo", permissions={"canAdmin": ["participants"]})
    bot, _ = await start_pipecat(start, url, key)

    async def update(changes: dict[str, Any]) -> str | None:
        bot.lines.clear()
        ana.send({"do": "update", "participants": {bo.id: changes}})
        (error,) = await bot.tells("updated")
        return error

    bo.tone(900, 60)
    await ana.hears(900)
    assert await update({"permissions": {"canSend": [], "hasPresence": True}}) is None
    for told, local in ((ana, False), (bo, True)):
        event = await told.event("participant-updated", lambda e: e["participant"]["id"] == bo.id)
        assert event["participant"]["info"]["isLocal"] is local
        assert event["participant"]["info"]["permissions"]["canSend"] == []
    await bot.tells(
        "on_participant_updated",
        lambda p: p["id"] == bo.id and p["media"]["microphone"]["offReasons"] == ["sendPermission"],
    )
    ana.forget()
    await ana.hears(lambda audio: len(audio) >= 24_000)
    assert not ana.heard.any()
    # Several changes at once, and invalid ones.
    both = {"permissions": {"canSend": ["microphone"]}, "inputsEnabled": {"microphone": False}}
    assert await update(both) is None
    await bo.event("mute", lambda e: e["microphone"] is False)
    assert bo.participant.permissions["canSend"] == ["audio"]
    for wrong in ("audio", True, ["audio"], ["speech"]):
        assert "canSend: " in (await update({"permissions": {"canSend": wrong}}) or "")
    assert await update({"permissions": {"canSpeak": True}, "volume": 11}) is None
    assert bo.participant.permissions["canSend"] == ["audio"]
    assert "only an owner" in (await update({"inputsEnabled": {"microphone": True}}) or "")
    assert await update({"eject": True}) is None
    assert await bo.left() == "ejected"


async def test_a_bot_without_can_admin_changes_nothing(
    url: str, token: Token, person: Any, start: Any
) -> None:
    ana = person()
    bot, robot = await start_pipecat(start, url, token(room_name="demo"))
    for id in (ana.id, robot):
        bot.lines.clear()
        changes = {id: {"permissions": {"canSend": []}}}
        ana.send({"do": "update", "participants": changes})
        (error,) = await bot.tells("updated")
        assert "only an owner" in error
    assert ana.participant.permissions["canSend"] is True


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ("eject_at_token_exp", "the bot's token has expired"),
        ("eject_after_elapsed", "the time that the room or the token allows is over"),
        ("enforce_unique_user_ids", "another participant joined with the bot's user id"),
    ],
)
async def test_a_bot_is_told_why_it_is_removed(
    local_daily: LocalDaily,
    url: str,
    token: Token,
    person: Any,
    start: Any,
    rule: str,
    sentence: str,
) -> None:
    rights: dict[str, Any] = {"room_name": "demo", "user_id": "robot"}
    if rule == "eject_at_token_exp":
        rights |= {"exp": int(local_daily.state.clock.now()) + 1000, rule: True}
    elif rule == "eject_after_elapsed":
        rights[rule] = 1000
    else:
        local_daily.state.rooms.update(local_daily.rooms["demo"], None, {rule: True})
    bot, _ = await start_pipecat(start, url, token(**rights))
    if rule == "enforce_unique_user_ids":
        person(user_id="robot")
    else:
        local_daily.advance(1001)
    await bot.tells("on_call_state_updated", lambda state: state == "left")
    assert f"has ended: {sentence}" in await bot.ends()


# -- A program that uses `daily` itself ------------------------------------------------------

ASKS = """
data, error = wait(client.join, url, token)
tell("joined", error)
tell("recording", *wait(client.start_recording))
tell("stream", *wait(client.start_live_stream_with_rtmp_urls, ["rtmp://a"]))
tell("transcription", *wait(client.start_transcription))
tell("own", *wait(client.update_permissions, {"canSend": ["microphone"]}))
tell("rights", client.participants()["local"]["info"]["permissions"]["canSend"])
client.release()
"""
NEEDS = "needs an owner's token, or the permission canAdmin: streaming"


@pytest.mark.parametrize(
    ("can_admin", "streaming", "transcription", "participants"),
    [
        (False, False, False, False),
        (["streaming"], True, False, False),
        (["transcription"], False, True, False),
        (["participants"], False, False, True),
        (True, True, True, True),
    ],
)
@pytest.mark.proves("CallClient.update_permissions")
async def test_what_a_bot_may_administer(
    token: Token,
    program: Any,
    can_admin: Any,
    streaming: bool,
    transcription: bool,
    participants: bool,
) -> None:
    key = token(room_name="demo", permissions={"canAdmin": can_admin})
    bot = await program(ASKS, token=key)
    await bot.ends()
    *_, error = await bot.tells("recording")
    assert (error is None) is streaming
    assert streaming or NEEDS in error
    *_, error = await bot.tells("stream")
    assert ("does not work in a local room" in error) is streaming
    assert (NEEDS in error) is not streaming
    *_, error = await bot.tells("transcription")
    assert error == (None if transcription else Choices().may_not_transcribe_info)
    (error,) = await bot.tells("own")
    assert (error is None) is participants
    assert await bot.tells("rights") == [["microphone"] if participants else EVERYTHING]


LOOKS = """
data, error = wait(client.join, url, token, client_settings={"inputs": {"microphone": True}})
tell("state", data["participants"]["local"]["media"]["microphone"]["state"])
tell("input", client.inputs()["microphone"]["isEnabled"])
wait(client.update_inputs, {"microphone": True})
tell("then", client.participants()["local"]["media"]["microphone"]["state"])
client.release()
"""


@pytest.mark.parametrize("off", [True, False])
@pytest.mark.proves("on_inputs_updated", "CallClient.inputs")
async def test_starts_off_for_bots_is_a_choice(program: Any, off: bool) -> None:
    async with LocalDaily(choices=Choices(start_off_for_bots=off)) as daily:
        daily.state.rooms.create("demo", "public", {"start_audio_off": True})
        bot = await program(LOOKS, url=f"{daily.url}/demo")
        await bot.ends()
    assert await bot.tells("state") == ["off" if off else "playable"]
    assert await bot.tells("input") == [not off]
    assert await bot.tells("then") == ["playable"]
    told = [line for line in bot.lines if line[0] == "on_inputs_updated"]
    assert told[-1][1]["microphone"]["isEnabled"] is True


# -- Knocking --------------------------------------------------------------------------------


async def test_a_bot_does_not_knock_unless_chosen(local_daily: LocalDaily, program: Any) -> None:
    bot = await program("tell('joined', *wait(client.join, url))")
    data, error = await bot.tells("joined")
    assert data is None
    assert (
        "not-allowed: Without a token, or with one that has knocking, an owner has to let you"
        in error
    )
    assert local_daily.rooms["demo"].waiting == {}
    await bot.ends()


KNOCKS = """
client.join(url, completion=lambda data, error: tell("joined", bool(data), error))
tell("asked", sys.stdin.readline())
client.release()
tell("released")
"""


@pytest.mark.parametrize("what", ["let in", "turned away", "goes away", "is killed"])
async def test_a_bot_that_knocks(program: Any, what: str) -> None:
    choices = Choices(bots_knock=True, knock_refused_info="Join request rejected")
    async with LocalDaily(choices=choices) as daily:
        daily.state.rooms.create("demo", "private", {"enable_knocking": True})
        state = daily.state
        bot = await program(KNOCKS, url=f"{daily.url}/demo")
        await state.log.wait_for("bot knocked")
        [knock] = daily.rooms["demo"].waiting.values()
        assert knock.user_name == "Robot"
        daily.advance(60)
        olga = daily.join("demo", _owner(daily))
        if what == "let in":
            olga.lets_in(knock.id)
            assert await bot.tells("joined") == [True, None]
            assert list(olga.participant.room.participants) == [olga.id, knock.id]
            await bot.tells("on_participant_joined", lambda p: p["id"] == olga.id)
        elif what == "turned away":
            olga.turns_away(knock.id)
            joined, error = await bot.tells("joined")
            assert (joined, error) == (
                False,
                "not-allowed: Join request rejected",
            )
            await bot.tells("on_call_state_updated", lambda state: state == "left")
        elif what == "is killed":
            await bot.kill()
            await state.log.wait_for("bot went away")
            return
        bot.process.stdin.write(b"\n")
        await bot.tells("released")
        await bot.ends()
        if what == "goes away":
            joined, error = await bot.tells("joined")
            assert not joined
            await state.log.wait_for("bot went away")
        await olga.event(
            "waiting-participant-removed" if what == "goes away" else "participant-counts-updated"
        )
        assert daily.rooms["demo"].waiting == {}


def _owner(daily: LocalDaily) -> str:
    properties = {"room_name": "demo", "is_owner": True}
    state = daily.state
    return sign(properties, api_key=state.domain.api_key, domain_id=state.domain.id, issued_at=0)
