# SPDX-License-Identifier: BSD-2-Clause
"""The ramp: more and more calls until a limit is passed."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from pipecat_daily_rest.load import machine
from pipecat_daily_rest.load.calls import Calls, Tell
from pipecat_daily_rest.load.line import Talk
from pipecat_daily_rest.load.result import Result
from pipecat_daily_rest.load.search import Search
from pipecat_daily_rest.load.step import Limits, Step


@dataclass(frozen=True, kw_only=True)
class LoadOptions:
    """What is tried.

    Parameters:
        bot: The path of a bot's file, or ``module:function``.
        talk: How callers talk with it.
        limits: What must hold.
        most: How many calls are tried at the most.
        turns: How many turns of each number of calls are measured, at least.
    """

    bot: str
    talk: Talk
    limits: Limits
    most: int
    turns: int


async def load(
    options: LoadOptions, tell: Tell, stepped: Callable[[Step], None] = lambda _: None
) -> Result:
    """Find how many calls fit on this machine.

    Args:
        options: What is tried.
        tell: Told again and again what is done.
        stepped: Told of each number of calls that was tried.

    Returns:
        What was found.

    Raises:
        DailyConfigError: The bot cannot be loaded, or a question cannot be read.
        LoadError: Not even one caller gets an answer.
    """
    began, cores = time.monotonic(), machine.cores()
    search = Search(max(1, int(cores)), options.most)
    steps: list[Step] = []
    tell("The bot is loaded", 0, 1)
    async with Calls(options.bot, options.talk, options.limits, options.turns, tell) as calls:
        await calls.check()
        while (count := search.next()) is not None:
            step = await calls.step(count)
            steps.append(step)
            stepped(step)
            holds = step.passed(options.limits) is None
            search.note(count, holds=holds, clear=step.is_clear(options.limits, cores))
            if not holds:
                await calls.end_all()
    return Result(
        bot=options.bot,
        limits=options.limits,
        calls=search.holds,
        fails=search.fails,
        steps=steps,
        cores=cores,
        seconds=time.monotonic() - began,
    )
