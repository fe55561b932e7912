# SPDX-License-Identifier: BSD-2-Clause
"""The pytest plugin, as other people's suites load it: each in a pytest of its own."""

import ast
import os
import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from suites import CONFTEST, LEFT_OPEN, Run, run_pytest, run_suite
from warm import Warm

EXAMPLE = Path(__file__).parents[2] / "examples" / "testing_a_bot"
REAL_DAILY = "class CallClient: ...\n"  # not the stand-in, that is
LOADED_BY_P = ("-p", "pipecat_daily_rest.testing")


@pytest.fixture
def own(tmp_path: Path) -> Run:
    """Runs a suite in a Python of its own, where it matters what is imported when."""
    return partial(run_suite, tmp_path)


def test_the_example_passes_and_is_short(warm: Warm) -> None:
    ended = run_pytest(EXAMPLE, "test_bot.py", "-o", "local_daily_factor=10", warm=warm)
    assert "1 passed" in ended.stdout, ended.stdout
    assert ended.returncode == 0
    source = (EXAMPLE / "test_bot.py").read_text()
    (test,) = (
        node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.AsyncFunctionDef)
    )
    assert (test.end_lineno or 0) - test.lineno + 1 < 15
    assert (EXAMPLE / "conftest.py").read_text().startswith(CONFTEST.strip())
    assert "\nfrom pipecat.transports.daily.transport import" in (EXAMPLE / "bot.py").read_text()


def test_the_examples_conversations_calls_and_recordings_pass(warm: Warm) -> None:
    factor = ("-o", "local_daily_factor=10")
    ended = run_pytest(EXAMPLE, "test_assistant.py", *factor, *LEFT_OPEN, warm=warm)
    assert "4 passed" in ended.stdout, ended.stdout
    assert ended.returncode == 0, ended.stdout


def test_the_voice_agent_is_tested_without_a_key_and_twice(suite: Run) -> None:
    ended = suite(
        *LEFT_OPEN,
        conftest__py=CONFTEST,
        voice_agent__py=(EXAMPLE.parent / "voice_agent.py").read_text(),
        test_it__py=f"""
import pytest
from pathlib import Path
from voice_agent import bot

@pytest.mark.parametrize("session", [1, 2])
async def test_it_hears_and_answers(local_room, llm, stt, tts, session):
    llm.answers("Hello.", to="Greet the user.")
    stt.answers("What time is it?")
    llm.answers("It is noon.", to="What time is it?")
    tts.answers(tone=880, seconds=0.5)
    async with local_room(bot) as room:
        ana = await room.person("Ana")
        await ana.listens(pause=0.3)
        reply = await ana.asks(Path({str(EXAMPLE / "question.wav")!r}), pause=0.3)
        assert reply.text == "It is noon."
""",
    )
    assert "2 passed" in ended.stdout, ended.stdout + ended.stderr


def test_the_stand_in_is_there_before_any_conftest_with_p(own: Run) -> None:
    ended = own(
        *LOADED_BY_P,
        daily__py=REAL_DAILY,
        conftest__py="from daily.daily import CallClient\n",
        test_it__py="""
import sys, daily
def test_it():
    assert daily.__stand_in__ and sys.modules["daily.daily"].CallClient is daily.CallClient
""",
    )
    assert "1 passed" in ended.stdout, ended.stdout + ended.stderr


def test_pipecats_default_is_the_local_daily_of_the_test(suite: Run) -> None:
    ended = suite(
        conftest__py=CONFTEST,
        test_it__py="""
import aiohttp, pytest
from pipecat.transports.daily.transport import DailyParams

@pytest.mark.asyncio
@pytest.mark.parametrize("number", range(2))
async def test_it(local_daily, number):
    assert DailyParams().api_url == local_daily.api_url
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientError, match="This is a local run"):
            await session.get("https://api.daily.co/v1")

def test_elsewhere(monkeypatch):
    monkeypatch.delenv("DAILY_API_URL", raising=False)
    assert DailyParams().api_url == "https://api.daily.co/v1"
""",
    )
    assert "3 passed" in ended.stdout, ended.stdout + ended.stderr


