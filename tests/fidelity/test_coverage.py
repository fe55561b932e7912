# SPDX-License-Identifier: BSD-2-Clause
"""The page about the coverage of Daily's API."""

import re

import coverage_table
from document.check import DOCUMENT
from document.observe import OBSERVER


async def test_the_page_is_what_make_coverage_writes() -> None:
    made = await coverage_table.text()
    assert coverage_table.FILE.read_text() == made, "stale: run `make coverage`"
    OBSERVER.take()  # test_client_methods.py looks at what the methods send


async def test_nothing_is_missing() -> None:
    rows = [*await coverage_table.rows(), *coverage_table.switches()]
    assert [row for row in rows if coverage_table.MISSING in row or not all(row)] == []


def test_it_has_every_operation_and_no_empty_cell() -> None:
    lines = re.findall(r"^\| (`[A-Z]+ /.*?`) \| (.+) \|$", coverage_table.FILE.read_text(), re.M)
    assert [operation for operation, _ in lines] == [f"`{name}`" for name in DOCUMENT.operations]
    for _, rest in lines:
        cells = rest.split(" | ")
        assert len(cells) == 3
        assert all(cell.strip() for cell in cells)
