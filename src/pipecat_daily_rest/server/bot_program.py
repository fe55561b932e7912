# SPDX-License-Identifier: BSD-2-Clause
"""A bot in a process of a launcher that behaves as a program of its own, as under ``run``."""

import argparse
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pipecat_daily_rest._bot.output import say
from pipecat_daily_rest._core import log_handler


@dataclass(frozen=True, kw_only=True)
class BotProgram:
    """What it is given. What it prints and logs is left as it is. All of it is JSON.

    Parameters:
        argv: ``sys.argv``.
        options: ``runner_args.cli_args``.
        log_level: The level of loguru's default handler.
        says: A line that it prints when the bot begins to run; none when "".
    """

    argv: list[str]
    options: Mapping[str, Any]
    log_level: str
    says: str = ""

    def begin(self) -> None:
        """Make this process such a program."""
        sys.argv[:] = self.argv
        with suppress(AttributeError, OSError, ValueError):  # of a stream that was closed
            sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]

    def complete(self, runner_args: Any) -> None:
        """Give the bot's arguments what a session has none of."""
        runner_args.cli_args = argparse.Namespace(**self.options)

    def tell_start(self) -> None:
        """Print that the bot begins to run, if that is to be said."""
        if self.says:
            say(self.says)

    def tell_error(self, text: str) -> None:
        """Print what the bot raised; its log may go elsewhere."""
        say(text.removesuffix("\n"), file=sys.stderr)


def begin_log(program: BotProgram | None) -> None:
    """Have this process log as such a program, or as a bot of a server when None."""
    if program is not None:
        log_handler.to_stderr(program.log_level)
        return
    log_handler.to_stderr(
        os.environ.get("PIPECAT_DAILY_LOG_LEVEL", "DEBUG"),
        os.environ.get("PIPECAT_DAILY_LOG_FORMAT", "text"),
    )
