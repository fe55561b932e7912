# SPDX-License-Identifier: BSD-2-Clause
"""The commands: ``pipecat-daily-rest …``, and the same as ``pipecat daily …``.

Imports `runner`, `load`, `drill`, `_bot`, `_rooms`, `_rest` and what those import. Except in a
drill, a local Daily is a child process.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from pipecat_daily_rest._bot.stop_signals import hold, not_run, stop_early
from pipecat_daily_rest._core import option_values
from pipecat_daily_rest.cli import (
    drill_command,
    given,
    load_command,
    rooms_command,
    serve_command,
    token_command,
)
from pipecat_daily_rest.cli.output import Output, OutputOption, chosen, show_json

app = typer.Typer(
    help="Run a Pipecat bot in a Daily room of its own, on Daily or on this machine.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _say_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version as installed

        print(f"pipecat-daily-rest {installed('pipecat-daily-rest')}")
        raise typer.Exit


@app.callback()
def _before(
    version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_say_version, help="Print the version and end."
        ),
    ] = False,
) -> None:
    """Take the options before a command."""


@app.command(cls=given.OwnArguments)
def run(
    bot: Annotated[str, typer.Argument(help="The Python file that defines bot().")],
    arguments: Annotated[
        list[str] | None, typer.Argument(help="Arguments of the bot's own, after `--`.")
    ] = None,
    local: Annotated[
        bool,
        typer.Option(
            "--local",
            help="Use a Daily on this machine; the default in a terminal without DAILY_API_KEY.",
            rich_help_panel=given.WHERE,
        ),
    ] = False,
    daily: given.Daily = False,
    room_url: Annotated[
        str | None,
        typer.Option(
            help="Use this room, and do not delete it.",
            callback=given.checked(option_values.room_url),
            show_default="DAILY_ROOM_URL, else a new room",
            rich_help_panel=given.THE_ROOM,
        ),
    ] = None,
    lifetime: Annotated[
        float | None,
        typer.Option(
            help="Seconds that the room lives at most.",
            callback=given.checked(option_values.seconds(1)),
            show_default="3600",
            rich_help_panel=given.THE_ROOM,
        ),
    ] = None,
    name_prefix: Annotated[
        str,
        typer.Option(
            help="How the room's name begins.",
            callback=given.checked(option_values.prefix),
            rich_help_panel=given.THE_ROOM,
        ),
    ] = "pipecat",
    host: Annotated[
        str,
        typer.Option(
            help="Where the local Daily listens.",
            callback=given.checked(option_values.host),
            rich_help_panel=given.WHERE,
        ),
    ] = "127.0.0.1",
    port: given.LocalPort = None,
    open_browser: given.OpenBrowser = False,
    sip: Annotated[
        bool,
        typer.Option(
            "--sip",
            help="Make a room that can be called by SIP.",
            rich_help_panel=given.THE_ROOM,
        ),
    ] = False,
    reload: Annotated[
        bool,
        typer.Option(
            "--reload",
            help="Have a new bot come into the room whenever its files are saved.",
            rich_help_panel=given.THE_BOT,
        ),
    ] = False,
    body: given.Body = None,
    log_level: given.LogLevel = "INFO",
) -> None:
    """Run a bot in a room that is deleted when the bot ends."""
    hold(stop_early)
    from pipecat_daily_rest import runner

    sys.argv = [bot, *(arguments or ())]
    options = runner.Options(
        local=local,
        daily=daily,
        body=body,
        reload=reload,
        room_url=room_url,
        lifetime=lifetime,
        name_prefix=name_prefix,
        host=host,
        port=port,
        open_browser=open_browser,
        sip=sip,
        log_level=log_level,
    )
    runner.launch(options, lambda: bot if reload else runner.load_bot(bot))


@app.command()
def demo(
    local: Annotated[
        bool,
        typer.Option(
            "--local",
            help="Use a Daily on this machine; the default without a key.",
            rich_help_panel=given.WHERE,
        ),
    ] = False,
    daily: given.Daily = False,
    port: given.LocalPort = None,
    open_browser: given.OpenBrowser = False,
    copy: Annotated[
        Path | None, typer.Option(help="Copy the examples into this folder, and run nothing.")
    ] = None,
) -> None:
    """Talk to a bot in your browser: it repeats what you say. No account is needed."""
    hold(stop_early)
    from pipecat_daily_rest.cli import demo_command

    if copy is not None:
        demo_command.copy(copy)
        return
    from pipecat_daily_rest import runner

    bot = str(demo_command.examples() / "quickstart.py")
    sys.argv = [bot]
    has_key = demo_command.has_key()
    local = local or not (daily or has_key)
    if (local or has_key) and not (local and daily):
        demo_command.tell(local=local)
    options = runner.Options(
        local=local,
        daily=daily,
        port=port,
        open_browser=open_browser,
    )
    runner.launch(options, lambda: runner.load_bot(bot))


app.command("serve", cls=serve_command.ReadsEnvFile)(serve_command.command)
app.command("load")(load_command.command)


_ANSWERS = "How it answers"


@app.command(context_settings={"allow_interspersed_args": False})
def local(
    command: Annotated[
        list[str] | None, typer.Argument(help="A command to run on the local Daily, after `--`.")
    ] = None,
    host: Annotated[
        str,
        typer.Option(
            help="The address to listen on.",
            callback=given.checked(option_values.host),
            rich_help_panel=given.WHERE,
        ),
    ] = "127.0.0.1",
    port: given.LocalPort = None,
    log_level: given.LogLevel = "WARNING",
    limits: Annotated[
        bool,
        typer.Option(
            "--limits",
            help="Apply Daily's rate limits: answer 429 above them.",
            rich_help_panel=_ANSWERS,
        ),
    ] = False,
    latency: Annotated[
        float,
        typer.Option(
            help="Seconds that every request takes at least.",
            callback=given.checked(option_values.seconds(0)),
            rich_help_panel=_ANSWERS,
        ),
    ] = 0,
    control: Annotated[
        bool,
        typer.Option(
            "--control",
            help="Let the page change things, and other processes inject faults at /.faults.",
            rich_help_panel=_ANSWERS,
        ),
    ] = False,
) -> None:
    """Start a Daily on this machine, for one command or until Ctrl-C."""
    hold(not_run)
    from pipecat_daily_rest.cli import local_command

    raise typer.Exit(
        local_command.main(
            command or [],
            host=host,
            port=port,
            log_level=log_level,
            limits=limits,
            latency=latency,
            control=control,
        )
    )


app.command("drill", context_settings={"allow_interspersed_args": False})(drill_command.command)


Prefix = Annotated[
    str,
    typer.Option(help="How the rooms' names begin.", callback=given.checked(option_values.prefix)),
]
_SECONDS = given.checked(option_values.seconds(0))
MinAge = Annotated[
    float, typer.Option(help="Spare rooms younger than this many seconds.", callback=_SECONDS)
]
Pause = Annotated[
    float,
    typer.Option(
        help="Seconds between two looks whether a room is empty: Daily reports presence late.",
        callback=_SECONDS,
    ),
]


@app.command()
def sweep(
    dry_run: given.DryRun = False,
    prefix: Prefix = "pipecat",
    min_age: MinAge = 3600,
    pause: Pause = 30,
    output: OutputOption = None,
) -> None:
    """Delete the rooms that killed processes left behind."""
    from pipecat_daily_rest.cli import sweep_command

    code = sweep_command.main(
        output=output, dry_run=dry_run, name_prefix=prefix, min_age=min_age, pause=pause
    )
    raise typer.Exit(code)


@app.command()
def audit(
    ignore: Annotated[
        list[str] | None,
        typer.Option(help="Leave out rooms with this name; `*` stands for anything."),
    ] = None,
    prefix: Prefix = "pipecat",
    min_age: MinAge = 3600,
    pause: Pause = 30,
    output: OutputOption = None,
) -> None:
    """List the rooms that have no expiry, are public, or were left by a killed process.

    Exit code 1: there are some. 2: that could not be told.
    """
    from pipecat_daily_rest.cli import audit_command

    code = audit_command.main(
        output=output, ignore=ignore or (), name_prefix=prefix, min_age=min_age, pause=pause
    )
    raise typer.Exit(code)


@app.command()
def doctor(output: OutputOption = None) -> None:
    """Look at the key, Daily, the clock, tokens and this installation, and say what to mend.

    Exit code 1: something stops a bot.
    """
    from pipecat_daily_rest.cli import doctor_command

    raise typer.Exit(doctor_command.main(output=output))


app.add_typer(rooms_command.app, name="rooms")
app.add_typer(token_command.app, name="token")


@app.command()
def version(output: OutputOption = None) -> None:
    """Print the versions that a bug report needs."""
    import platform
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    from pipecat_daily_rest.cli.tried import DAILY_JS

    found: dict[str, str | None] = {}
    for name in ("pipecat-daily-rest", "pipecat-ai", "aiohttp", "daily-python", "aiortc"):
        try:
            found[name] = installed(name)
        except PackageNotFoundError:
            found[name] = None
    if chosen(output) is Output.JSON:
        more = {"python": platform.python_version(), "system": platform.system()}
        show_json({**found, "daily-js": list(DAILY_JS), **more})
        return
    for name, number in found.items():
        print(f"{name} {number or 'is not installed'}")
    print(f"daily-js of web apps in a local room: tried with {', '.join(DAILY_JS)}")
    print(f"Python {platform.python_version()} on {platform.system()}")
