# SPDX-License-Identifier: BSD-2-Clause
"""Other people's test suites, which load the pytest plugin: each in a pytest of its own."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from warm import Warm

CONFTEST = 'pytest_plugins = ["pipecat_daily_rest.testing"]\n'
# Plugins of our own tests that other people need not have; these take most of a start's time.
NOT_THEIRS = ("-p", "no:schemathesis", "-p", "no:hypothesispytest")
WARNINGS = (
    "ResourceWarning",
    "RuntimeWarning",
    "pytest.PytestUnraisableExceptionWarning",
    "pytest.PytestUnhandledThreadExceptionWarning",
    "pytest.PytestAssertRewriteWarning",
)
# Pipecat's services leave the connections of their HTTP clients open when a bot is cancelled.
LEFT_OPEN = ("-Wignore::ResourceWarning", "-Wignore::pytest.PytestUnraisableExceptionWarning")
_WAIT = 250.0  # seconds

Run = Callable[..., subprocess.CompletedProcess[str]]


def run_pytest(
    folder: Path, *args: str, warm: Warm | None = None
) -> subprocess.CompletedProcess[str]:
    """Run pytest; as a fork of a warm Python where the tests do not care what is imported before."""
    strict = [f"-Werror::{warning}" for warning in WARNINGS]
    command = ["-m", "pytest", "-p", "no:cacheprovider", *NOT_THEIRS, *strict]
    # An empty CI: else pytest repeats each message in its summary, uncut.
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "200", "CI": ""}
    if warm is not None:
        early = "-Wignore::pytest.PytestAssertRewriteWarning"  # anyio has a plugin, and is there
        return warm.run(*command, early, *args, env=env, cwd=folder, timeout=_WAIT)
    return subprocess.run(
        [sys.executable, *command, *args],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=_WAIT,
    )


def run_suite(
    folder: Path, *args: str, warm: Warm | None = None, **files: str
) -> subprocess.CompletedProcess[str]:
    """Run pytest over files that are given by their names, dots as double underscores.

    Without a pytest.ini among them, waits take ten times as long as a user's, for slow machines.
    """
    ini = "[pytest]\nasyncio_default_fixture_loop_scope = function\nlocal_daily_factor = 10\n"
    for name, text in {"pytest__ini": ini, **files}.items():
        (folder / name.replace("__", ".")).write_text(text)
    return run_pytest(folder, *args, warm=warm)
