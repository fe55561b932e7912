# SPDX-License-Identifier: BSD-2-Clause
"""The benchmarks run and write their page; no test asserts how long anything took."""

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import aiohttp
import pytest
from benchmarks.local_daily import Daily
from benchmarks.processes import answer

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("docs")
    command = [sys.executable, "-m", "benchmarks", "--size", "smoke", "--out", folder]
    env = {**os.environ, "PYTHONPATH": str(ROOT / "tests" / "support")}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def rows(page, title):
    section = page.partition(f"## {title}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


@pytest.mark.timeout(600)
def test_every_section_has_its_numbers(folder):
    page = (folder / "performance.md").read_text()
    assert len(rows(page, "Time to the room and both tokens")) == 6
    assert len(rows(page, "Sustained load")) == 2
    assert len(rows(page, "CPU and memory of a session")) == 5
    assert len(rows(page, "Imports")) == 6
    assert len(rows(page, "Commands")) == 4
    assert len(rows(page, "Many live rooms")) == 2
    assert len(rows(page, "The session server")) == 4 * 3 + 3 * 2  # four tables
    assert "nan" not in page


@pytest.mark.timeout(600)
def test_two_starts_succeed_and_three_rooms_go(folder):
    page = (folder / "performance.md").read_text()
    for _, starts, succeeded, leaked, refused, *_ in rows(page, "Bursts"):
        assert (starts, succeeded, leaked, refused) == ("2", "2", "0", "0")
    for _, count, gone, left, *_ in rows(page, "Shutdown"):
        assert (count, gone, left) == ("3", "3", "0")


@pytest.mark.timeout(600)
def test_the_plot_is_an_image_without_a_library(folder):
    plot = ElementTree.parse(folder / "performance.svg").getroot()  # noqa: S314 - our own
    assert plot.tag.endswith("svg")
    assert len(plot.findall("{*}rect")) == 1 + 5 + 4 + 3
    assert re.search(r"prefers-color-scheme: dark", (folder / "performance.svg").read_text())


async def test_a_worker_is_a_fresh_process(monkeypatch):
    monkeypatch.chdir(ROOT)

    async with Daily() as daily:
        await daily.reset(latency=0.0)
        found = await answer(daily.account, "first", contender="package", warm=False)
        assert found["seconds"] > 0
        assert await daily.stats() == {"rooms": 0, "passed": 3, "refused": 0}
        with pytest.raises(RuntimeError, match=r"(?s)A worker .* failed:.*KeyError: 'nobody'"):
            await answer(daily.account, "first", contender="nobody", warm=False)


async def test_the_local_daily_counts_and_limits_requests_since_the_reset(monkeypatch):
    monkeypatch.chdir(ROOT)  # its process finds the folder there

    async with Daily() as daily, aiohttp.ClientSession() as client:
        url, headers = daily.account.url, {"Authorization": f"Bearer {daily.account.key}"}
        await daily.reset(latency=0.0, limits=True)
        statuses = []
        while len(statuses) < 1000 and 429 not in statuses:
            async with client.post(f"{url}/rooms", headers=headers, json={}) as response:
                statuses.append(response.status)
        assert set(statuses) == {200, 429}
        stats = await daily.stats()
        assert stats["passed"] == stats["rooms"] > 0
        assert stats["refused"] == 1
