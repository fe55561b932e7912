# SPDX-License-Identifier: BSD-2-Clause
"""``pipecat-daily-rest serve`` as a real process."""

import asyncio
import json
import os
import shutil
import signal
import socket
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from serving import BEHAVE, until

SERVE = (sys.executable, "-m", "pipecat_daily_rest", "serve")
WITHOUT = """
import sys
from importlib.machinery import PathFinder

class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name == "{}" else PathFinder.find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Without
"""
STAY = {"createDailyRoom": True, "body": {"do": "stay"}}


def send(url: str, data: Any = None) -> tuple[int, Any]:
    body = None if data is None else json.dumps(data).encode()
    request = urllib.request.Request(url, data=body)  # noqa: S310 - the server's own URL
    try:
        with urllib.request.urlopen(request) as response:  # noqa: S310
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


async def ask(url: str, data: Any = None) -> tuple[int, Any]:
    return await asyncio.to_thread(send, url, data)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_from_the_first_request_to_a_signal(start, local_daily, number):
    server = await start(*SERVE, BEHAVE, "--port", "0", env=local_daily.env())
    url = await server.says(r"^(http://127\.0\.0\.1:\d+)$")
    assert await ask(f"{url}/readyz") == (200, {"status": "ready"})
    status, started = await ask(f"{url}/start", STAY)
    assert status == 200
    await server.says(f"{started['sessionId']} .* in {started['sessionId']}", stream="err")
    assert len(local_daily.rooms) == 1
    server.signal(number)
    assert await server.ended() == 0
    assert local_daily.rooms == {}
    assert "Traceback" not in server.err
    assert started["dailyToken"] not in server.out + server.err
    assert server.out == f"{url}\n"


async def test_it_answers_while_it_drains_and_a_second_signal_shortens_that(start, local_daily):
    options = ("--port", "0", "--drain", "600", "--launcher", "task")
    server = await start(*SERVE, BEHAVE, *options, env=local_daily.env())
    url = await server.says(r"^(http://\S+)$")
    await ask(f"{url}/start", STAY)
    server.signal(signal.SIGTERM)
    await server.says("No more sessions are started: 1 may go on for", stream="err")
    await until(lambda: send(f"{url}/readyz")[0] == 503)
    status, refused = await ask(f"{url}/start", STAY)
    assert (status, refused["code"]) == (503, "draining")
    _, listed = await ask(f"{url}/sessions")
    assert [each["state"] for each in listed["sessions"]] == ["running"]
    assert (await ask(f"{url}/livez"))[0] == 200
    await asyncio.sleep(0.6)  # two signals within half a second count as one
    server.signal(signal.SIGTERM)
    assert await server.ended() == 0
    assert local_daily.rooms == {}


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare")
async def test_as_pid_1(start, local_daily):
    unshare = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child")
    server = await start(*unshare, *SERVE, BEHAVE, "--port", "0", env=local_daily.env())
    url = await server.says(r"^(http://\S+)$")
    await ask(f"{url}/start", STAY)
    for child in server.children():
        os.kill(child, signal.SIGTERM)
    assert await server.ended() == 0
    assert local_daily.rooms == {}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--host", "0.0.0.0"), "lets everybody start bots: set PIPECAT_DAILY_PUBLIC_KEYS"),  # noqa: S104
        (("--launcher", "thread"), "'process', 'task', 'ray' or 'module:Class'"),
        (("--log-format", "xml"), "one of text, json"),
        (("--log-level", "loud"), "one of TRACE, DEBUG"),
        (("--port", "80000"), "less than or equal to 65535"),
        (
            ("--host", "a..b", "--no-keys"),
            "it is not an address of this machine. Pass another --host.",
        ),
        (("--preload", "no_such_module"), "Error: no_such_module cannot be loaded: ModuleNotFound"),
    ],
)
async def test_wrong_options_are_a_sentence(start, local_daily, options, words):
    server = await start(*SERVE, BEHAVE, "--port", "0", *options, env=local_daily.env())
    assert await server.ended() == 2
    assert words in " ".join(server.err.replace("│", " ").split())
    assert "Traceback" not in server.err


async def test_a_port_that_is_taken(start, local_daily):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = await start(*SERVE, BEHAVE, "--port", port, env=local_daily.env())
        assert await server.ended() == 2
        words = f"Cannot listen on 127.0.0.1:{port}: Address already in use. Pass another --port."
        assert words in server.err


