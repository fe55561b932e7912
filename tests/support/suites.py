# SPDX-License-Identifier: BSD-2-Clause
"""Other people's test suites, which load the pytest plugin: each in a pytest of its own."""

import os
import subprocess
import sys
from pathlib import Path

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


def run_pytest(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    strict = [f"-Werror::{warning}" for warning in WARNINGS]
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *NOT_THEIRS, *strict, *args],
        cwd=folder,
        # An empty CI: else pytest repeats each message in its summary, uncut.
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "200", "CI": ""},
        capture_output=True,
        text=True,
        timeout=250,
    )


def run_suite(folder: Path, *args: str, **files: str) -> subprocess.CompletedProcess[str]:
    """Run pytest over files that are given by their names, dots as double underscores.

    Without a pytest.ini among them, waits take ten times as long as a user's, for slow machines.
    """
    ini = "[pytest]\nasyncio_default_fixture_loop_scope = function\nlocal_daily_factor = 10\n"
    for name, text in {"pytest__ini": ini, **files}.items():
        (folder / name.replace("__", ".")).write_text(text)
    return run_pytest(folder, *args)