@pytest.mark.parametrize(
    "before",
    ["from its_bot import CallClient\n", "import its_bot\n", "import fake_transport\n"],
)
def test_loading_the_plugin_too_late_names_the_module_that_imported_daily(
    own: Run, before: str
) -> None:
    ended = own(
        daily__py=REAL_DAILY,
        its_bot__py="from daily import CallClient\n",
        fake_transport__py="""
import sys, types
module = sys.modules["pipecat.transports.daily.transport"] = types.ModuleType("transport")
""",
        conftest__py=before + CONFTEST,
        test_it__py="def test_it(): ...\n",
    )
    assert ended.returncode == pytest.ExitCode.USAGE_ERROR
    (error,) = re.findall(r"ERROR: .*", ended.stderr)
    assert re.search(r"was imported by \S+conftest.py before", error)
    assert "`-p pipecat_daily_rest.testing`" in error
    assert "daily_stand_in = false" in error
    assert "Traceback" not in ended.stderr


def test_the_switch_keeps_the_real_one_for_rest(own: Run) -> None:
    ended = own(
        pytest__ini="[pytest]\ndaily_stand_in = false\n",
        daily__py=REAL_DAILY,
        conftest__py="import daily\n" + CONFTEST,
        test_it__py="""
import os, daily
from pipecat_daily_rest import DailyRoomParams
def test_it(local_daily, daily_helper):
    assert not hasattr(daily, "__stand_in__")
    assert "stand_in" not in os.environ.get("PYTHONPATH", "")
    assert "PYTHONPATH" not in local_daily.env()
    room = local_daily.run(daily_helper.create_room(DailyRoomParams(name="demo")))
    assert list(local_daily.rooms) == ["demo"]
    local_daily.run(daily_helper.delete_room_by_name("demo"))
""",
    )
    assert "1 passed" in ended.stdout, ended.stdout + ended.stderr


LEAKS = """
import asyncio, contextlib
import pytest
from pipecat_daily_rest import owned_rooms, provisioned_room

kept = []

@pytest.mark.asyncio
async def test_held(local_daily):
    kept.append(provisioned_room())
    await kept[-1].__aenter__()  # line 11

@pytest.mark.asyncio
async def test_swept_up(local_daily):
    stack = contextlib.AsyncExitStack()
    await stack.enter_async_context(provisioned_room())  # line 16

@pytest.mark.asyncio
async def test_two(local_daily, daily_helper):
    await daily_helper.request("POST", "/rooms", json={"name": "by-hand"})
    kept.append(provisioned_room())
    await kept[-1].__aenter__()  # line 22

@pytest.fixture
async def room(local_daily):
    async with provisioned_room() as room:
        yield room

@pytest.mark.asyncio
async def test_closed_by_a_fixture(room, local_daily):
    assert room.name in local_daily.rooms

@pytest.mark.asyncio
async def test_expired(local_daily):
    async with provisioned_room(lifetime=60) as room:
        room.keep()
    assert room.name in local_daily.rooms
    local_daily.advance(61)

def test_nothing_is_owned_any_more():
    assert owned_rooms() == ()
"""


def test_a_leak_fails_its_test_and_names_the_line(suite: Run) -> None:
    ended = suite(
        "--asyncio-mode=auto",
        conftest__py=CONFTEST,
        test_leaks__py=LEAKS,
    )
    out = ended.stdout
    assert ended.returncode == pytest.ExitCode.TESTS_FAILED
    assert set(re.findall(r"ERROR at teardown of (\w+)", out)) == {
        "test_held",
        "test_swept_up",
        "test_two",
    }, out
    assert "6 passed" in out
    assert "could not be deleted" not in out  # since nobody is there to delete it
    assert "3 errors" in out
    for name, line in re.findall(r"await .*# (line (\d+))", LEAKS):
        assert (
            len(re.findall(rf"^  pipecat-\S+, opened at \S+test_leaks.py:{line}$", out, re.M)) == 1
        ), name
    assert "2 rooms outlived the test:\n  by-hand, opened by a plain request" in out


