# SPDX-License-Identifier: BSD-2-Clause
"""``pipecat-daily-rest demo``: the quickstart, and the other examples as a copy."""

import shutil
from pathlib import Path

from pipecat_daily_rest._core import settings
from pipecat_daily_rest.cli.output import note, stop
from pipecat_daily_rest.errors import DailyConfigError

_PACKAGE = Path(__file__).parents[1]
# In a wheel they are inside the package; an editable install has the project around it.
_FOLDERS = (_PACKAGE / "examples", _PACKAGE.parents[1] / "examples")


def examples() -> Path:
    """Give the folder of the examples."""
    for folder in _FOLDERS:
        if (folder / "quickstart.py").is_file():
            return folder
    stop("This installation has no examples: install pipecat-daily-rest again.", code=1)


def copy(target: Path) -> None:
    """Copy the examples into a folder that is new or empty."""
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        stop(f"{target} has something in it: name a new folder.")
    try:
        shutil.copytree(
            examples(), target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__")
        )
    except OSError as exc:
        stop(f"The examples cannot be copied to {target}: {exc.strerror or exc}.", code=1)
    note(
        f"The examples are in {target}. Try: pipecat-daily-rest run {target}/quickstart.py --local"
    )


def tell(*, local: bool) -> None:
    """Say what starts, and what it does: the links take a moment to come."""
    where = "a local Daily" if local else "Daily"
    note(f"Starting a bot on {where}: it repeats what you say, and answers what you type.")


def has_key() -> bool:
    """Tell whether there is a key, in `.env` or in the environment."""
    try:
        settings.read_env_file()  # as the runner does, which decides by the same key
    except DailyConfigError as exc:
        stop(str(exc))
    return bool(settings.environment_key())
