# SPDX-License-Identifier: BSD-2-Clause
import os
import sys
from pathlib import Path

import pytest

SAYS_WHICH = ("-c", "import sys; print(sys.executable)")
LOCAL = ("local", "--port", "0", "--")


@pytest.fixture
def away(monkeypatch, tmp_path):
    """No virtual environment is active, and the Python that is found first is another one."""
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    other = program(tmp_path / "other" / "python", "the one of the PATH")
    monkeypatch.setenv("PATH", f"{other.parent}{os.pathsep}{os.environ['PATH']}")


def program(path: Path, says: str) -> Path:
    path.parent.mkdir(parents=True)
    path.write_text(f"#!/bin/sh\necho {says}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("name", ["python", "python3"])
async def test_python_is_the_one_that_runs_the_command(command, away, name):
    code, out, err = await command(*LOCAL, name, *SAYS_WHICH)
    assert (code, out.splitlines()[-1]) == (0, sys.executable), err


async def test_an_active_virtual_environment_has_its_own(command, away, tmp_path):
    program(tmp_path / "active" / "bin" / "python", "the active one")
    active = {"VIRTUAL_ENV": str(tmp_path / "active")}
    code, out, _ = await command(*LOCAL, "python", *SAYS_WHICH, **active)
    assert (code, out.splitlines()[-1]) == (0, "the active one")
    # It has no python3, so that is no other environment's either.
    code, out, _ = await command(*LOCAL, "python3", *SAYS_WHICH, **active)
    assert (code, out.splitlines()[-1]) == (0, sys.executable)


async def test_a_python_that_is_named_by_its_path_is_taken(command, away, tmp_path):
    named = program(tmp_path / "mine" / "python", "mine")
    code, out, _ = await command(*LOCAL, str(named))
    assert (code, out.splitlines()[-1]) == (0, "mine")
