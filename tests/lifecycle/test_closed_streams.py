# SPDX-License-Identifier: BSD-2-Clause
"""A program whose output was closed before Python began, as some daemons and cron jobs do."""

import signal
import subprocess
import sys
import time

import pytest

BOT = """
import asyncio, pathlib, time
async def bot(runner_args):
    pathlib.Path("running").touch()
    {body}
"""
BODIES = {
    "ends": "pass",
    "waits": "await asyncio.sleep(600)",
    "blocks": "time.sleep(600)",
}


@pytest.mark.parametrize(
    ("closed", "body", "code"),
    [
        (">&-", "ends", 0),
        (">&-", "blocks", 1),
        ("2>&-", "waits", 0),
        (">&- 2>&- <&-", "waits", 0),
    ],
)
def test_a_closed_stream_changes_nothing(tmp_path, closed, body, code):
    (tmp_path / "bot.py").write_text(BOT.format(body=BODIES[body]))
    command = [sys.executable, "-m", "pipecat_daily_rest", "run", "bot.py", "--local"]
    with subprocess.Popen(
        ["sh", "-c", f'exec "$@" {closed}', "sh", *command],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        if body != "ends":
            while not (tmp_path / "running").exists():
                assert process.poll() is None, process.communicate()
                time.sleep(0.05)
            process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=200)
    assert process.returncode == code, out + err
    assert "Traceback" not in out + err
