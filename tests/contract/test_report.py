# SPDX-License-Identifier: BSD-2-Clause
"""The drift report, on two different local Dailys."""

import asyncio
import dataclasses
import sys
import typing
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from document.check import DOCUMENT
from document.observe import OBSERVER
from drift.probes import NOT_ASKED, NOT_OBSERVED, OBSERVED, PROBES, everything_asked
from drift.report import Report, differences
from drift.target import Answer, Pace, Target
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.choices import Choices
from pipecat_daily_rest.local.rest.endpoints.rooms import RoomEndpoints
from pipecat_daily_rest.local.rules.schema import Refusal

FIELDS = {each.name: each for each in dataclasses.fields(Choices)}
KINDS = typing.get_type_hints(Choices)


def others(name: str) -> list[Any]:
    """Give every value of a switch that is not its default."""
    default, kind = FIELDS[name].default, KINDS[name]
    kinds = [kind, *typing.get_args(kind)]
    if bool in kinds:
        return [not default]
    literals = [
        value
        for each in kinds
        if typing.get_origin(each) is typing.Literal
        for value in typing.get_args(each)
    ]
    if literals:
        nothing = [None] if type(None) in kinds else []
        return [value for value in [*literals, *nothing] if value != default]
    if str in kinds:
        return [f"something else: {default}"]
    return [7]


# What a switch needs before it has an effect.
WITH: dict[str, Any] = {"no_card_status": {"card_on_file": False}}
OBSERVABLE = [name for name in FIELDS if name in OBSERVED]
OTHERS = [(name, value) for name in OBSERVABLE for value in others(name)]


async def asked(question: str, choices: Choices) -> Target:
    async with LocalDaily(choices=choices) as daily:
        target = Target.of(daily)
        await PROBES[question](target)
        return target


def test_every_switch_is_observed_or_it_is_said_why_not() -> None:
    for name in FIELDS:
        reasons = [why for pattern, why in NOT_OBSERVED.items() if fnmatchcase(name, pattern)]
        assert (name in OBSERVED) != bool(reasons), f"{name}: observe it, or say why not"
    assert OBSERVED.keys() <= FIELDS.keys()
    for pattern in NOT_OBSERVED:
        assert [name for name in FIELDS if fnmatchcase(name, pattern)], pattern


@pytest.mark.parametrize(("name", "value"), OTHERS)
async def test_each_switch_is_reported(name: str, value: Any) -> None:
    report, choices = Report(), Choices(**{**WITH.get(name, {}), name: value})
    for question in OBSERVED[name]:
        local = await asked(question, Choices(**WITH.get(name, {})))
        other = await asked(question, choices)
        report.add(question, local, other)
        if "info" not in name:
            assert (local.switches[name], other.switches[name]) == (FIELDS[name].default, value)
    OBSERVER.take()  # an unconfirmed value may differ from the document
    lines = [line for line in report.lines() if line.startswith("switch ")]
    assert [line for line in lines if line.startswith(f"switch {name}: local default ")]
    assert report.lines()[0] == "a locally signed token: " + (
        "accepted" if "a_token_signed_here" in OBSERVED[name] else "not asked"
    )


async def test_no_drift_between_two_of_the_same() -> None:
    report = Report()
    for question in PROBES:
        report.add(question, await asked(question, Choices()), await asked(question, Choices()))
    first, last = report.lines()
    assert first == "a locally signed token: accepted"
    told = len(report.switches)
    assert last == f"{told} of {told} switches as in the local Daily"


async def test_status_code_fields_and_headers(monkeypatch: Any) -> None:
    report = Report()
    question = "a_room_from_its_making_to_its_end"
    local = await asked(question, Choices())
    describe = RoomEndpoints._describe

    def other(self: Any, room: Any) -> Any:
        return {**describe(self, room), "region": "x", "api_created": "true"}

    def forbidden(self: Any, request: Any, body: Any) -> Any:
        raise Refusal(403, "forbidden-error")

    monkeypatch.setattr(RoomEndpoints, "_describe", other)
    async with LocalDaily() as daily:
        live = Target.of(daily)
        await PROBES[question](live)
    live.answers[0] = dataclasses.replace(
        live.answers[0], headers=live.answers[0].headers | {"Retry-After"}
    )
    report.add(question, local, live)
    monkeypatch.setattr(RoomEndpoints, "get_room", forbidden)
    other_live = await failing(question)
    report.add("once more", local, other_live)
    OBSERVER.take()
    lines = report.lines()
    for line in (
        f"{question}: POST /rooms: region: local absent, live string",
        f"{question}: POST /rooms: api_created: local boolean, live string",
        "once more: GET /rooms/{room_name}: status: local 200, live 403",
        "once more: GET /rooms/{room_name}: code: local None, live forbidden-error",
        "headers of live alone: Retry-After",
    ):
        assert line in lines


