# SPDX-License-Identifier: BSD-2-Clause
"""Whatever Pipecat's two modules on Daily offer is here, by the same name and for the same call."""

import inspect
import typing
from inspect import Parameter

import pytest
from pipecat.runner import daily as runner
from pipecat.transports.daily import utils
from pydantic import BaseModel

import pipecat_daily_rest as ours

THEIRS = {
    name: value
    for module in (utils, runner)
    for name, value in vars(module).items()
    if not name.startswith("_") and getattr(value, "__module__", "") == module.__name__
}
MODELS = [
    name
    for name, value in THEIRS.items()
    if inspect.isclass(value) and issubclass(value, BaseModel)
]
METHODS = ["__init__", *(name for name in vars(utils.DailyRESTHelper) if not name.startswith("_"))]


def test_every_public_name_is_here():
    assert {"DailyRESTHelper", "DailyRoomConfig", "configure"} <= THEIRS.keys()
    assert THEIRS.keys() <= set(ours.__all__)
    for name in THEIRS:
        assert inspect.isclass(getattr(ours, name)) == inspect.isclass(THEIRS[name])


@pytest.mark.parametrize("name", MODELS)
def test_a_model_has_the_same_fields_in_the_same_order_with_the_same_defaults(name):
    theirs, mine = THEIRS[name], getattr(ours, name)
    assert list(mine.model_fields)[: len(theirs.model_fields)] == list(theirs.model_fields)
    for field, asked in theirs.model_fields.items():
        given = mine.model_fields[field]
        if not asked.is_required():
            assert not given.is_required()
            default, same = (
                given.get_default(call_default_factory=True),
                asked.get_default(call_default_factory=True),
            )
            if isinstance(same, BaseModel):
                default, same = (
                    default.model_dump(exclude_none=True),
                    same.model_dump(exclude_none=True),
                )
            assert (type(default), default) == (type(same), same), field
        for choice in _choices(asked.annotation):
            assert choice in _choices(given.annotation), field
    # Properties of a model, and its iteration, are as public as its fields.
    methods = {n for n in vars(theirs) if not n.startswith("_") and n != "model_config"}
    assert methods <= set(dir(mine)) | mine.model_fields.keys()
    assert ("__iter__" in vars(theirs)) == ("__iter__" in vars(mine))


def test_every_call_is_compared():
    assert THEIRS.keys() - MODELS == {"DailyRESTHelper", "configure"}
    assert {"get_token", "create_room", "delete_room_by_url"} <= set(METHODS)


@pytest.mark.parametrize("name", ["configure", *METHODS])
def test_a_call_takes_what_pipecats_takes(name):
    theirs, mine = (
        getattr(configuring if name == "configure" else helping, name)
        for configuring, helping in ((runner, utils.DailyRESTHelper), (ours, ours.DailyRESTHelper))
    )
    asked = inspect.signature(theirs).parameters
    given = inspect.signature(mine).parameters
    assert list(given)[: len(asked)] == list(asked)
    for parameter in asked.values():
        other = given[parameter.name]
        assert other.kind == parameter.kind, parameter.name
        if parameter.default is not Parameter.empty:
            assert other.default == parameter.default, parameter.name
    for parameter in list(given.values())[len(asked) :]:
        assert parameter.default is not Parameter.empty, parameter.name
    assert inspect.iscoroutinefunction(mine) == inspect.iscoroutinefunction(theirs)


async def test_a_helper_has_the_attributes_of_pipecats():
    values = {
        "daily_api_key": "k",
        "daily_api_url": "http://127.0.0.1:1/v1",
        "aiohttp_session": None,
    }
    theirs, mine = utils.DailyRESTHelper(**values), ours.DailyRESTHelper(**values)
    assert {name: getattr(mine, name) for name in vars(theirs)} == vars(theirs)


def _choices(annotation):
    if typing.get_origin(annotation) is typing.Literal:
        return set(typing.get_args(annotation))
    return {choice for part in typing.get_args(annotation) for choice in _choices(part)}
