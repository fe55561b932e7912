# SPDX-License-Identifier: BSD-2-Clause
"""The page that lists what a local room has of daily-js."""

import subprocess
import sys

from benchmarks.room_page import PAGE

import web_table
from pipecat_daily_rest.cli.tried import DAILY_JS


def test_the_page_is_what_make_coverage_writes() -> None:
    page = PAGE.read_text()
    assert page == web_table.written(page), "stale: run `make coverage`"


def test_every_action_and_event_is_known() -> None:
    actions, events = web_table.known()
    assert len(actions) > 90
    assert len(events) > 70
    assert [each for each in actions if web_table.effect(each) == "missing"] == []
    tables = web_table.machine()
    groups = [set(tables["works"]), set(tables["refused"]), set(tables["ignored"])]
    assert sum(map(len, groups)) == len(set.union(*groups)), "in two tables"
    assert set.union(*groups) - set(actions) == set(), "no daily-js sends this"
    assert "missing" not in web_table.text()
    assert web_table.NEVER.keys() <= set(events)


def test_a_command_tells_which_versions_were_tried() -> None:
    command = (sys.executable, "-m", "pipecat_daily_rest", "version")
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert f"tried with {', '.join(DAILY_JS)}\n" in said
