# SPDX-License-Identifier: BSD-2-Clause
"""One bot of a server, whatever process it runs in."""

import asyncio
from typing import Any

from loguru import logger

from pipecat_daily_rest._bot.bot_file import Bot
from pipecat_daily_rest._bot.bot_traceback import shown
from pipecat_daily_rest._core.arguments import awaitable
from pipecat_daily_rest._core.pipecat_version import runner_arguments
from pipecat_daily_rest._core.secret import ACCOUNT_KEY
from pipecat_daily_rest._core.settings import also_secret
from pipecat_daily_rest.server.bot_measures import Tell, measured
from pipecat_daily_rest.server.bot_program import BotProgram
from pipecat_daily_rest.server.bot_traces import part_of
from pipecat_daily_rest.server.error_line import one_line, plain
from pipecat_daily_rest.server.launcher import Ended, SessionSpec


async def run_session(
    bot: Bot, spec: SessionSpec, program: BotProgram | None = None, *, tell: Tell | None = None
) -> Ended:
    """Run a bot to its end, and tell what it measures.

    Never raises: a cancellation ends it, an exception is logged once.
    """
    if isinstance(spec.body, dict) and isinstance(key := spec.body.get(ACCOUNT_KEY), str):
        also_secret(key)  # the server's key may be in no variable of the environment
    try:
        given = _arguments(spec)
        if program is not None:
            program.complete(given)
        with measured(tell), part_of(spec.traceparent):
            running = awaitable("bot", bot(given))
            if program is not None:
                program.tell_start()
            await running
    except asyncio.CancelledError:
        return Ended(outcome="finished")
    except (SystemExit, KeyboardInterrupt) as exc:
        # It would tear the event loop down before the room is deleted.
        code = exc.code if isinstance(exc, SystemExit) else None
        if not code:
            return Ended(outcome="finished")
        return Ended(outcome="error", error=plain(f"exit({code!r})"))
    except BaseException as exc:
        text = shown(exc)
        if program is not None:
            program.tell_error(text)
            return Ended(outcome="error", error=one_line(exc))
        room = f"room {spec.room_name}"
        if spec.room_name is None:
            room = 'no room, since its start had no "createDailyRoom": true'
        logger.error("Session {}, {}: the bot raised.\n{}", spec.session_id, room, text)
        return Ended(outcome="error", error=one_line(exc))
    return Ended(outcome="finished")


def _arguments(spec: SessionSpec) -> Any:
    body = {} if spec.body is None else spec.body
    if spec.room_url is None:
        from pipecat.runner.types import RunnerArguments

        given: Any = RunnerArguments(body=body, session_id=spec.session_id)
    else:
        given = runner_arguments()(
            room_url=spec.room_url, token=spec.token, body=body, session_id=spec.session_id
        )
    return given
