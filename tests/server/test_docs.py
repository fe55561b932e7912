# SPDX-License-Identifier: BSD-2-Clause
"""docs/server.md: what it shows runs as it stands there, and what it lists is all there is."""

import ast
import asyncio
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import get_args

import pytest

from pipecat_daily_rest.webhooks.parsing import Reason

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "server.md").read_text()
BIN = Path(sys.executable).parent
SERVES = re.compile(r"((?:\w+=\S+ +)*)(pipecat-daily-rest (?:serve|local -- uvicorn) .*)")
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")


def walks():
    """Give each server that the page starts: its environment, its command, and the curls after it."""
    found = []
    for block in re.findall(r"```console\n(.*?)```", PAGE.replace("\\\n   ", ""), re.DOTALL):
        for line, answer in re.findall(r"^\$ (.*)\n((?:[^$\n].*\n)*)", block, re.MULTILINE):
            if (serves := SERVES.fullmatch(line)) is not None:
                env = dict(each.split("=", 1) for each in serves[1].split())
                found.append((env, serves[2], []))
            elif line.startswith("curl "):
                found[-1][2].append((line, answer))
            else:
                assert line.startswith("pip install "), f"nobody runs this line: {line}"
    return found


WALKS = walks()


@pytest.fixture
def folder(tmp_path):
    """A newcomer's folder: the bot and the app of the page."""
    shutil.copy(ROOT / "examples" / "server" / "bot.py", tmp_path)
    for name in ("outbound.py", "tones.py"):
        shutil.copy(ROOT / "examples" / "phone" / name, tmp_path)
    parts = re.findall(r"```python\n(# app\.py.*?)```", PAGE, re.DOTALL)
    (tmp_path / "app.py").write_text("".join(parts))
    return tmp_path


@pytest.fixture
def run(start, local_daily, folder):
    """Runs a server's command, at a free port, and gives its address."""

    async def run(command, env, *port):
        program, *arguments = shlex.split(command)
        path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
        env = {**local_daily.env(), "PATH": path, "UVICORN_PORT": "0", **env}
        server = await start(BIN / program, *arguments, *port, cwd=folder, env=env)
        if "uvicorn" in command:
            return server, await server.says(
                r"(?:running on|Listening at:) (http://\S+)", stream="err"
            )
        url = await server.says(r"^(http://\S+)$")
        return server, url.replace("0.0.0.0", "127.0.0.1")  # noqa: S104

    return run


