# SPDX-License-Identifier: BSD-2-Clause
"""The end of a bot's run."""

import asyncio

from pipecat_daily_rest._bot.ending import Ending


async def test_a_signal_as_the_beginning_ends_leaves_nothing_but_the_deletion():
    ending = Ending()

    async def beginning() -> str:
        task = asyncio.current_task()
        assert task is not None
        task.add_done_callback(lambda _: ending.stop.set())  # before the runner has gone on
        return "room"

    assert await ending.unless_stopped(beginning()) == "room"
    assert ending.stop.is_set()
    assert ending.deleting.is_set()
