# SPDX-License-Identifier: BSD-2-Clause
"""``pipecat-daily-rest drill`` as a real process."""

import json
import re
import shlex
import shutil
import signal
import socket
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from programs import processes
from serving import all_gone, family, state_of, until

ROOT = Path(__file__).parents[2]
SERVER = str(ROOT / "tests" / "drill" / "flawed_server.py")
FLAWED = ("--", sys.executable, SERVER, "{port}", "3")
DRILL = ("drill", "--calls", "1", "--talk", "0.1", "--only", "sigterm")


async def test_what_it_prints_and_writes(command, tmp_path):
    files = ("--junit", "drill.xml", "--log", "server.log")
    code, out, err = await command(*DRILL, *files, "--output", "json", *FLAWED, "leaks")
    assert code == 1, err
    [row] = json.loads(out)
    assert row.pop("seconds") > 0
    found = "1 room is left, for 60 more minutes."
    named = {"drill": "sigterm", "result": "fault", "calls": 1, "cut": 0, "left": 1}
    assert row == {**named, "found": found}
    assert err == "Drilling: sigterm\n"
    [case] = ElementTree.parse(tmp_path / "drill.xml").getroot()  # noqa: S314
    assert case.find("failure").get("message") == found
    assert json.loads((tmp_path / "server.log").read_text())["key"]
    code, out, err = await command(*DRILL, *FLAWED)
    assert code == 0, err
    heads, cells = (line.split() for line in out.splitlines())
    assert heads == ["DRILL", "RESULT", "CALLS", "CUT", "LEFT", "SECONDS", "FOUND"]
    assert cells[:5] == ["sigterm", "ok", "1", "0", "0"]


async def test_our_own_server_comes_through_the_drills_of_the_docs(command, tmp_path):
    shutil.copy(ROOT / "examples" / "server" / "bot.py", tmp_path)
    page = (ROOT / "docs" / "commands.md").read_text()
    drill, workflow = re.findall(r"pipecat-daily-rest (drill --max.*) -- (.*)$", page, re.MULTILINE)
    assert workflow == (f"{drill[0]} --junit drill.xml --log server.log", drill[1])
    words = shlex.split(f"{workflow[0]} --calls 2 --talk 0.2 --away 0.2 --storm 0.2")
    code, out, err = await command(*words, "--output", "json", "--", *shlex.split(workflow[1]))
    assert code == 0, f"{out}\n{err}"
    rows = json.loads(out)
    assert [row["drill"] for row in rows] == ["storm", "away", "kill", "more-starts", "sigterm"]
    assert {(row["result"], row["cut"], row["left"]) for row in rows} == {("ok", 0, 0)}
    assert [row["calls"] for row in rows[2:]] == [3, 4, 2]
    suite = ElementTree.parse(tmp_path / "drill.xml").getroot()  # noqa: S314
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("5", "0", "0")


async def test_a_server_that_does_not_come(command):
    code, out, err = await command("drill", "--", "no-such-server", "{port}")
    assert (code, out) == (2, "")
    assert err.endswith("Error: Cannot run 'no-such-server': No such file or directory.\n")
    script = "import os, sys; print('my key is', os.environ['DAILY_API_KEY']); sys.exit(7)"
    code, out, err = await command(
        "drill", "--only", "sigterm", "--", "python", "-c", script, "{port}"
    )
    assert (code, out) == (2, "")
    assert re.search(
        r"ended with code 7, and nothing listens on port \d+\.\nmy key is \*{3}\n", err
    )


async def test_a_server_that_goes_into_the_background(command, tmp_path):
    script = (
        "import subprocess; print('\\33[1m', 'a-secret')\n"
        "away = subprocess.Popen(['sleep', '600'], start_new_session=True)\n"
        "open('away', 'w').write(str(away.pid))"
    )
    code, out, err = await command(
        *("drill", "--header", "Authorization: Bearer a-secret", "--junit", "drill.xml"),
        *("--only", "sigterm", "--", "python", "-c", script, "{port}"),
    )
    assert (code, out) == (2, "")
    assert "but what it has started runs on: have it stay in the foreground.\n" in err
    assert "a-secret" not in err
    assert "\33" not in err
    assert state_of(int((tmp_path / "away").read_text())) == "Z"
    assert len(ElementTree.parse(tmp_path / "drill.xml").getroot()) == 0  # noqa: S314


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "Error: Say which server to drill: drill -- pipecat-daily-rest serve bot.py\n"),
        (("--only", "x", "--", "s"), "Error: There is no drill 'x': --only takes storm, "),
        (("--header", "x", "--", "s"), "Error: --header: write it as NAME:VALUE"),
        (("--header", "Host: x", "--", "s"), "Error: --header: Host follows from the request"),
        (("--header", "X\r\nY: z", "--", "s"), "Error: --header: write it as NAME:VALUE"),
        (("--body", "{", "--", "s"), "Error: --body must be JSON"),
        (("--junit", "no/x", "--", "s"), "Error: Cannot write to no/x: No such file or directory."),
    ],
)
async def test_wrong_options(command, words, says):
    code, out, err = await command("drill", *words)
    assert (code, out) == (2, "")
    assert err.startswith(says)


@pytest.mark.parametrize("name", ["DAILY_API_URL", "DAILY_ROOM_URL"])
async def test_an_env_file_that_leads_to_another_daily(command, tmp_path, name):
    (tmp_path / ".env").write_text(f"{name}=https://api.daily.co/v1\n")
    code, out, err = await command(*DRILL, *FLAWED)
    assert (code, out) == (2, "")
    assert f"{tmp_path}/.env sets {name}, which a server may prefer" in err


@pytest.mark.parametrize(
    "words", [("drill", "--", "x"), ("serve", "b.py"), ("demo",), ("sweep",), ("local", "--", "x")]
)
async def test_an_env_file_that_is_no_utf_8(command, tmp_path, words):
    (tmp_path / ".env").write_text("DAILY_API_KEY=k\n", "utf-16")
    code, out, err = await command(*words)
    assert (code, out) == (2, "")
    assert err == f"Error: {tmp_path}/.env cannot be read: save it as UTF-8.\n"


async def test_a_key_in_an_env_file_is_the_local_dailys(command, tmp_path):
    key = "k" * 32
    (tmp_path / ".env").write_text(f"DAILY_API_KEY={key}\n")
    code, _, err = await command(*DRILL, "--log", "server.log", *FLAWED)
    assert code == 0, err
    assert json.loads((tmp_path / "server.log").read_text())["key"] == key


async def test_a_port_that_somebody_else_has(command):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        url = f"http://127.0.0.1:{port}/start"
        server = ("--", sys.executable, SERVER, port, "3")
        code, out, err = await command(*DRILL, "--url", url, *server)
    assert (code, out) == (2, "")
    assert f"Error: Something else listens on port {port}: end it" in err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_the_server_too(tmp_path, warm, number):
    async with processes(tmp_path, warm) as start:
        drill = await start(
            *(sys.executable, "-m", "pipecat_daily_rest", "drill", "--talk", "600"),
            *("--only", "sigterm", "--log", "server.log", *FLAWED),
        )
        await drill.says("Drilling: sigterm", stream="err")
        await until(lambda: family(drill.process.pid))
        servers = family(drill.process.pid)
        drill.signal(number)
        assert await drill.ended() == 128 + number
        await all_gone(servers)
        assert "Traceback" not in drill.err
