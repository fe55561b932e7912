# SPDX-License-Identifier: BSD-2-Clause
"""What all helpers of one API URL and key share in this process: its one home."""

import asyncio
import hashlib
import os
import threading
from collections.abc import Callable
from typing import Any, TypeVar, cast
from weakref import WeakValueDictionary

from pipecat_daily_rest._core import settings
from pipecat_daily_rest._core.loops import PerLoop
from pipecat_daily_rest._http.rates import Pacer, RateLimits

T = TypeVar("T")

_RECENT = 128  # accounts; so many stay without a user, with their rate windows and domain's id


class Account:
    """What one API URL and key share: the pacer, the domain's id, and what other modules add.

    Parameters:
        digest: Of the URL and the key, which nothing here holds.
        pacer: The three rate tiers.
        domain_id: None until Daily has told it.
        domain_turn: For each event loop, the lock of the request that asks for the domain's id.
    """

    def __init__(self, digest: str) -> None:
        """Initialize an account of which nothing is known yet."""
        self.digest = digest
        self.pacer = Pacer(RateLimits())
        self.domain_id: str | None = None
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget what is under way: after a fork it is the parent's."""
        self.pacer.begin_anew()
        self.domain_turn = PerLoop(asyncio.Lock)
        self._parts: dict[object, Any] = {}

    def paced(self, limits: RateLimits | None) -> Pacer:
        """Give the pacer. The account has these limits from now on; None changes nothing."""
        redis_url = (limits.redis_url if limits is not None else None) or settings.redis_url()
        pacer = self.pacer
        with _lock:
            if limits is not None and limits != pacer.limits:
                pacer.limit(limits)
            if redis_url not in (None, pacer.fleet and pacer.fleet.redis_url):
                from pipecat_daily_rest._http.redis_slots import SharedRedis

                pacer.fleet = SharedRedis(redis_url, self.digest)
        return pacer

    def part(self, make: Callable[[], T]) -> T:
        """Give what `make` made for this account at its first call."""
        part = self._parts.get(make)
        if part is None:
            part = self._parts.setdefault(make, make())  # another thread may have been quicker
        return cast("T", part)


_accounts: WeakValueDictionary[str, Account] = WeakValueDictionary()
_recent: dict[str, Account] = {}  # by their digests, the last used at the end
_lock = threading.RLock()


def account_of(url: str, key: str) -> Account:
    """Give the account of an API URL and key."""
    digest = hashlib.sha256(f"{url} {key}".encode()).hexdigest()
    with _lock:
        account = _accounts.get(digest)
        if account is None:
            account = _accounts[digest] = Account(digest)
        _recent.pop(digest, None)
        _recent[digest] = account
        if len(_recent) > _RECENT:
            del _recent[next(iter(_recent))]
    return account


def _after_fork() -> None:
    global _lock
    _lock = threading.RLock()
    for account in list(_accounts.values()):
        account.begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
