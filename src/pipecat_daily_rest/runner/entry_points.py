# SPDX-License-Identifier: BSD-2-Clause
"""How a bot is run: `run_bot()` in a program, `main()` and `launch()` as the whole program."""

import argparse
import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NoReturn

from pipecat_daily_rest._bot import bot_traceback
from pipecat_daily_rest._bot.bot_file import Bot, find_bot
from pipecat_daily_rest._bot.ending import Ending
from pipecat_daily_rest._bot.output import leave, let_go, say
from pipecat_daily_rest._bot.stop_signals import StopSignals, hold, stop_early
from pipecat_daily_rest._core import arguments, daily_module, log_handler, settings
from pipecat_daily_rest._rooms.room_spec import RoomSpec
from pipecat_daily_rest.errors import DailyConfigError, DailyError
from pipecat_daily_rest.models import DailyRoomParams, DailyRoomProperties, DailyRoomSipParams
from pipecat_daily_rest.runner.listening import listen
from pipecat_daily_rest.runner.local_daily_process import DEFAULT_HOST, LocalDailyProcess
from pipecat_daily_rest.runner.options import (
    Options,
    before_own,
    parse,
    read_body,
    use_local,
)
from pipecat_daily_rest.runner.session import BotStillRunningError, RoomSession, Session
from pipecat_daily_rest.runner.watchdog import Watchdog

_RESTARTED = "_PIPECAT_DAILY_REST_SECOND_ROUND"


async def run_bot(
    bot: Bot,
    *,
    params: DailyRoomParams | None = None,
    room_url: str | None = None,
    lifetime: timedelta | float | None = None,
    name_prefix: str = "pipecat",
    local: bool = False,
    host: str = DEFAULT_HOST,
    port: int | None = None,
    open_browser: bool = False,
    body: Any = None,
    session_id: str | None = None,
) -> None:
    """Provision a room, print the join link, run a bot in the room and delete the room.

    SIGINT, SIGTERM, SIGHUP and SIGQUIT stop the bot while this runs in the main thread; handlers
    that the bot installs are called as well.

    Args:
        bot: A standard Pipecat bot, ``async def bot(runner_args)``.
        params: The room; private unless they say otherwise.
        room_url: A room that exists, to be used instead and never deleted.
        lifetime: Seconds or a ``timedelta`` after which the room ends by itself; 1 hour when None.
        name_prefix: How the room's name begins.
        local: Run on a local Daily, without an account or a network.
        host: Address of the local Daily.
        port: Port of the local Daily; 7880, or a free one if that is taken, when None.
        open_browser: Open the join link in the default browser.
        body: What the bot gets as ``runner_args.body``.
        session_id: The session's id; a new UUID when None.

    Raises:
        DailyConfigError: The arguments do not fit, daily-python is loaded in a local run, or it is
            missing in another one.
        BotStillRunningError: The bot did not end within 3 s of being told to; its room is gone.
        DailyError: There is no room for the bot.
        Exception: What the bot raised; its room is gone.
    """
    arguments.flag("local", local)
    arguments.flag("open_browser", open_browser)
    ending = Ending()
    session = Session(
        bot=bot,
        request=RoomSpec(
            params=params, room_url=room_url, lifetime=lifetime, name_prefix=name_prefix
        ),
        ending=ending,
        local=LocalDailyProcess(host=host, port=port) if local else None,
        body=body,
        session_id=session_id,
        open_browser=open_browser,
    )
    _choose_daily_module(local, room_url)
    ending.attach()
    signals = StopSignals(ending.signalled, calls_found=False)
    try:
        signals.attach()
        await session.run()
    finally:
        signals.close()
    if (end := session.exit or signals.raised) is not None:
        raise end


def main(bot: Bot | None = None) -> NoReturn:
    """Run a bot from its own script, by the options on the command line.

    Args:
        bot: The bot; ``bot`` in the script when None, as Pipecat's runner finds it.

    With ``--serve`` on the command line it serves the bot, as ``pipecat-daily-rest serve`` does.

    Raises:
        SystemExit: Always; 0 when the bot ended or was interrupted cleanly.
    """
    hold(stop_early)
    if "--serve" in before_own(sys.argv[1:])[0]:
        _serve(bot)
    launch(parse(), lambda: bot or find_bot(), restart=True)


def _serve(bot: Bot | None) -> NoReturn:
    """Become ``pipecat-daily-rest serve`` with this script's bot and options."""
    from pipecat_daily_rest.server.bots import reference

    served = os.path.abspath(sys.argv[0]) if bot is None else reference(bot)
    options = [each for each in sys.argv[1:] if each != "--serve"]
    command = [sys.executable, "-m", "pipecat_daily_rest", "serve", served, *options]
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name != "posix":  # where execv() does not wait for what it starts
        raise SystemExit(subprocess.call(command))  # noqa: S603 - ourselves
    os.execv(sys.executable, command)  # noqa: S606 - ourselves


