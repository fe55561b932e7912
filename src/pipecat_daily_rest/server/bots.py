# SPDX-License-Identifier: BSD-2-Clause
"""Which bots a server has, and how each is found in any process."""

import importlib
import inspect
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from loguru import logger

from pipecat_daily_rest._bot.bot_file import Bot, load_bot
from pipecat_daily_rest._core import daily_module
from pipecat_daily_rest._core.bot_check import check_bot
from pipecat_daily_rest.errors import DailyConfigError

BotSource: TypeAlias = str | os.PathLike[str] | Callable[[Any], Any]

_DEFAULT = "bot"


def sources(bot: BotSource | Mapping[str, BotSource]) -> dict[str, BotSource]:
    """Give every bot by its name; the first one is the default.

    Raises:
        DailyConfigError: It is not a bot, or not a mapping of names to bots.
    """
    if isinstance(bot, Mapping):
        if not bot or not all(isinstance(name, str) and name for name in bot):
            msg = "bot: a mapping needs at least one name, and a bot for each name."
            raise DailyConfigError(msg)
        return dict(bot)
    return {_name(bot): bot}


def reference(bot: BotSource) -> str:
    """Tell how another process finds a bot: as ``module:function`` or the path of a file.

    Raises:
        DailyConfigError: Another process cannot find it.
    """
    if isinstance(bot, os.PathLike):
        return os.path.abspath(bot)
    if isinstance(bot, str):
        module_name, colon, function = bot.rpartition(":")
        if colon and module_name.replace(".", "").isidentifier() and function.isidentifier():
            return bot
        return os.path.abspath(bot)
    check_bot(bot)
    module = getattr(bot, "__module__", None)
    name = getattr(bot, "__qualname__", "")
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    if module == "__main__" and name == _DEFAULT and script:
        spec = getattr(sys.modules["__main__"], "__spec__", None)
        if spec is not None and spec.parent:  # `python -m package.module`: it may import relatively
            return f"{spec.name}:{name}"
        return os.path.abspath(str(script))
    found = inspect.getmodule(bot)
    if module in (None, "__main__") or found is None or getattr(found, name, None) is not bot:
        msg = (
            f"bot: another process cannot import {name or bot!r}. Pass a function of a module, "
            "'module:function', or the path of a file that defines bot()."
        )
        raise DailyConfigError(msg)
    return f"{module}:{name}"


def _name(bot: BotSource) -> str:
    if isinstance(bot, str | os.PathLike) and ":" not in os.path.basename(os.fspath(bot)):
        return os.path.splitext(os.path.basename(os.fspath(bot)))[0]
    return _DEFAULT


def load(bot: BotSource) -> Bot:
    """Load a bot.

    Raises:
        DailyConfigError: There is none.
        Exception: What its module raised.
    """
    if not isinstance(bot, str | os.PathLike):
        check_bot(bot)
        return bot
    with daily_module.keeps_local():
        loaded: Bot = _found(reference(bot))
    check_bot(loaded)
    return loaded


def _found(where: str) -> Any:
    module_name, colon, function = where.rpartition(":")
    if not colon or os.path.sep in where:
        return load_bot(where)
    found = getattr(importlib.import_module(module_name), function, None)
    if found is None:
        msg = (
            f"{module_name} defines no {function}(): it needs `async def {function}(runner_args)`."
        )
        raise DailyConfigError(msg)
    return found


def readyz_of(bot: Bot) -> Callable[[], Any] | None:
    """Give the ``readyz()`` of a bot's module, if it has one."""
    asked = getattr(sys.modules.get(getattr(bot, "__module__", "")), "readyz", None)
    return asked if callable(asked) else None


async def is_ready(bot: Bot) -> bool:
    """Ask the ``readyz()`` of a bot's module, as Pipecat Cloud does; without one it is ready.

    It gives a truth value, or a dict with ``ready``.
    """
    asked = readyz_of(bot)
    if asked is None:
        return True
    try:
        answer = asked()
        if inspect.isawaitable(answer):
            answer = await answer
    except Exception as exc:
        logger.warning("readyz() raised {}: the bot counts as not ready", type(exc).__name__)
        return False
    return bool(answer.get("ready")) if isinstance(answer, dict) else bool(answer)
