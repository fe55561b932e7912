# SPDX-License-Identifier: BSD-2-Clause
"""Which files of a bot are watched, and what counts as a save."""

import asyncio
import importlib.util
import os
import py_compile
from contextlib import asynccontextmanager

import pytest

from pipecat_daily_rest.runner import watched_files
from pipecat_daily_rest.runner.watched_files import Changes, WatchedFiles


@pytest.fixture(autouse=True)
def _often(monkeypatch):
    monkeypatch.setattr(watched_files, "_PAUSE", 0.01)


@pytest.fixture
async def watched(tmp_path):
    (tmp_path / "bot.py").write_text("")
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "voice.py").write_text("")
    watched = WatchedFiles(str(tmp_path / "bot.py"))
    await watched.take()
    return watched


@asynccontextmanager
async def saving(watched, *names, deleted=()):
    """Look again and again, and expect that these were saved, and those deleted."""
    looking = asyncio.create_task(watched.saved())
    await asyncio.sleep(0)
    yield
    assert await looking == Changes(list(names), list(deleted))
    await watched.take()


async def test_saves_of_every_kind(watched, tmp_path):
    bot, voice = tmp_path / "bot.py", tmp_path / "parts" / "voice.py"
    async with saving(watched, "bot.py"):
        bot.write_text("1")
    async with saving(watched, "bot.py"):
        (tmp_path / "4913").write_text("2")  # as editors do
        os.replace(tmp_path / "4913", bot)
    async with saving(watched, "bot.py", "parts/voice.py"):
        bot.write_text("3")
        voice.write_text("3")
    async with saving(watched, "parts/new.py"):
        (tmp_path / "parts" / "new.py").write_text("")
    async with saving(watched, deleted=["parts/voice.py"]):
        voice.unlink()
    async with saving(watched, "parts/newer.py", deleted=["parts/new.py"]):
        os.rename(tmp_path / "parts" / "new.py", tmp_path / "parts" / "newer.py")


def test_what_is_said_of_changes():
    assert str(Changes(["bot.py"], [])) == "Saved: bot.py."
    assert str(Changes([], ["bot.py"])) == "Deleted: bot.py."
    both = Changes(["a.py", "b.py", "c.py", "d.py", "e.py"], ["f.py"])
    assert str(both) == "Saved: a.py, b.py, c.py and 2 more. Deleted: f.py."


async def test_a_file_of_the_same_size_and_time(watched, tmp_path):
    """As after a copy that keeps times."""
    bot = tmp_path / "bot.py"
    before = bot.stat()
    async with saving(watched, "bot.py"):
        (tmp_path / "copy").write_text("")
        os.utime(tmp_path / "copy", ns=(before.st_atime_ns, before.st_mtime_ns))
        os.replace(tmp_path / "copy", bot)


async def test_what_is_saved_until_the_new_bot_comes_is_one_save(watched, tmp_path):
    async with saving(watched, "bot.py"):
        for number in range(5):
            (tmp_path / "bot.py").write_text(str(number))
    (tmp_path / "bot.py").write_text("while the old bot leaves")
    await watched.take()
    async with saving(watched, "parts/voice.py"):
        (tmp_path / "parts" / "voice.py").write_text("1")


async def test_what_is_no_file_of_the_bot(watched, tmp_path):
    async with saving(watched, "bot.py"):
        for folder in (".hidden", "env", "node_modules", "lib/site-packages", "__pycache__"):
            (tmp_path / folder).mkdir(parents=True)
            (tmp_path / folder / "other.py").write_text("")
        (tmp_path / "env" / "pyvenv.cfg").write_text("")
        (tmp_path / "env" / "lib").mkdir()
        (tmp_path / "env" / "lib" / "other.py").write_text("")
        (tmp_path / ".#bot.py").write_text("")
        (tmp_path / "notes.txt").write_text("")
        (tmp_path / "bot.py").write_text("1")


async def test_a_bot_in_a_hidden_folder_or_a_virtual_environment_is_watched(tmp_path):
    folder = tmp_path / ".hidden"
    folder.mkdir()
    (folder / "pyvenv.cfg").write_text("")
    bot = folder / ".bot"
    bot.write_text("")
    watched = WatchedFiles(str(bot))
    await watched.take()
    async with saving(watched, ".bot"):
        bot.write_text("1")


async def test_no_bytecode_of_the_file_as_it_was_is_used(watched, tmp_path):
    """Python compares the size and the second, and a save may change neither."""
    bot = tmp_path / "bot.py"
    bot.write_text("hz = 440")
    await watched.take()
    now = bot.stat()
    py_compile.compile(str(bot))
    cached = importlib.util.cache_from_source(str(bot))
    await watched.take()
    assert os.path.exists(cached)
    bot.write_text("hz = 880")
    os.utime(bot, ns=(now.st_atime_ns, now.st_mtime_ns + 1))
    await watched.take()
    assert not os.path.exists(cached)
