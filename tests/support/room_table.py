# SPDX-License-Identifier: BSD-2-Clause
"""Writes what a local room has of daily-python into ``docs/local-room.md``: ``make coverage``.

The snapshot's members have a row each. One works if a test says that it proves it. It never comes,
or has no effect, if the stand-in says so. An owner's bot in a room calls all others; the stand-in
refuses them with a reason.
"""

import asyncio
import json
import os
import re
import sys
from collections.abc import Iterator
from typing import Any

from benchmarks.room_page import PAGE, put
from loguru import logger

from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.rules.claims import sign
from proofs import TESTS, proofs

REAL = json.loads((TESTS / "stand_in" / "daily_python.json").read_text())
MISSING = "missing"  # red in tests/stand_in/test_room_table.py
NEVER_COMES = "stand_in/test_proofs.py::test_what_never_comes_is_said_to_and_is_proven_by_no_test"
IS_REFUSED = "stand_in/test_room_table.py::test_the_page_is_what_make_coverage_writes"

TEXT = """\
## What it has of daily-python

Every class, method, attribute and event of daily-python {daily}, which Pipecat {pipecat} uses, and
what a bot in a local room has of it:

- **works**: the tests beside it show that it works. The row also says what differs in a local room,
  and which parameters have no effect.
- **without effect**: the call is accepted and does nothing, for the reason given.
- **refused**: an owner's bot in a call gets this error. `make coverage` gets it from such a bot.
- **never comes**: a local room has no cause for this event.

{tables}
"""

# An owner's bot joins. It prints what the stand-in documents and what it refuses.
ASK = """
import collections.abc, inspect, json, queue, sys, typing
import daily
from daily import CallClient, CustomVideoSource, CustomVideoTrack, Daily
from daily._events import NEVER

def wait(method, *arguments):
    done = queue.Queue()
    method(*arguments, completion=lambda *given: done.put(given[-1]))
    return done.get(timeout=60)

Daily.init()
client = CallClient()
url, token, *names = sys.argv[1:]
given = {
    str: "x",
    list: ["x"],
    collections.abc.Mapping: {},
    CustomVideoTrack: CustomVideoTrack(CustomVideoSource(2, 2)),
}

def asked(name):
    method = getattr(client, name)
    parameters = inspect.signature(method).parameters
    needed = [p.annotation for p in parameters.values() if p.default is p.empty]
    kinds = [typing.get_origin(kind) or kind for kind in needed]
    if "completion" in parameters and given.keys() >= set(kinds):
        return wait(method, *(given[kind] for kind in kinds))

assert wait(client.join, url, token) is None
refused = {f"CallClient.{name}": asked(name) for name in names}
client.release()
documents = {}
for owner in daily.__all__:
    cls = getattr(daily, owner)
    documents[owner] = inspect.getdoc(cls.__init__)
    for name in dir(cls):
        documents[f"{owner}.{name}"] = inspect.getdoc(inspect.getattr_static(cls, name))
print(json.dumps([documents, NEVER, refused]))
"""


def members(owner: str) -> Iterator[str]:
    """Give the class and its members by the names that `proofs` has for them."""
    if REAL["classes"][owner]["call"] is not None:
        yield owner
    for name in REAL["classes"][owner]["members"]:
        yield name if owner == "EventHandler" else f"{owner}.{name}"


async def ask(names: list[str]) -> tuple[dict[str, Any], dict[str, str], dict[str, Any]]:
    """Give the stand-in's docstrings, the events that never come, and the errors of methods."""
    async with LocalDaily() as daily:
        state = daily.state
        state.rooms.create("demo", "private", {})
        owner = {"room_name": "demo", "is_owner": True}
        token = sign(owner, api_key=state.domain.api_key, domain_id=state.domain.id, issued_at=0)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", ASK, f"{daily.url}/demo", token, *names),
            env={**os.environ, **daily.env()},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    documents, never, refused = json.loads(out)
    return documents, never, refused


def effect(document: str) -> str:
    """Give what a docstring says of the effect: that it has none, or what differs in a local room."""
    whole = " ".join(document.split())
    if "Without effect" in whole:
        found = re.search(r"W(ithout effect[^:.]*): ([^.]+)\.", whole)
        return f"**w{found[1]}**: {found[2]}" if found else MISSING
    said = ["**works**", *(f"h{so}" for so in re.findall(r"\b[Hh](ere [^.]+)\.", whole))]
    without = re.findall(r"`\w+`", "".join(re.findall(r"([^.;]+) ha(?:s|ve) no effect", whole)))
    if without:
        said.append(f"without effect: {', '.join(without)}")
    return "; ".join(said)


def links(tests: list[str]) -> str:
    """Give a link to each test's file, by the test's name."""
    each = (test.partition("::") for test in tests)
    return ", ".join(f"[{name}](../tests/{file})" for file, _, name in each)


async def rows() -> dict[str, list[tuple[str, str, str]]]:
    """Give by class: the member, what a local room does, and the tests that show it."""
    proven = proofs()
    missing = [name for name in members("CallClient") if name not in proven]
    documents, never, refused = await ask([name.split(".")[1] for name in missing if "." in name])

    def row(name: str) -> tuple[str, str, str]:
        error = refused.get(name) or ""
        if name in never:
            return f"`{name}`", f"**never comes**: {never[name]}", links([NEVER_COMES])
        if name in proven:
            document = documents.get(name) or documents.get(f"EventHandler.{name}") or ""
            return f"`{name}`", effect(document), links(proven[name])
        if "local room" in error:
            return f"`{name}`", f"**refused**: {error}", links([IS_REFUSED])
        return f"`{name}`", MISSING, MISSING

    return {owner: [row(name) for name in members(owner)] for owner in REAL["classes"]}


async def text() -> str:
    """Give this part of the page."""
    tables = []
    for owner, found in (await rows()).items():
        lines = [f"| {' | '.join(cells)} |" for cells in found]
        head = f"| {owner} | in a local room | test |\n| --- | --- | --- |"
        tables.append("\n".join([head, *lines]))
    return TEXT.format(
        daily=REAL["daily-python"], pipecat=REAL["pipecat-ai"], tables="\n\n".join(tables)
    )


def written(page: str, text: str) -> str:
    """Give the page with this part of it."""
    return put(page, text, "make coverage")


if __name__ == "__main__":
    logger.remove()
    PAGE.write_text(written(PAGE.read_text(), asyncio.run(text())))
