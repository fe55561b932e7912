# SPDX-License-Identifier: BSD-2-Clause
"""``pipecat-daily-rest drill``: what a server of bots goes through in production."""

import importlib.util
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipecat_daily_rest._bot.stop_signals import hold, not_run
from pipecat_daily_rest.cli import given, progress
from pipecat_daily_rest.cli.output import Output, OutputOption, chosen, note, show_table, stop
from pipecat_daily_rest.errors import DailyConfigError, DailyError

if TYPE_CHECKING:
    from pipecat_daily_rest.drill import Outcome, Plan

_COLUMNS = ("drill", "result", "calls", "cut", "left", "seconds", "found")
_SERVER, _DRILLS, _SEEN = "The server", "The drills", given.SEEN
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, token
_FRAMING = ("content-length", "transfer-encoding", "host", "connection")
_IN_FILE = ("DAILY_API_URL", "DAILY_ROOM_URL")  # would lead away from the local Daily


def command(
    server: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="COMMAND", help="The server's command, after `--`; {port} is a free port."
        ),
    ] = None,
    calls: Annotated[
        int, typer.Option(help="Calls that run in a drill.", min=1, rich_help_panel=_DRILLS)
    ] = 3,
    max_sessions: Annotated[
        int | None,
        typer.Option(
            help="Calls that the server takes at once.",
            show_default="unknown: no more are started",
            min=1,
            rich_help_panel=_SERVER,
        ),
    ] = None,
    bot_process: Annotated[
        bool,
        typer.Option(
            "--bot-process",
            help="Each bot has a process of its own: kill one.",
            rich_help_panel=_SERVER,
        ),
    ] = False,
    url: Annotated[
        str | None,
        typer.Option(
            help="Where the server starts a call.",
            show_default="http://127.0.0.1:{port}/start, or port 7860",
            rich_help_panel=_SERVER,
        ),
    ] = None,
    header: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME:VALUE", help="A header of each start.", rich_help_panel=_SERVER),
    ] = None,
    body: Annotated[
        str | None,
        typer.Option(
            metavar="JSON|@FILE", help="What the bots get as their body.", rich_help_panel=_SERVER
        ),
    ] = None,
    talk: Annotated[
        float,
        typer.Option(
            help="Seconds that calls go on after SIGTERM.", min=0, rich_help_panel=_DRILLS
        ),
    ] = 5.0,
    away: Annotated[
        float,
        typer.Option(help="Seconds that Daily does not answer.", min=0, rich_help_panel=_DRILLS),
    ] = 20.0,
    storm: Annotated[
        float,
        typer.Option(help="Seconds that Daily answers 429.", min=0, rich_help_panel=_DRILLS),
    ] = 10.0,
    within: Annotated[
        float,
        typer.Option(
            help="Seconds for rooms to be gone, and for the server to end after its last call.",
            min=0,
            rich_help_panel=_DRILLS,
        ),
    ] = 60.0,
    only: Annotated[
        list[str] | None,
        typer.Option(
            help="Do this drill only; repeat it for more.",
            autocompletion=given.completing("storm", "away", "kill", "more-starts", "sigterm"),
            rich_help_panel=_DRILLS,
        ),
    ] = None,
    junit: Annotated[
        Path | None, typer.Option(help="Write JUnit XML to this file.", rich_help_panel=_SEEN)
    ] = None,
    log: Annotated[
        Path | None,
        typer.Option(help="Add the server's output to this file.", rich_help_panel=_SEEN),
    ] = None,
    output: OutputOption = None,
) -> None:
    """Start a server of bots on a local Daily, and see what becomes of calls and rooms.

    Daily fails, a bot's process is killed, more calls are started than it takes, it is shut down.
    Exit code 1: a call was cut, a room was left, or a start was not answered as it should be.
    """
    import asyncio  # slow to import, and --help needs none of it

    hold(not_run)
    if importlib.util.find_spec("aiortc") is None:
        stop("A drill needs a local Daily: pip install 'pipecat-daily-rest[local]'.")
    from pipecat_daily_rest._core import log_handler
    from pipecat_daily_rest.cli import local_command
    from pipecat_daily_rest.drill import Plan
    from pipecat_daily_rest.runner.options import read_body

    log_handler.to_stderr("ERROR")
    signals = local_command.Signals()
    hold(signals.put)
    try:
        _check_env_file()
        words = [*(server or ())]
        plan = Plan(
            command=tuple([local_command.program(words[0]), *words[1:]] if words else ()),
            url=url or "",
            calls=calls,
            max_sessions=max_sessions,
            bot_process=bot_process,
            talk=talk,
            away=away,
            storm=storm,
            within=within,
            only=tuple(only or ()),
            headers=_headers(header or ()),
            body={} if body is None else read_body(body),
            log=log,
            api_key=local_command.key_in_env_file(),
        )
        if log is not None:
            log.open("a").close()
        _write(junit, ())  # until there is more to say: an empty file is no XML
        outcomes = asyncio.run(progress.shown(_run(plan, signals)))
        if outcomes is not None:
            _write(junit, outcomes)
    except DailyError as exc:
        stop(str(exc), code=2 if isinstance(exc, DailyConfigError) else 1)
    except OSError as exc:
        what = f"Cannot write to {exc.filename}" if exc.filename else "The drill cannot go on"
        stop(f"{what}: {exc.strerror}.")
    if outcomes is None:
        raise typer.Exit(128 + signals.popleft())
    _show(chosen(output), outcomes)
    raise typer.Exit(int(any(each.state == "fault" for each in outcomes)))


async def _run(plan: "Plan", signals: Any) -> "list[Outcome] | None":
    """Drill, until a signal comes: None then."""
    from pipecat_daily_rest._core.waiting import unless
    from pipecat_daily_rest.drill import run

    def begins(name: str) -> None:
        progress.tell(f"Drilling: {name}")
        note(f"Drilling: {name}")

    return await unless(signals.wait(), run(plan, begins))


def _write(junit: Path | None, outcomes: "Sequence[Outcome]") -> None:
    from pipecat_daily_rest.drill.outcome import junit as as_junit

    if junit is not None:
        junit.write_text(as_junit(outcomes), "utf-8")


def _show(output: Output, outcomes: "Sequence[Outcome]") -> None:
    rows = [
        {
            "drill": each.drill,
            "result": each.state,
            "calls": each.calls,
            "cut": each.cut,
            "left": each.left,
            "seconds": round(each.seconds, 1),
            "found": each.found,
        }
        for each in outcomes
    ]
    show_table(output, rows, _COLUMNS)


def _check_env_file() -> None:
    """Refuse a `.env` that could lead the server to a Daily where people are."""
    from pipecat_daily_rest._core import settings

    path, values = settings.env_file()
    for name in _IN_FILE:
        if values.get(name):
            msg = f"{path} sets {name}, which a server may prefer to the local Daily: take it out."
            raise DailyConfigError(msg)


def _headers(words: Sequence[str]) -> dict[str, str]:
    headers = {}
    for each in words:
        name, colon, value = each.partition(":")
        if not (colon and _NAME.fullmatch(name.strip()) and value.strip().isprintable()):
            msg = "--header: write it as NAME:VALUE, as 'Authorization: Bearer KEY'."
            raise DailyConfigError(msg)
        if name.strip().lower() in _FRAMING:
            msg = f"--header: {name.strip()} follows from the request: leave it out."
            raise DailyConfigError(msg)
        headers[name.strip()] = value.strip()
    return headers
