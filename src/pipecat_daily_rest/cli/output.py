# SPDX-License-Identifier: BSD-2-Clause
"""What commands print: data on stdout, notes on stderr, errors as a sentence."""

import json
import os
import sys
from collections.abc import Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, NoReturn, TypeVar

import typer

from pipecat_daily_rest._bot.output import say
from pipecat_daily_rest._core import settings
from pipecat_daily_rest.cli import progress
from pipecat_daily_rest.errors import DailyConfigError, DailyError

T = TypeVar("T")

_LINES = "\n\t"  # what a message of several lines has


class Output(StrEnum):
    """How a command prints its data."""

    RICH = "rich"
    PLAIN = "plain"
    JSON = "json"


OutputOption = Annotated[
    Output | None,
    typer.Option(
        "--output",
        envvar="PIPECAT_OUTPUT",
        help="How data is printed; without it rich in a terminal, else plain.",
    ),
]


def chosen(output: Output | None) -> Output:
    """Give how to print: as asked, else by what stdout is."""
    return output or (Output.RICH if sys.stdout.isatty() else Output.PLAIN)


def run(work: Coroutine[Any, Any, T], *, failed: int = 1) -> T:
    """Read `.env`, then run a command's work.

    In a terminal, work that takes longer than a moment has a progress bar. A `DailyError` ends the command with a sentence and an exit code. That is 2 for what the user
    has to change, such as a missing key, else ``failed``.
    """
    import asyncio

    from pipecat_daily_rest._core import log_handler

    log_handler.to_stderr("WARNING")
    try:
        _read_env_file()
    except DailyConfigError as exc:
        work.close()
        stop(str(exc))
    try:
        return asyncio.run(progress.shown(work))
    except DailyError as exc:
        stop(str(exc), code=2 if isinstance(exc, DailyConfigError) else failed)


def _read_env_file() -> None:
    """Read ``.env``. The environment wins: no room of another account may be touched."""
    from dotenv import load_dotenv

    path, values = settings.env_file()
    load_dotenv(path, override=False)
    key = values.get("DAILY_API_KEY")
    if key and not settings.environment_key():  # an empty variable counts as not set
        os.environ["DAILY_API_KEY"] = key


def stop(message: str, *, code: int = 2) -> NoReturn:
    """End the command with an error."""
    say(f"Error: {clean(message, but=_LINES)}", file=sys.stderr)
    raise typer.Exit(code)


def note(message: str) -> None:
    """Print something that is not data."""
    progress.hide()
    say(clean(message, but=_LINES), file=sys.stderr)


def show_json(value: Any) -> None:
    """Print data as JSON."""
    print(json.dumps(value, indent=2))


def show_line(output: Output, words: Sequence[str], *, style: str = "") -> None:
    """Print a line; ``style`` is for its first word in a terminal."""
    progress.hide()
    first, *others = map(clean, words)
    if output is Output.RICH:
        from rich.console import Console
        from rich.text import Text

        line = Text.assemble((first, style), "".join(f"  {each}" for each in others))
        Console().print(line, soft_wrap=True)
    else:
        print("  ".join([first, *others]).rstrip(), flush=True)


def show_table(output: Output, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Print rows: a table in a terminal, aligned columns elsewhere, a list in JSON."""
    if output is Output.JSON:
        show_json([dict(row) for row in rows])
        return
    cells = [[clean(_text(row.get(name))) for name in columns] for row in rows]
    if output is Output.PLAIN:
        lines = [[name.upper() for name in columns], *cells]
        widths = [max(len(line[at]) for line in lines) for at in range(len(columns))]
        for line in lines:
            padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
            print("  ".join(padded).rstrip())
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for name in columns:
        table.add_column(name.upper(), overflow="fold")
    for line in cells:
        table.add_row(*map(Text, line))
    Console().print(table)


def instant(unix: Any) -> str | None:
    """Give a time of Daily's, in unix seconds, as ISO 8601."""
    try:
        return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def _text(value: Any) -> str:
    return "-" if value is None or value == "" else str(value)


def clean(text: str, *, but: str = "") -> str:
    """Take out what would control the terminal: a server and a bot may send anything."""
    return "".join(each if each.isprintable() or each in but else "�" for each in text)
