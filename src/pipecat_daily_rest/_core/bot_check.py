# SPDX-License-Identifier: BSD-2-Clause
"""Checks that a function can be a bot, before a room is made for it. Pure: no I/O."""

import dis
import functools
import inspect
from typing import Any

from pipecat_daily_rest._core import arguments
from pipecat_daily_rest.errors import DailyConfigError

_FORM = "as in `async def bot(runner_args)`."


def check_bot(bot: Any, *, more: bool = False) -> None:
    """Check that a bot is async and takes one argument."""
    arguments.function("bot", bot)
    if not _may_be_async(bot):
        msg = f"bot must be an async function, {_FORM}"
        raise DailyConfigError(msg)
    try:
        signature = inspect.signature(bot)
    except (TypeError, ValueError):  # some functions in C have none
        return
    if not (signature.parameters if more else _takes_one(signature)):
        msg = f"bot must take one argument, {_FORM}"
        raise DailyConfigError(msg)


def _takes_one(signature: inspect.Signature) -> bool:
    try:
        signature.bind(None)
    except TypeError:
        return False
    return True


def _may_be_async(bot: Any) -> bool:
    while isinstance(bot, functools.partial) or hasattr(bot, "__wrapped__"):
        bot = bot.func if isinstance(bot, functools.partial) else bot.__wrapped__
    if isinstance(bot, type):
        return hasattr(bot, "__await__")
    if not inspect.isroutine(bot):
        bot = type(bot).__call__
    function = inspect.unwrap(getattr(bot, "__func__", bot))
    if not inspect.isfunction(function) or inspect.iscoroutinefunction(function):
        return True
    if function.__code__.co_flags & inspect.CO_ITERABLE_COROUTINE:  # types.coroutine
        return True
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        return False
    return _returns_a_result(function)


def _returns_a_result(function: Any) -> bool:
    """Whether it returns anything but constants (the implicit None is one)."""
    before = ""
    for step in dis.get_instructions(function):
        # After a jump, something else than the line before it is returned.
        if step.opname == "RETURN_VALUE" and (step.is_jump_target or before != "LOAD_CONST"):
            return True
        before = step.opname
    return False
