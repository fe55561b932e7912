# SPDX-License-Identifier: BSD-2-Clause
"""The same questions to the local Daily and, with --daily-live, to the real one."""

from dataclasses import replace

import pytest

from drift.probes import PROBES
from drift.target import Target
from pipecat_daily_rest.local import LocalDaily


@pytest.mark.parametrize("question", PROBES)
async def test_every_probe_holds(question, live, report):
    async with LocalDaily() as daily:
        local = Target.of(daily)
        await PROBES[question](local)
        await replace(local, answers=[]).sweep()
        assert not daily.rooms
    if live is None:
        return
    there = replace(live, answers=[], switches={})  # with the same rooms and the same pace
    try:
        await PROBES[question](there)
    finally:
        report.add(question, local, there)
