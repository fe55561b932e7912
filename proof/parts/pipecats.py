# SPDX-License-Identifier: BSD-2-Clause
"""Programs run on the lowest Pipecat that the package supports, and on the newest.

Each Pipecat gets a virtual environment of its own. There `run` and `main()` run a bot that people
hear, Pipecat's own runner starts one, and the tests of the helper, the models, `configure()`, rooms and
the pool pass. With the newest Pipecat below the lowest, a run prints one sentence and ends with exit
code 2.
"""

import sys
import tempfile
from pathlib import Path

from pipecat_daily_rest._core.pipecat_version import LOWEST
from proof.command import ROOT, run
from proof.figures import Check, Figures
from proof.interpreters import environment
from proof.suite import failures, run_tests

TESTS = (
    "tests/lifecycle/test_any_pipecat.py",
    "tests/lifecycle/test_pipecats_runner.py::test_start_makes_a_room_and_a_token_that_open",
    "tests/test_drop_in.py",
    "tests/_rest/test_seed.py",
    "tests/models/test_models.py",
    "tests/_rooms/test_configure.py",
    "tests/_rooms/test_provision.py",
    "tests/_rooms/test_pool.py",
)
# Pipecat's pipelines import it; some versions name it in their extras for services only.
_INSTALL = (
    "--editable",
    f"{ROOT}[local,redis]",
    "--group",
    f"{ROOT}/pyproject.toml:dev",
    "websockets",
)
_BOT = ROOT / "tests" / "lifecycle" / "bots" / "returns.py"


async def passes(python: str | Path, *tests: str) -> Check:
    """Run the tests on the Pipecat of this Python."""
    version = await pipecat(python)
    ran = await run_tests(python, *tests)
    return Check(
        f"Pipecat {version}: the tests pass",
        f"{ran.passed} passed, {len(ran.failed)} failed"
        + (f": {failures(ran)}" if ran.failed else ""),
        ran.passed > 0 and not ran.failed,
    )


async def says(python: str | Path) -> Check:
    """Run a bot on a Pipecat that is too old."""
    version = await pipecat(python)
    said = await run(*(python, "-m", "pipecat_daily_rest", "run", _BOT, "--local"), codes=(0, 1, 2))
    lines = [line for line in said.splitlines() if line.startswith("Error: ")]
    sentence = f"Error: pipecat-ai {version} is too old for pipecat-daily-rest"
    holds = len(lines) == 1 and lines[0].startswith(sentence) and "Traceback" not in said
    return Check(f"Pipecat {version}: one sentence", " ".join(lines) or "none", holds)


async def pipecat(python: str | Path) -> str:
    """Give the version of the Pipecat that this Python has."""
    code = "from importlib.metadata import version; print(version('pipecat-ai'))"
    return (await run(python, "-c", code)).strip()


async def prove() -> Figures:
    """Run them on both, and a bot on an older one."""
    checks = []
    with tempfile.TemporaryDirectory() as folder:
        for name, asked in (("newest", "pipecat-ai"), ("lowest", f"pipecat-ai=={LOWEST}")):
            python = await environment(Path(folder) / name, sys.executable, *_INSTALL, asked)
            checks.append(await passes(python, *TESTS))
        older = (f"pipecat-ai<{LOWEST}", "--no-deps", "--quiet", "--disable-pip-version-check")
        await run(python, "-m", "pip", "install", *older)
        checks.append(await says(python))
    return Figures(checks)
