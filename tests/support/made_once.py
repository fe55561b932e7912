# SPDX-License-Identifier: BSD-2-Clause
"""Folders that are made once for all tests, by whichever process comes first."""

import fcntl
import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path


def made_once(where: Path, names: Iterable[str], make: Callable[[Path], object]) -> Path:
    """Make the folder for these names, unless it is there and complete; give it."""
    folder = where / hashlib.sha256(" ".join(names).encode()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # other processes test at the same time
        if not (folder / ".complete").exists():
            make(folder)
            (folder / ".complete").touch()
    return folder
