# SPDX-License-Identifier: BSD-2-Clause
"""Pipecat's own page for its development runner: the package pipecat-ai-prebuilt.

It is in a folder of its own, so that the runner also starts without it.
"""

import fcntl
import shutil
import subprocess
import sys
from pathlib import Path

VERSION = "1.3.0"
_FOLDER = Path(sys.prefix) / "python-packages" / f"pipecat-ai-prebuilt-{VERSION}"


def prebuilt() -> Path:
    """Install it, once, and give the folder for PYTHONPATH."""
    _FOLDER.mkdir(parents=True, exist_ok=True)
    with (_FOLDER / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # other processes test at the same time
        if not (_FOLDER / ".complete").exists():
            uv = shutil.which("uv")
            pip = (uv, "pip") if uv else (sys.executable, "-m", "pip")
            what = ("--quiet", "--no-deps", f"pipecat-ai-prebuilt=={VERSION}")
            where = ("--target", str(_FOLDER), *(("--python", sys.executable) if uv else ()))
            subprocess.run((*pip, "install", *what, *where), check=True, timeout=240)
            (_FOLDER / ".complete").touch()
    return _FOLDER
