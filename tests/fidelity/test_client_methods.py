# SPDX-License-Identifier: BSD-2-Clause
"""What each method of the client sends, against Daily's OpenAPI document."""

import json
from typing import Any

import pytest

import client_calls
from document.observe import Exchange
from document.properties import KINDS
from pipecat_daily_rest.errors import DailyConfigError

# Arguments that are sent in another form.
CHANGED = {
    "room_url": lambda url: url.rpartition("/")[2],
    "expiry_time": lambda seconds: None,  # from now on
}


def test_every_value_is_used() -> None:
    used = set()
    for method in client_calls.methods():
        for argument in client_calls.arguments(method):
            client_calls.value(method, argument)
            qualified = f"{method}.{argument}"
            used.add(qualified if qualified in client_calls.ARGUMENTS else argument)
    assert set(client_calls.ARGUMENTS) == used


def test_each_argument_is_given_once_at_least() -> None:
    for method, calls in client_calls.LEFT_OUT.items():
        given = [set(client_calls.arguments(method)) - set(left_out) for left_out in calls]
        assert set().union(*given) == set(client_calls.arguments(method))


def wire(exchange: Exchange) -> str:
    return f"{exchange.path} {json.dumps(exchange.query)} {json.dumps(exchange.body)}"


def leaves(value: Any) -> list[Any]:
    """Give the texts and numbers in a value, which must arrive."""
    if hasattr(value, "model_dump"):
        value = value.model_dump(exclude_none=True)
    if isinstance(value, dict):
        return [leaf for each in value.values() for leaf in leaves(each)]
    if isinstance(value, list | tuple):
        return [leaf for each in value for leaf in leaves(each)]
    return [] if isinstance(value, bool) or value is None else [value]


@pytest.mark.parametrize(("method", "left_out"), client_calls.calls())
async def test_what_it_sends_is_documented(method: str, left_out: tuple[str, ...]) -> None:
    world, given, _ = await client_calls.called(method, left_out)
    assert world.seen, "it sent nothing"
    assert [wrong for each in world.seen for wrong in each.wrong_request()] == []
    sent = " ".join(wire(each) for each in world.seen)
    for name, value in given.items():
        for leaf in leaves(CHANGED.get(name, lambda value: value)(value)):
            assert str(leaf) in sent, f"{name} {leaf!r} was not sent"


@pytest.mark.parametrize(
    "value", [object(), b"x", {"a": object()}], ids=["object", "bytes", "dict"]
)
@pytest.mark.parametrize(
    ("method", "argument"),
    [(each, name) for each in client_calls.methods() for name in client_calls.arguments(each)],
)
async def test_a_wrong_argument_is_an_error_and_is_not_sent(
    method: str, argument: str, value: Any
) -> None:
    left_out = next(
        each for each in client_calls.LEFT_OUT.get(method, [()]) if argument not in each
    )
    world, _, result = await client_calls.called(method, left_out, **{argument: value})
    assert isinstance(result, DailyConfigError), result
    assert world.seen == []


@pytest.mark.parametrize(("method", "where"), [("create_room", "room"), ("create_token", "token")])
async def test_every_documented_property_is_sent(method: str, where: str) -> None:
    world, given, result = await client_calls.called(method)
    assert not isinstance(result, Exception), result
    [exchange] = world.seen
    assert exchange.status == 200
    assert set(exchange.body["properties"]) == set(KINDS[where])
    # Each has a field of its own: none passes as an unknown key.
    [model] = [each for each in given.values() if hasattr(each, "model_fields_set")]
    model = getattr(model, "properties", model)
    assert model.model_extra == {}
