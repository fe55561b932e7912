# SPDX-License-Identifier: BSD-2-Clause
"""`main()` and `run_bot()`: one bot, one room."""

import argparse
import asyncio
import os
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NoReturn

from pipecat_daily_rest._bot import bot_traceback
from pipecat_daily_rest._bot.bot_file import Bot, find_bot, load_bot
from pipecat_daily_rest._bot.ending import Ending, Watchdog
from pipecat_daily_rest._bot.signals import Signals, hold, leave, say, stop_early
from pipecat_daily_rest._core import arguments, daily_module, log_handler, settings
from pipecat_daily_rest._core.secret import hide_secrets
from pipecat_daily_rest._rooms.room_spec import DEFAULT_LIFETIME, RoomRequest
from pipecat_daily_rest.errors import DailyConfigError, DailyError
from pipecat_daily_rest.models import DailyRoomParams, DailyRoomProperties, DailyRoomSipParams
from pipecat_daily_rest.runner.bot_run import BotStillRunningError, Session
from pipecat_daily_rest.runner.local_child import DEFAULT_HOST, DEFAULT_PORT, LocalChild

__all__ = ["LOG_LEVELS", "Options", "launch", "load_bot", "main", "run_bot"]

LOG_LEVELS = ("TRACE", "DEBUG", "INFO", "SUCCESS", "WARNING", "ERROR", "CRITICAL")
_SECOND_ROUND = "_PIPECAT_DAILY_REST_SECOND_ROUND"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line says.

    Parameters:
        local: Run on a local Daily.
        room_url: A room that exists, to be used instead of a new one.
        lifetime: Seconds after which the room ends by itself.
        name_prefix: How the room's name begins.
        host: Address of the local Daily.
        port: Port of the local Daily; 7880, or a free one if that is taken, when None.
        open_browser: Open the join link.
        sip: Make a room that can be called by SIP.
        log_level: One of loguru's levels.
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

    def __post_init__(self) -> None:
        """Keep a token in the URL from being shown."""
        object.__setattr__(self, "room_url", hide_secrets(self.room_url))


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
    if local and daily_module.is_real_loaded():
        raise DailyConfigError(daily_module.WAY_OUT)
    request = RoomRequest(
        params=params, room_url=room_url, lifetime=lifetime, name_prefix=name_prefix
    )
    ending = Ending()
    session = Session(
        bot=bot,
        request=request,
        ending=ending,
        body=body,
        session_id=session_id,
        open_browser=open_browser,
    )
    signals = Signals(ending.signalled)
    ending.attach()
    signals.take(earlier=False)
    try:
        with signals.within_loop():
            await _run(session, local=local, host=host, port=port)
    finally:
        signals.release()
    if (end := session.exit or signals.raised) is not None:
        raise end


async def _run(session: Session, *, local: bool, **child_options: Any) -> None:
    """Local is only an environment: the session itself does not know."""
    async with AsyncExitStack() as stack:
        if local:
            _check_local(session.request.room_url)
            daily_module.put_on_path()
            child = LocalChild(**child_options)
            if not await session.ending.outlasts(stack.enter_async_context(child)):
                return
            session.use(child)
        elif daily_module.is_missing():
            raise DailyConfigError(daily_module.MISSING)
        await session.run()


def _check_local(room_url: str | None) -> None:
    if room_url:
        msg = "--local makes a room of its own: leave out --room-url, or --local."
        raise DailyConfigError(msg)


def main(bot: Bot | None = None) -> NoReturn:
    """Run a bot from its own script, by the options on the command line.

    Args:
        bot: The bot; ``bot`` in the script when None, as Pipecat's runner finds it.

    Raises:
        SystemExit: Always; 0 when the bot ended or was interrupted cleanly.
    """
    hold(stop_early)
    launch(_parse(), lambda: bot or find_bot(), restart=True)


def launch(options: Options, find: Callable[[], Bot], *, restart: bool = False) -> NoReturn:
    """Run a bot as this process's one job, and end the process.

    Args:
        options: What the command line says.
        find: Gives the bot; called once the stand-in is on the path in a local run.
        restart: Whether the process may be replaced when it has daily-python loaded and the run
            is local.

    Raises:
        SystemExit: Always.
    """
    ending = Ending()
    signals = hold(ending.signalled)
    signals.on_signal = ending.signalled
    log_handler.to_stderr(options.log_level)
    watchdog = Watchdog(ending)
    code: object = 0
    try:
        _launch(options, find, restart, ending, signals)
    except SystemExit as exc:
        code = exc.code
    except KeyboardInterrupt:  # the bot's own
        code = 0
    except DailyError as exc:
        _complain(exc)
        code = 2 if isinstance(exc, DailyConfigError) else 1
    except BaseException as exc:
        print(bot_traceback.shown(exc, settings.environment_key()), file=sys.stderr, end="")
        code = 1
    ending.begin()  # a signal no longer ends the process at once
    watchdog.over(code)
    with suppress(OSError, ValueError):
        sys.stdout.flush()
    raise SystemExit(code)


