# SPDX-License-Identifier: BSD-2-Clause
"""Sessions under random faults, cancellations and kills end with no room: a thousand in make proof."""

import pytest
from proof.parts.sessions import checks, run

SESSIONS = 45


@pytest.mark.timeout(1200)  # a busy machine takes minutes
async def test_nothing_is_left(start, local_daily):
    ends = await run(start, local_daily, seed="1", sessions=SESSIONS, workers=3)
    assert all(check.holds for check in checks(ends, SESSIONS)), ends
