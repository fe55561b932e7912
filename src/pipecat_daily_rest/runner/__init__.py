# SPDX-License-Identifier: BSD-2-Clause
"""One bot, one room.

::

    if __name__ == "__main__":
        from pipecat_daily_rest.runner import main

        main()

The room and both tokens exist before the bot starts, and the room is deleted before the process ends.

Imports `_bot`, `_rooms` and what those import; a local Daily only as a child process.
"""

from pipecat_daily_rest._bot.bot_file import load_bot
from pipecat_daily_rest._core.log_handler import LOG_LEVELS
from pipecat_daily_rest.runner.entry_points import launch, main, run_bot
from pipecat_daily_rest.runner.options import Options
from pipecat_daily_rest.runner.session import BotStillRunningError

__all__ = [
    "LOG_LEVELS",
    "BotStillRunningError",
    "Options",
    "launch",
    "load_bot",
    "main",
    "run_bot",
]
