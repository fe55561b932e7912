# SPDX-License-Identifier: BSD-2-Clause
"""The folder of recordings that goes with its local Daily.

A lock on the folder says that its process lives, and goes with it, however it dies: so the next
local Daily finds what was left behind. Windows has no such lock: there, a killed process's folder
stays.
"""

import errno
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

PREFIX = "local-daily-recordings-"


class PrivateFolder:
    """A new folder, which only this user can read."""

    def __init__(self) -> None:
        """Make and lock it; raises OSError where it cannot be made."""
        self._lock: int | None = None
        while True:
            self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
            try:
                self._lock = _locked(self.path)
            except (BlockingIOError, FileNotFoundError):
                continue  # another local Daily took it for a dead one's before it was locked
            except OSError:
                return  # a file system without locks
            if self.path.exists():
                return
            os.close(self._lock)

    def remove(self) -> None:
        """Remove it with what is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def remove_dead() -> None:
    """Remove the folders of this user's local Dailies that were killed."""
    with suppress(OSError):
        for path in sorted(Path(tempfile.gettempdir()).glob(f"{PREFIX}*")):
            with suppress(OSError):  # it is in use, somebody else's, or no folder
                lock = _locked(path)
                shutil.rmtree(path, ignore_errors=True)
                os.close(lock)


def _locked(path: Path) -> int:
    """Lock a folder of this user's."""
    if fcntl is None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
    file = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if os.fstat(file).st_uid != os.getuid():
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        raise
    return file
