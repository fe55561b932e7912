# SPDX-License-Identifier: BSD-2-Clause
"""A function that cannot be a bot is refused before a room is created for it."""

import functools
import inspect
import types
from unittest.mock import AsyncMock

import pytest

from pipecat_daily_rest import DailyConfigError, deletes_room
from pipecat_daily_rest._core.bot_check import check_bot
from pipecat_daily_rest.runner import run_bot


async def good(runner_args):
    pass


async def two(transport, runner_args):
    pass


async def none():
    pass


async def by_name(*, runner_args):
    pass


def plain(runner_args):
    print(runner_args)


def returns_early(runner_args):
    if runner_args:
        return
    with open("x") as file:
        print(file)


def constant(runner_args):
    return "done"


def passes_on(runner_args):
    return good(runner_args)


def passes_on_or_not(runner_args):
    return good(runner_args) if runner_args else None


def generator(runner_args):
    yield


async def async_generator(runner_args):
    yield


@types.coroutine
def coroutine(runner_args):
    yield


@functools.wraps(good)
def wrapper(*args):
    return good(*args)


class Bot:
    async def __call__(self, runner_args):
        pass

    async def method(self, runner_args):
        pass

    @staticmethod
    async def static(runner_args):
        pass

    def plain(self, runner_args):
        pass


class Plain:
    def __call__(self, runner_args):
        pass


GOOD = {
    "function": good,
    "lambda": lambda runner_args: good(runner_args),
    "passes on": passes_on,
    "passes on or not": passes_on_or_not,
    "types.coroutine": coroutine,
    "object": Bot(),
    "method": Bot().method,
    "static method": Bot.static,
    "partial": functools.partial(two, None),
    "wrapper": wrapper,
    "deletes_room": deletes_room(good),
    "mock": AsyncMock(),
}
ASYNC, ONE = "bot must be an async function", "bot must take one argument"
BAD = {
    "no function": (5, "bot must be a function, not int"),
    "plain": (plain, ASYNC),
    "plain that returns early": (returns_early, ASYNC),
    "constant": (constant, ASYNC),
    "lambda": (lambda runner_args: None, ASYNC),
    "generator": (generator, ASYNC),
    "async generator": (async_generator, ASYNC),
    "object": (Plain(), ASYNC),
    "class": (Plain, ASYNC),
    "method": (Bot().plain, ASYNC),
    "partial": (functools.partial(plain), ASYNC),
    "no argument": (none, ONE),
    "two arguments": (two, ONE),
    "by name only": (by_name, ONE),
    "partial with no argument": (functools.partial(good, None), ONE),
}


@pytest.mark.parametrize("bot", GOOD.values(), ids=GOOD)
def test_a_bot_is_accepted(bot):
    check_bot(bot)


@pytest.mark.parametrize(("bot", "says"), BAD.values(), ids=BAD)
def test_what_cannot_be_a_bot_is_refused(bot, says):
    with pytest.raises(DailyConfigError, match=says):
        check_bot(bot)


async def test_no_room_is_made_for_what_cannot_be_a_bot(local_daily):
    for bot in (plain, none):
        with pytest.raises(DailyConfigError, match="async def bot"):
            await run_bot(bot)
    assert local_daily.requests == []


def test_deletes_room_takes_a_bot_with_further_arguments():
    assert inspect.iscoroutinefunction(deletes_room(two))
    for bot in (plain, none):
        with pytest.raises(DailyConfigError, match="async def bot"):
            deletes_room(bot)
