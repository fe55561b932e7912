# SPDX-License-Identifier: BSD-2-Clause
"""What a user gives on a command line: a log level, rooms, properties, a confirmation."""

import json
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from typer.core import TyperCommand

from pipecat_daily_rest._core import option_values
from pipecat_daily_rest._core.log_handler import LOG_LEVELS
from pipecat_daily_rest._core.secret import masked
from pipecat_daily_rest.cli.output import stop
from pipecat_daily_rest.errors import DailyConfigError

if TYPE_CHECKING:
    from pydantic import BaseModel

DryRun = Annotated[bool, typer.Option("--dry-run", help="Only print what would be done.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

M = TypeVar("M", bound="BaseModel")

ROOM = "The room's name or its URL."

# The panels of a long list of options.
WHERE, THE_ROOM, THE_BOT, SEEN = "Where it runs", "The room", "The bot", "What you see"

Daily = Annotated[
    bool,
    typer.Option(
        "--daily", help="Insist on Daily: without a key it is an error.", rich_help_panel=WHERE
    ),
]


class OwnArguments(TyperCommand):
    """Takes the bot's own arguments behind ``--`` only, so that a wrong option stays an error."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the command line, as any command does."""
        given = list(args)
        rest = super().parse_args(ctx, args)
        own = list(ctx.params.get("arguments") or ())
        behind = given[given.index("--") + 1 :] if "--" in given else []
        if own not in ([], behind, behind[1:]):  # the bot's file may stand behind it, too
            ctx.fail(f"Arguments of the bot's own come after `--`: -- {' '.join(own)}")
        return rest


def property_help(example: str) -> str:
    """Give the help of ``--property``."""
    return f"A property of Daily's, as --property {example}; may be repeated."


def completing(*words: str) -> Callable[[str], list[str]]:
    """Complete these words; a word of the user's own is not refused."""

    def complete(incomplete: str) -> list[str]:
        spelt = [word.lower() for word in words] if incomplete.islower() else words
        return [word for word in spelt if word.startswith(incomplete)]

    return complete


def log_level(name: str) -> str:
    """Give a level's name as loguru has it."""
    if name.upper() not in LOG_LEVELS:
        raise typer.BadParameter(f"must be one of {', '.join(LOG_LEVELS)}")
    return name.upper()


def checked(check: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Make a callback of a check from `option_values`; an option that is not given passes."""

    def callback(value: Any) -> Any:
        try:
            return value if value is None else check(value)
        except ValueError as exc:
            raise typer.BadParameter(str(exc).removesuffix(".")) from None

    return callback


def room_name(room: str) -> str:
    """Give the name of a room that is given by its name or its URL."""
    from pipecat_daily_rest._core import room_names  # slow to import, and `run` needs none of it

    return room_names.from_url(room) if "/" in room else room_names.check(room)


def properties(kind: type[M], given: Iterable[str], **more: Any) -> M:
    """Read ``name=value`` of each, and give them and ``more`` as Daily's properties."""
    from pydantic import ValidationError

    values: dict[str, Any] = {}
    for each in given:
        name, equals, text = each.partition("=")
        if not equals or not name:
            msg = f"--property {masked(each)!r}: write it as name=value."
            raise DailyConfigError(msg)
        if name in more:
            msg = f"--property {name}: the command sets that itself, see --help."
            raise DailyConfigError(msg)
        try:
            values[name] = json.loads(text)
        except ValueError:
            values[name] = text
    try:
        return kind(**{**values, **more})
    except ValidationError as exc:
        first = exc.errors(include_input=False, include_url=False)[0]
        name = ".".join(map(str, first["loc"]))
        msg = f"The property {name} does not fit: {first['msg']}."
        raise DailyConfigError(msg) from None


def confirm(question: str, *, yes: bool) -> None:
    """Ask before something is lost; without a terminal ``--yes`` has to say it."""
    if yes:
        return
    if not sys.stdin.isatty():
        stop(f"{question} Nobody can answer here: pass --yes.")
    if not typer.confirm(question, err=True):
        stop("Nothing was done.", code=1)


LogLevel = Annotated[
    str,
    typer.Option(
        help=f"Log from this level on: {', '.join(LOG_LEVELS)}.",
        callback=log_level,
        autocompletion=completing(*LOG_LEVELS),
        rich_help_panel=SEEN,
    ),
]
Body = Annotated[
    str | None,
    typer.Option(
        metavar="JSON|@FILE",
        help="What the bot gets as runner_args.body.",
        rich_help_panel=THE_BOT,
    ),
]
LocalPort = Annotated[
    int | None,
    typer.Option(
        help="The local Daily's port.",
        callback=checked(option_values.port),
        show_default="7880, or a free one",
        rich_help_panel=WHERE,
    ),
]
OpenBrowser = Annotated[
    bool,
    typer.Option("--open", help="Open the join link in the browser.", rich_help_panel=SEEN),
]