def _launch(
    options: Options, find: Callable[[], Bot], restart: bool, ending: Ending, signals: Signals
) -> None:
    _load_dotenv()
    local = options.local
    if local:
        _check_local(options.room_url)
    if not local and not settings.environment_key() and not options.room_url:
        local = True
        say("No DAILY_API_KEY: using a local Daily, on this machine only.")
    if local and daily_module.is_real_loaded():
        _start_again(restart)
    if local:
        daily_module.put_on_path()
    elif daily_module.is_missing():
        if settings.environment_key():
            settings.api_key()  # what is wrong with it is said first
        raise DailyConfigError(daily_module.MISSING)
    bot = find()
    if local and settings.room_url():
        say("DAILY_ROOM_URL is set aside: a local run makes its own room.")
    ending.begin()
    if (end := asyncio.run(_process(options, bot, local, ending, signals))) is not None:
        raise end


async def _process(
    options: Options, bot: Bot, local: bool, ending: Ending, signals: Signals
) -> BaseException | None:
    ending.attach()
    params = None
    if options.sip:
        sip = DailyRoomSipParams(display_name=options.name_prefix)
        params = DailyRoomParams(properties=DailyRoomProperties(sip=sip))
    session = Session(
        bot=bot,
        request=RoomRequest(
            params=params,
            room_url=options.room_url,
            lifetime=options.lifetime,
            name_prefix=options.name_prefix,
        ),
        ending=ending,
        cli_args=argparse.Namespace(**vars(options)),
        open_browser=options.open_browser,
    )
    try:
        with signals.within_loop():
            await _run(
                session,
                local=local,
                host=options.host,
                port=options.port,
                log_level=_quieter(options.log_level),
            )
    except BotStillRunningError as exc:
        # The event loop would wait for the bot for ever.
        _complain(exc)
        leave(1)
    return session.exit or signals.raised


def _parse() -> Options:
    parser = argparse.ArgumentParser(
        description="Run this bot in a Daily room that is deleted when it ends."
    )
    add = parser.add_argument
    add("--local", action="store_true", help="no account, no network: a Daily on this machine")
    add("--room-url", help="use this room, and do not delete it (DAILY_ROOM_URL)")
    add("--lifetime", type=float, help=f"seconds until the room ends ({DEFAULT_LIFETIME:.0f})")
    add("--name-prefix", default="pipecat", help="how the room's name begins (pipecat)")
    add("--host", default=DEFAULT_HOST, help=f"address of the local Daily ({DEFAULT_HOST})")
    add("--port", type=int, help=f"port of the local Daily ({DEFAULT_PORT}, or a free one)")
    add("--open", action="store_true", dest="open_browser", help="open the link in a browser")
    add("--sip", action="store_true", help="make a room that can be called by SIP")
    add("--log-level", default="INFO", type=str.upper, choices=LOG_LEVELS, help="(INFO)")
    return Options(**vars(parser.parse_args()))


def _quieter(level: str) -> str:
    """The local Daily tells of its rooms at DEBUG; at INFO it would only repeat the bot."""
    return "WARNING" if level in ("INFO", "SUCCESS") else level


def _load_dotenv() -> None:
    from dotenv import find_dotenv, load_dotenv

    load_dotenv(find_dotenv(usecwd=True), override=True)


def _start_again(restart: bool) -> None:
    """Replace the process by one that imports the stand-in, once; there is no other way back."""
    main_module = sys.modules["__main__"]
    possible = (
        restart
        and os.name == "posix"
        and _SECOND_ROUND not in os.environ
        and getattr(main_module, "__file__", None) is not None
        and not (sys.flags.ignore_environment or sys.flags.isolated or sys.flags.interactive)
        and sys.gettrace() is None
        and not {"pydevd", "debugpy", "bdb"} & sys.modules.keys()
    )
    if not possible:
        raise DailyConfigError(f"daily-python is loaded already. {daily_module.WAY_OUT}")
    daily_module.put_on_path()
    os.environ[_SECOND_ROUND] = "1"
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - ourselves again


def _complain(error: DailyError) -> None:
    say(f"Error: {error}", file=sys.stderr)
