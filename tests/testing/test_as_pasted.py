# SPDX-License-Identifier: BSD-2-Clause
"""The files of docs/first-test.md as they are pasted, and the ways in which people write and run tests."""

import re
from pathlib import Path

import pytest

from suites import CONFTEST, Run, run_pytest
from warm import Warm

PAGE = (Path(__file__).parents[2] / "docs" / "first-test.md").read_text()
FILES = dict(re.findall(r"<!-- file: ([\w.]+) -->\n```python\n(.*?)```", PAGE, re.DOTALL))

WAYS = """
import asyncio
import pytest
from bot import bot

class TestBot:
    async def test_in_a_class(self, local_room):
        async with local_room(bot) as room:
            ana = await room.person("Ana")
            await ana.hears(880)

def test_without_asyncio(local_daily, local_room):
    async def conversation():
        async with local_room(bot) as room:
            ana = await room.person("Ana")
            await ana.hears(880)
    asyncio.run(conversation())

async def test_that_fails(local_daily, local_room, daily_helper):
    async with local_room(bot) as room:
        ana = await room.person("Ana")
        knock = room.hands
        assert ana is None
"""

SESSION = """
import pytest
import pytest_asyncio
from bot import bot

pytestmark = pytest.mark.asyncio(loop_scope="session")

@pytest.fixture(scope="session")
def url(local_daily):
    return local_daily.url

@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def room(local_room):
    async with local_room(bot) as room:
        yield room

async def test_one(room, url):
    ana = await room.person("Ana")
    await ana.hears(880)
    assert room.url.startswith(url)

async def test_two(room):
    assert [person.user_name for person in room.people] == ["Ana"]
    await (await room.person("Bo")).hears(880)
"""


def paste(folder: Path) -> None:
    for name, text in FILES.items():
        (folder / name).write_text(text)


def test_the_pages_files_are_green_in_an_empty_folder(tmp_path: Path, warm: Warm) -> None:
    assert FILES.keys() == {"conftest.py", "bot.py", "test_bot.py"}
    paste(tmp_path)
    ended = run_pytest(tmp_path, "-o", "local_daily_factor=10", warm=warm)
    assert "1 passed" in ended.stdout, ended.stdout + ended.stderr
    assert "is unset" not in ended.stdout + ended.stderr  # a warning of pytest-asyncio


def test_classes_processes_locals_and_no_asyncio(tmp_path: Path) -> None:
    paste(tmp_path)
    (tmp_path / "test_bot.py").write_text(WAYS)
    ended = run_pytest(
        tmp_path, "-n", "2", "--showlocals", "-o", "local_daily_factor=10", "-p", "xdist"
    )
    assert "1 failed, 2 passed" in ended.stdout, ended.stdout + ended.stderr
    assert re.search(r"^(E +)?ana += <'Ana', ", ended.stdout, re.MULTILINE), ended.stdout
    assert "eyJ" not in ended.stdout  # no token


def test_fixtures_of_the_session(suite: Run) -> None:
    ini = "[pytest]\nlocal_daily_scope = session\nlocal_daily_factor = 10\n"
    files = {"pytest__ini": ini, "conftest__py": CONFTEST, "bot__py": FILES["bot.py"]}
    ended = suite(test_it__py=SESSION, **files)
    assert "2 passed" in ended.stdout, ended.stdout + ended.stderr


def test_a_mode_that_the_user_set_is_kept(suite: Run) -> None:
    test = "async def test_it(local_daily): ...\n"
    for mode, end in ((None, "1 passed"), ("strict", "1 failed"), ("auto", "1 passed")):
        ini = "[pytest]\n" + (f"asyncio_mode = {mode}\n" if mode else "")
        ended = suite(pytest__ini=ini, conftest__py=CONFTEST, test_it__py=test)
        assert end in ended.stdout, ended.stdout + ended.stderr
    ended = suite("-o", "asyncio_mode=strict", conftest__py=CONFTEST, test_it__py=test)
    assert "1 failed" in ended.stdout, ended.stdout


def test_without_pytest_asyncio_the_header_says_what_to_install(suite: Run) -> None:
    test = "def test_it(local_daily): ...\n"
    ended = suite("-p", "no:asyncio", conftest__py=CONFTEST, test_it__py=test)
    assert "pytest-asyncio is missing, which runs `async def` tests: pip install" in ended.stdout
    assert "1 passed" in ended.stdout, ended.stdout


def test_budgets_of_the_ini_file(suite: Run) -> None:
    ini = "[pytest]\nlocal_daily_timeout = 0.2\nlocal_daily_factor = 2\n"
    test = """
import pytest
def test_it(local_daily):
    local_daily.run(_make(local_daily))

async def _make(local_daily):
    daily = local_daily._daily
    daily.state.rooms.create("demo", "public", {})
    ana = daily.join("demo", user_name="Ana")
    with pytest.raises(TimeoutError, match="Ana heard no 880 Hz tone within 0.4 s"):
        await ana.hears(880)
    with pytest.raises(TimeoutError, match="within 0.1 s"):
        await ana.hears(880, timeout=0.05)
"""
    ended = suite(pytest__ini=ini, conftest__py=CONFTEST, test_it__py=test)
    assert "1 passed" in ended.stdout, ended.stdout + ended.stderr
    wrong = "[pytest]\nlocal_daily_factor = no\n"
    ended = suite(pytest__ini=wrong, conftest__py=CONFTEST, test_it__py=test)
    assert (
        "local_daily_factor in pytest's ini file must be a number above 0, not 'no'" in ended.stderr
    )
    assert "Traceback" not in ended.stderr


def test_our_own_waits_and_those_of_nested_runs_are_ten_times_as_long(
    suite: Run, pytestconfig: pytest.Config
) -> None:
    assert pytestconfig.getini("local_daily_factor") == "10"
    test = """
from pipecat_daily_rest.local.call.budget import BUDGET, DEFAULT
def test_it():
    assert (BUDGET.factor, BUDGET.of(DEFAULT), BUDGET.of(0.2)) == (10, 100, 2)
"""
    exec(test, there := {})  # noqa: S102
    there["test_it"]()
    ended = suite(conftest__py=CONFTEST, test_it__py=test)
    assert "1 passed" in ended.stdout, ended.stdout + ended.stderr
