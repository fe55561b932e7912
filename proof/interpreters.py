# SPDX-License-Identifier: BSD-2-Clause
"""The Pythons of this machine, and virtual environments made with them."""

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

from proof.command import run

MINORS = ("3.11", "3.12", "3.13")
_ASK = "import sys; print(*sys.version_info[:3], sep='.'); print(sys.implementation.name)"


@cache
def interpreters() -> dict[str, str]:
    """Give the newest CPython of each minor version that is found here, by its full version.

    It looks on the PATH and in pyenv's folder: pyenv's shims on the PATH only work for the versions
    that are switched on.
    """
    newest: dict[str, tuple[int, ...]] = {}
    found: dict[str, str] = {}
    for minor in MINORS:
        for candidate in _candidates(minor):
            version = _version(candidate)
            number = tuple(map(int, version.split("."))) if version else ()
            if version.startswith(f"{minor}.") and number > newest.get(minor, ()):
                found.pop(".".join(map(str, newest.get(minor, ()))), None)
                newest[minor] = number
                found[version] = str(candidate)
    return found


def _candidates(minor: str) -> list[Path]:
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    folders = [Path(folder) for folder in os.get_exec_path() if folder]
    versions = sorted(pyenv.glob(f"versions/{minor}.*/bin"))
    each = [folder / f"python{minor}" for folder in (*folders, *versions)]
    return [Path(sys.executable), *(path for path in each if path.is_file())]


@cache
def _version(python: Path) -> str:
    """Give its version; "" if it does not start or is not CPython."""
    try:
        done = subprocess.run([python, "-c", _ASK], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    version, _, implementation = done.stdout.strip().partition("\n")
    return version if done.returncode == 0 and implementation == "cpython" else ""


async def environment(folder: Path, python: str, *install: str) -> Path:
    """Make a virtual environment with this Python, pip-install into it, and give its Python."""
    await run(python, "-m", "venv", folder)
    ours = folder / "bin" / "python"
    pip = (ours, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    if "--group" in install:  # pip has it since 25.1
        await run(*pip, "--upgrade", "pip>=25.1")
    await run(*pip, *install)
    return ours
