# SPDX-License-Identifier: BSD-2-Clause
"""Tokens of a local Daily: issued by itself, and what is in them."""

from typing import Any

import jwt

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


def claims(daily: LocalDaily, token: str) -> dict[str, Any]:
    """The claims of a token that this local Daily's key has signed."""
    return jwt.decode(token, daily.api_key, algorithms=["HS256"])
