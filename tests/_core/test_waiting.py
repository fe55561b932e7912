# SPDX-License-Identifier: BSD-2-Clause
"""Work that is carried out whatever ends the event loop."""

import asyncio

import pytest

from pipecat_daily_rest._core.waiting import carry_out


def test_a_ctrl_c_in_the_middle_of_the_work_begins_it_anew():
    begun = []

    async def work() -> None:
        begun.append("work")
        if len(begun) == 1:
            raise KeyboardInterrupt  # as Python raises it between two bytecodes

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(carry_out(work))
    assert begun == ["work", "work"]
