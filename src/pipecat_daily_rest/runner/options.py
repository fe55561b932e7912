# SPDX-License-Identifier: BSD-2-Clause
"""The options of a bot's command line."""

import argparse
import json
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO, TypeVar

from pipecat_daily_rest._bot.output import say
from pipecat_daily_rest._core import option_values, settings
from pipecat_daily_rest._core.log_handler import LOG_LEVELS
from pipecat_daily_rest._core.secret import hide_secrets
from pipecat_daily_rest._rooms.room_spec import DEFAULT_LIFETIME
from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.runner.local_daily_process import DEFAULT_HOST, DEFAULT_PORT

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a bot is run.

    Parameters:
        local: Run on a local Daily.
        daily: Insist on Daily: without a key it is an error.
        room_url: A room that exists, to be used instead of a new one.
        lifetime: Seconds after which the room ends by itself; 1 hour when None.
        name_prefix: How the room's name begins.
        host: Address of the local Daily.
        port: Port of the local Daily; 7880, or a free one if that is taken, when None.
        open_browser: Open the join link.
        sip: Make a room that can be called by SIP.
        log_level: One of loguru's levels.
        body: JSON, or ``@`` and a file with it: what the bot gets as ``runner_args.body``.
        reload: Replace the bot by a new one whenever its files are saved.
    """

    local: bool = False
    room_url: str | None = None
    lifetime: float | None = None
    name_prefix: str = "pipecat"
    host: str = DEFAULT_HOST
    port: int | None = None
    open_browser: bool = False
    sip: bool = False
    log_level: str = "INFO"
    daily: bool = False
    body: str | None = field(default=None, repr=False)
    reload: bool = False

    def __post_init__(self) -> None:
        """Keep a token in the URL from being shown."""
        object.__setattr__(self, "room_url", hide_secrets(self.room_url))


def parse() -> Options:
    """Read the options of this program's own command line.

    What stands behind ``--`` is the bot's own: it becomes ``sys.argv[1:]``.
    """
    parser = argparse.ArgumentParser(
        description="Run this bot in a Daily room that is deleted when the bot ends.",
        epilog="Arguments of the bot's own come after --; the bot finds them in sys.argv.",
    )
    add = parser.add_argument
    add("--serve", action="store_true", help="serve it: see `pipecat-daily-rest serve --help`")
    add(
        "--local",
        action="store_true",
        help="use a Daily on this machine; the default in a terminal without DAILY_API_KEY",
    )
    add(
        "--daily", action="store_true", help="insist on Daily: without DAILY_API_KEY it is an error"
    )
    add(
        "--room-url",
        metavar="URL",
        type=_value(str, option_values.room_url),
        help="use this room, and do not delete it (DAILY_ROOM_URL)",
    )
    add(
        "--lifetime",
        type=_value(float, option_values.seconds(1)),
        metavar="SECONDS",
        help=f"how long the room lives at most ({DEFAULT_LIFETIME:.0f})",
    )
    add(
        "--name-prefix",
        default="pipecat",
        type=_value(str, option_values.prefix),
        metavar="TEXT",
        help="how the room's name begins (pipecat)",
    )
    add(
        "--host",
        default=DEFAULT_HOST,
        type=_value(str, option_values.host),
        help=f"where the local Daily listens ({DEFAULT_HOST})",
    )
    add(
        "--port",
        type=_value(int, option_values.port),
        help=f"the local Daily's port ({DEFAULT_PORT}, or a free one)",
    )
    add(
        "--open", action="store_true", dest="open_browser", help="open the join link in the browser"
    )
    add("--sip", action="store_true", help="make a room that can be called by SIP")
    add(
        "--reload",
        action="store_true",
        help="have a new bot come into the same room whenever its files are saved",
    )
    add("--body", metavar="JSON|@FILE", help="what the bot gets as runner_args.body")
    add(
        "--log-level",
        default="INFO",
        type=str.upper,
        choices=LOG_LEVELS,
        metavar="LEVEL",
        help=f"log from this level on: {', '.join(LOG_LEVELS)} (INFO)",
    )
    ours, separator, own = before_own(sys.argv[1:])
    given = vars(parser.parse_args(ours))
    if separator:
        sys.argv[1:] = own
    del given["serve"]
    return Options(**given)


def _value(convert: Callable[[str], T], check: Callable[[T], T]) -> Callable[[str], T]:
    """Make what reads an option's value, and refuses it in the words of the check."""

    def read(text: str) -> T:
        try:
            return check(convert(text))
        except ValueError as exc:
            raise argparse.ArgumentTypeError(str(exc)) from None

    return read


def before_own(arguments: list[str]) -> tuple[list[str], bool, list[str]]:
    """Take arguments apart at the first ``--``; tell whether there is one."""
    if "--" not in arguments:
        return arguments, False, []
    at = arguments.index("--")
    return arguments[:at], True, arguments[at + 1 :]


def read_body(given: str | None) -> Any:
    """Read what ``--body`` gives: JSON, or ``@`` and a file with it; None when it is not given.

    Raises:
        DailyConfigError: It is not JSON, or the file cannot be read.
    """
    if given is None:
        return None
    text: str | bytes = given
    if given.startswith("@"):
        try:
            text = Path(given[1:]).read_bytes()
        except OSError as exc:
            msg = f"--body: the file {given[1:]!r} cannot be read: {exc.strerror}."
            raise DailyConfigError(msg) from exc
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as exc:
        why = "it is nested too deeply" if isinstance(exc, RecursionError) else exc
        msg = f"--body must be JSON, or @ and the name of a file with JSON: {why}."
        raise DailyConfigError(msg) from None


def _refuse(constant: str) -> None:
    msg = f"JSON has no {constant}"
    raise ValueError(msg)


def use_local(
    local: bool, *, daily: bool = False, room_url: str | None = None, file: TextIO | None = None
) -> bool:
    """Tell whether to use a local Daily, once `.env` is read.

    That is so without a key in a terminal, and it is said on ``file``, stderr when None. With
    ``daily``, or without a terminal, a missing key is an error.
    """
    if local and daily:
        msg = "--local and --daily contradict each other: leave one out."
        raise DailyConfigError(msg)
    if local or settings.environment_key() or room_url:
        return local
    if daily or not _in_terminal():
        settings.api_key()  # raises, and says what to do
    say("No DAILY_API_KEY: using a local Daily, on this machine only.", file=file or sys.stderr)
    return True


def _in_terminal() -> bool:
    """Whether somebody can see what is said: a container has no terminal."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError):  # closed, or replaced
            if stream.isatty():
                return True
    return False
