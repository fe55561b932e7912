# SPDX-License-Identifier: BSD-2-Clause
"""`serve()`: many bots over HTTP as this process's one job."""

import _thread
import asyncio
import importlib.util
import os
import socket
import sys
import threading
import time
from contextlib import AsyncExitStack, nullcontext
from dataclasses import dataclass, field
from typing import Any, NoReturn, cast

from loguru import logger

from pipecat_daily_rest._bot import bot_traceback
from pipecat_daily_rest._bot.ending import Ending
from pipecat_daily_rest._bot.output import leave, let_go, say
from pipecat_daily_rest._bot.stop_signals import hold
from pipecat_daily_rest._core import daily_module, log_handler
from pipecat_daily_rest._core.loopback import is_loopback
from pipecat_daily_rest._core.waiting import unless
from pipecat_daily_rest._rooms.owned import process_rooms
from pipecat_daily_rest.errors import DailyConfigError, DailyError
from pipecat_daily_rest.runner.listening import listen
from pipecat_daily_rest.runner.local_daily_process import LocalDailyProcess
from pipecat_daily_rest.runner.options import use_local

DEFAULT_PORT = 7860  # as Pipecat's own runner
_BLOCKED = 5.0  # seconds in which the event loop has to hear of a signal
_LAST = 5.0  # seconds for what is left when all is closed, as a bot that ignores its cancellation
_FLUSH = 3.0  # seconds that the last spans may hold up the end
_END = 30.0  # seconds that the end may take, beside the grace of running sessions


@dataclass(frozen=True, kw_only=True)
class ServeOptions:
    """What the command line of a server says.

    Parameters:
        local: Make the rooms on a local Daily.
        host: Address to listen on.
        port: Port to listen on.
        max_sessions: How many sessions there may be at once.
        fleet_max_sessions: How many there may be on all servers that share the account and a Redis;
            0 for as many as they have slots.
        launcher: Where bots run: ``process``, ``task``, ``ray`` or ``module:Class``.
        preload: Modules that bots' processes find imported.
        preload_bot: Whether bots' processes find the bot's file imported, too.
        memory_limit: MB above which a bot's process is killed, with a warning at 80 %; 0 for none.
        warm: How many processes wait ready.
        pool: How many rooms wait ready.
        max_duration: Seconds after which a session is ended.
        join_timeout: Seconds after which a session that nobody has joined is ended; 0 for never.
        empty_timeout: Seconds after which a session that everybody has left is ended; 0 for never.
        drain: Seconds that running sessions may go on after a signal.
        allowed_origins: Origins of web pages that may start sessions.
        allow_property: Room properties that a browser may set beside the harmless ones.
        report_url: Where the reports of sessions go; empty for nowhere.
        no_keys: Listen beyond loopback without keys.
        dialin_secret: The ``hmac`` of each dial-in configuration whose calls come in.
        no_dialin_secret: Whether calls come in that nobody signed.
        dialout_prefixes: How the numbers begin that may be called.
        dialout_sip: The SIP URIs that may be called.
        log_level: One of loguru's levels.
        log_format: ``text`` or ``json``.
    """

    local: bool = False
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    max_sessions: int = 10
    fleet_max_sessions: int = 0
    launcher: str = "process"
    preload: tuple[str, ...] = ()
    preload_bot: bool = False
    memory_limit: int = 0
    warm: int = 1
    pool: int = 0
    max_duration: float = 3600.0
    join_timeout: float = 120.0
    empty_timeout: float = 30.0
    drain: float = 0.0
    allowed_origins: tuple[str, ...] = ()
    allow_property: tuple[str, ...] = ()
    report_url: str = ""
    no_keys: bool = False
    dialin_secret: tuple[str, ...] = field(default=(), repr=False)
    no_dialin_secret: bool = False
    dialout_prefixes: tuple[str, ...] = ()
    dialout_sip: tuple[str, ...] = ()
    log_level: str = "INFO"
    log_format: str = "text"
    daily: bool = False


