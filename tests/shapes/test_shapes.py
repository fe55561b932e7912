# SPDX-License-Identifier: BSD-2-Clause
"""Bots in the shapes of Pipecat's examples, unchanged and as processes, with people who hear them.

None of the files in ``bots`` knows of this package.
"""

import asyncio
import base64
import io
from itertools import groupby
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipecat_daily_rest import DailyRESTHelper, DailyRoomParams
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.call.mixer import SAMPLE_RATE
from pipecat_daily_rest.local.scripted.hearing import tone_level
from pipecat_daily_rest.testing import FakeLLM, FakeSTT, FakeTTS
from sounds import speech

LINK = r"(http://localhost:\d+/([a-z0-9-]+)\?t=([\w.-]+))\s"
RED, BLUE = (255, 0, 0), (0, 0, 255)


async def test_a_plain_transport_with_configure(
    local_daily: LocalDaily, tts: FakeTTS, start: Any
) -> None:
    tts.answers(tone=700, to="Hello there, Ana!")
    program = await start("say_one_thing")
    await local_daily.state.log.wait_for("bot joined")
    [name] = local_daily.rooms
    ana = local_daily.join(name, user_name="Ana")
    await ana.hears(700)
    assert await program.ended() == 0, program.err  # it says one thing, and goes


async def test_a_bot_with_create_transport(
    local_daily: LocalDaily, llm: FakeLLM, stt: FakeSTT, tts: FakeTTS, start: Any
) -> None:
    stt.answers("What time is it?")
    llm.answers("It is noon.", to="What time is it?")
    llm.answers("What?")
    tts.answers(tone=700, to="It is noon.")
    program = await start("assistant", run=True)
    await local_daily.state.log.wait_for("bot joined")
    _, room, token = await program.says(LINK, groups=True)
    ana = local_daily.join(room, token)
    ana.says(np.zeros(SAMPLE_RATE * 2, np.int16))
    ana.says(speech(SAMPLE_RATE, 2.0))
    await ana.hears(700)
    ana.leave()  # and the bot ends
    assert await program.ended() == 0, program.err
    assert local_daily.rooms == {}


@pytest.mark.proves("CallClient.update_remote_participants", "on_participant_joined")
async def test_a_warm_transfer(
    local_daily: LocalDaily, helper: DailyRESTHelper, tts: FakeTTS, start: Any
) -> None:
    waiting, secret, music, customers, agents = 700, 900, 1100, 500, 1300
    tts.answers(tone=waiting, to="I am getting somebody for you.")
    tts.answers(tone=secret, to="The customer has lost a parcel.")
    made = await helper.create_room(DailyRoomParams(name="demo", privacy="private"))
    program = await start("warm_transfer", made.url)
    await local_daily.state.log.wait_for("bot joined")
    tokens = {
        who: (await program.says(rf"{who}: (\S+)\s", groups=True))[0]
        for who in ("customer", "agent", "hold-music")
    }
    local_daily.join("demo", tokens["hold-music"]).tone(music, 300)
    customer = local_daily.join("demo", tokens["customer"])
    await customer.hears(waiting)
    assert tone_level(customer.heard, music) == 0
    customer.tone(customers, 300)
    customer.send("hold")
    await customer.hears(music)
    customer.forget()
    agent = local_daily.join("demo", tokens["agent"])
    agent.tone(agents, 300)
    await agent.hears(secret)
    for hz in (customers, music):
        assert tone_level(agent.heard, hz) == 0
    for hz in (secret, agents):
        assert tone_level(customer.heard, hz) == 0
    agent.send("take over")
    await agent.hears(customers)
    await customer.hears(agents)
    assert await program.ended() == 0, program.err  # the two are among themselves
    customer.forget()
    await customer.hears(agents)
    assert tone_level(customer.heard, music) == 0
    assert [e["microphone"] for e in customer.events if e["event"] == "mute"] == [True]


