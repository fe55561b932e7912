# SPDX-License-Identifier: BSD-2-Clause
"""What is remembered of sessions: all that run, and for ten minutes those that have ended."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable

from pipecat_daily_rest.server.errors import StartConflict
from pipecat_daily_rest.server.session import Session
from pipecat_daily_rest.server.start_request import StartRequest

REMEMBERED = 600.0  # seconds after the end
MOST = 10_000  # sessions that have ended, and as many idempotency keys


class History:
    """The sessions by their ids, and the idempotency keys that started them."""

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        """Initialize; ``clock`` gives seconds, the event loop's when None."""
        self._clock = clock or (lambda: asyncio.get_running_loop().time())
        self.sessions: dict[str, Session] = {}  # oldest first
        self._ended: OrderedDict[str, float] = OrderedDict()  # when each is forgotten
        self._keys: OrderedDict[tuple[str, str], tuple[str, str]] = OrderedDict()
        self._keys_of: dict[str, tuple[str, str]] = {}

    def earlier(self, request: StartRequest) -> Session | None:
        """Give the session that the same request with the same key has started; None without one."""
        self._forget()
        if request.idempotency_key is None:
            return None
        found = self._keys.get((request.caller, request.idempotency_key))
        if found is None:
            return None
        session_id, fingerprint = found
        if fingerprint != request.fingerprint():
            msg = "This idempotency key was used for another request: use a new key."
            raise StartConflict(msg)
        return self.sessions[session_id]

    def add(self, session: Session, request: StartRequest) -> None:
        """Note a session that has begun."""
        self.sessions[session.id] = session
        if request.idempotency_key is not None:
            key = (request.caller, request.idempotency_key)
            self._keys[key] = (session.id, request.fingerprint())
            self._keys_of[session.id] = key

    def drop(self, session: Session) -> None:
        """Forget a session that could not be started: its key may start another one."""
        self.sessions.pop(session.id, None)
        self._ended.pop(session.id, None)
        if (key := self._keys_of.pop(session.id, None)) is not None:
            self._keys.pop(key, None)

    def ended(self, session: Session) -> None:
        """Note the end of a session: it is forgotten in ten minutes."""
        self._ended[session.id] = self._clock() + REMEMBERED
        self._forget()

    def _forget(self) -> None:
        now = self._clock()
        while self._ended:
            session_id, until = next(iter(self._ended.items()))
            if until > now and len(self._ended) <= MOST:
                return
            self.drop(self.sessions[session_id])
