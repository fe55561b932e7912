# SPDX-License-Identifier: BSD-2-Clause
"""Tokens of a local Daily, issued by itself."""

from typing import Any

from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.rules.claims import sign


def token(daily: LocalDaily, **properties: Any) -> str:
    """A token for the room ``demo``, if the properties do not say otherwise, issued now."""
    return sign(
        {"room_name": "demo", **properties},
        api_key=daily.api_key,
        domain_id=daily.state.domain.id,
        issued_at=daily.state.clock.now(),
    )
