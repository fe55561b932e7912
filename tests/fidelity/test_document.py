# SPDX-License-Identifier: BSD-2-Clause
"""The table of Daily's operations, its gaps, and that the check against it notices errors."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from document import table
from document.check import DOCUMENT
from document.gaps import GAPS
from document.observe import OBSERVER
from document.samples import sample
from pipecat_daily_rest import DailyRESTHelper
from pipecat_daily_rest.errors import DailyInvalidRequestError
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.rest.endpoints.session import SessionEndpoints

BODIES = {name: schema for name in DOCUMENT.operations if (schema := DOCUMENT.body(name))}
ANSWERS = {
    (name, int(status)): schema
    for name, operation in DOCUMENT.operations.items()
    for status in operation["answers"]
    if (schema := DOCUMENT.answer(name, int(status)))
}


@pytest.mark.skipif(
    not table.OPENAPI.exists(), reason="Daily's OpenAPI document is not beside the repository"
)
def test_the_stored_table_is_that_of_the_document() -> None:
    made = table.generate(json.loads(table.OPENAPI.read_text()))
    assert table.written(made) == table.STORED.read_text()


def test_it_has_all_operations() -> None:
    assert len(DOCUMENT.operations) == 60
    assert len(BODIES) == 28  # DELETE /batch/rooms among them


def test_every_gap_is_in_the_document() -> None:
    for name in DOCUMENT.operations:
        DOCUMENT.body(name)
        DOCUMENT.answer(name, 200)
    assert [gap for number, gap in enumerate(GAPS) if number not in DOCUMENT.met] == []


def test_a_path_without_parameters_comes_first() -> None:
    assert DOCUMENT.find("GET", "/logs/api") == "GET /logs/api"
    assert DOCUMENT.find("POST", "/batch/rooms") == "POST /batch/rooms"
    assert DOCUMENT.find("POST", "/rooms/a") == "POST /rooms/{room_name}"
    assert (
        DOCUMENT.find("POST", "/rooms/a/dialOut/start") == "POST /rooms/{room_name}/dialOut/start"
    )
    assert DOCUMENT.find("PATCH", "/rooms") is None


def renamed(value: Any) -> Iterator[Any]:
    """Give the value several times, each time with another member misspelt."""
    if isinstance(value, dict):
        for name in value:
            yield {f"{key}_" if key == name else key: each for key, each in value.items()}
            for each in renamed(value[name]):
                yield {**value, name: each}
    elif isinstance(value, list):
        for number, each in enumerate(value):
            for other in renamed(each):
                yield [*value[:number], other, *value[number + 1 :]]


@pytest.mark.parametrize("operation", BODIES)
def test_a_misspelt_member_of_a_body_is_noticed(operation: str) -> None:
    method, _, path = operation.partition(" ")
    whole = sample(BODIES[operation])
    assert DOCUMENT.wrong_request(method, path, {}, whole) == []
    slips = [each for each in renamed(whole) if "'any_'" not in str(each)]  # "any": of any name
    assert slips
    for slip in slips:
        assert DOCUMENT.wrong_request(method, path, {}, slip), slip


@pytest.mark.parametrize(("operation", "status"), ANSWERS)
def test_a_misspelt_member_of_an_answer_is_noticed(operation: str, status: int) -> None:
    method, _, path = operation.partition(" ")
    schema = ANSWERS[operation, status]
    Draft202012Validator.check_schema(schema)
    whole = sample(schema)
    assert DOCUMENT.wrong_answer(method, path, status, whole) == []
    for slip in renamed(whole):
        if "'any_'" not in str(slip):
            assert DOCUMENT.wrong_answer(method, path, status, slip), slip


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ({"limit": "5", "starting_after": "x"}, 0),
        ({"limit": "five"}, 1),
        ({"Limit": "5"}, 1),
        ({"page": "2", "limit": ""}, 2),
    ],
)
def test_queries(query: dict[str, str], wrong: int) -> None:
    assert len(DOCUMENT.wrong_request("GET", "/rooms", query, None)) == wrong


def test_what_is_not_in_the_document() -> None:
    assert DOCUMENT.wrong_request("PATCH", "/rooms", {}, {})
    assert DOCUMENT.wrong_request("GET", "/batch-processor", {}, None)
    assert DOCUMENT.wrong_request("POST", "/rooms/x/recordings/stop", {}, {"instanceId": "1"})
    assert DOCUMENT.wrong_answer("POST", "/rooms", 201, {})
    assert DOCUMENT.wrong_answer("POST", "/rooms", 400, {"error": "made-up-error"})
    assert DOCUMENT.wrong_answer("GET", "/nowhere", 404, {"error": "not-found"}) == []
    assert DOCUMENT.wrong_answer("GET", "/nowhere", 200, {}) != []


async def test_an_error_of_the_local_daily_is_noticed(monkeypatch: Any) -> None:
    monkeypatch.setattr(SessionEndpoints, "room_presence", lambda *_: {"total": 0, "data": []})
    async with (
        LocalDaily() as daily,
        DailyRESTHelper(daily_api_key=daily.api_key, daily_api_url=daily.api_url) as helper,
    ):
        await helper.request("GET", "/rooms/x/presence")
    assert OBSERVER.take() == [
        "GET /rooms/{room_name}/presence, 200: Additional properties are not allowed "
        "('total' was unexpected)",
        "GET /rooms/{room_name}/presence, 200: 'total_count' is a required property",
    ]


async def test_a_request_that_should_have_been_refused_is_noticed(monkeypatch: Any) -> None:
    monkeypatch.setattr(SessionEndpoints, "eject", lambda *_: {"ejectedIds": []})
    async with (
        LocalDaily() as daily,
        DailyRESTHelper(daily_api_key=daily.api_key, daily_api_url=daily.api_url) as helper,
    ):
        await helper.request("POST", "/rooms/x/eject", json={"userIds": ["a"]})
        assert [each.partition(":")[0] for each in OBSERVER.take()] == [
            "POST /rooms/{room_name}/eject, body"
        ]
        # A refused request may be wrong on purpose; an injected fault is not the endpoint's response.
        with pytest.raises(DailyInvalidRequestError):
            await helper.request("POST", "/rooms", json={"nam": "a"})
        daily.fail("GET", "/rooms", status=200, body={"rooms": 0})
        assert await helper.request("GET", "/rooms") == {"rooms": 0}
    assert OBSERVER.take() == []
