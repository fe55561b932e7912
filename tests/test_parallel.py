# SPDX-License-Identifier: BSD-2-Clause
"""The order of the tests, and which of them one process runs; see `parallel`."""

from pathlib import Path

import pytest

import parallel
from suites import run_suite

SUPPORT = Path(__file__).with_name("support")
CONFTEST = f"""
import sys
sys.path.insert(0, {str(SUPPORT)!r})
import parallel
import pytest

@pytest.fixture(scope="package")
def costly(request):
    with (request.config.rootpath / "made").open("a") as made:
        made.write("x")

def pytest_xdist_make_scheduler(config, log):
    return parallel.Groups(config, log)
"""
TESTS = """
import pytest

@pytest.mark.parametrize("number", range(8))
def test_it(costly, number):
    pass
"""


def shares(item: pytest.Item) -> bool:
    """Whether a test has a fixture in common with others of its file or folder."""
    info = getattr(item, "_fixtureinfo", None)
    used = info.name2fixturedefs.values() if info else ()
    scopes = {each.scope for definitions in used for each in definitions if each.baseid}
    return not scopes.isdisjoint(("module", "package"))


def test_tests_that_share_a_fixture_are_a_group(request):
    alone = [item.nodeid for item in request.session.items if shares(item)]
    assert [nodeid for nodeid in alone if not parallel.group(nodeid)] == []


def test_a_group_is_for_one_process(tmp_path):
    folder = tmp_path / "tests" / "web"
    folder.mkdir(parents=True)
    for name in ("test_one.py", "test_two.py"):
        (folder / name).write_text(TESTS)

    done = run_suite(tmp_path, "-p", "xdist", "-n", "2", conftest__py=CONFTEST)

    assert "16 passed" in done.stdout
    assert (tmp_path / "made").read_text() == "x"


def test_groups_come_first_and_quick_tests_last(request):
    turns = [parallel.turn(item.nodeid) for item in request.session.items]
    assert turns == sorted(turns)
    assert parallel.turn("tests/browser/test_page.py::test_it") < 0
    assert parallel.turn(request.node.nodeid) == 0
    assert parallel.turn("tests/models/test_models.py::test_it") == 1
    known = (*parallel.TOGETHER, *parallel.LONG, *(f"tests/{name}" for name in parallel.QUICK))
    assert [each for each in known if not (SUPPORT.parents[1] / each).exists()] == []
