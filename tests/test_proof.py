# SPDX-License-Identifier: BSD-2-Clause
"""`make proof`: which parts run, and what each writes into the page."""

import asyncio
import importlib
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import pytest
from benchmarks.report import Check
from proof import __main__ as command
from proof import page, parts
from proof.figures import Figures
from proof.parts import pipecats

ROOT = Path(__file__).parents[1]


def part(monkeypatch, name, prove, doc="A title.\n\nWhat it proves.\n"):
    """Add a part."""
    module = ModuleType(f"{parts.__name__}.{name}", doc)
    module.prove = prove
    monkeypatch.setitem(sys.modules, module.__name__, module)


def finds(*checks):
    async def prove():
        return Figures(checks)

    return prove


async def raises():
    msg = "no machine"
    raise OSError(msg)


HOLDS = Check("rooms left", "0", True)
FAILS = Check("rooms left", "1", False)


def test_a_part_writes_what_it_found_into_its_own_section_only(monkeypatch, tmp_path):
    out = tmp_path / "proof.md"
    part(monkeypatch, "one", finds(HOLDS))
    part(monkeypatch, "two", finds(HOLDS), "Another.\n\nOther things.\n")
    assert command.run(["one", "two"], out)
    before = out.read_text()
    assert before.startswith("# Proof\n")
    assert "## A title\n\nWhat it proves.\n\n`make proof ONLY=one`, 20" in before
    assert "| rooms left | 0 | yes |" in before
    assert f"Python {sys.version.split()[0]}" in before
    assert "Pythons found: 3." in before
    part(monkeypatch, "one", finds(FAILS))
    assert not command.run(["one"], out)
    after = out.read_text()
    assert "| rooms left | 1 | **no** |" in after
    assert "`make proof ONLY=one`, 20" in after
    other = before.index("<!-- Made by `make proof ONLY=two`")
    assert after.endswith(before[other:])


def test_a_part_that_fails_says_so_and_the_next_one_runs(monkeypatch, tmp_path, capsys):
    out = tmp_path / "proof.md"
    part(monkeypatch, "one", raises)
    part(monkeypatch, "two", finds(HOLDS))
    part(monkeypatch, "three", finds())
    assert not command.run(["one", "two"], out)
    assert "**it failed.**\n\n    OSError: no machine\n" in out.read_text()
    assert "two`, " in out.read_text()
    assert "Traceback" in capsys.readouterr().err
    assert not command.run(["three"], out)  # nothing was asked for


async def test_a_part_that_takes_too_long_is_ended(monkeypatch):
    part(monkeypatch, "one", lambda: asyncio.sleep(600))
    module = importlib.import_module(f"{parts.__name__}.one")
    assert await command.prove(module, limit=0.01) == "It took more than 0 s."


@pytest.mark.parametrize("only", [["sesions"], ["sessions,", "sesions"], ["sessions sesions"]])
def test_a_part_that_is_not_there_is_a_sentence(only, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "proof", *only, "--out", tmp_path / "page.md"],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT / "tests" / "support")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("No part of the proof is called 'sesions'. The parts are: ")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "page.md").exists()


@pytest.mark.filterwarnings("ignore:'audioop':DeprecationWarning")  # Pipecat imports it
@pytest.mark.parametrize("name", command.names())
def test_every_part_says_what_it_proves(name):
    module = importlib.import_module(f"{parts.__name__}.{name}")
    title, gap, what = module.__doc__.split("\n", 2)
    assert title.endswith(".")
    assert not gap
    assert what.strip()
    assert asyncio.iscoroutinefunction(module.prove)


def test_the_page_has_no_section_of_a_part_that_is_gone():
    sections = re.findall(r"Made by `make proof ONLY=(\w+)`", page.PAGE.read_text())
    assert set(sections) <= set(command.names())


async def test_the_pipecats_small():
    passes = await pipecats.passes(sys.executable, "tests/test_drop_in.py", "-k", "public_name")
    assert passes == Check(
        f"Pipecat {version('pipecat-ai')}: the tests pass", "1 passed, 0 failed", True
    )
    fails = await pipecats.says(sys.executable)  # on a Pipecat that is not too old
    assert (fails.measured, fails.holds) == ("none", False)
