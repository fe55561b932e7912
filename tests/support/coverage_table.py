# SPDX-License-Identifier: BSD-2-Clause
"""Writes ``docs/coverage.md`` from what is really sent and answered: ``make coverage``."""

import asyncio
import dataclasses
import json
import re
from fnmatch import fnmatchcase
from pathlib import Path

from loguru import logger

import client_calls
from document import observe
from document.check import DOCUMENT
from drift.probes import NOT_ASKED, NOT_OBSERVED, OBSERVED, everything_asked
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.choices import Choices
from pipecat_daily_rest.local.rest.endpoints import FAMILIES, REFUSALS

FILE = Path(__file__).parents[2] / "docs" / "coverage.md"
MISSING = "missing"  # red in tests/fidelity/test_coverage.py

TEXT = """\
<!-- Made by `make coverage` from what the tests send and get. Do not edit. -->
# Coverage of Daily's API

All {count} operations of [Daily's OpenAPI document](https://docs.daily.co/openapi.json).

- **Client**: the methods of `DailyRESTHelper` that send it. An operation without a method goes
  through `helper.request()`, with the same pacing, retries and errors.
- **LocalDaily**: whether the local Daily answers it, or why it refuses it (501,
  `not-supported-locally`).
- **Contract suite**: whether the suite sends it. The suite runs against the local Daily, and against
  the real one with `--daily-live`. `yes`: it gets a good answer. `its refusals`: it gets only errors,
  about what does not exist or is not allowed. `no`: why it is not sent.

| operation | client | LocalDaily | contract suite |
| --- | --- | --- | --- |
{operations}

## The switches

Daily's documentation leaves these points open. Each is a switch in
`pipecat_daily_rest.local.choices.Choices`. The table has its default, which the local Daily follows,
and whether the contract suite shows what the real Daily does.

| switch | default | contract suite |
| --- | --- | --- |
{switches}
"""


async def senders() -> dict[str, list[str]]:
    """Give the methods of the client by the operation that they send."""
    found: dict[str, dict[str, None]] = {}
    for method, left_out in client_calls.calls():
        world, _, _ = await client_calls.called(method, left_out)
        for exchange in world.seen:
            operation = DOCUMENT.find(exchange.method, exchange.path)
            assert operation is not None, exchange
            found.setdefault(operation, {})[method] = None
    return {operation: list(methods) for operation, methods in found.items()}


async def answerers() -> dict[str, str]:
    """Tell by operation what the local Daily does with it."""
    found = {}
    async with LocalDaily() as daily:
        for family in FAMILIES:
            for method, path, _ in family(daily.parts).routes():
                operation = DOCUMENT.find(method, re.sub(r"\{\w+(:.*?)?\}", "x", path))
                if operation is not None:
                    why = REFUSALS.get((method, path))
                    found[operation] = "yes" if why is None else f"refused: {why}"
    return found


async def rows() -> list[tuple[str, str, str, str]]:
    """Give the operation, and a cell each for the client, the local Daily and the suite."""
    sent, local, asked = await senders(), await answerers(), await everything_asked()

    def suite(operation: str) -> str:
        if operation in asked:
            return "yes" if 200 in asked[operation] else "its refusals"
        return f"no: {NOT_ASKED[operation]}" if operation in NOT_ASKED else MISSING

    return [
        (
            f"`{operation}`",
            ", ".join(f"`{name}`" for name in sent.get(operation, ["helper.request()"])),
            local.get(operation, MISSING),
            suite(operation),
        )
        for operation in DOCUMENT.operations
    ]


def switches() -> list[tuple[str, str, str]]:
    """Give the switch, its default, and whether the suite shows it."""
    found = []
    for each in dataclasses.fields(Choices):
        why = [why for pattern, why in NOT_OBSERVED.items() if fnmatchcase(each.name, pattern)]
        told = "yes" if each.name in OBSERVED else f"no: {why[0]}" if why else MISSING
        found.append((f"`{each.name}`", f"`{json.dumps(each.default)}`", told))
    return found


async def text() -> str:
    """Give the page."""

    def table(rows: list[tuple[str, ...]]) -> str:
        return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)

    operations = await rows()
    return TEXT.format(
        count=len(operations), operations=table(operations), switches=table(switches())
    )


if __name__ == "__main__":
    logger.remove()
    observe.install()
    FILE.write_text(asyncio.run(text()))