def test_an_empty_list_says_nothing_about_its_items() -> None:
    def answer(body: Any) -> Answer:
        return Answer("GET /rooms", 200, body, frozenset())

    some, none = {"data": [{"id": "x"}], "next": 1}, {"data": [], "next": None}
    assert differences(answer(some), answer(none)) == ["GET /rooms: next: local number, live null"]
    assert differences(answer([{"id": "x"}]), answer([])) == []
    assert differences(answer([{"id": "x"}]), answer([{"id": 1}])) == [
        "GET /rooms: id: local string, live number"
    ]
    assert differences(answer({"data": []}), answer({"rooms": []})) == [
        "GET /rooms: data: local array, live absent",
        "GET /rooms: rooms: local absent, live array",
    ]


async def failing(question: str) -> Target:
    async with LocalDaily() as daily:
        target = Target.of(daily)
        with pytest.raises(AssertionError):
            await PROBES[question](target)
        return target


async def test_a_token_that_is_not_accepted_comes_first(monkeypatch: Any) -> None:
    report = Report()
    question = next(iter(PROBES))
    local = await asked(question, Choices())
    async with LocalDaily() as daily:
        live = Target.of(daily)
        monkeypatch.setattr("drift.probes.signed", lambda *_, **__: "eyJ.a.b")
        with pytest.raises(AssertionError, match="a locally signed token is not accepted"):
            await PROBES[question](live)
    report.add(question, local, live)
    assert report.lines()[0] == "a locally signed token: REFUSED"


async def test_the_sweep_takes_its_own_rooms_and_no_others() -> None:
    async with LocalDaily() as daily:
        target = Target.of(daily)
        other = Target.of(daily)
        for name in ("somebody-elses", f"{target.prefix}x", other.name(), target.name()):
            await target.ask("POST", "/rooms", {"name": name})
            target.made.discard(name)
        nameless = await target.ask("POST", "/rooms")
        gone = await target.ask("POST", "/rooms", {"name": target.name()})
        await target.ask("DELETE", f"/rooms/{gone.body['name']}")
        for _ in range(120):  # more than a page
            await target.ask("POST", "/rooms", {"name": target.name()})
        swept = await target.sweep()
        assert len(swept) == 122
        assert nameless.body["name"] in swept
        assert len(daily.rooms) == 3
        assert await target.sweep() == []


async def test_the_pace() -> None:
    now, slept = [0.0], []

    async def sleep(seconds: float) -> None:
        slept.append(round(seconds, 3))
        now[0] += seconds

    pace = Pace(lambda: now[0], sleep)
    for operation in ("GET /rooms", "GET /rooms", "GET /rooms", "DELETE /rooms/{room_name}"):
        await pace.wait(operation)
    assert slept == [0.1, 0.1]
    await pace.wait("DELETE /rooms/{room_name}")
    assert sum(slept) == pytest.approx(1.4)
    # No window of 30 s gets 50 deletes, and no second 20 requests.
    slept.clear()
    for _ in range(50):
        await pace.wait("DELETE /rooms/{room_name}")
    assert sum(slept) > 30


async def test_every_operation_is_asked_or_it_is_said_why_not() -> None:
    answered = await everything_asked()
    assert answered.keys() | NOT_ASKED.keys() == DOCUMENT.operations.keys()
    assert answered.keys() & NOT_ASKED.keys() == set()


LIVE_RUN = """
import asyncio, os, sys
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.choices import Choices

async def main():
    async with LocalDaily(choices=Choices(unknown_cursor="ignore")) as daily:
        env = {**os.environ, "DAILY_API_URL": daily.api_url, "DAILY_API_KEY": daily.api_key}
        tests = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "--daily-live", *sys.argv[1:],
            env=env,
        )
        code = await tests.wait()
        print("rooms left:", len(daily.rooms), flush=True)
        return code

sys.exit(asyncio.run(main()))
"""


async def test_a_live_run(tmp_path: Path) -> None:
    """The whole run, with a local Daily with other switches in place of the real one."""
    here = Path(__file__).parent
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", LIVE_RUN, here, "-k", "lists or signed_here or taken_name or gone"),
        cwd=here.parents[1],
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out = (await process.communicate())[0].decode()
    assert process.returncode == 0, out
    assert "what the real Daily does otherwise than the local one" in out
    assert "\na locally signed token: accepted\n" in out
    assert 'switch unknown_cursor: local default "error", live "ignore"' in out
    assert "rooms left: 0" in out