@pytest.mark.proves("CallClient.set_video_renderer")
async def test_a_bot_with_the_camera_in(
    local_daily: LocalDaily, llm: FakeLLM, tts: FakeTTS, start: Any
) -> None:
    def describe(messages: list[Any]) -> str:
        [picture] = [part for part in messages[-1]["content"] if part["type"] == "image_url"]
        encoded = picture["image_url"]["url"].partition("base64,")[2]
        image = Image.open(io.BytesIO(base64.b64decode(encoded))).convert("RGB")
        red, _, blue = np.asarray(image).mean(axis=(0, 1))
        return "It is red." if red > 200 > 50 > blue else "It is blue."

    llm.answers(describe)
    tts.answers(tone=700, to="It is red.")
    tts.answers(tone=900, to="It is blue.")
    program = await start("describe_image", run=True)
    await local_daily.state.log.wait_for("bot joined")
    _, room, token = await program.says(LINK, groups=True)
    ana = local_daily.join(room, token)
    for colour, hz, answer in ((RED, 700, "It is red."), (BLUE, 900, "It is blue.")):
        ana.shows(colour)
        ana.forget()
        while answer not in tts.spoken:  # on a busy machine Pipecat has pictures from before
            asked = len(tts.spoken)
            ana.send("look")
            while len(tts.spoken) == asked:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.02)
        await ana.hears(hz)
    assert [answer for answer, _ in groupby(tts.spoken)] == ["It is red.", "It is blue."]
    program.signal()
    assert await program.ended() == 0, program.err


@pytest.mark.proves("on_dialin_ready", "on_dialin_connected", "on_dialin_stopped")
async def test_a_dialin_bot_under_pipecats_own_runner(
    local_daily: LocalDaily, helper: DailyRESTHelper, tts: FakeTTS, start: Any
) -> None:
    tts.answers(tone=700, to="Hello, +12125550111.")
    program = await start("dialin", "-t", "daily", "--dialin", "--port", "0")
    url = await program.says(r"running on (http://\S+)", stream="err")
    number = (await helper.buy_phone_number()).number
    await helper.create_dialin_config(
        phone_number=number, room_creation_api=f"{url}/daily-dialin-webhook"
    )
    phone = local_daily.dial_in(number, from_="+12125550111")
    caller = await phone.connected()
    await caller.hears(700)
    phone.hang_up()
    await local_daily.state.log.wait_for("bot left")


@pytest.mark.proves("CallClient.send_app_message", "on_app_message")
async def test_a_bot_that_is_written_to(
    local_daily: LocalDaily, llm: FakeLLM, tts: FakeTTS, start: Any
) -> None:
    llm.answers(lambda messages: f"You wrote {messages[-1]['content']!r}.")
    program = await start("text_chat", run=True)
    await local_daily.state.log.wait_for("bot joined")
    _, room, token = await program.says(LINK, groups=True)
    ana, bo = local_daily.join(room, token), local_daily.join(room, token)

    def rtvi(type: str, data: Any) -> dict[str, Any]:
        return {"label": "rtvi-ai", "id": "1", "type": type, "data": data}

    ana.send(rtvi("client-ready", {"version": "1.0.0", "about": {"library": "test"}}))
    await ana.message(lambda message: message.get("type") == "bot-ready")
    ana.send(rtvi("send-text", {"content": "hello"}))
    words = [
        await ana.message(lambda message: message.get("type") == "bot-llm-text") for _ in range(3)
    ]
    assert "".join(word["data"]["text"] for word in words) == "You wrote 'hello'."
    ana.send({"vote": "yes"})
    await bo.hears({"standing": {"yes": 1}})
    bo.send({"vote": "no"})
    await ana.hears({"standing": {"yes": 1, "no": 1}})
    ana.send({"vote": "no"})
    await bo.hears({"standing": {"no": 2}})
    program.signal()
    assert await program.ended() == 0, program.err