async def test_a_bot_that_cannot_be_imported(start, local_daily, tmp_path):
    (tmp_path / "bad.py").write_text("def bot(x): return nix\n1/0\n")
    server = await start(*SERVE, "bad.py", "--port", "0", env=local_daily.env())
    assert await server.ended() == 2
    assert 'bad.py", line 2' in server.err
    assert "ZeroDivisionError" in server.err
    assert "pipecat_daily_rest/" not in server.err


@pytest.mark.parametrize(
    ("bot", "words"),
    [
        ("no_such.py", "There is no file '"),
        ("empty.py", "defines no bot(): it needs `async def bot(runner_args)`"),
        ("json:nothing", "json defines no nothing()"),
        ("no_such:bot", "no_such:bot cannot be loaded: ModuleNotFoundError: No module named"),
    ],
)
async def test_what_is_no_bot_is_a_sentence(start, local_daily, tmp_path, bot, words):
    (tmp_path / "empty.py").touch()
    server = await start(*SERVE, bot, "--port", "0", env=local_daily.env())
    assert await server.ended() == 2
    assert "Error: " in server.err
    assert words in server.err
    assert "Traceback" not in server.err


@pytest.mark.parametrize(
    ("options", "variables", "words"),
    [
        (("no_such.py",), {}, "There is no file '"),
        ((BEHAVE,), {"PIPECAT_DAILY_PUBLIC_KEYS": "short"}, "needs at least 16 ASCII characters"),
        ((BEHAVE, "--launcher", "thread"), {}, "'process', 'task', 'ray' or 'module:Class'"),
    ],
)
async def test_what_is_wrong_is_said_before_a_local_daily_starts(start, options, variables, words):
    env = {"DAILY_API_KEY": "", **variables}
    server = await start(*SERVE, *options, "--local", "--port", "0", env=env)
    assert await server.ended() == 2
    assert words in server.err
    assert "A web app joins local rooms" not in server.err


@pytest.mark.parametrize("folder", ["", "app"])
async def test_modules_are_found_where_the_command_is_and_beside_the_bot(
    start, local_daily, tmp_path, folder
):
    (tmp_path / folder).mkdir(exist_ok=True)
    (tmp_path / folder / "beside.py").touch()
    shutil.copy(BEHAVE, tmp_path / folder / "its_bot.py")
    bot = f"{folder}/its_bot.py" if folder else "its_bot:bot"
    script = Path(sys.executable).with_name("pipecat-daily-rest")  # unlike -m, it has no folder
    options = ("--preload", "beside", "--port", "0")
    server = await start(script, "serve", bot, *options, env=local_daily.env())
    url = await server.says(r"^(http://\S+)$")
    _, started = await ask(f"{url}/start", STAY)
    await server.says(f"in {started['sessionId']}", stream="err")


async def test_options_may_be_in_an_env_file(start, local_daily, tmp_path):
    (tmp_path / ".env").write_text(
        "PIPECAT_DAILY_PORT=0\nPIPECAT_DAILY_MAX_SESSIONS=3\nPIPECAT_DAILY_LOG_FORMAT=text\n"
    )
    server = await start(*SERVE, BEHAVE, "--log-format", "json", env=local_daily.env())
    url = await server.says(r"^(http://\S+)$")
    assert (await ask(f"{url}/status"))[1]["maxSessions"] == 3
    _, started = await ask(f"{url}/start", STAY)
    # What the command line says is so in the bots' processes, too.
    line = await server.says(rf"^(.*in {started['sessionId']}.*)\n", stream="err")
    assert json.loads(line)["session_id"] == started["sessionId"]


async def test_without_a_room_the_log_says_why(start, local_daily):
    server = await start(*SERVE, BEHAVE, "--port", "0", env=local_daily.env())
    url = await server.says(r"^(http://\S+)$")
    await ask(f"{url}/start", {"body": {"do": "raise"}})
    said = r'no room, since its start had no "createDailyRoom": true: the bot raised'
    await server.says(said, stream="err")
    await server.says("has ended: error", stream="err")
    assert "None" not in server.err


async def test_a_task_that_ignores_its_cancellation_does_not_hold_up_the_end(start, local_daily):
    options = ("--port", "0", "--launcher", "task", "--memory-limit", "500", "--preload", "json")
    server = await start(*SERVE, BEHAVE, *options, env=local_daily.env())
    url = await server.says(r"^(http://\S+)$")
    await ask(f"{url}/start", {"createDailyRoom": True, "body": {"do": "ignore"}})
    await server.says("in s", stream="err")
    server.signal(signal.SIGTERM)
    assert await server.ended() == 0
    assert "Only --launcher process and ray heed --preload, --memory-limit: ignored" in server.err
    assert server.err.count("a task cannot be killed") == 1
    assert "The server ends now" in server.err
    assert local_daily.rooms == {}