class _ServerEnding(Ending):
    """The end of a server: a signal begins the drain, another one ends the sessions' grace."""

    def __init__(self, grace: float) -> None:
        super().__init__()
        self._grace = grace
        self.over = threading.Event()
        self.closed: float | None = None  # when all was closed, by the monotonic clock

    def signalled(self, number: int) -> None:
        """Note a signal. Called from a signal handler, so it takes no lock and logs nothing."""
        first = not self.signals
        super().signalled(number)
        if first:
            _thread.start_new_thread(self._watch, ())

    def _watch(self) -> None:
        """In a thread: a bot may block the event loop, or what it started may hold up the end."""
        began = time.monotonic()
        hurried = None
        while not self.over.wait(0.5):
            now = time.monotonic()
            if self.signals > 1 and hurried is None:
                hurried = now
            until = began + _BLOCKED
            if self.stop.is_set():  # the event loop has heard of it
                until = (began + self._grace if hurried is None else hurried) + _END
            if self.closed is not None and now > self.closed + _LAST:
                say(
                    "The server ends now, though something that a bot began goes on.",
                    file=sys.stderr,
                )
                leave(0)
            if now > until:
                say(
                    "The server does not end: its rooms are deleted, and it ends now.",
                    file=sys.stderr,
                )
                asyncio.run(process_rooms.drain())
                leave(1)


def serve(options: ServeOptions, bot: Any) -> NoReturn:
    """Serve bots as this process's one job, and end the process.

    Args:
        options: What the command line says.
        bot: The path of a bot's file, ``module:function``, or a function of a module.

    Raises:
        SystemExit: Always; 0 after a signal.
    """
    ending = _ServerEnding(options.drain)
    signals = hold(ending.signalled)
    os.environ["PIPECAT_DAILY_LOG_LEVEL"] = options.log_level
    os.environ["PIPECAT_DAILY_LOG_FORMAT"] = options.log_format
    log_handler.to_stderr(options.log_level, options.log_format)
    threading.excepthook = bot_traceback.log_failed_thread
    code = 0
    try:
        asyncio.run(_serve(options, bot, ending, signals))
    except DailyError as exc:
        say(f"Error: {exc}", file=sys.stderr)
        code = 2 if isinstance(exc, DailyConfigError) else 1
    except Exception as exc:
        say(bot_traceback.shown(exc), file=sys.stderr)
        code = 2 if isinstance(exc, ImportError) else 1
    if ending.closed is None:
        ending.over.set()
    let_go()
    raise SystemExit(code)


async def _serve(options: ServeOptions, bot: Any, ending: _ServerEnding, signals: Any) -> None:
    ending.attach()
    signals.attach()
    if not all(map(importlib.util.find_spec, ("fastapi", "uvicorn"))):
        msg = "Serving needs FastAPI and uvicorn: pip install 'pipecat-daily-rest[server]'."
        raise DailyConfigError(msg)
    from pipecat_daily_rest.server.connections import allow_many, say_when_full

    allow_many()
    say_when_full(asyncio.get_running_loop())
    local = use_local(options.local, daily=options.daily)
    if not local and daily_module.is_missing():
        raise DailyConfigError(daily_module.MISSING)
    # What is wrong is said before anything is started that takes seconds.
    _check_bot(bot)
    phone = _phone(options)
    _find_modules(options, bot)
    if local:
        daily_module.put_on_path()
    listener = _listen(options)
    async with AsyncExitStack() as stack:
        stack.callback(listener.close)
        sessions = _sessions(options, bot)
        if local:
            # It logs its rooms at DEBUG; at INFO it would only repeat the bots.
            child = LocalDailyProcess(log_level="WARNING")
            await unless(ending.stop.wait(), stack.enter_async_context(child))
            if ending.stop.is_set():
                return
            os.environ.update(child.env())
            child.announce()
        logger.info("Loading {}", bot)
        await unless(ending.stop.wait(), stack.enter_async_context(sessions))
        if not ending.stop.is_set():
            await _answer(options, sessions, listener, ending, phone)
    if sessions.traced:
        from pipecat_daily_rest.server import traces

        traces.flush(_FLUSH)
    ending.closed = time.monotonic()


def _check_bot(bot: Any) -> None:
    """Refuse a file that is not there."""
    from pipecat_daily_rest._bot.bot_file import check_file
    from pipecat_daily_rest.server.bots import reference

    where = reference(bot)
    if os.path.isabs(where):
        check_file(where)


def _phone(options: ServeOptions) -> Any:
    from pipecat_daily_rest.server.phone import Phone

    return Phone(
        dialin_secrets=options.dialin_secret,
        unsigned_dialin=options.no_dialin_secret,
        dialout_prefixes=options.dialout_prefixes,
        dialout_sip=options.dialout_sip,
    )