async def curl(line):
    if shutil.which("curl") is None:
        pytest.skip("needs curl")
    shell = await asyncio.create_subprocess_exec(
        *("sh", "-c", line.replace("curl ", "curl --silent --show-error --fail-with-body ", 1)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = (each.decode() for each in await shell.communicate())
    assert shell.returncode == 0, f"{line}\n{out}{err}"
    return out


def test_the_page_starts_servers_and_asks_them():
    assert [len(curls) for _, _, curls in WALKS] == [3, 3, 1, 1, 2]
    assert "--local" in WALKS[0][1]
    assert len(WALKS[1][0]) == 2


@pytest.mark.parametrize(
    ("env", "command", "curls"), WALKS, ids=["local", "keys", "phone", "app", "replica"]
)
async def test_the_curls_run_as_they_stand(request, run, local_daily, env, command, curls):
    if "DAILY_REDIS_URL" in env:
        env = {**env, "DAILY_REDIS_URL": request.getfixturevalue("redis").url}
    port = () if "uvicorn" in command else ("--port", "0")
    server, url = await run(command, env, *port)
    started = {"sessionId": "s…", "dailyToken": "eyJ…"}
    for line, shown in curls:
        line = ADDRESS.sub(url, line).replace("s…", started["sessionId"])
        answer = await curl(line.replace("eyJ…", started["dailyToken"]))
        for key in re.findall(r'"(\w+)":', shown):
            assert f'"{key}":' in answer, line
        for pair in re.findall(r'"\w+":(?:"[^"…]*"|\d+|null|\["\w+"\])(?=[,}])', shown):
            assert pair in answer, line
        if "/start " in line:
            started = json.loads(answer)
            assert list(started) == ["dailyRoom", "dailyToken", "sessionId"]
            await server.says(f"{started['sessionId']}.*Joined", stream="err")
    server.signal(signal.SIGTERM)
    code = await server.ended()
    assert code == (128 + signal.SIGTERM if "uvicorn" in command else 0)
    assert local_daily.rooms == {}
    assert "Traceback" not in server.err
    assert "WARNING" not in server.err


async def test_the_app_under_gunicorn_with_its_errors_as_json(run, local_daily):
    (command,) = re.findall(r"`(gunicorn .*?)`", PAGE)
    server, url = await run(command, {}, "-b", "127.0.0.1:0")
    answer = await curl(f"curl -X POST {url}/bots/start -d '{{\"createDailyRoom\": true}}'")
    assert list(json.loads(answer)) == ["dailyRoom", "dailyToken", "sessionId"]
    for method, path, status in (("GET", "/no", 404), ("PUT", "/bots/start", 405)):
        answer = await curl(f"curl -X {method} {url}{path} || true")
        assert (json.loads(answer)["status"], json.loads(answer)["code"]) == (status, str(status))
    preflight = (
        "-X OPTIONS -H 'Origin: https://app.example' -H 'Access-Control-Request-Method: POST'"
    )
    assert "allow-origin: https://app.example" in await curl(
        f"curl -i {preflight} {url}/bots/start"
    )
    other = "-H 'Origin: https://another.example'"
    refused = await curl(f"curl -X POST {other} {url}/bots/start -d '{{}}' || true")
    assert json.loads(refused)["status"] == 403
    server.signal(signal.SIGTERM)
    await server.ended()
    assert local_daily.rooms == {}


def test_the_extras_exist():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for extras in re.findall(r"'pipecat-daily-rest\[([\w,]+)\]'", PAGE):
        assert set(extras.split(",")) <= project["optional-dependencies"].keys()


def test_every_option_is_in_the_table_with_its_variable_and_its_default():
    shown = subprocess.run(
        [sys.executable, "-m", "pipecat_daily_rest", "serve", "--help"],
        capture_output=True,
        text=True,
        env={"COLUMNS": "400", "NO_COLOR": "1"},
        check=True,
    ).stdout
    options = {}
    for option, text in re.findall(r"(--[a-z][a-z-]+) (.*)", shown):
        variable = re.search(r"env var: (\w+)", text)
        default = re.search(r"default: ([\w.]+)", text.replace(f"no{option[1:]}", "off"))
        options[option] = (variable and variable[1], default and default[1])
    options.pop("--help")
    assert {"--local", "--max-sessions", "--drain"} <= options.keys()
    rows = re.findall(r"^\| `(--[\w-]+)` \| (.*?) \| (.*?) \|", PAGE, re.MULTILINE)
    assert [option for option, *_ in rows] == list(options)
    for option, variables, default in rows:
        named = re.findall(r"`(\w+)`", variables)
        assert named[:1] == [each for each in options[option][:1] if each], option
        if options[option][1] is not None:
            assert default.strip("`") == options[option][1], option


def codes():
    """Give each error code that the HTTP face has, with its status."""
    found = set()
    for name in (
        "app",
        "router",
        "http_body",
        "http_errors",
        "dialin",
        "start_answer",
        "session_routes",
    ):
        tree = ast.parse((ROOT / f"src/pipecat_daily_rest/server/{name}.py").read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("answer", "HTTPError"):
                given = [
                    *node.args[2:],
                    *(each.value for each in node.keywords if each.arg == "code"),
                ]
                if isinstance(status := node.args[0], ast.Constant):
                    code = given[0] if given else ast.Constant(str(status.value))
                    reasons = {*get_args(Reason)} - {"unreadable"}  # of a signature
                    words = reasons if "reason" in ast.unparse(code) else {ast.literal_eval(code)}
                    found |= {(str(status.value), each) for each in words}
            elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_SESSION_ERRORS":
                for pair in node.value.values:
                    status, code = ast.literal_eval(pair)
                    found.add((str(status), code))
    return found | {("405", "405")}  # Starlette's own


def test_every_error_is_in_the_table():
    assert ("429", "PCC-AGENT-AT-CAPACITY") in codes()
    assert ("422", "invalid-request") in codes()
    rows = re.findall(r"^\| (\d{3}) \| `([\w-]+)` \|", PAGE, re.MULTILINE)
    assert set(rows) == codes()


def test_what_is_deployed_fits_the_page():
    """The files were not run where they were written: at least their names and times are right."""
    folder = ROOT / "examples" / "deploy"
    dockerfile, compose = ((folder / name).read_text() for name in ("Dockerfile", "compose.yaml"))
    for variable in re.findall(r"PIPECAT_DAILY_\w+", dockerfile + compose):
        assert f"`{variable}`" in PAGE or f"{variable}=" in PAGE, variable
    command = json.loads(re.search(r"^CMD (.*)$", dockerfile, re.MULTILINE)[1])
    assert command[:2] == ["pipecat-daily-rest", "serve"]
    assert all(f"| `{each}` |" in PAGE for each in command if each.startswith("--"))
    for text in (dockerfile, compose):
        drain = int(re.search(r'DRAIN(?:=|: ")(\d+)', text)[1])
        grace = int(re.search(r"--time (\d+)|stop_grace_period: (\d+)s", text).expand(r"\1\2"))
        assert grace >= drain + 20
