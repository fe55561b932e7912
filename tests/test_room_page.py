# SPDX-License-Identifier: BSD-2-Clause
"""The page on the local room, of which each command writes its own part."""

import pytest
from benchmarks.room_page import put


def test_only_its_own_part_of_the_page_is_rewritten() -> None:
    page = put("", "one", "make it")
    assert page.startswith("# The local room\n\n<!-- Made by `make it`.")
    page = put(page, "other", "make another") + "\n## What works\n\n| a | b |\n"
    again = put(put(page, "two", "make it"), "three", "make it")
    assert again == page.replace("one", "three")
    assert put(page, "new", "make another") == page.replace("other\n", "new\n", 1)
    mine = "# Mine\n\nText.\n"
    assert put(mine, "one", "make it").startswith(mine + "\n<!-- Made by")
    assert put(put(mine, "one", "make it"), "two", "make it") == put(mine, "two", "make it")


def test_a_part_without_an_end_is_not_guessed() -> None:
    page = put("", "one", "make it").partition("<!-- The end")[0] + "## Somebody else's\n"
    with pytest.raises(ValueError, match="is missing"):
        put(page, "two", "make it")
