# SPDX-License-Identifier: BSD-2-Clause
"""``python -m pipecat_daily_rest`` is ``pipecat-daily-rest``."""

from pipecat_daily_rest.cli import main

main()
