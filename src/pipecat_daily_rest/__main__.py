# SPDX-License-Identifier: BSD-2-Clause
"""``pipecat-daily-rest``, and ``python -m pipecat_daily_rest``."""

import sys

from pipecat_daily_rest._bot.stop_signals import hold, not_run, stop_early


def main() -> None:
    """Run a command. Those with a room or a child take the signals before anything slow is imported."""
    if sys.argv[1:2] in (["run"], ["serve"], ["demo"]):
        hold(stop_early)
    elif sys.argv[1:2] in (["local"], ["drill"], ["load"]):
        hold(not_run)
    from pipecat_daily_rest.cli import app

    app()


if __name__ == "__main__":
    main()