def launch(options: Options, find: Callable[[], Bot | str], *, restart: bool = False) -> NoReturn:
    """Run a bot as this process's one job, and end the process.

    Args:
        options: What the command line says.
        find: Gives the bot; called once the stand-in is on the path in a local run. With
            ``options.reload`` it may give the bot's file: each bot's own process loads that.
        restart: Whether the process may be replaced when it has daily-python loaded and the run
            is local.

    Raises:
        SystemExit: Always.
    """
    ending = Ending()
    signals = hold(ending.signalled)
    log_handler.to_stderr(options.log_level)
    watchdog = Watchdog(ending)
    code: object = 0
    try:
        settings.read_env_file()
        local = use_local(
            options.local, daily=options.daily, room_url=options.room_url, file=sys.stdout
        )
        body = read_body(options.body)
        if options.sip and options.room_url:
            msg = "--sip makes a room, and --room-url uses one that exists: leave one out."
            raise DailyConfigError(msg)
        _choose_daily_module(local, options.room_url, restart=restart)
        daily = _local_daily(options) if local else None
        bot = find()
        if local:
            daily_module.put_on_path()  # the bot's file may have changed the path
            if settings.room_url():
                say("DAILY_ROOM_URL is ignored: a local run makes its own room.")
        ending.begun = True
        if (end := asyncio.run(_run(options, bot, body, daily, ending, signals))) is not None:
            raise end
    except SystemExit as exc:
        code = exc.code
    except KeyboardInterrupt:  # the bot's own
        code = 0
    except DailyError as exc:
        _complain(exc)
        code = 2 if isinstance(exc, DailyConfigError) else 1
    except BaseException as exc:
        say(bot_traceback.shown(exc).removesuffix("\n"), file=sys.stderr)
        code = 1
    ending.begun = True  # a signal no longer ends the process at once
    watchdog.over(code)
    let_go()
    raise SystemExit(code)


def _local_daily(options: Options) -> LocalDailyProcess:
    """Give the local Daily, which is yet to be started, if it can listen where it is to."""
    # It logs its rooms at DEBUG; at INFO it would only repeat the bot.
    level = "WARNING" if options.log_level in ("INFO", "SUCCESS") else options.log_level
    daily = LocalDailyProcess(host=options.host, port=options.port, log_level=level)
    if (options.host, options.port) != (DEFAULT_HOST, None):
        listen(options.host, options.port or 0).close()  # before the bot is loaded
    return daily


async def _run(
    options: Options,
    bot: Any,
    body: Any,
    daily: LocalDailyProcess | None,
    ending: Ending,
    signals: StopSignals,
) -> BaseException | None:
    """Run the session; returns what the bot or a handler of its raised to end the process."""
    ending.attach()
    params = None
    if options.sip:
        sip = DailyRoomSipParams(display_name=options.name_prefix)
        params = DailyRoomParams(properties=DailyRoomProperties(sip=sip))
    common: dict[str, Any] = {
        "request": RoomSpec(
            params=params,
            room_url=options.room_url,
            lifetime=options.lifetime,
            name_prefix=options.name_prefix,
        ),
        "ending": ending,
        "local": daily,
        "body": body,
        "open_browser": options.open_browser,
    }
    if options.reload:
        from pipecat_daily_rest.runner.reload import ReloadingSession
        from pipecat_daily_rest.server.bot_program import BotProgram

        program = BotProgram(argv=sys.argv, options={**vars(options)}, log_level=options.log_level)
        session: RoomSession = ReloadingSession(source=bot, program=program, **common)
    else:
        session = Session(bot=bot, cli_args=argparse.Namespace(**vars(options)), **common)
    signals.attach()
    try:
        await session.run()
    except BotStillRunningError as exc:
        # The event loop would wait for the bot for ever.
        _complain(exc)
        leave(1)
    return session.exit or signals.raised


def _choose_daily_module(local: bool, room_url: str | None, *, restart: bool = False) -> None:
    """Have a bot import the stand-in in a local run, and daily-python in another one."""
    if not local:
        if daily_module.is_missing():
            if settings.environment_key():
                settings.api_key()  # what is wrong with it is said first
            raise DailyConfigError(daily_module.MISSING)
        return
    if room_url:
        msg = "--local makes its own room: leave out --room-url, or --local."
        raise DailyConfigError(msg)
    if daily_module.is_real_loaded():
        _start_again(restart)
    daily_module.put_on_path()


def _start_again(allowed: bool) -> None:
    """Replace the process by one that imports the stand-in, once; there is no other way back."""
    main_module = sys.modules["__main__"]
    possible = (
        allowed
        and os.name == "posix"
        and _RESTARTED not in os.environ
        and getattr(main_module, "__file__", None) is not None
        and not (sys.flags.ignore_environment or sys.flags.isolated or sys.flags.interactive)
        and sys.gettrace() is None
        and not {"pydevd", "debugpy", "bdb"} & sys.modules.keys()
    )
    if not possible:
        raise DailyConfigError(f"daily-python is loaded already. {daily_module.WAY_OUT}")
    daily_module.put_on_path()
    os.environ[_RESTARTED] = "1"
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - ourselves again


def _complain(error: DailyError) -> None:
    say(f"Error: {error}", file=sys.stderr)
