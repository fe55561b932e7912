# SPDX-License-Identifier: BSD-2-Clause
"""Which way imports point, between the rooms of the package and inside them."""

import ast
from pathlib import Path

import pytest

import house

INSIDE = {"pipecat_daily_rest": house.CLIENT, "pipecat_daily_rest.local": house.LOCAL}
FOLDERS = sorted(
    path for path in house.PACKAGE.rglob("__init__.py") if "stand_in" not in path.parts
)


@pytest.mark.parametrize("inside", INSIDE)
def test_a_room_imports_what_the_table_allows(inside):
    allowed = house.table(INSIDE[inside])
    for (here, there), where in house.arrows(inside).items():
        assert there in allowed[here], where


@pytest.mark.parametrize("inside", INSIDE)
def test_the_table_allows_nothing_that_no_room_needs(inside):
    needed = house.arrows(inside).keys()
    for here, allowed in house.table(INSIDE[inside]).items():
        assert {there for there in allowed if (here, there) not in needed} == set(), here


@pytest.mark.parametrize("inside", INSIDE)
def test_the_table_has_every_room_and_no_circle(inside):
    found = {house.room(module, inside) for module in house.modules() if module.startswith(inside)}
    assert house.table(INSIDE[inside]).keys() == found - {None}
    assert list(house.circles(house.table(INSIDE[inside]))) == []


def test_no_module_imports_one_that_imports_it():
    assert list(house.circles(house.graph())) == []


def test_the_local_daily_shares_with_the_client_its_errors_and_the_masking():
    local = "pipecat_daily_rest.local"
    for module, imported in house.graph().items():
        if module.startswith(local):
            other = {name for name in imported if not name.startswith(local)}
            assert other <= {"pipecat_daily_rest.errors", "pipecat_daily_rest._core.secret"}, module


def test_only_what_tries_bots_out_imports_the_local_daily():
    may = ("local", "testing", "drill")
    for module, imported in house.graph().items():
        if not module.startswith(tuple(f"pipecat_daily_rest.{room}" for room in may)):
            assert not any(name.startswith("pipecat_daily_rest.local") for name in imported), module


def test_the_stand_in_imports_nothing_of_the_package():
    stand_in = sorted((house.PACKAGE / "local" / "bot" / "stand_in").rglob("*.py"))
    assert stand_in
    assert {name for path in stand_in for name in house.imports(path)} == set()


@pytest.mark.parametrize("path", FOLDERS, ids=lambda path: path.parent.name)
def test_a_folder_says_what_lives_there_and_what_it_imports(path):
    says = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    assert path.parent == house.PACKAGE or "Imports " in says, path


def test_the_pictures_show_the_table():
    for file, (text, name) in house.PICTURES.items():
        drawn = (house.PAGE.parent / file).read_text(encoding="utf-8")
        assert drawn == house.picture(house.table(text), name), "run `make architecture`"


def test_the_page_has_a_paragraph_for_each_room():
    rooms = [
        prefix + room
        for prefix, text in (("", house.CLIENT), ("local/", house.LOCAL))
        for room in house.table(text)
        if room != "__main__"
    ]
    assert house.described(house.PAGE.read_text(encoding="utf-8")) == rooms


def test_the_page_names_only_what_exists():
    named = house.files_named(house.PAGE.read_text(encoding="utf-8"))
    assert len(named) > 30
    places = (house.PACKAGE, house.ROOT)
    paths = {
        name: [place / f"{name}{end}" for place in places for end in ("", ".py")] for name in named
    }
    assert [name for name, each in paths.items() if not any(map(Path.exists, each))] == []