OPTIONS = """
import pytest
from pipecat_daily_rest import DailyRoomParams
from pipecat_daily_rest.local import Choices, JoinRefused, Limits

@pytest.fixture
def local_daily_options():
    return {"choices": Choices(org_privacy=True), "limits": Limits()}

def test_it(local_daily, daily_helper):
    room = {"name": "demo", "privacy": "org"}
    local_daily.run(daily_helper.request("POST", "/rooms", json=room))
    with pytest.raises(JoinRefused) as refused:
        local_daily.join("demo")
    assert refused.value.kind == "not-allowed"
    local_daily.run(daily_helper.delete_room_by_name("demo"))
"""


def test_the_local_daily_of_a_module_may_be_another(suite: Run) -> None:
    ended = suite(conftest__py=CONFTEST, test_it__py=OPTIONS)
    assert "1 passed" in ended.stdout, ended.stdout + ended.stderr


HELPERS = """
import aiohttp
from pipecat.runner.daily import configure
from pipecat.transports.daily import utils
from pipecat_daily_rest import DailyRESTHelper, DailyRoomParams

async def test_helper(daily_helper):
    await daily_helper.create_room(DailyRoomParams(name="one"))

async def test_many(local_daily):
    async with DailyRESTHelper.from_env() as helper:
        await helper.create_rooms([DailyRoomParams(name="two"), DailyRoomParams(name="three")])

def test_without_a_loop(local_daily, daily_helper):
    local_daily.run(daily_helper.create_room(DailyRoomParams(name="four")))

async def test_pipecats(local_daily):
    async with aiohttp.ClientSession() as session:
        helper = utils.DailyRESTHelper(
            daily_api_key=local_daily.api_key,
            daily_api_url=local_daily.api_url,
            aiohttp_session=session,
        )
        await helper.create_room(utils.DailyRoomParams(name="five"))
        await helper.delete_room_by_name("five")
        await configure(session)

def test_afterwards():
    assert "leaks" not in DailyRESTHelper.create_room.__code__.co_filename
"""


def test_a_leak_of_a_helper_names_the_line_too(suite: Run) -> None:
    ended = suite("--asyncio-mode=auto", conftest__py=CONFTEST, test_leaks__py=HELPERS)
    lines = HELPERS.splitlines()
    found = re.findall(r"^  (\S+), opened at \S+test_leaks.py:(\d+)$", ended.stdout, re.M)
    opened = {name: lines[int(line) - 1].strip() for name, line in found}
    (configured,) = {name for name in opened if name.startswith("pipecat-")}
    assert set(opened) == {"one", "two", "three", "four", configured}, ended.stdout
    assert opened[configured] == "await configure(session)"
    assert all(f'name="{name}"' in line for name, line in opened.items() if name != configured)
    assert "5 passed, 4 errors" in ended.stdout


