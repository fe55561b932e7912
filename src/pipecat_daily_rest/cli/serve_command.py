# SPDX-License-Identifier: BSD-2-Clause
"""``pipecat-daily-rest serve``: its options."""

from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from pipecat_daily_rest._bot.stop_signals import hold, stop_early
from pipecat_daily_rest._core import option_values, settings
from pipecat_daily_rest._core.log_handler import FORMATS, LOG_LEVELS
from pipecat_daily_rest.cli import given
from pipecat_daily_rest.cli.output import stop
from pipecat_daily_rest.errors import DailyConfigError


class ReadsEnvFile(TyperCommand):
    """Reads `.env` before the options, whose variables may be there as well as the keys."""

    def make_context(self, *args: Any, **more: Any) -> Any:
        """Make the context, as any command does."""
        try:
            settings.read_env_file()
        except DailyConfigError as exc:
            stop(str(exc))
        return super().make_context(*args, **more)


_SESSIONS, _BOTS, _STARTS = "Sessions", "The bots", "Who may start a session"
_PHONE = "Phone"


_NO_NAN = given.checked(option_values.seconds(0))


def _env(panel: str, name: str, text: str, **more: Any) -> Any:
    envvar = f"PIPECAT_DAILY_{name}"
    return typer.Option(help=text, envvar=envvar, show_envvar=True, rich_help_panel=panel, **more)


def _log_format(name: str) -> str:
    if name not in FORMATS:
        raise typer.BadParameter(f"must be one of {', '.join(FORMATS)}")
    return name


def command(
    bot: Annotated[str, typer.Argument(help="A Python file with bot(), or module:function.")],
    local: Annotated[
        bool,
        typer.Option(
            "--local",
            help="Use a Daily on this machine; the default in a terminal without DAILY_API_KEY.",
            rich_help_panel=given.WHERE,
        ),
    ] = False,
    daily: given.Daily = False,
    host: Annotated[str, _env(given.WHERE, "HOST", "Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, _env(given.WHERE, "PORT", "Port to listen on.", min=0, max=65535)] = 7860,
    max_sessions: Annotated[int, _env(_SESSIONS, "MAX_SESSIONS", "Sessions at once.", min=1)] = 10,
    fleet_max_sessions: Annotated[
        int,
        _env(
            _SESSIONS,
            "FLEET_MAX_SESSIONS",
            "Sessions at once on all servers of DAILY_REDIS_URL; 0: no limit.",
            min=0,
        ),
    ] = 0,
    launcher: Annotated[
        str,
        _env(
            _BOTS,
            "LAUNCHER",
            "process, task, ray or module:Class.",
            autocompletion=given.completing("process", "task", "ray"),
        ),
    ] = "process",
    preload: Annotated[list[str] | None, _env(_BOTS, "PRELOAD", "Modules imported ahead.")] = None,
    preload_bot: Annotated[
        bool, _env(_BOTS, "PRELOAD_BOT", "Import the bot ahead, too; it must start nothing then.")
    ] = False,
    memory_limit: Annotated[
        int, _env(_BOTS, "MEMORY_LIMIT", "MB; a bot above it is killed; 0: no limit.", min=0)
    ] = 0,
    warm: Annotated[int, _env(_BOTS, "WARM", "Processes that wait ready.", min=0)] = 1,
    pool: Annotated[int, _env(_SESSIONS, "POOL", "Rooms that wait ready.", min=0)] = 0,
    max_duration: Annotated[
        float,
        _env(_SESSIONS, "MAX_DURATION", "Seconds a session may last.", min=1, callback=_NO_NAN),
    ] = 3600,
    join_timeout: Annotated[
        float,
        _env(
            _SESSIONS,
            "JOIN_TIMEOUT",
            "Seconds for the first person to join; 0: no limit.",
            min=0,
            callback=_NO_NAN,
        ),
    ] = 120,
    empty_timeout: Annotated[
        float,
        _env(
            _SESSIONS,
            "EMPTY_TIMEOUT",
            "Seconds after the last person left; 0: no limit.",
            min=0,
            callback=_NO_NAN,
        ),
    ] = 30,
    drain: Annotated[
        float,
        _env(
            _SESSIONS,
            "DRAIN",
            "Seconds that calls may go on after the signal to stop.",
            min=0,
            callback=_NO_NAN,
        ),
    ] = 0,
    report_url: Annotated[
        str, _env(_SESSIONS, "REPORT_URL", "Where the report of each session goes.")
    ] = "",
    allowed_origins: Annotated[
        list[str] | None, _env(_STARTS, "ALLOWED_ORIGINS", "Web pages that may start sessions.")
    ] = None,
    allow_property: Annotated[
        list[str] | None, _env(_STARTS, "ALLOW_PROPERTY", "Room properties that a browser may set.")
    ] = None,
    no_keys: Annotated[
        bool,
        typer.Option(
            "--no-keys", help="Listen beyond this machine without keys.", rich_help_panel=_STARTS
        ),
    ] = False,
    dialin_secret: Annotated[
        list[str] | None, _env(_PHONE, "DIALIN_SECRET", "The hmac of a dial-in configuration.")
    ] = None,
    no_dialin_secret: Annotated[
        bool,
        typer.Option(
            "--no-dialin-secret",
            help="Take calls that nobody signed.",
            envvar="PIPECAT_DAILY_NO_DIALIN_SECRET",
            show_envvar=True,
            rich_help_panel=_PHONE,
        ),
    ] = False,
    dialout_prefixes: Annotated[
        list[str] | None,
        _env(_PHONE, "DIALOUT_PREFIXES", "Beginnings of numbers to call, as +1415."),
    ] = None,
    dialout_sip: Annotated[
        list[str] | None,
        _env(_PHONE, "DIALOUT_SIP", "SIP URIs to call; sip:*@host for all of a host."),
    ] = None,
    log_level: Annotated[
        str,
        _env(
            given.SEEN,
            "LOG_LEVEL",
            "One of loguru's levels.",
            callback=given.log_level,
            autocompletion=given.completing(*LOG_LEVELS),
        ),
    ] = "INFO",
    log_format: Annotated[
        str,
        _env(
            given.SEEN,
            "LOG_FORMAT",
            "text or json.",
            callback=_log_format,
            autocompletion=given.completing(*FORMATS),
        ),
    ] = "text",
) -> None:
    """Serve a bot over HTTP: a room and a process for each visitor."""
    hold(stop_early)
    from pipecat_daily_rest.runner.serving import ServeOptions, serve

    options = ServeOptions(
        local=local,
        daily=daily,
        host=host,
        port=port,
        max_sessions=max_sessions,
        fleet_max_sessions=fleet_max_sessions,
        launcher=launcher,
        preload=settings.listed(*(preload or ())),
        preload_bot=preload_bot,
        memory_limit=memory_limit,
        warm=warm,
        pool=pool,
        max_duration=max_duration,
        join_timeout=join_timeout,
        empty_timeout=empty_timeout,
        drain=drain,
        allowed_origins=settings.listed(*(allowed_origins or ())),
        allow_property=settings.listed(*(allow_property or ())),
        report_url=report_url,
        no_keys=no_keys,
        dialin_secret=settings.listed(*(dialin_secret or ())),
        no_dialin_secret=no_dialin_secret,
        dialout_prefixes=settings.listed(*(dialout_prefixes or ())),
        dialout_sip=settings.listed(*(dialout_sip or ())),
        log_level=log_level,
        log_format=log_format,
    )
    serve(options, bot)