def _find_modules(options: ServeOptions, bot: Any) -> None:
    """Find what is named as a module in the folder of the command, too, and beside a bot's file."""
    if isinstance(bot, str | os.PathLike) and os.path.isfile(bot):
        if not options.preload and ":" not in options.launcher:
            return
        sys.path.insert(0, os.path.dirname(os.path.abspath(bot)))
    sys.path.insert(0, os.getcwd())


def _listen(options: ServeOptions) -> socket.socket:
    from pipecat_daily_rest.server.keys import PRIVATE, PUBLIC, Keys

    keys = Keys.from_env()
    if not (is_loopback(options.host) or keys or options.no_keys):
        msg = (
            f"Listening on {options.host} lets everybody start bots: set {PUBLIC} and {PRIVATE}, "
            "or pass --no-keys."
        )
        raise DailyConfigError(msg)
    return listen(options.host, options.port)


def _sessions(options: ServeOptions, bot: Any) -> Any:
    from pipecat_daily_rest.server import ProcessLauncher, ReportWebhook, Sessions
    from pipecat_daily_rest.server.launchers import ray_launcher
    from pipecat_daily_rest.server.report_webhook import SECRET

    report_to = None
    if options.report_url:
        report_to = ReportWebhook(options.report_url, secret=os.environ.get(SECRET, ""))
    launcher: Any = options.launcher
    if launcher in ("process", "ray"):
        most = options.memory_limit << 20
        make: Any = ProcessLauncher if launcher == "process" else ray_launcher
        launcher = make(
            warm=options.warm,
            preload=options.preload,
            load_bots=options.preload_bot,
            memory_limit=most or None,
            memory_warning=most * 4 // 5 or None,
        )
    else:
        given = {
            "--preload": options.preload,
            "--preload-bot": options.preload_bot,
            "--memory-limit": options.memory_limit,
        }
        if ignored := [name for name, value in given.items() if value]:
            logger.warning("Only --launcher process and ray heed {}: ignored", ", ".join(ignored))
    return Sessions(
        bot,
        max_sessions=options.max_sessions,
        fleet_max_sessions=options.fleet_max_sessions or None,
        launcher=launcher,
        pool=options.pool,
        max_duration=options.max_duration,
        join_timeout=options.join_timeout or None,
        empty_timeout=options.empty_timeout or None,
        drain=options.drain,
        report_to=report_to,
        traces=_traces(),
    )


def _traces() -> Any:
    """Give what traces sessions, where OpenTelemetry's variables say where spans go."""
    from pipecat_daily_rest.server.bot_traces import endpoint

    if (variable := endpoint()) is None:
        return None
    try:
        from pipecat_daily_rest.server import traces

        traces.export_by_default()
    except ImportError:
        logger.warning(
            "{} is set, but nothing is traced: pip install 'pipecat-daily-rest[otel]'", variable
        )
        return None
    return traces.SessionTraces()


async def _answer(
    options: ServeOptions,
    sessions: Any,
    listener: socket.socket,
    ending: _ServerEnding,
    phone: Any,
) -> None:
    """Answer requests until the drain that a signal begins is over."""
    import uvicorn

    from pipecat_daily_rest.server.app import create_app
    from pipecat_daily_rest.server.connections import close_idle

    app = create_app(
        sessions,
        allowed_origins=options.allowed_origins,
        allowed_properties=options.allow_property,
        host=options.host,
        phone=phone,
    )
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, timeout_graceful_shutdown=2, lifespan="off"
    )
    server = uvicorn.Server(config)
    # The signals are ours: the server goes on answering while it drains.
    cast(Any, server).capture_signals = nullcontext
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="HTTP server")
    host = f"[{options.host}]" if ":" in options.host else options.host
    say(f"http://{host}:{listener.getsockname()[1]}")
    closing = asyncio.create_task(close_idle(server), name="idle connections")
    stopped = asyncio.create_task(ending.stop.wait())
    await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    again = asyncio.create_task(ending.hurry.wait())
    draining = asyncio.create_task(sessions.drain(options.drain))
    await asyncio.wait({draining, again}, return_when=asyncio.FIRST_COMPLETED)
    again.cancel()
    await sessions.drain(0.0)
    await draining
    server.should_exit = True
    await serving
    closing.cancel()
