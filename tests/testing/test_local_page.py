# SPDX-License-Identifier: BSD-2-Clause
"""What `local_page` says where something is missing; tests/web/test_web_docs.py shows it at work."""

from pathlib import Path

import pytest

from pypi import playwright_plugin
from suites import CONFTEST, run_suite

TEST = "def test_it(local_page):\n    pass\n\n\ndef test_of_other_people(page):\n    pass\n"
# Nothing of the plugin needs Playwright until a test asks for a page.
NO_PLAYWRIGHT = """
import sys

sys.modules["playwright"] = None
"""


def test_without_a_plugin_for_playwright(tmp_path: Path) -> None:
    files = {"conftest__py": NO_PLAYWRIGHT + CONFTEST, "test_it__py": TEST.split("\n\n\n")[0]}
    ended = run_suite(tmp_path, **files)
    assert "local_page needs pytest-playwright or pytest-playwright-asyncio" in ended.stdout
    assert "Traceback" not in ended.stdout + ended.stderr


def test_with_a_chromium_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(playwright_plugin()))
    ini = "[pytest]\nchromium_executable_path = /no/such/chromium\n"
    ended = run_suite(tmp_path, conftest__py=CONFTEST, test_it__py=TEST, pytest__ini=ini)
    sentence = "chromium_executable_path = /no/such/chromium: there is no such program."
    assert sentence in ended.stdout, ended.stdout
    assert "2 errors" in ended.stdout
    assert "web_page.py" not in ended.stdout
    # Other people's tests get the Chromium that they had.
    test = "def test_it(browser_type_launch_args):\n    assert browser_type_launch_args == {}\n"
    ended = run_suite(tmp_path, conftest__py=CONFTEST, test_it__py=test, pytest__ini=ini)
    assert "1 passed" in ended.stdout, ended.stdout