@pytest.mark.parametrize("missing", ["fastapi", "uvicorn"])
async def test_without_the_extra(start, local_daily, tmp_path, missing):
    (tmp_path / "sitecustomize.py").write_text(WITHOUT.format(missing))
    env = {**local_daily.env(), "PYTHONPATH": str(tmp_path)}
    server = await start(*SERVE, BEHAVE, "--port", "0", env=env)
    assert await server.ended() == 2
    assert "pip install 'pipecat-daily-rest[server]'" in server.err
    assert "Traceback" not in server.err


async def test_a_wrong_key(start, local_daily):
    env = {**local_daily.env(), "DAILY_API_KEY": "x" * 64}
    server = await start(*SERVE, BEHAVE, "--port", "0", env=env)
    assert await server.ended() == 1
    assert "Traceback" not in server.err
    assert server.out == ""


async def test_json_logs(start, local_daily):
    options = ("--port", "0", "--log-format", "json")
    server = await start(*SERVE, BEHAVE, *options, env=local_daily.env())
    url = await server.says(r"^(http://\S+)$")
    _, started = await ask(f"{url}/start", {"createDailyRoom": True})
    await until(lambda: f"{started['sessionId']} has ended" in server.err)
    server.signal(signal.SIGTERM)
    await server.ended()
    lines = [json.loads(line) for line in server.err.splitlines()]  # Pipecat's greeting, too
    session_id = started["sessionId"]
    for message in (f"in {session_id}", f"Session {session_id} has ended: finished"):
        (said,) = [each for each in lines if each["message"] == message]
        assert said["session_id"] == session_id
        assert said["room"] == f"pipecat-{session_id}"


SERVERS = {
    "uvicorn": (("-m", "uvicorn", "--port", "0"), r"running on (http://\S+)"),
    "gunicorn": (
        ("-m", "gunicorn", "-k", "uvicorn_worker.UvicornWorker", "-b", "127.0.0.1:0"),
        r"Listening at: (http://\S+)",
    ),
}


@pytest.mark.parametrize("server", SERVERS)
async def test_in_an_app_that_somebody_else_serves(start, local_daily, server):
    command, says = SERVERS[server]
    place = ("--app-dir" if server == "uvicorn" else "--chdir", BEHAVE.parents[1])
    program = await start(
        sys.executable, *command, *place, "mounted_app:app", env=local_daily.env()
    )
    url = await program.says(says, stream="err")
    _, started = await ask(f"{url}/bots/start", STAY)
    assert len(local_daily.rooms) == 1, started
    program.signal(signal.SIGTERM)
    await program.ended()
    assert local_daily.rooms == {}
    assert f"Session {started['sessionId']} has ended: drained" in program.err
    assert "each worker has" not in program.err  # there is one


async def test_a_script_serves_its_own_bot(start, local_daily, tmp_path):
    own = "if __name__ == '__main__':\n    from pipecat_daily_rest.runner import main\n    main()\n"
    (tmp_path / "mine.py").write_text(BEHAVE.read_text() + own)
    server = await start(sys.executable, "mine.py", "--serve", "--port", "0", env=local_daily.env())
    url = await server.says(r"^(http://\S+)$")
    status, _ = await ask(f"{url}/start", STAY)
    assert (status, len(local_daily.rooms)) == (200, 1)
    server.signal(signal.SIGTERM)
    assert await server.ended() == 0
    assert local_daily.rooms == {}


async def test_workers_say_that_each_has_a_limit_of_its_own(start, local_daily):
    command = ("-m", "uvicorn", "--port", "0", "--workers", "2", "--app-dir", BEHAVE.parents[1])
    server = await start(sys.executable, *command, "mounted_app:app", env=local_daily.env())
    await server.says("WARNING.*Process .* serves the same: each worker has", stream="err")
    server.signal(signal.SIGTERM)
    await server.ended()


async def test_a_bot_that_blocks_the_server_does_not_hold_up_its_end(start, local_daily):
    options = ("--port", "0", "--launcher", "task")
    server = await start(*SERVE, BEHAVE, *options, env=local_daily.env())
    url = await server.says(r"^(http://\S+)$")
    blocking = {"createDailyRoom": True, "body": {"do": "block"}}
    asked = asyncio.create_task(ask(f"{url}/start", blocking))
    await server.says("blocks", stream="err")
    server.signal(signal.SIGTERM)
    assert await server.ended() == 1
    await asyncio.gather(asked, return_exceptions=True)
    assert "The server does not end" in server.err
    assert local_daily.rooms == {}
