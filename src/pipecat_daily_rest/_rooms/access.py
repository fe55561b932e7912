# SPDX-License-Identifier: BSD-2-Clause
"""How to reach Daily: a helper of the caller's, or a key, a URL and a connection for a new one."""

from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field

import aiohttp

from pipecat_daily_rest._core import settings
from pipecat_daily_rest._core.arguments import model
from pipecat_daily_rest._core.secret import secret
from pipecat_daily_rest._rest.helper import DailyRESTHelper
from pipecat_daily_rest.errors import DailyConfigError


@dataclass(frozen=True, kw_only=True)
class Access:
    """The caller's helper, or what a new one needs."""

    daily: DailyRESTHelper | None = None
    api_key: str | None = field(default=None, repr=False)
    api_url: str | None = None
    aiohttp_session: aiohttp.ClientSession | None = None

    def __post_init__(self) -> None:
        """Keep the key from being shown."""
        object.__setattr__(self, "api_key", secret(self.api_key))

    def check_access(self) -> None:
        """Check what does not go together."""
        if self.daily is None:
            return
        if self.api_key or self.api_url or self.aiohttp_session:
            msg = "daily has its own key, URL and ClientSession: leave out api_key, api_url, aiohttp_session."
            raise DailyConfigError(msg)
        model("daily", self.daily, DailyRESTHelper)

    def new_helper(self) -> DailyRESTHelper:
        """A helper of our own, which has to be closed."""
        return DailyRESTHelper(
            daily_api_key=settings.api_key(self.api_key),
            daily_api_url=settings.api_url(self.api_url),
            aiohttp_session=self.aiohttp_session,
        )

    def helper(self) -> AbstractAsyncContextManager[DailyRESTHelper]:
        """The caller's helper, which stays open, or a new one for the block."""
        return self.new_helper() if self.daily is None else nullcontext(self.daily)
