# SPDX-License-Identifier: BSD-2-Clause
"""The local Daily as a child process, on real pipes and signals."""

import ast
import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bare_bot import Socket
from pipecat_daily_rest import local
from seconds import Within


@contextmanager
def child(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "pipecat_daily_rest.local", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def answer(process: subprocess.Popen[str]) -> dict[str, str]:
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


def domain(ready: dict[str, str]) -> dict[str, str]:
    headers = {"Authorization": f"Bearer {ready['api_key']}"}
    request = urllib.request.Request(f"{ready['api_url']}/", headers=headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=60) as got:  # noqa: S310
        assert got.headers["X-Local-Daily"] == "1"
        return json.load(got)


def alive(process: subprocess.Popen[str]) -> bool:
    """Tell whether the process runs; a zombie does not: poll() reaps it."""
    return process.poll() is None


def test_it_lives_until_its_stdin_ends(within: Within) -> None:
    with child() as process:
        ready = answer(process)
        assert sorted(ready) == ["api_key", "api_url", "face_url", "script_tag"]
        assert ready["api_url"].startswith("http://127.0.0.1:")
        assert len(ready["api_key"]) == 64
        assert ready["api_key"] not in " ".join(process.args)
        for signum in (signal.SIGINT, signal.SIGTERM):
            os.killpg(process.pid, signum)
            os.kill(process.pid, signum)
        assert domain(ready)["domain_name"] == "local"
        assert process.stdin is not None
        process.stdin.write("what is written is of no interest\n")
        process.stdin.flush()
        assert domain(ready)["domain_name"] == "local"
        assert alive(process)
        process.stdin.close()
        process.stdin = None
        with within(1, "the local Daily's process ends after its parent"):
            assert process.wait(timeout=60) == 0
        rest, errors = process.communicate()
        assert (rest, errors) == ("", "")


def test_every_start_has_a_key_of_its_own() -> None:
    with child() as one, child() as two:
        assert answer(one)["api_key"] != answer(two)["api_key"]


@pytest.mark.parametrize("held", [False, True], ids=["", "while somebody else holds its stdin"])
def test_it_ends_with_a_parent_that_was_killed(held: bool) -> None:
    stdin, pipe = os.pipe()
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-m', 'pipecat_daily_rest.local'],\n"
        f"    stdin={stdin}, stdout=subprocess.PIPE, start_new_session=True)\n"
        "print(child.pid, child.stdout.readline().decode(), flush=True)\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
        pass_fds=(stdin, pipe),
    ) as parent:
        os.close(stdin)
        if not held:
            os.close(pipe)
        assert parent.stdout is not None
        pid, _, line = parent.stdout.readline().partition(" ")
        ready = json.loads(line)
        assert domain(ready)
        parent.kill()
    deadline = time.monotonic() + 30
    address = (
        ready["api_url"].split("/")[2].split(":")[0],
        int(ready["api_url"].split(":")[2][:-3]),
    )
    while time.monotonic() < deadline:
        try:
            socket.create_connection(address, timeout=1).close()
        except OSError:
            break
        time.sleep(0.02)
    else:
        os.kill(int(pid), signal.SIGKILL)
        pytest.fail("the child outlived its parent")
    if held:
        os.close(pipe)


def test_a_stuck_room_does_not_keep_it_alive() -> None:
    # A participant never ends: the watching thread ends the process at its deadline.
    code = (
        "import sys, time\n"
        "from pipecat_daily_rest.local import __main__ as child, server\n"
        "server.LocalDaily.aclose = lambda self: time.sleep(600)\n"
        "sys.exit(child.main())\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert domain(answer(process))
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(timeout=60) == 0


def test_a_port_that_was_asked_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with child("--port", str(port)) as process:
            assert answer(process) == {
                "error": f"Port {port} is taken by another program: end that program, or choose "
                "another port (0 is any free one)."
            }
            assert process.wait(timeout=60) == 1
            assert process.communicate() == ("", "")
        with child("--prefer-port", str(port)) as process:
            ready = answer(process)
            assert domain(ready)
            assert f":{port}/" not in ready["api_url"]
    with child("--prefer-port", str(port)) as process:
        assert answer(process)["api_url"] == f"http://127.0.0.1:{port}/v1"


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--port", "x"], "invalid int value"),
        (["--port", "70000"], "port must be from 1 to 65535"),
        (["--prefer-port", "70000", "--host", "203.0.113.7"], "not an address of this machine"),
        (["--nonsense"], "unrecognized arguments"),
        (["--port", "1", "--prefer-port", "2"], "not allowed with"),
        (["--host", "203.0.113.7"], "not an address of this machine"),
        (["--log-level", "loud"], "invalid choice"),
        (["--latency", "-1"], "latency must be seconds"),
    ],
)
def test_an_error_is_one_sentence(arguments: list[str], part: str) -> None:
    with child(*arguments) as process:
        error = answer(process)
        assert list(error) == ["error"]
        assert part in error["error"]
        assert error["error"].endswith(".")
        assert process.wait(timeout=60) == 1
        assert process.communicate() == ("", "")


