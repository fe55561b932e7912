# SPDX-License-Identifier: BSD-2-Clause
"""Which servers of this host are alive: each holds a lock on a file that its owner tag names.

A server's rooms carry its tag. The lock goes with the process, however it dies, so the next server
that starts finds which tags are dead, and sweeps their rooms and no others.
"""

import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO
from weakref import WeakSet

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

from pipecat_daily_rest._core.room_names import random_part
from pipecat_daily_rest.errors import DailyConfigError

TAG = 8  # characters
_FOLDER = "PIPECAT_DAILY_STATE"
_LOCKED = 1.0  # seconds for which another server may look at a new file


def folder() -> Path:
    """Give the folder of the locks, which is this user's alone.

    Raises:
        DailyConfigError: Somebody else owns it.
    """
    if given := os.environ.get(_FOLDER):
        path = Path(given)
        try:
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as exc:
            msg = f"{_FOLDER}: {path} cannot be made ({exc.strerror}): set it to another folder."
            raise DailyConfigError(msg) from exc
        return path
    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    path = Path(tempfile.gettempdir()) / f"pipecat-daily-rest-{user}"
    path.mkdir(exist_ok=True, mode=0o700)
    if hasattr(os, "getuid") and (path.is_symlink() or path.stat().st_uid != user):
        msg = f"{path} belongs to somebody else: set {_FOLDER} to a folder of your own."
        raise DailyConfigError(msg)
    return path


@dataclass(frozen=True)
class Owner:
    """A server that has, or had, rooms.

    Parameters:
        tag: What its rooms carry in their names.
        prefix: How their names begin.
        account: A digest of the API URL and key.
        pid: Its process.
        command: A digest of its command and of who has started it: the same for all workers.
    """

    tag: str
    prefix: str
    account: str
    pid: int = field(default_factory=os.getpid)
    command: str = field(default_factory=lambda: _digest(f"{os.getppid()} {sys.argv}"))


class Lease:
    """A lock that says that this server is alive."""

    def __init__(self, owner: Owner, where: Path | None = None) -> None:
        """Initialize; nothing is locked yet. ``where`` is the folder of the locks."""
        self.owner = owner
        self._folder = where or folder()
        self._path = self._folder / f"{owner.tag}.lock"
        self._file: IO[str] | None = None

    def take(self) -> None:
        """Lock it."""
        try:
            self._file = self._path.open("x", encoding="utf-8")
        except OSError as exc:
            msg = f"{self._folder} cannot be written ({exc.strerror}): set {_FOLDER} to another folder."
            raise DailyConfigError(msg) from exc
        until = time.monotonic() + _LOCKED
        while not _lock(self._file):  # another server may look at it for a moment
            if time.monotonic() > until:
                msg = f"{self._path} is locked by another process."
                raise DailyConfigError(msg)
            time.sleep(0.001)
        json.dump(asdict(self.owner), self._file)
        self._file.flush()
        _taken.add(self)

    def forget(self) -> None:
        """Close the file in a forked child, which would keep a dead server alive otherwise."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def release(self) -> None:
        """Give it back: all rooms of this server are gone."""
        if self._file is not None:
            self._path.unlink(missing_ok=True)
            self._file.close()
            self._file = None

    def workers(self) -> list[int]:
        """Give the other processes that serve by the same command: workers of one server."""
        found = []
        for path in self._folder.glob("*.lock"):
            with (
                suppress(OSError, ValueError, TypeError),
                path.open("r+", encoding="utf-8") as file,
            ):
                owner = Owner(**json.load(file))
                mine = (owner.command, owner.account) == (self.owner.command, self.owner.account)
                if mine and owner.pid != self.owner.pid and not _lock(file):
                    found.append(owner.pid)
        return sorted(found)

    @contextmanager
    def dead(self) -> Iterator[list[Owner]]:
        """Give the dead servers of the same account; those that are swept without an error are forgotten.

        Their locks are held meanwhile, so that no second server sweeps the same rooms.
        """
        held: list[tuple[Path, IO[str], Owner]] = []
        for path in sorted(self._folder.glob("*.lock")):
            if path != self._path and (found := self._taken_over(path)) is not None:
                held.append((path, *found))
        try:
            yield [owner for _, _, owner in held]
        except BaseException:
            for _, file, _ in held:
                file.close()
            raise
        for path, file, _ in held:
            path.unlink(missing_ok=True)
            file.close()

    def _taken_over(self, path: Path) -> tuple[IO[str], Owner] | None:
        try:
            file = path.open("r+", encoding="utf-8")
        except OSError:
            return None
        owner = None
        with suppress(ValueError, TypeError):
            if _lock(file):
                owner = Owner(**json.load(file))
        if owner is None or owner.account != self.owner.account:
            file.close()
            return None
        return file, owner


_taken: WeakSet[Lease] = WeakSet()


def _after_fork() -> None:
    for each in tuple(_taken):
        each.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def make_tag() -> str:
    """Make up an owner tag that no other server has."""
    return random_part(TAG)


def _lock(file: IO[str]) -> bool:
    if fcntl is None:
        import msvcrt

        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
