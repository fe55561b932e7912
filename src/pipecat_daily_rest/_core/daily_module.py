# SPDX-License-Identifier: BSD-2-Clause
"""Which ``daily`` module this process has: daily-python, or the stand-in for local rooms."""

import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "local" / "bot" / "stand_in"

WAY_OUT = (
    "daily-python cannot join a local room, only its stand-in can. For a bot use "
    "`pipecat-daily-rest run bot.py --local`; for any program `pipecat-daily-rest local -- COMMAND`."
)

MISSING = (
    "daily-python is not installed, and Pipecat's DailyTransport needs it to join a room on Daily: "
    "pip install 'pipecat-daily-rest[daily]'. A local room needs none: "
    "`pipecat-daily-rest run bot.py --local`."
)

_LEADS_TO_LOCAL = ("DAILY_API_URL", "DAILY_API_KEY", "DAILY_ROOM_URL", "PYTHONPATH")


def is_real_loaded() -> bool:
    """Tell whether daily-python is imported in this process."""
    module = sys.modules.get("daily")
    return module is not None and not getattr(module, "__stand_in__", False)


def would_be_real() -> bool:
    """Tell whether an ``import daily`` has given, or would give, daily-python."""
    if "daily" in sys.modules:
        return is_real_loaded()
    try:
        spec = importlib.util.find_spec("daily")
    except (ImportError, ValueError):
        return False
    origin = getattr(spec, "origin", None)
    return bool(origin) and FOLDER.resolve() not in Path(str(origin)).resolve().parents


def is_missing() -> bool:
    """Tell whether there is no ``daily`` module at all."""
    if sys.modules.get("daily") is not None:
        return False
    spec = importlib.util.find_spec("daily")
    return spec is None or spec.origin is None


@contextmanager
def keeps_local() -> Iterator[None]:
    """In a local run, take back what the block does to the variables that lead to the local Daily.

    A bot's file may have ``load_dotenv(override=True)`` at its top.
    """
    if not os.environ.get("PYTHONPATH", "").startswith(str(FOLDER)):
        yield
        return
    before = {name: os.environ.get(name) for name in _LEADS_TO_LOCAL}
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def python_path() -> str:
    """Give a ``PYTHONPATH`` that begins with the stand-in."""
    before = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    rest = [entry for entry in before if entry and entry != str(FOLDER)]
    return os.pathsep.join([str(FOLDER), *rest])


def put_on_path() -> None:
    """Let this process and its children import the stand-in as ``daily``."""
    folder = str(FOLDER)
    if folder in sys.path:
        sys.path.remove(folder)
    sys.path.insert(0, folder)
    os.environ["PYTHONPATH"] = python_path()
    importlib.invalidate_caches()
