# SPDX-License-Identifier: BSD-2-Clause
"""What a suite that has no test of a bot pays for the plugin: nearly nothing."""

from pathlib import Path

import pytest

from suites import run_suite

HEAVY = (
    *("aiohttp", "numpy", "pydantic", "loguru", "jwt", "aiortc", "pipecat", "daily", "ssl"),
    *("pipecat_daily_rest._rest", "pipecat_daily_rest._http", "pipecat_daily_rest.models"),
    *("pipecat_daily_rest.local.server", "pipecat_daily_rest.local.bot"),
)
SAY_LOADED = f"""
import sys

def pytest_unconfigure():
    print("loaded:", sorted(set({HEAVY!r}) & set(sys.modules)))
"""
# Of pytest-asyncio and of the other plugins here; the suite has none of them.
ALONE = ("-p", "pipecat_daily_rest.testing", "-p", "no:asyncio", "-p", "no:anyio")


def test_it_loads_nothing_heavy_where_no_fixture_of_ours_is_used(tmp_path: Path) -> None:
    ended = run_suite(
        tmp_path,
        *ALONE,
        "--collect-only",
        pytest__ini="[pytest]\n",
        conftest__py=SAY_LOADED,
        test_it__py="def test_it(): ...\n",
    )
    assert "1 test collected" in ended.stdout, ended.stdout + ended.stderr
    assert "loaded: []" in ended.stdout, ended.stdout


def test_a_failed_test_of_the_suites_own_loads_nothing_either(tmp_path: Path) -> None:
    ended = run_suite(
        tmp_path,
        *ALONE,
        pytest__ini="[pytest]\n",
        conftest__py=SAY_LOADED,
        test_it__py="def test_it():\n    assert 1 == 2\n",
    )
    assert "1 failed" in ended.stdout, ended.stdout + ended.stderr
    assert "loaded: []" in ended.stdout, ended.stdout


@pytest.mark.parametrize("imports", ["import daily", "from daily.daily import CallClient"])
def test_the_first_import_of_daily_loads_its_stand_in_once(tmp_path: Path, imports: str) -> None:
    ended = run_suite(
        tmp_path,
        *ALONE[:2],
        daily__py="raise ImportError('daily-python')\n",
        conftest__py="import sys\nassert 'daily' not in sys.modules\n",
        test_it__py=f"""
{imports}
import sys, daily, daily.daily

def test_it():
    assert daily.__stand_in__
    assert sys.modules["daily.daily"].CallClient is daily.CallClient
""",
    )
    assert "1 passed" in ended.stdout, ended.stdout + ended.stderr


def test_a_test_with_a_local_daily_reaches_no_other_though_it_imports_no_daily(
    tmp_path: Path,
) -> None:
    ended = run_suite(
        tmp_path,
        *ALONE[:2],
        test_it__py="""
import socket, pytest

def test_it(local_daily):
    with pytest.raises(socket.gaierror, match="This is a local run"):
        socket.getaddrinfo("api.daily.co", 443)
""",
    )
    assert "1 passed" in ended.stdout, ended.stdout + ended.stderr
