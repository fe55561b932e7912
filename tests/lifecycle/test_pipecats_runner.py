# SPDX-License-Identifier: BSD-2-Clause
"""Pipecat's own development runner, unmodified, on a local Daily."""

import json
import re
import sys
from pathlib import Path

import aiohttp
import pytest

from pipecat_daily_rest.local.call.room import JoinRefused
from pypi import prebuilt

BOT = Path(__file__).parent / "apps" / "pipecats_own.py"
CALL = {
    "From": "+15551230001",
    "To": "+15551230002",
    "callId": "8f2c9f3e-3a48-4c2b-9c3f-0f6e0f5f0a01",
    "callDomain": "8f2c9f3e-3a48-4c2b-9c3f-0f6e0f5f0a02",
    "sipHeaders": {"X-Account": "7"},
}


class Runner:
    """The runner's process and its HTTP side."""

    def __init__(self, program, url, session) -> None:
        self.program = program
        self.url = url
        self._session = session

    async def post(self, path, json=None):
        async with self._session.post(self.url + path, json=json) as answer:
            return answer.status, await answer.json()

    async def get(self, path, method="GET", headers=None):
        async with self._session.request(
            method, self.url + path, headers=headers, allow_redirects=False
        ) as answer:
            await answer.read()
            return answer

    async def started(self):
        """The room, the token and the body that the bot got."""
        url, token, body = await self.program.says(r"^in (\S+) (\S+) (.*)$", groups=True)
        return url, token, json.loads(body)


@pytest.fixture
async def runner(start, local_daily):
    async with aiohttp.ClientSession() as session:

        async def runner(*options, packages=None):
            env = local_daily.env()
            if packages:
                env["PYTHONPATH"] += f":{packages}"
            program = await start(
                *(sys.executable, BOT, "-t", "daily", "--port", "0", *options), env=env
            )
            url = await program.says(r"running on (http://\S+)", stream="err")
            return Runner(program, url, session)

        yield runner


async def test_the_page_of_the_runner_has_the_script_tag(runner, local_daily):
    running = await runner(packages=prebuilt())
    page = await running.get("/client/")
    assert page.status == 200
    text = await page.text()
    tag = local_daily.script_tag.replace("localhost", "127.0.0.1")
    assert text.count(tag) == 1
    assert text.index("<head>" + tag) < text.index('<script type="module"')
    real = (prebuilt() / "pipecat_ai_prebuilt/client/dist/index.html").read_text()
    assert text.replace(tag, "") == real
    assert page.headers["Cache-Control"] == "no-store"
    assert not {"ETag", "Last-Modified"} & set(page.headers)
    # A browser may still have the page of a run on Daily.
    kept = {"If-Modified-Since": "Tue, 01 Jan 2030 00:00:00 GMT"}
    assert (await running.get("/client/", headers=kept)).status == 200
    icon = await running.get("/client/favicon.svg")
    assert "</svg>" in await icon.text()
    assert (await running.get("/client/none")).status == 404
    head = await running.get("/client/", method="HEAD")
    assert (head.status, await head.text()) == (200, "")
    await running.program.says("Looking for dist directory")  # the package's own words
    assert "Traceback" not in running.program.err


async def test_without_the_package_of_that_page_the_runner_starts(runner):
    running = await runner()
    assert (await running.get("/client/")).status == 404
    await running.program.says("not available: No module named 'pipecat_ai_prebuilt'", stream="err")
    status, answer = await running.post("/start", {"createDailyRoom": True})
    assert (status, (await running.started())[0]) == (200, answer["dailyRoom"])


async def test_on_daily_that_page_is_as_it_was(start, local_daily):
    code = "import pipecat_ai_prebuilt.frontend as f; print(type(f.PipecatPrebuiltUI).__name__)"
    for api_url in ("", "https://api.daily.co/v1"):
        path = f"{local_daily.env()['PYTHONPATH']}:{prebuilt()}"
        env = {"PYTHONPATH": path, "DAILY_API_URL": api_url}
        program = await start(sys.executable, "-c", code, env=env)
        assert await program.ended() == 0
        await program.says("^StaticFiles$")


async def test_start_makes_a_room_and_a_token_that_open(runner, local_daily):
    running = await runner()
    status, answer = await running.post(
        "/start",
        {
            "createDailyRoom": True,
            "dailyRoomProperties": {"max_participants": 2, "enable_chat": True},
            "dailyMeetingTokenProperties": {"user_name": "Bot", "user_id": "bot"},
            "body": {"language": "de"},
        },
    )
    assert status == 200
    assert await running.started() == (
        answer["dailyRoom"],
        answer["dailyToken"],
        {"language": "de"},
    )
    name = answer["dailyRoom"].removeprefix(f"{local_daily.url}/")
    config = local_daily.rooms[name].config
    assert (config["max_participants"], config["enable_chat"]) == (2, True)
    bot = local_daily.join(answer["dailyRoom"], answer["dailyToken"])
    assert (bot.participant.user_name, bot.participant.user_id) == ("Bot", "bot")
    assert bot.participant.is_owner
    local_daily.join(name)
    with pytest.raises(JoinRefused, match="full"):
        local_daily.join(name)


