# SPDX-License-Identifier: BSD-2-Clause
"""Programs of tests that are forks of a warm Python, and what they start."""

import os
import sys
from pathlib import Path

import pytest

from programs import processes
from warm import Warm

SERVE = ("serve", Path(__file__).parent / "server" / "bots" / "behave.py", "--local")


@pytest.mark.parametrize("forked", [True, False])
@pytest.mark.parametrize(
    ("command", "count"), [(("local",), 1), (SERVE, 2)], ids=["local", "serve"]
)
async def test_what_a_program_starts(tmp_path, warm: Warm, command, count, forked):
    """Its local Daily and its template are forks, too; else they differ in nothing."""
    async with processes(tmp_path, warm) as start:
        program = await start(
            *(sys.executable, "-m", "pipecat_daily_rest", *command, "--port", "0"),
            env={"PIPECAT_DAILY_STATE": str(tmp_path / "state"), "PYTHONPATH": ""},
            forked=forked,
        )
        await program.says("http://")
        children = program.children()
        assert len(children) == count
        for child in children:
            line = Path(f"/proc/{child}/cmdline").read_text()
            assert ("warm.py" in line) == forked
            assert os.getsid(child) == child
        program.signal()
        assert await program.ended() == 0, program.err
    assert "Traceback" not in program.err
