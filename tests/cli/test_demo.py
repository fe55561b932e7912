# SPDX-License-Identifier: BSD-2-Clause
import importlib.util
import os
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from pipecat_daily_rest.cli import demo_command
from programs import processes

ROOT = Path(__file__).parents[2]
LINK = r"(http://localhost:\d+/[a-z0-9-]+\?t=[\w.-]+)\s"


def files(folder):
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)) for path in found if "__pycache__" not in path.parts}


@pytest.fixture
async def start(tmp_path, warm):
    async with processes(tmp_path, warm) as start:
        yield start


async def test_the_demo_is_local_without_a_key(start):
    command = (sys.executable, "-m", "pipecat_daily_rest", "demo")
    program = await start(*command)
    await program.says(LINK)
    assert program.err.startswith("Starting a bot on a local Daily: it repeats what you say, ")
    program.signal(signal.SIGINT)
    await program.says("^Room .* deleted$")
    assert await program.ended() == 0


def test_the_demo_looks_for_a_key_as_the_runner_does(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("DAILY_API_KEY=\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DAILY_API_KEY", "one of another account")
    assert not demo_command.has_key()


async def test_the_demo_on_daily_needs_a_key(command):
    code, out, err = await command("demo", "--daily")
    assert (code, out) == (2, "")
    assert err.startswith("Error: DAILY_API_KEY is not set.")


async def test_a_copy_of_the_examples(command, tmp_path):
    code, out, err = await command("demo", "--copy", "bots")
    assert (code, out) == (0, "")
    assert "bots/quickstart.py" in err
    assert files(tmp_path / "bots") == files(ROOT / "examples")
    changed = tmp_path / "bots" / "quickstart.py"
    changed.write_text("mine")
    code, _, err = await command("demo", "--copy", "bots")
    assert code == 2
    assert err == "Error: bots has something in it: name a new folder.\n"
    assert changed.read_text() == "mine"


def test_pytest_beside_a_copy_runs_the_users_own_tests_alone(tmp_path):
    demo_command.copy(tmp_path / "bots")
    (tmp_path / "test_bot.py").write_text("def test_mine():\n    pass\n")
    collect = (sys.executable, "-m", "pytest", "--collect-only", "-q", "-c", os.devnull)
    environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    environment.pop("PYTEST_ADDOPTS", None)
    done = subprocess.run(
        (*collect, "--rootdir", "."), cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
    assert [line for line in done.stdout.splitlines() if "::" in line] == ["test_bot.py::test_mine"]


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
async def test_a_folder_that_cannot_be_written(command, tmp_path):
    tmp_path.chmod(0o500)
    code, _, err = await command("demo", "--copy", "bots")
    assert code == 1
    assert err.startswith("Error: The examples cannot be copied")


def test_a_wheel_has_the_examples_where_the_demo_looks_first():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    included = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    package = Path(importlib.util.find_spec("pipecat_daily_rest").origin).parent
    assert included == {"examples": "pipecat_daily_rest/examples"}
    assert demo_command._FOLDERS[0] == package / "examples"