SUITE = """
import asyncio, os, subprocess, sys, threading
from datetime import timedelta
import pytest
from pipecat_daily_rest import (
    DailyConfigError, DailyInvalidRequestError, DailyRoomParams, DailyRoomProperties,
    DailyRoomSipParams, provisioned_room,
)
from pipecat_daily_rest._http import connections
from pipecat_daily_rest.local.call.room import JoinRefused

ended = []
public = DailyRoomParams(name="demo", privacy="public")

@pytest.fixture
def anyio_backend():
    return "asyncio"

@pytest.fixture
def demo(local_daily, daily_helper):
    local_daily.run(daily_helper.create_room(public))
    yield
    local_daily.run(daily_helper.delete_room_by_name("demo"))

@pytest.mark.asyncio
async def test_a_block_and_its_requests(local_daily):
    async with provisioned_room() as room:
        ana = local_daily.join(room.url, room.user_token, user_name="Ana")
        seen = local_daily.rooms[room.name]
        assert seen.privacy == "private"
        assert [person.user_name for person in seen.participants.values()] == ["Ana"]
        with pytest.raises(JoinRefused, match="private"):
            local_daily.join(room.name)
    assert await ana.left() == ana.left_reason == "room-deleted"
    assert local_daily.rooms == {} != seen.participants
    assert (await local_daily.wait_for("deleted")).room == room.name
    with pytest.raises(TimeoutError, match="'bot joined' did not happen.*\\n.*: created\\n"):
        await local_daily.wait_for("bot joined", timeout=0.01)
    local_daily.assert_requested("POST", "/rooms", privacy="private", times=1)
    (made,) = local_daily.requests_to("POST", "/rooms", properties={"eject_at_room_exp": True})
    assert made.status == 200 and made.body["name"] == room.name
    local_daily.assert_requested("DELETE", "/rooms/*", times=1)
    local_daily.assert_not_requested("DELETE", "/rooms")
    ended.append(local_daily)

def test_a_failed_check_says_what_came(local_daily, demo):
    def fails(*args, **body):
        with pytest.raises(AssertionError) as caught:
            local_daily.assert_requested(*args, **body)
        return str(caught.value)

    said = fails("POST", "/rooms", privacy="private")
    assert said.startswith("no request came to POST /rooms with {'privacy': 'private'}; these did:")
    assert 'POST /rooms {"name": "demo"' in said
    said = fails("POST", "/rooms", times=2)
    assert said.startswith("1 requests, not 2, came to POST /rooms; these did:")
    said = fails("GET", "/rooms/*")
    assert said.startswith("no request came to GET /rooms/*; none to /rooms/* at all, but:")
    with pytest.raises(AssertionError, match="1 requests, not 0, came to POST /rooms; these did:"):
        local_daily.assert_not_requested("POST", "/rooms")

def test_arguments_that_do_not_fit(local_daily, demo):
    ana = local_daily.join("demo")
    for call, says in (
        (lambda: local_daily.join(5), "room must be a string, not 5"),
        (lambda: local_daily.join("demo", 5), "token must be a string, not 5"),
        (lambda: local_daily.advance("x"), "seconds must be"),
        (lambda: local_daily.fail("GET", "/", status="500"), "status must be a whole number"),
        (lambda: local_daily.requests_to("POST", 5), "path must be a string, not 5"),
        (lambda: local_daily.assert_requested("POST", "/rooms", times="1"), "times must be"),
        (lambda: local_daily.run(local_daily.wait_for("x", timeout="1")), "timeout must be"),
        (lambda: local_daily.run(local_daily.wait_for("x", count="1")), "count must be"),
        (lambda: local_daily.run(ana.hears(None)), "what must be"),
        (lambda: local_daily.room("demo").dtmf(5), "There are 0 telephones"),
    ):
        with pytest.raises(DailyConfigError, match=says):
            call()
    local_daily.room("demo").lose_network(ana, seconds=1)
    with pytest.raises(DailyConfigError, match="who must be a string or Participant"):
        local_daily.room("demo").lose_network(5, seconds=1)

def test_its_environment(local_daily):
    assert os.environ["DAILY_API_URL"] == local_daily.api_url
    assert os.environ["DAILY_API_KEY"] == local_daily.api_key
    assert os.environ["DAILY_ROOM_URL"] == ""
    assert local_daily.api_key not in repr(local_daily.env())
    started = "import daily; assert daily.__stand_in__"
    subprocess.run([sys.executable, "-c", started], check=True)
    assert local_daily.url.startswith("http://localhost:")

def test_it_ends_with_its_test():
    assert "DAILY_API_KEY" not in os.environ
    with pytest.raises(RuntimeError, match="local_daily has ended with its test"):
        ended[0].rooms

@pytest.mark.anyio
async def test_a_blocked_test_does_not_freeze_the_room(local_daily, demo):
    ana, bo = local_daily.join("demo"), local_daily.join("demo")
    ana.tone(500, seconds=0.5)
    local_daily.run(bo.hears(500))  # blocks the event loop of this test
    task = asyncio.create_task(bo.message())
    ana.send({"text": "hello"})
    assert await task == {"text": "hello"}
    assert bo.received == [{"text": "hello"}]
    # A condition may look at the room: it is called over there.
    await bo.hears(lambda audio: "demo" in local_daily.rooms and bo.heard.size >= audio.size)
    with pytest.raises(TimeoutError, match="did not leave"):
        await bo.left(timeout=0.01)

def test_many_threads_at_once(local_daily, demo):
    people = [local_daily.join("demo") for _ in range(4)]
    lookers = []

    def work(person, others):
        for number in range(50):
            person.send(number)
            lookers.append(len(local_daily.rooms["demo"].participants))

    threads = [threading.Thread(target=work, args=(person, people)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lookers == [4] * 200
    for person in people:
        assert sorted(person.received) == sorted(list(range(50)) * 3)

def test_faults_and_time(local_daily, daily_helper, demo):
    fault = local_daily.fail("GET", "/rooms/*", status=400, info="broken")
    with pytest.raises(DailyInvalidRequestError, match="broken"):
        local_daily.run(daily_helper.get_room_from_url(f"{local_daily.url}/demo"))
    local_daily.run(fault.wait())
    assert fault.hits == 1 and fault.over
    fault = local_daily.chaos(1, rate=1.0)
    fault.cancel()
    local_daily.run(daily_helper.get_room_from_url(f"{local_daily.url}/demo"))

@pytest.mark.asyncio
async def test_time_moves_for_those_inside(local_daily):
    async with provisioned_room(lifetime=600) as room:
        ana = local_daily.join(room.url, room.user_token)
        local_daily.advance(59, minutes=9)
        assert ana.left_reason is None
        local_daily.advance(timedelta(seconds=2))
        assert await ana.left() in ("room-expired", "token-expired")
        assert local_daily.rooms == {}

@pytest.mark.asyncio
async def test_knocking(local_daily):
    params = DailyRoomParams(properties=DailyRoomProperties(enable_knocking=True))
    async with provisioned_room(params) as room:
        olga = local_daily.join(room.url, room.bot_token)
        ana, bo = (local_daily.join(room.url, user_name=n, knock=True) for n in ("Ana", "Bo"))
        await olga.event("waiting-participant-added")
        assert [each["name"] for each in olga.waiting] == ["Ana", "Bo"]
        olga.lets_in(ana.id)
        await ana.is_in()
        olga.turns_away(bo.id)
        with pytest.raises(JoinRefused):
            await bo.is_in()

@pytest.mark.asyncio
async def test_telephones(local_daily, daily_helper):
    properties = DailyRoomProperties(enable_dialout=True, sip=DailyRoomSipParams())
    room = await daily_helper.create_room(DailyRoomParams(name="phones", properties=properties))
    ana = local_daily.join("phones", user_name="Ana")
    call = local_daily.dial_in(room.config.sip_endpoint, from_="+12125550111")
    caller = await call.connected()
    caller.tone(500)
    await ana.hears(500)
    call.hang_up()
    assert await call.ended() == ""
    assert call.state == "ended"
    await daily_helper.start_dialout("phones", phone_number="+12125550123")
    [phone] = local_daily.dialouts
    phone.answer()
    ana.tone(900)
    await phone.person.hears(900)
    with pytest.raises(DailyConfigError, match="Nobody has the number"):
        local_daily.dial_in("+12125550100")
    await daily_helper.delete_room_by_name("phones")
    assert await phone.ended() == ""

@pytest.mark.asyncio
async def test_a_room_handle(local_daily, daily_helper):
    properties = DailyRoomProperties(sip=DailyRoomSipParams())
    made = await daily_helper.create_room(DailyRoomParams(name="hand", properties=properties))
    room = local_daily.room(made.url)
    ana = local_daily.join("hand", await daily_helper.get_token(made.url), user_name="Ana")
    joined = await room.event("participant-joined", lambda event: True)
    assert joined["participant"]["id"] == ana.id
    await room.event("dialin-ready")
    call = room.dial_in(from_="+12125550111")
    caller = await call.connected()
    room.dtmf("5", phone=call)
    assert (await ana.event("dtmf-event"))["data"] == {
        "sessionId": caller.id, "tone": "5", "provider": "daily"
    }
    with pytest.raises(DailyConfigError, match="start_transcription first"):
        room.transcribe(ana, "hello")
    room.lose_network(ana, seconds=10)
    caller.send("late")
    assert ana.received == []
    local_daily.advance(11)
    assert await ana.message() == "late"
    assert room.name == "hand" and room.events[0] == joined
    await daily_helper.delete_room_by_name("hand")
    assert "hand" not in local_daily.rooms


def test_no_session_is_left_open():
    assert not connections._shared
"""


