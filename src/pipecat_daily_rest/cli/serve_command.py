# SPDX-License-Identifier: BSD-2-Clause
"""``pipecat-daily-rest serve``: its options."""

from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from pipecat_daily_rest._bot.stop_signals import hold, stop_early
from pipecat_daily_rest._core import settings
from pipecat_daily_rest._core.log_handler import FORMATS
from pipecat_daily_rest.cli import given


class ReadsEnvFile(TyperCommand):
    """Reads `.env` before the options, whose variables may be there as well as the keys."""

    def make_context(self, *args: Any, **more: Any) -> Any:
        """Make the context, as any command does."""
        settings.read_env_file()
        return super().make_context(*args, **more)


def _env(name: str, text: str, **more: Any) -> Any:
    return typer.Option(help=text, envvar=f"PIPECAT_DAILY_{name}", show_envvar=True, **more)


def command(
    bot: Annotated[str, typer.Argument(help="A Python file with bot(), or module:function.")],
    local: Annotated[bool, typer.Option("--local", help="No account, no network.")] = False,
    daily: given.Daily = False,
    host: Annotated[str, _env("HOST", "Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, _env("PORT", "Port to listen on.", min=0, max=65535)] = 7860,
    max_sessions: Annotated[int, _env("MAX_SESSIONS", "Sessions at once.", min=1)] = 10,
    launcher: Annotated[str, _env("LAUNCHER", "process, task or module:Class.")] = "process",
    preload: Annotated[list[str] | None, _env("PRELOAD", "Modules imported ahead.")] = None,
    preload_bot: Annotated[
        bool, _env("PRELOAD_BOT", "Import the bot ahead, too; it must start nothing then.")
    ] = False,
    memory_limit: Annotated[
        int, _env("MEMORY_LIMIT", "MB; a bot above it is killed; 0: no limit.", min=0)
    ] = 0,
    warm: Annotated[int, _env("WARM", "Processes that wait ready.", min=0)] = 1,
    pool: Annotated[int, _env("POOL", "Rooms that wait ready.", min=0)] = 0,
    max_duration: Annotated[
        float, _env("MAX_DURATION", "Seconds a session may last.", min=1)
    ] = 3600,
    join_timeout: Annotated[
        float, _env("JOIN_TIMEOUT", "Seconds for the first person to join; 0: no limit.", min=0)
    ] = 120,
    empty_timeout: Annotated[
        float, _env("EMPTY_TIMEOUT", "Seconds after the last person left; 0: no limit.", min=0)
    ] = 30,
    drain: Annotated[float, _env("DRAIN", "Seconds for running calls at the end.", min=0)] = 0,
    allowed_origins: Annotated[
        list[str] | None, _env("ALLOWED_ORIGINS", "Web pages that may start sessions.")
    ] = None,
    allow_property: Annotated[
        list[str] | None, _env("ALLOW_PROPERTY", "Room properties that a browser may set.")
    ] = None,
    no_keys: Annotated[
        bool, typer.Option("--no-keys", help="Listen beyond this machine without keys.")
    ] = False,
    log_level: Annotated[
        str, _env("LOG_LEVEL", "One of loguru's levels.", callback=given.log_level)
    ] = "INFO",
    log_format: Annotated[str, _env("LOG_FORMAT", "text or json.")] = "text",
) -> None:
    """Serve a bot over HTTP: a room and a process for each visitor."""
    hold(stop_early)
    if log_format not in FORMATS:
        raise typer.BadParameter(f"--log-format: one of {', '.join(FORMATS)}")
    from pipecat_daily_rest.runner.serving import ServeOptions, serve

    options = ServeOptions(
        local=local,
        daily=daily,
        host=host,
        port=port,
        max_sessions=max_sessions,
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
        no_keys=no_keys,
        log_level=log_level,
        log_format=log_format,
    )
    serve(options, bot)
