# SPDX-License-Identifier: BSD-2-Clause
"""One bot, one room.

::

    if __name__ == "__main__":
        from pipecat_daily_rest.runner import main

        main()

The room and both tokens exist before the bot starts, and the room is gone when the process is.

Imports `_bot`, `_rooms` and what those import; a local Daily only as a child process.
"""

from pipecat_daily_rest.runner.command import (
    LOG_LEVELS,
    Options,
    launch,
    load_bot,
    main,
    run_bot,
)

__all__ = ["LOG_LEVELS", "Options", "launch", "load_bot", "main", "run_bot"]
