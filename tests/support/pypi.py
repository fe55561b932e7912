# SPDX-License-Identifier: BSD-2-Clause
"""Packages of PyPI that only some programs of the tests have: each set in a folder of its own."""

import shutil
import subprocess
import sys
from pathlib import Path

from made_once import made_once

_FOLDER = Path(sys.prefix) / "python-packages"


def target(*packages: str) -> Path:
    """Install packages, each ``name==version``, without what they need; give the folder for PYTHONPATH."""

    def install(folder: Path) -> None:
        uv = shutil.which("uv")
        pip = (uv, "pip") if uv else (sys.executable, "-m", "pip")
        where = ("--target", str(folder), *(("--python", sys.executable) if uv else ()))
        command = (*pip, "install", "--quiet", "--no-deps", *where, *packages)
        subprocess.run(command, check=True, timeout=240)

    return made_once(_FOLDER, packages, install)


def pipecats_cli() -> Path:
    """Give the folder with what Pipecat's own CLI needs beside what the tests have."""
    return target("jinja2==3.1.6", "markupsafe==3.0.3")


def prebuilt() -> Path:
    """Give the folder with Pipecat's own page for its development runner."""
    return target("pipecat-ai-prebuilt==1.3.0")


def playwright_plugin(kind: str = "playwright") -> Path:
    """Give the folder with pytest-playwright, or with pytest-playwright-asyncio."""
    needed = ("pytest-base-url==2.1.0", "python-slugify==8.0.4", "text-unidecode==1.3")
    return target(f"pytest-{kind}==0.10.0", *needed)
