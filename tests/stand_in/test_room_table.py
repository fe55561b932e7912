# SPDX-License-Identifier: BSD-2-Clause
"""The page that lists what a local room has of daily-python."""

import re

import pytest
from benchmarks.room_page import PAGE

import room_table
from proofs import TESTS, proofs


async def test_the_page_is_what_make_coverage_writes() -> None:
    page = PAGE.read_text()
    made = room_table.written(page, await room_table.text())
    assert page == made, "stale: run `make coverage`"


def test_it_has_every_member_and_no_empty_cell() -> None:
    rows = re.findall(r"^\| `(.+?)` \|(.*)\|$", PAGE.read_text(), re.MULTILINE)
    classes = room_table.REAL["classes"]
    assert [name for name, _ in rows] == [n for owner in classes for n in room_table.members(owner)]
    assert len(rows) > 140
    for name, cells in rows:
        does, tests = (cell.strip() for cell in cells.split(" | "))
        assert re.match(r"\*\*(works|without effect[^*]*|refused|never comes)\*\*", does), name
        for test, file in re.findall(r"\[(\w+)\]\(../tests/(.+?)\)", tests) or [("", "")]:
            assert f"def {test}(" in (TESTS / file).read_text(), name


async def test_what_no_test_proves_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    left_out = {
        "CallClient.update_inputs",
        "CallClient.leave",
        "on_app_message",
        "VideoFrame.buffer",
    }
    proven = {name: tests for name, tests in proofs().items() if name not in left_out}
    monkeypatch.setattr(room_table, "proofs", lambda: proven)
    rows = [row for found in (await room_table.rows()).values() for row in found]
    missing = {name.strip("`") for name, *rest in rows if room_table.MISSING in rest}
    assert missing >= left_out
    # What a bot cannot ask once it has left is missing too, not refused.
    refused = {name for name, does, _ in rows if does.startswith("**refused**")}
    assert not {name for name in refused if "Recording" in name}


def test_what_a_docstring_says_of_the_effect() -> None:
    assert room_table.effect("Join.") == "**works**"
    assert room_table.effect("Take it. Without effect: it\nis local.") == (
        "**without effect**: it is local"
    )
    assert room_table.effect("Take it. Without effect.") == room_table.MISSING  # it says no reason
    assert room_table.effect("Call. Here a test\nanswers.") == "**works**; here a test answers"
    assert room_table.effect("Hear `id`.\n\n`log` and `vad` have no effect.") == (
        "**works**; without effect: `log`, `vad`"
    )
    assert room_table.effect("Hear; `log` has no effect.") == "**works**; without effect: `log`"
