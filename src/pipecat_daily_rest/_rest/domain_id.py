# SPDX-License-Identifier: BSD-2-Clause
"""The id of the key's domain, which a token that is signed here needs."""

from pipecat_daily_rest._core.deadline import Deadline
from pipecat_daily_rest._http.api import API
from pipecat_daily_rest.answers.answer import read_member


async def domain_id(api: API, *, deadline: Deadline | None = None) -> str:
    """Give the id of the key's domain; Daily is asked once per API URL and key."""
    account = api.account
    if account.domain_id is None:
        try:
            async with account.domain_turn.get():  # many who start at once need one answer
                if account.domain_id is None:
                    return await ask_for_domain_id(api, deadline)
        finally:
            account.domain_turn.drop()
    return account.domain_id


async def ask_for_domain_id(api: API, deadline: Deadline | None = None) -> str:
    """Ask Daily for the id of the key's domain and keep it, even if it is known."""
    what = "Unable to get the domain"
    answer = await api.request("GET", "/", what=what, deadline=deadline)
    api.account.domain_id = id = read_member(answer, "domain_id", str, what=what)
    return id
