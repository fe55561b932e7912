# SPDX-License-Identifier: BSD-2-Clause
"""The command that measures how many participants local rooms carry."""

import asyncio
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.timeout(600)
async def test_the_command_measures(tmp_path: Path) -> None:
    out = tmp_path / "page.md"
    sizes = ("--rooms", "2", "--bots", "3", "--people", "2", "--most-people", "4", "--seconds", "3")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.rooms", *sizes, "--out", out),
        cwd=ROOT,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    assert b"Traceback" not in errors
    page = out.read_text()
    headings = ("2 rooms with a bot", "3 bots without media in 3 rooms", "The mix, or a voice")
    for heading in (*headings, "People by WebRTC"):
        assert f"### {heading}" in page
    said, heard = re.search(r"echoes heard \| (\d+), (\d+) \|", page).groups()
    assert int(said) >= int(heard) > 0
    assert re.search(r"and its answer \| \d+ ms, 95 % within \d+ ms \|", page)
    ways = [
        f"{who}, {way}"
        for who in ("4 people", "a bot and a person")
        for way in ("the mix", "slots")
    ]
    for row in ways:
        assert re.search(rf"^\| {row} \| .+ \| [\d.]+ % \| [\d.]+ % \|", page, re.MULTILINE)
    assert re.search(r"^\| 2 \| .+ \| [\d.]+ % \| [\d.]+ % \|", page, re.MULTILINE)
