# SPDX-License-Identifier: BSD-2-Clause
"""Packages of PyPI that only some programs of the tests have: each set in a folder of its own."""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

_FOLDER = Path(sys.prefix) / "python-packages"


def target(*packages: str) -> Path:
    """Install packages, each ``name==version``, without what they need; give the folder for PYTHONPATH."""
    folder = _FOLDER / hashlib.sha256(" ".join(packages).encode()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # other processes test at the same time
        if not (folder / ".complete").exists():
            uv = shutil.which("uv")
            pip = (uv, "pip") if uv else (sys.executable, "-m", "pip")
            where = ("--target", str(folder), *(("--python", sys.executable) if uv else ()))
            command = (*pip, "install", "--quiet", "--no-deps", *where, *packages)
            subprocess.run(command, check=True, timeout=240)
            (folder / ".complete").touch()
    return folder


def prebuilt() -> Path:
    """Give the folder with Pipecat's own page for its development runner."""
    return target("pipecat-ai-prebuilt==1.3.0")
