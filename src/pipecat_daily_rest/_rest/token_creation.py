# SPDX-License-Identifier: BSD-2-Clause
"""Meeting tokens that Daily creates; `tokens` signs them on this machine."""

from collections.abc import Mapping
from typing import Any

from pipecat_daily_rest._core.deadline import Deadline
from pipecat_daily_rest._core.secret import Secret
from pipecat_daily_rest._http.api import API
from pipecat_daily_rest.answers.answer import read_member


async def create_token(
    api: API,
    properties: dict[str, Any],
    *,
    more: Mapping[str, Any] | None = None,
    deadline: Deadline | None = None,
) -> Secret:
    """Have Daily create a meeting token; ``more`` is sent beside its properties."""
    what = "Failed to create meeting token"
    answer = await api.request(
        "POST",
        "/meeting-tokens",
        what=what,
        json={**(more or {}), "properties": properties},
        deadline=deadline,
    )
    return Secret(read_member(answer, "token", str, what=what))
