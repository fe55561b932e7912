# SPDX-License-Identifier: BSD-2-Clause
"""The wheel and the sdist install in clean environments, by pip and by uv, and work there.

Both are built from this repository. Each Python from 3.11 to 3.13 that is found gets a new virtual
environment for each of them. In an empty folder the command prints its version, copies the examples,
and starts a local Daily, in which a program makes a room. uv is tried where it is on the PATH.
"""

import asyncio
import shutil
import tempfile
from pathlib import Path

from proof.command import CommandError, run
from proof.figures import Check, Figures
from proof.interpreters import interpreters
from proof.package import build, tried


async def installed(by: str, python: str, folder: Path, package: Path) -> Path:
    """Make an environment with a package in it, and give its Python."""
    what = f"pipecat-daily-rest[local] @ {package.as_uri()}"
    ours = folder / "bin" / "python"
    if by == "uv":
        await run("uv", "venv", "--quiet", "--python", python, folder)
        await run("uv", "pip", "install", "--quiet", "--python", ours, what)
    else:
        await run(python, "-m", "venv", folder)
        await run(ours, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", what)
    return ours


async def prove() -> Figures:
    """Try all of them, one after the other."""
    checks = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        packages = await asyncio.to_thread(build, folder / "dist")
        for version, path in interpreters().items():
            for by in ("pip", "uv") if shutil.which("uv") else ("pip",):
                for package in packages:
                    kind = "wheel" if package.suffix == ".whl" else "sdist"
                    place = folder / f"{version}-{by}-{kind}"
                    try:
                        python = await installed(by, path, place / "venv", package)
                        said = await asyncio.to_thread(tried, python, place / "empty")
                        said = said.splitlines()[-1]
                    except CommandError as exc:
                        said = f"{exc}"[-300:]
                    works = said.startswith("version ")
                    checks.append(Check(f"Python {version}, {by}, {kind}", said, works))
                    shutil.rmtree(place, ignore_errors=True)
    return Figures(checks)
