# SPDX-License-Identifier: BSD-2-Clause
"""Which servers of this host are alive: each holds a lock on a file that its owner tag names.

A server's rooms carry its tag. The lock goes with the process, however it dies, so the next server
that starts finds which tags are dead, and sweeps their rooms and no others.
"""

import errno
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
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


def folder() -> Path:
    """Give the folder of the locks, which is this user's alone.

    Raises:
        DailyConfigError: It cannot be made, or somebody else owns it.
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
    try:
        path = Path(tempfile.gettempdir()) / f"pipecat-daily-rest-{user}"
        path.mkdir(exist_ok=True, mode=0o700)
    except OSError as exc:  # as in a container whose file system is read-only
        msg = (
            f"There is no folder for this server's lock ({exc.strerror}): set {_FOLDER} to one "
            "that can be written to."
        )
        raise DailyConfigError(msg) from exc
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
    """A lock that says that this server is alive.

    It is two files: the lock, and what tells other servers of it. The second one is there only
    while the first is locked, or after its server has died.
    """

    def __init__(self, owner: Owner, where: Path | None = None) -> None:
        """Initialize; nothing is locked yet. ``where`` is the folder of the locks."""
        self.owner = owner
        self._folder = where or folder()
        self._told = self._folder / f"{owner.tag}.json"
        self._file: IO[str] | None = None

    def take(self) -> None:
        """Lock it.

        Raises:
            DailyConfigError: The folder cannot be used.
        """
        try:
            self._file = _lock_of(self._told).open("x", encoding="utf-8")
            if not _lock(self._file):
                raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
            self._told.write_text(json.dumps(asdict(self.owner)), encoding="utf-8")
        except OSError as exc:
            self.release()
            msg = (
                f"{self._folder} cannot be used ({exc.strerror}): set {_FOLDER} to another folder."
            )
            raise DailyConfigError(msg) from exc
        _taken.add(self)

    def forget(self) -> None:
        """Close the file in a forked child, which would keep a dead server alive otherwise."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def release(self) -> None:
        """Give it back: all rooms of this server are gone."""
        if self._file is not None:
            _remove(self._told, self._file)
            self._file = None

    def workers(self) -> list[int]:
        """Give the other processes that serve by the same command: workers of one server."""
        found = []
        for _, owner, file in self._others():
            with file:
                mine = owner.command == self.owner.command and owner.pid != self.owner.pid
                if mine and not _lock(file):
                    found.append(owner.pid)
        return sorted(found)

    @contextmanager
    def dead(self) -> Iterator[list[Owner]]:
        """Give the dead servers of the same account; those that are swept without an error are forgotten.

        Their locks are held meanwhile, so that no second server sweeps the same rooms.
        """
        with ExitStack() as files:
            held = [
                (told, owner, file)
                for told, owner, file in self._others()
                # It may have ended, or have been swept, since its file was read.
                if _lock(files.enter_context(file)) and told.exists()
            ]
            yield [owner for _, owner, _ in held]
            for told, _, file in held:
                _remove(told, file)

    def _others(self) -> Iterator[tuple[Path, Owner, IO[str]]]:
        """Give the other servers of this account, dead or alive, with their files."""
        for told in sorted(self._folder.glob("*.json")):
            with suppress(OSError, ValueError, TypeError):
                owner = Owner(**json.loads(told.read_text("utf-8")))
                if told != self._told and owner.account == self.owner.account:
                    yield told, owner, _lock_of(told).open("r+", encoding="utf-8")


def _lock_of(told: Path) -> Path:
    return told.with_suffix(".lock")


def _remove(told: Path, file: IO[str]) -> None:
    told.unlink(missing_ok=True)
    file.close()  # Windows removes no open file
    _lock_of(told).unlink(missing_ok=True)


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
