# SPDX-License-Identifier: BSD-2-Clause
"""``pipecat-daily-rest load``: how many calls fit on this machine."""

import math
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from pipecat_daily_rest._bot.output import say
from pipecat_daily_rest._bot.stop_signals import hold
from pipecat_daily_rest.cli import given, progress
from pipecat_daily_rest.cli.output import (
    Output,
    OutputOption,
    chosen,
    clean,
    note,
    show_json,
    show_table,
    stop,
)
from pipecat_daily_rest.errors import DailyConfigError, DailyError

_LIMITS, _CALLERS = "What must hold", "The callers"
_PART = 0.8  # of the machine's memory
_COLUMNS = (
    *("calls", "turns", "p50", "p95", "lag", "cpu of bots", "memory", "cpu of others"),
    *("holds",),
)


def command(
    bot: Annotated[str, typer.Argument(help="A Python file with bot(), or module:function.")],
    max_latency: Annotated[
        float,
        typer.Option(
            help="Seconds until the bot answers, in 95 % of the turns.",
            min=0.001,
            rich_help_panel=_LIMITS,
        ),
    ] = 1.5,
    max_lag: Annotated[
        float,
        typer.Option(
            help="Seconds by which event loops may be late, in 95 % of the looks.",
            min=0.001,
            rich_help_panel=_LIMITS,
        ),
    ] = 0.1,
    max_memory: Annotated[
        int,
        typer.Option(
            help="MB of the bots and the server.",
            min=0,
            show_default="80 % of the machine's",
            rich_help_panel=_LIMITS,
        ),
    ] = 0,
    most: Annotated[
        int, typer.Option(help="Calls to try at the most.", min=1, rich_help_panel=_LIMITS)
    ] = 200,
    question: Annotated[
        list[str] | None,
        typer.Option(
            help="A WAV file that callers say; repeat it for several.",
            show_default="a spoken question",
            rich_help_panel=_CALLERS,
        ),
    ] = None,
    pause: Annotated[
        float,
        typer.Option(
            help="Seconds of silence after which an answer is over.",
            min=0.1,
            rich_help_panel=_CALLERS,
        ),
    ] = 1.0,
    turns: Annotated[
        int,
        typer.Option(
            help="Turns for each number of calls; three of each call at least.",
            min=1,
            rich_help_panel=_CALLERS,
        ),
    ] = 20,
    body: given.Body = None,
    log_level: given.LogLevel = "ERROR",
    plot: Annotated[
        Path | None,
        typer.Option(help="Draw it into this file, as SVG.", rich_help_panel=given.SEEN),
    ] = None,
    output: OutputOption = None,
) -> None:
    """Find out how many calls fit on this machine: scripted callers in local rooms ask the bot.

    Exit code 1: not even one does.
    """
    import asyncio  # slow to import, and --help needs none of it

    from pipecat_daily_rest._core import log_handler
    from pipecat_daily_rest.cli import local_command

    try:
        if plot is not None and not plot.absolute().parent.is_dir():
            msg = f"--plot: there is no folder {str(plot.parent)!r}."
            raise DailyConfigError(msg)
        if plot is not None and plot.is_dir():
            msg = f"--plot: {str(plot)!r} is a folder: name a file in it."
            raise DailyConfigError(msg)
        options = _options(
            bot, max_latency, max_lag, max_memory, most, question, pause, turns, body
        )
        signals = local_command.Signals()
        hold(signals.put)
        os.environ["PIPECAT_DAILY_LOG_LEVEL"] = log_level
        log_handler.to_stderr(log_level)
        result = asyncio.run(progress.shown(_unless_stopped(options, signals)))
    except DailyError as exc:
        stop(str(exc), code=2 if isinstance(exc, DailyConfigError) else 1)
    if result is None:
        raise typer.Exit(128 + signals.popleft())
    _show(result, chosen(output))
    if plot is not None:
        try:
            plot.write_text(result.plot(), encoding="utf-8")
        except OSError as exc:
            stop(f"--plot: {str(plot)!r} cannot be written: {exc.strerror}.", code=1)
    raise typer.Exit(0 if result.calls else 1)


async def _unless_stopped(options: Any, signals: Any) -> Any:
    from pipecat_daily_rest._core.waiting import unless
    from pipecat_daily_rest.load.ramp import load

    def stepped(step: Any) -> None:
        passed = step.passed(options.limits)
        how = "hold" if passed is None else f"do not hold ({passed})"
        late = step.latency()
        answers = "" if math.isinf(late) else f", p95 of the latency {late:.2f} s"
        note(f"{step.calls} call{'s' * (step.calls > 1)}: {how}{answers}")

    return await unless(signals.wait(), load(options, progress.tell, stepped))


def _options(
    bot: str,
    max_latency: float,
    max_lag: float,
    max_memory: int,
    most: int,
    question: list[str] | None,
    pause: float,
    turns: int,
    body: str | None,
) -> Any:
    from pipecat_daily_rest._bot.bot_file import check_file
    from pipecat_daily_rest._core import daily_module, settings
    from pipecat_daily_rest.cli.demo_command import examples
    from pipecat_daily_rest.load import machine
    from pipecat_daily_rest.load.line import Talk
    from pipecat_daily_rest.load.ramp import LoadOptions
    from pipecat_daily_rest.load.step import Limits
    from pipecat_daily_rest.runner.options import read_body
    from pipecat_daily_rest.server.bots import reference

    if not all(map(math.isfinite, (max_latency, max_lag, pause))):
        msg = "--max-latency, --max-lag and --pause are numbers of seconds."
        raise DailyConfigError(msg)
    settings.read_env_file()
    where = reference(bot)
    if os.path.isabs(where):
        check_file(where)
    else:
        sys.path.insert(0, os.getcwd())
    daily_module.put_on_path()
    if max_memory and machine.look() is None:
        msg = "--max-memory needs Linux, which tells how much memory processes use: leave it out."
        raise DailyConfigError(msg)
    own = machine.memory()
    memory = max_memory << 20 if max_memory else None if own is None else int(own * _PART)
    questions = question or [str(examples() / "testing_a_bot" / "question.wav")]
    return LoadOptions(
        bot=bot,
        talk=Talk(
            questions=tuple(questions),
            pause=pause,
            timeout=max(10.0, 2 * max_latency),
            body=read_body(body),
        ),
        limits=Limits(latency=max_latency, lag=max_lag, memory=memory),
        most=most,
        turns=turns,
    )


def _show(result: Any, output: Output) -> None:
    if output is Output.JSON:
        show_json(result.to_json())
        return
    rows = []
    for step in (each.to_json(result.limits) for each in result.steps):
        cpu = step["cpu"] or {}
        rows.append(
            {
                "calls": step["calls"],
                "turns": step["turns"],
                "p50": _unit(step["p50"], "s"),
                "p95": _unit(step["p95"], "s"),
                "lag": _unit(step["lag"], "s"),
                "cpu of bots": cpu.get("bots"),
                "memory": _unit(step["botsMB"], "MB"),
                "cpu of others": cpu.get("others"),
                "holds": "yes" if step["holds"] else f"no: {step['passed']}",
            }
        )
    show_table(output, rows, _COLUMNS)
    for line in result.sentences():
        say(clean(line))


def _unit(value: float | None, unit: str) -> str | None:
    return None if value is None else f"{value:g} {unit}"
