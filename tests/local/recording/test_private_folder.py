# SPDX-License-Identifier: BSD-2-Clause
"""The private folder of recordings goes with its local Daily, also after a SIGKILL."""

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.recording import private_folder
from pipecat_daily_rest.local.recording.private_folder import PREFIX, PrivateFolder

START = "/rooms/demo/recordings/start"
PROGRAM = """
import asyncio
from pipecat_daily_rest.local import LocalDaily

async def main():
    async with LocalDaily() as daily:
        room = daily.state.rooms.create("demo", "public", {})
        daily.join("demo").tone(440, 60)
        running = daily.recorder.start(room, {"type": "cloud-audio-only"}, None)
        while not any(path.exists() for path in running.writer.paths):
            await asyncio.sleep(0.01)
        print(running.writer.paths[0].parent.parent, flush=True)
        await asyncio.to_thread(input)

asyncio.run(main())
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of temporary files, for this process and its children."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such lock")
async def test_the_next_local_daily_removes_what_killed_ones_left(temporary: Path) -> None:
    def start() -> Any:
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    (temporary / "elsewhere").mkdir()
    (temporary / f"{PREFIX}link").symlink_to(temporary / "elsewhere")
    (temporary / f"{PREFIX}file").touch()
    with start() as killed, start() as alive:
        folders = [Path(each.stdout.readline().strip()) for each in (killed, alive)]
        killed.kill()
        killed.wait()
        assert [len([*folder.rglob("*.m4a")]) for folder in folders] == [1, 1]
        async with LocalDaily():
            assert [folder.exists() for folder in folders] == [False, True]
        async with LocalDaily():
            assert [*folders[1].rglob("*.m4a")]
        alive.communicate("\n")
        assert alive.returncode == 0
    left = sorted(each.name for each in temporary.iterdir())
    assert left == ["elsewhere", f"{PREFIX}file", f"{PREFIX}link"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such lock")
@pytest.mark.parametrize("when", ["before it is locked", "as it is locked"])
def test_a_folder_that_is_taken_for_a_dead_ones_is_made_again(
    temporary: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    lock = private_folder._locked
    taken: list[Path] = []

    def locked(path: Path) -> int:
        monkeypatch.setattr(private_folder, "_locked", lock)
        taken.append(path)
        if when == "before it is locked":
            private_folder.remove_dead()
            return lock(path)
        file = lock(path)
        path.rmdir()  # by another, who had found it before
        return file

    monkeypatch.setattr(private_folder, "_locked", locked)
    folder = PrivateFolder()
    assert [folder.path] == [*temporary.iterdir()] != taken
    private_folder.remove_dead()
    assert folder.path.exists()
    folder.remove()
    assert [*temporary.iterdir()] == []


async def test_without_locks_nothing_of_others_is_removed(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(private_folder, "fcntl", None)
    mine, other = PrivateFolder(), PrivateFolder()
    async with LocalDaily():
        assert mine.path.exists()
    mine.remove()
    assert [*temporary.iterdir()] == [other.path]


async def test_no_place_for_a_folder_is_said(
    temporary: Path, call: Callable[..., Any], daily: LocalDaily
) -> None:
    temporary.rmdir()
    daily.join("demo")
    status, answer = await call("POST", START, {"type": "cloud-audio-only"})
    assert status == 501
    assert answer["info"].startswith("there is no folder for recordings (No such file")
    assert daily.recordings == []  # none that runs for ever
    temporary.mkdir()
    assert (await call("POST", START, {"type": "cloud-audio-only"}))[0] == 200
