# SPDX-License-Identifier: BSD-2-Clause
"""How the documentation becomes a site. `make docs` builds it and checks every link."""

import re
import tomllib

import pytest
from handbook.pages import ROOT, TOP, FaultError, Pages, links
from handbook.pictures import IMAGES, PICTURES
from handbook.reference import MODULES, exported, names, reference
from handbook.site import foreign

from pipecat_daily_rest import __all__ as public


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    Pages(folder).write()
    return folder


def test_every_page_is_in_the_menu(pages):
    menu = (ROOT / "zensical.toml").read_text()
    tomllib.loads(menu)
    there = {path.relative_to(pages).as_posix() for path in pages.rglob("*.md")}
    assert set(re.findall(r'"([\w/.-]+\.md)"', menu)) == there


def test_every_guide_begins_with_what_its_reader_will_have():
    menu = tomllib.loads((ROOT / "zensical.toml").read_text())["project"]["nav"]
    (guides,) = (each["Guides"] for each in menu if "Guides" in each)
    assert len(guides) > 10
    for guide in guides:
        (page,) = guide.values()
        first = (ROOT / "docs" / page).read_text().split("\n\n")[1]
        assert first.startswith("At the end of this page "), page


def test_every_public_name_is_in_the_reference():
    told = list(names())
    assert len(told) == len(set(told))
    top = {name.rpartition(".")[2] for name in told}
    assert set(public) - top == {"DailyRoomConfig"}  # Pipecat's own
    for module in MODULES.keys() - {"tokens", "errors"}:
        assert set(exported(module)) <= top, module
    assert "::: pipecat_daily_rest.errors.DailyError\n" in reference()["reference/errors.md"]


def test_links_out_of_the_folder_lead_to_copies(pages):
    home = (pages / "index.md").read_text()
    assert "](docs/" not in home
    assert "](examples.md)" in home
    assert "](examples.md#examples-room-block-py)" in (pages / "rooms.md").read_text()
    text = (pages / "local-room.md").read_text()
    copies = set(re.findall(r"\]\((files/tests/[\w/]+\.py\.txt)\)", text))
    assert len(copies) > 5
    assert all((pages / copy).exists() for copy in copies)
    assert TOP["CHANGELOG.md"] == "changelog.md"
    assert "{ #examples-quickstart-py }" in (pages / "examples.md").read_text()


def test_a_page_that_stays_as_it_is_is_not_written_again(pages):
    home, gone = pages / "index.md", pages / "gone.md"
    written = home.stat().st_mtime_ns
    gone.write_text("An old page.")
    (pages / "errors.md").write_text("An old text.")
    Pages(pages).write()
    assert home.stat().st_mtime_ns == written
    assert not gone.exists()
    assert "DailyError" in (pages / "errors.md").read_text()


def test_a_link_in_code_stays_and_a_broken_one_is_a_fault(tmp_path):
    text = "[a](b.md)\n```sh\n[a](b.md)\n```\n"
    assert links(text, str.upper) == "[a](B.MD)\n```sh\n[a](b.md)\n```\n"
    page = ROOT / "docs" / "decisions.md"
    writer = Pages(tmp_path)
    with pytest.raises(
        FaultError, match=r"docs/decisions.md links to no\.md, which does not exist"
    ):
        writer._page(page, "decisions.md", "[a](no.md)")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.html", '<script async src="https://other.example/a.js"></script>'),
        ("a.html", '<img alt="a" src=//other.example/a.png>'),
        ("a.html", '<link rel="stylesheet" href="https://fonts.example/css">'),
        ("a.html", '<pre class="mermaid">'),
        ("a.css", "@font-face{src:url(https://fonts.example/a.woff2)}"),
        ("a.css", '@import "https://fonts.example/a.css";'),
        ("a.js", 'fetch("https://other.example/count")'),
    ],
)
def test_what_asks_another_host_is_found(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    assert len(list(foreign(tmp_path))) == 1
    (tmp_path / name).write_text('<a href="https://docs.daily.co">Daily</a> <img src="a.png">')
    assert list(foreign(tmp_path)) == [] or name.endswith(".js")


def test_the_pictures_are_those_that_the_code_draws():
    for name, draw in PICTURES.items():
        assert (IMAGES / name).read_text() == draw().svg(), "run `make pictures`"


def test_there_are_small_screenshots_in_light_and_in_dark():
    for page in ("room-page", "local-daily"):
        light, dark = (
            (IMAGES / f"{page}-{scheme}.png").read_bytes() for scheme in ("light", "dark")
        )
        assert light != dark
        assert max(len(light), len(dark)) < 100_000


def test_a_page_links_to_every_picture():
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    text = "".join(page.read_text() for page in pages)
    assert [path.name for path in IMAGES.iterdir() if path.name not in text] == []
