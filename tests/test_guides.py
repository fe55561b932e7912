# SPDX-License-Identifier: BSD-2-Clause
"""Every command and every snippet of the pages runs here, is run by another test, or says why not."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

from programs import processes
from snippets import INSTALLS, ROOT, Walk, arguments, blocks, commands, extras, pattern
from warm import Warm

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
# These pages have tests of their own, which run what they show.
ELSEWHERE = {
    "server.md": "tests/server/test_docs.py",
    "web-clients.md": "tests/web/test_web_docs.py",
    "first-test.md": "tests/testing/test_as_pasted.py",
}
SHOWN = ("", "text")  # output, trees of errors


def walked(page: Path) -> bool:
    """Whether this page is walked here."""
    return page.name not in ELSEWHERE and any(
        block.mark == "run" or (block.language == "console" and not block.mark)
        for block in blocks(page)
        if not (block.language == "console" and all(map(INSTALLS.match, _lines(block.text))))
    )


def _lines(console: str) -> list[str]:
    return [command for command, _ in commands(console)]


@pytest.mark.parametrize(
    "page", [page for page in PAGES if walked(page)], ids=lambda page: page.stem
)
async def test_a_newcomer_walks_through_the_page(page, tmp_path, warm: Warm):
    async with processes(tmp_path, warm) as start:
        assert await Walk(start, tmp_path).through(page) > 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_has_somebody_who_runs_it(page):
    for block in blocks(page):
        if block.language == "python":
            ast.parse(block.text)
        if block.mark == "tested by":
            assert (ROOT / block.about).is_file(), block.about
        elif page.name in ELSEWHERE:
            assert f"docs/{page.name}" in (ROOT / ELSEWHERE[page.name]).read_text()
        elif block.language not in SHOWN and block.language != "console":
            assert block.mark, f"{page.name}: nobody runs\n{block.text}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_reader_is_told_the_name_of_each_file(page):
    text = page.read_text()
    for found in re.finditer(r"^<!-- file: (\S+) -->$", text, re.MULTILINE):
        before = text[: found.start()].rpartition("\n#")[2]
        after = text[found.end() :].partition("```\n")[0]
        assert f"`{found[1]}`" in before or found[1] in after, f"{page.name}: {found[1]}"


def test_what_pip_installs_exists():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for page in PAGES:
        assert extras(page.read_text()) <= project["optional-dependencies"].keys(), page.name


def test_a_line_of_a_page_stands_for_what_is_printed():
    assert re.search(
        pattern("http://localhost:7880/pipecat-r…?t=eyJ…"), "http://localhost:1/pipecat-ra?t=eyJa"
    )
    assert not re.search(pattern("Room pipecat-r… deleted"), "Room pipecat-rx kept")
    assert commands("$ a \\\n  b\nc\n^C\n$ d\n") == [("a \\\n  b", ["c", "^C"]), ("d", [])]
    assert arguments("cp a b")[:2] == ["sh", "-c"]
