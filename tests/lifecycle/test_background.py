# SPDX-License-Identifier: BSD-2-Clause
"""Tests in the background or under nohup: the programs that they start ignore no signal."""

import json
import sys
from pathlib import Path

from suites import NOT_THEIRS

TESTS = Path(__file__).parents[1]
SIGNALS = ("SIGINT", "SIGQUIT", "SIGHUP")
TELL = f"import json, signal; print(json.dumps([int(signal.getsignal(getattr(signal, name)) == \
    signal.SIG_IGN) for name in {SIGNALS}]))"
# Tests start programs by asyncio, by subprocess, and by a pytest in a pytest.
SUITE = f"""
import asyncio, signal, subprocess, sys
from programs import processes

TELL = {TELL!r}
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler  # asyncio's runner takes it

async def test_programs(tmp_path):
    async with processes(tmp_path) as start:
        program = await start(sys.executable, "-c", TELL)
        assert await program.ended() == 0
    done = subprocess.run([sys.executable, "-c", TELL], capture_output=True, text=True)
    print("found", [program.out.strip(), done.stdout.strip()])
"""


async def test_programs_that_tests_start_ignore_no_signal(start, tmp_path):
    (tmp_path / "conftest.py").write_text((TESTS / "conftest.py").read_text())
    (tmp_path / "test_it.py").write_text(SUITE)
    options = " ".join(NOT_THEIRS)
    (tmp_path / "pytest.ini").write_text(f"[pytest]\nasyncio_mode = auto\naddopts = {options}\n")
    ignoring = ["sh", "-c", """trap '' INT QUIT HUP; exec "$@" """, "sh", sys.executable]
    inherited = await start(*ignoring, "-c", TELL)
    assert await inherited.ended() == 0
    assert json.loads(inherited.out) == [1, 1, 1]  # without the conftest all are ignored
    paths = {"PYTHONPATH": f"{TESTS / 'support'}:{TESTS.parent}"}
    pytest = await start(*ignoring, "-m", "pytest", "-sq", "-p", "no:cacheprovider", env=paths)
    assert await pytest.ended() == 0, pytest.out
    assert "found ['[0, 0, 0]', '[0, 0, 0]']" in pytest.out