async def test_a_room_ends_when_pipecat_says(runner, local_daily):
    running = await runner()
    _, answer = await running.post("/start", {"createDailyRoom": True})
    bot = local_daily.join(answer["dailyRoom"], answer["dailyToken"])
    local_daily.advance(3.9 * 3600)
    assert bot.left_reason is None
    local_daily.advance(0.2 * 3600)
    assert bot.left_reason == "room-expired"


async def test_the_browser_is_sent_into_a_new_room(runner, local_daily):
    running = await runner()
    answer = await running.get("/daily")
    assert answer.status == 307
    url, token, _ = await running.started()
    assert answer.headers["Location"] == url
    assert local_daily.join(url, token).participant.is_owner


async def test_other_transports_and_no_room(runner, local_daily):
    running = await runner()
    status, answer = await running.get("/status"), await running.post("/start", {})
    assert status.status == 200
    assert answer == (200, None)
    assert (await running.post("/start", {"transport": "webrtc"}))[0] == 400
    assert local_daily.requests == []


async def test_a_phone_call_comes_in(runner, local_daily):
    running = await runner()
    assert await running.post("/daily-dialin-webhook", {"test": "test"}) == (200, {"status": "OK"})
    assert (await running.post("/daily-dialin-webhook", {"From": "+1"}))[0] == 400
    assert local_daily.rooms == {}
    status, answer = await running.post("/daily-dialin-webhook", CALL)
    assert status == 200
    url, token, body = await running.started()
    assert (url, token) == (answer["dailyRoom"], answer["dailyToken"])
    assert body["daily_api_url"] == local_daily.api_url
    assert body["dialin_settings"]["call_id"] == CALL["callId"]
    assert body["dialin_settings"]["sip_headers"] == CALL["sipHeaders"]
    name = url.removeprefix(f"{local_daily.url}/")
    assert re.fullmatch("pipecat-telephony-[0-9a-f]{8}", name)
    config = local_daily.rooms[name].config
    assert config["sip"]["display_name"] == CALL["From"]
    assert config["sip_uri"]["endpoint"]
    assert local_daily.join(url, token).participant.is_owner


async def test_somebody_calls_the_runner(runner, local_daily, call):
    """Daily's probe and its signed webhook reach the runner, and the call its room."""
    running = await runner()
    number = (await call("POST", "/buy-phone-number"))[1]["number"]
    config = {
        "type": "pinless_dialin",
        "phone_number": number,
        "room_creation_api": f"{running.url}/daily-dialin-webhook",
    }
    assert (await call("POST", "/domain-dialin-config", config))[0] == 200
    phone = local_daily.dial_in(number, from_="+15551230001")
    url, token, body = await running.started()
    local_daily.join(url, token)
    settings = body["dialin_settings"]
    assert (settings["From"], settings["To"]) == ("+15551230001", number)
    name = url.removeprefix(f"{local_daily.url}/")
    update = {
        "callId": settings["call_id"],
        "callDomain": settings["call_domain"],
        "sipUri": f"sip:{local_daily.rooms[name].config['sip_uri']['endpoint']}",
    }
    assert (await call("POST", "/dialin/pinlessCallUpdate", update))[0] == 200
    caller = await phone.connected()
    assert caller.id in local_daily.rooms[name].participants


async def test_directly_without_a_server(start, local_daily):
    program = await start(sys.executable, BOT, "-d", env=local_daily.env())
    room, token, _ = await program.says(r"^in (\S+) (\S+) (.*)$", groups=True)
    assert local_daily.join(room, token).participant.is_owner


async def test_under_the_command_for_any_program(start):
    """``pipecat-daily-rest local -- python bot.py -t daily``: its own local Daily, no account."""
    program = await start(
        *(sys.executable, "-m", "pipecat_daily_rest", "local", "--"),
        *(sys.executable, BOT, "-t", "daily", "--port", "0"),
    )
    url = await program.says(r"running on (http://\S+)", stream="err")
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/start", json={"createDailyRoom": True}) as answer,
    ):
        made = await answer.json()
    room, _, _ = await program.says(r"^in (\S+) (\S+) (.*)$", groups=True)
    assert room == made["dailyRoom"]
    assert re.fullmatch(r"http://localhost:\d+/pipecat-[0-9a-f]{8}", room)
    async with aiohttp.ClientSession() as session, session.get(room) as page:
        assert page.status == 200
        assert page.headers["X-Local-Daily"]
    program.signal()
    await program.ended()
