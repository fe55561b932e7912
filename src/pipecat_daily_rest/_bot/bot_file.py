# SPDX-License-Identifier: BSD-2-Clause
"""Finds the function ``bot`` in the running program, or in a file."""

import importlib
import importlib.util
import os
import re
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeAlias

from pipecat_daily_rest.errors import DailyConfigError

Bot: TypeAlias = Callable[[Any], Awaitable[Any]]


def find_bot() -> Bot:
    """Give ``bot`` of the script, or of a module ``bot`` beside it, as Pipecat's runner does."""
    module = sys.modules["__main__"]
    if not hasattr(module, "bot") and importlib.util.find_spec("bot") is not None:
        module = importlib.import_module("bot")
    return _bot_of(module, os.path.basename(sys.argv[0]))


def check_file(path: str) -> None:
    """Refuse a bot's file that is not there."""
    if isinstance(path, str | os.PathLike) and os.path.isdir(path):
        bots = [each for each in sorted(Path(path).glob("*.py")) if _has_bot(each)]
        named = f", as {bots[0]}" if len(bots) == 1 else ""
        msg = f"{path!r} is a folder: pass the Python file in it that defines bot(){named}."
        raise DailyConfigError(msg)
    if not isinstance(path, str | os.PathLike) or not os.path.isfile(path):
        msg = (
            f"There is no file {path!r}: pass the Python file that defines bot(). "
            "`pipecat-daily-rest demo --copy bots` copies examples."
        )
        raise DailyConfigError(msg)


def _has_bot(path: Path) -> bool:
    """Tell whether a file defines ``bot()``, without running it."""
    try:
        return re.search(rb"^(async )?def bot\(", path.read_bytes(), re.MULTILINE) is not None
    except OSError:
        return False


def load_bot(path: str) -> Bot:
    """Load a file and give its ``bot``; its ``if __name__ == "__main__"`` block does not run."""
    check_file(path)
    name = os.path.splitext(os.path.basename(path))[0]
    while name in sys.modules:
        name = f"{name}_bot"  # a bot's json.py must not replace the module json, nor another bot
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        msg = f"{path!r} is not a Python file: pass the one that defines bot()."
        raise DailyConfigError(msg)
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))  # as `python bot.py` does
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return _bot_of(module, os.path.basename(path))


def _bot_of(module: Any, where: str) -> Bot:
    found = getattr(module, "bot", None)
    if not callable(found):
        msg = (
            f"{where} defines no bot(): it needs `async def bot(runner_args)`. "
            f"A program without one runs with `pipecat-daily-rest local -- python {where}`."
        )
        raise DailyConfigError(msg)
    bot: Bot = found
    return bot
