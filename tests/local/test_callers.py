# SPDX-License-Identifier: BSD-2-Clause
"""Callers whom another process lets in: they ask again and again, and their turns are told."""

import asyncio

import aiohttp
import pytest

from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.callers import PATH, Callers
from sounds import tone_file


@pytest.fixture
async def daily(tmp_path):
    daily = LocalDaily()
    question = tone_file(tmp_path / "question.wav", 440, 0.3)
    callers = Callers(daily, daily.mixer, daily.api_key, [str(question)])
    daily.more_routes += callers.routes()
    daily.closers.append(callers.aclose)
    async with daily:
        daily.state.rooms.create("demo", "public", {})
        yield daily


@pytest.fixture
async def ask(daily):
    async with aiohttp.ClientSession() as session:

        async def ask(method, path="", body=None, key=daily.api_key):
            headers = {"Authorization": f"Bearer {key}"}
            url = f"{daily.url}{PATH}{path}"
            async with session.request(method, url, json=body, headers=headers) as response:
                return response.status, await response.json()

        yield ask


async def notes(ask, count):
    found = []
    while len(found) < count:
        status, told = await ask("POST", "/notes", {})
        assert status == 200
        assert told["ticks"] >= told["late"] >= 0
        found += told["notes"]
        await asyncio.sleep(0.02)
    return found


async def answers(bot):
    """Answer whatever is heard."""
    while True:
        await bot.hears(440, timeout=None)
        bot.forget()
        bot.tone(880, 0.1)


async def test_a_caller_asks_again_and_again_until_it_leaves(daily, ask):
    bot = daily.join("demo", user_name="Bot", kind="bot")
    answering = asyncio.create_task(answers(bot))
    status, caller = await ask("POST", body={"room": "demo", "token": None, "pause": 0.1})
    assert status == 200
    told = await notes(ask, 2)
    assert {each["caller"] for each in told} == {caller["id"]}
    assert all(-1 < each["latency"] < 60 for each in told)
    assert (await ask("DELETE", body=caller))[0] == 200
    assert [each.kind for each in daily.rooms["demo"].participants.values()] == ["bot"]
    assert (await ask("DELETE", body=caller))[0] == 200  # it has left
    answering.cancel()


async def test_what_a_caller_tells_when_nobody_answers(daily, ask):
    await ask("POST", body={"room": "demo", "token": None, "start": 0.05})
    (told,) = await notes(ask, 1)
    assert told["gone"] == "the bot did not join within 0.05 s"
    daily.join("demo", user_name="Bot", kind="bot")
    _, caller = await ask("POST", body={"room": "demo", "token": None, "timeout": 0.05})
    (told,) = await notes(ask, 1)
    assert told["caller"] == caller["id"]
    assert told["missed"].startswith("Caller got no answer from Bot within 0.5 s")
    daily.state.rooms.delete(daily.rooms["demo"])
    while "gone" not in told:
        (told, *_) = await notes(ask, 1)
    assert "no longer in the room" in told["gone"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"room": "demo"}, "token is missing"),
        ({"room": "demo", "token": None, "who": 1}, "a caller has no 'who'"),
        ({"room": "nowhere", "token": None}, "nowhere"),
        ([], "a caller must be a JSON object"),
    ],
)
async def test_a_wrong_request_is_a_sentence(daily, ask, body, says):
    status, answer = await ask("POST", body=body)
    assert status == 400
    assert says in answer["info"]


async def test_only_the_key_lets_callers_in(daily, ask):
    for method, path in (("POST", ""), ("DELETE", ""), ("POST", "/notes")):
        status, _ = await ask(method, path, {"room": "demo", "token": None}, key="another")
        assert status == 401
    assert not daily.rooms["demo"].participants


def test_a_question_must_be_heard(tmp_path):
    daily = LocalDaily()
    silence = tone_file(tmp_path / "silence.wav", 440, 0.1, amplitude=0.0)
    with pytest.raises(DailyConfigError, match=r"silence\.wav' is silent"):
        Callers(daily, daily.mixer, "k", [str(silence)])
    with pytest.raises(DailyConfigError, match="cannot be read as a WAV file"):
        Callers(daily, daily.mixer, "k", [str(tmp_path / "nothere.wav")])
