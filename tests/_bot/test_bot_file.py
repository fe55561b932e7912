# SPDX-License-Identifier: BSD-2-Clause
"""Bots that are loaded from files, several of them in one process."""

import json
import sys

import pytest

from pipecat_daily_rest import DailyConfigError
from pipecat_daily_rest._bot.bot_file import load_bot

BOT = "async def bot(runner_args):\n    return {!r}\n"


@pytest.fixture(autouse=True)
def _modules(monkeypatch):
    monkeypatch.setattr(sys, "path", sys.path.copy())
    loaded = set(sys.modules)
    yield
    for name in set(sys.modules) - loaded:
        del sys.modules[name]


async def test_bots_in_files_of_the_same_name_have_modules_of_their_own(tmp_path):
    bots = []
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "json.py").write_text(BOT.format(name))
        bots.append(load_bot(tmp_path / name / "json.py"))
    assert [await bot(None) for bot in bots] == ["one", "two", "three"]
    assert len({bot.__module__ for bot in bots}) == 3
    assert all(sys.modules[bot.__module__].bot is bot for bot in bots)
    assert sys.modules["json"] is json


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("missing.py", None, "There is no file"),
        ("notes.txt", "", "is not a Python file"),
        ("empty.py", "", "empty.py defines no bot()"),
    ],
)
def test_a_file_without_a_bot_is_refused_in_one_sentence(tmp_path, name, text, says):
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(DailyConfigError, match=says.replace("(", r"\(").replace(")", r"\)")):
        load_bot(tmp_path / name)
