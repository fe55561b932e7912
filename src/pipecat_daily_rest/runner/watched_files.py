# SPDX-License-Identifier: BSD-2-Clause
"""Tells when the files of a bot are saved."""

import asyncio
import importlib.util
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias

_PAUSE = 0.3  # seconds between two looks; what is saved within it is one save
_SHARE = 10  # a look takes at most this part of the time, also in a large folder
_OTHERS = ("__pycache__", "node_modules", "site-packages")

_Files: TypeAlias = dict[str, tuple[int, int, int]]
_SHOWN = 3  # files that are named


@dataclass(frozen=True)
class Changes:
    """What a save has changed.

    Parameters:
        saved: Files that are new or changed, by their paths in the bot's folder.
        deleted: Files that are gone.
    """

    saved: list[str]
    deleted: list[str]

    def __str__(self) -> str:
        """Give sentences: what was saved, and what was deleted."""
        each = {"Saved": self.saved, "Deleted": self.deleted}
        return " ".join(f"{did}: {_named(names)}." for did, names in each.items() if names)


def _named(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


class WatchedFiles:
    """A bot's file, and every Python file in its folder and below.

    Hidden folders and virtual environments are left out. Files are looked at again and again,
    since that works on every system and every kind of disk, and whichever way an editor writes.
    """

    def __init__(self, file: str) -> None:
        """Initialize; nothing is looked at yet."""
        self._file = file
        self._folder = os.path.dirname(file)
        self._known: _Files | None = None
        self._pause = _PAUSE

    async def take(self) -> None:
        """Take the files as they are now: a new bot is about to import them."""
        before, self._known = self._known, await self._look()
        for path in () if before is None else _changed(before, self._known):
            # Python would trust it for another file of the same size and second.
            with suppress(OSError, NotImplementedError):
                os.unlink(importlib.util.cache_from_source(path))

    async def saved(self) -> Changes:
        """Wait until files are saved, and then for a moment without a further save; tell which.

        To delete one counts, too.
        """
        known = last = self._known or {}
        while True:
            await asyncio.sleep(self._pause)
            now = await self._look()
            if now == last != known:
                changes = Changes([], [])
                for path in _changed(known, now):
                    names = changes.saved if path in now else changes.deleted
                    names.append(path[len(self._folder) :].lstrip(os.sep))
                return changes
            last = now

    async def _look(self) -> _Files:
        began = time.monotonic()
        found = await asyncio.to_thread(_python_files, self._file, self._folder)
        self._pause = max(_PAUSE, (time.monotonic() - began) * _SHARE)
        return found


def _changed(before: _Files, now: _Files) -> list[str]:
    return sorted({path for path, _ in before.items() ^ now.items()})


def _python_files(file: str, folder: str) -> _Files:
    """Give each with what a save changes: its time, its size, or, if it was replaced, its inode."""
    found: _Files = {}
    ahead = [folder]
    while ahead:
        here = ahead.pop()
        with suppress(OSError), os.scandir(here) as listed:
            entries = list(listed)
            if here != folder and any(each.name == "pyvenv.cfg" for each in entries):
                continue
            for each in entries:
                if each.name.startswith(".") or each.name in _OTHERS:
                    continue
                if each.is_dir(follow_symlinks=False):
                    ahead.append(each.path)
                elif each.name.endswith(".py"):
                    _note(found, each.path)
    _note(found, file)
    return found


def _note(found: _Files, path: str) -> None:
    with suppress(OSError):  # it is just being replaced
        stat = os.stat(path)
        found[path] = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