@pytest.mark.parametrize("level", ["debug", "WARNING"])
def test_its_log_goes_to_stderr(level: str) -> None:
    with child("--log-level", level) as process:
        ready = answer(process)
        headers = {"Authorization": f"Bearer {ready['api_key']}"}
        url = f"{ready['api_url']}/rooms"
        request = urllib.request.Request(url, b'{"name": "demo"}', headers)  # noqa: S310
        urllib.request.urlopen(request, timeout=60).close()  # noqa: S310
        rest, errors = process.communicate(timeout=60)
    assert rest == ""
    assert ("Local room demo: created" in errors) == (level == "debug")
    assert ready["api_key"] not in errors


def delete_nothing(ready: dict[str, str]) -> int:
    headers = {"Authorization": f"Bearer {ready['api_key']}"}
    url = f"{ready['api_url']}/rooms/none"
    request = urllib.request.Request(url, headers=headers, method="DELETE")  # noqa: S310
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=60)  # noqa: S310
    refused.value.close()
    return refused.value.code


def test_limits_and_latency_are_options() -> None:
    with child("--limits") as process:
        ready = answer(process)
        assert [delete_nothing(ready) for _ in range(51)] == [404] * 50 + [429]
    with child("--latency", "0.3") as process:
        ready = answer(process)
        began = time.monotonic()
        assert delete_nothing(ready) == 404
        assert time.monotonic() - began > 0.29


def test_it_starts_without_aiortc_and_pipecat() -> None:
    code = (
        "import sys\n"
        "import pipecat_daily_rest.local.__main__\n"
        "print(*{'aiortc', 'aioice', 'av', 'pipecat', 'daily'} & set(sys.modules))\n"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert loaded.stdout.split() == []


def test_it_shares_nothing_with_the_client_but_errors_and_masking() -> None:
    ours = "pipecat_daily_rest."
    folder = Path(local.__file__).parent
    imported = {
        name
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else ["." * node.level + (node.module or "")]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert f"{ours}local.call.state" in imported
    above = {name for name in imported if name.startswith(ours)}
    above = {name for name in above if not name.startswith(f"{ours}local")}
    assert above <= {f"{ours}errors", f"{ours}_core.secret"}
    assert "pipecat_daily_rest" not in imported


async def test_a_recording_stays_where_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, http: aiohttp.ClientSession
) -> None:
    monkeypatch.setenv("LOCAL_DAILY_RECORDINGS", str(tmp_path / "kept"))
    with child() as process:
        ready = answer(process)
        headers = {"Authorization": f"Bearer {ready['api_key']}"}
        audio = {"type": "cloud-audio-only"}

        async def post(path: str, **body: Any) -> None:
            url = ready["api_url"] + path
            async with http.post(url, json=body, headers=headers) as response:
                assert response.status == 200, await response.text()

        await post("/rooms", name="demo")
        socket = await http.ws_connect(ready["api_url"].removesuffix("/v1") + "/demo/link")
        bot = Socket(socket)
        await bot.ask("join", token=None, user_name="Robot")
        await post("/rooms/demo/recordings/start", **audio)
        await bot.event("recording-started")
        while not list(tmp_path.rglob("*.m4a")):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.05)
        process.communicate(timeout=60)
        assert process.returncode == 0
        await socket.close()
    assert [path.suffix for path in (tmp_path / "kept" / "demo").iterdir()] == [".m4a"]
