# SPDX-License-Identifier: BSD-2-Clause
"""The page that lists what a local room has of daily-js."""

from benchmarks.room_page import PAGE

import web_table


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