def test_the_fixtures_in_every_kind_of_test(own: Run) -> None:
    # A type may be imported from the plugin before pytest loads it.
    conftest = "from pipecat_daily_rest.testing import LocalDailyFixture\n" + CONFTEST
    ended = own(conftest__py=conftest, test_suite__py=SUITE)
    assert re.search(r"= 13 passed in", ended.stdout), ended.stdout + ended.stderr


def test_a_wait_that_is_not_awaited_warns(own: Run) -> None:
    ended = own(
        *LOADED_BY_P,
        test_it__py="""
import gc
from pipecat_daily_rest import DailyRoomParams
def test_it(local_daily, daily_helper):
    local_daily.run(daily_helper.create_room(DailyRoomParams(name="demo", privacy="public")))
    local_daily.join("demo").left()
    gc.collect()
    local_daily.run(daily_helper.delete_room_by_name("demo"))
""",
    )
    assert "was never awaited" in ended.stdout
    assert ended.returncode == pytest.ExitCode.TESTS_FAILED


def test_it_says_that_pytest_is_missing(tmp_path: Path) -> None:
    (tmp_path / "pytest.py").write_text("raise ImportError\n")
    ended = subprocess.run(
        [sys.executable, "-c", "import pipecat_daily_rest.testing"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert "is a plugin of pytest, which is missing: pip install pytest" in ended.stderr


def test_what_is_stored(suite: Run) -> None:
    ended = suite(
        conftest__py=CONFTEST,
        test_it__py="""
import asyncio
import aiohttp
import pytest
from pipecat_daily_rest.errors import DailyConfigError

async def file(link):
    async with aiohttp.ClientSession() as session, session.get(link.download_link) as answer:
        return answer.status, await answer.read()

def test_it(local_daily, daily_helper):
    async def work():
        film = local_daily.add_recording(f"{local_daily.url}/demo", b"film", duration=5)
        text = local_daily.add_transcript("demo")
        assert [r.id async for r in daily_helper.list_recordings(room_name="demo")] == [film.id]
        assert [t.transcriptId async for t in daily_helper.list_transcripts()] == [text.id]
        link = await daily_helper.get_recording_link(film.id)
        assert await file(link) == (200, b"film")
        assert (await file(await daily_helper.get_transcript_link(text.id)))[1][:6] == b"WEBVTT"
        local_daily.advance(3601)
        assert (await file(link))[0] == 403
        with pytest.raises(DailyConfigError):
            local_daily.add_recording("demo", status="over")
    asyncio.run(work())
""",
    )
    assert "1 passed" in ended.stdout, ended.stdout + ended.stderr
