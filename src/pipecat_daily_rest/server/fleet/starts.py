# SPDX-License-Identifier: BSD-2-Clause
"""What has to be agreed upon with the other servers before a session starts.

An idempotency key starts one session in the whole fleet, and the fleet has a limit of sessions where
one is set. Without an answer of Redis this server decides alone.
"""

import asyncio
import hashlib
import json
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from loguru import logger

from pipecat_daily_rest._http.api import API
from pipecat_daily_rest._http.redis_slots import RedisAway
from pipecat_daily_rest._rooms.room_tokens import RoomTokens
from pipecat_daily_rest.server.errors import TRY_AGAIN, FleetFull, StartConflict
from pipecat_daily_rest.server.fleet.directory import Directory
from pipecat_daily_rest.server.session import Session
from pipecat_daily_rest.server.start_request import StartRequest

_LOOK = 0.25  # seconds between two looks whether another server's session has its room


@dataclass(kw_only=True)
class Admission:
    """A start that the fleet agrees to, until it is known which session it became.

    Parameters:
        elsewhere: The session that another server has started for the same request.
    """

    elsewhere: Session | None = None
    _name: str | None = None  # of its idempotency key
    _record: dict[str, Any] = field(default_factory=dict)
    _counted: str | None = None  # as what it counts for the fleet's limit


class Starts:
    """The starts of this server, as far as the fleet has to know of them."""

    def __init__(self, directory: Directory, api: API, *, limit: int | None) -> None:
        """Initialize; ``limit`` is how many sessions the fleet may have, None for any number."""
        self._directory = directory
        self._api = api
        self._limit = limit
        self._claiming: Counter[str] = Counter()  # requests with the same idempotency key
        self._records: dict[str, str] = {}  # of the sessions that go on, by name
        self._counted: dict[str, str] = {}  # as what each session counts, by its id

    def told_again(self) -> tuple[list[str], dict[str, str]]:
        """Give what counts for the fleet's limit, and the records: what a renewal tells Redis."""
        return list(self._counted.values()), dict(self._records)

    @asynccontextmanager
    async def admission(self, request: StartRequest) -> AsyncIterator[Admission]:
        """Agree with the other servers; what no session came of is taken back.

        Raises:
            FleetFull: The fleet has as many sessions as it may have.
            StartConflict: The idempotency key was used for another request.
        """
        admission = Admission()
        try:
            if request.idempotency_key is not None:
                admission.elsewhere = await self._claimed(admission, request)
            if admission.elsewhere is None and self._limit is not None:
                await self._admit(admission, self._limit)
            yield admission
        finally:
            if admission._counted is not None:
                self._directory.dismiss(admission._counted)
            if (name := admission._name) is not None:
                self._claiming[name] -= 1
                if self._claiming[name] == 0:
                    del self._claiming[name]
                    if name not in self._records:
                        self._directory.disclaim(name, json.dumps(admission._record))

    def follow(self, admission: Admission, session: Session, ready: asyncio.Future[None]) -> None:
        """Tell the fleet of a session that came of an admission, until it has ended."""
        name, record, counted = admission._name, admission._record, admission._counted
        admission._counted = None
        if counted is not None:
            self._counted[session.id] = counted
        if name is not None:
            self._records[name] = json.dumps(record)

        def has_room(ready: asyncio.Future[None]) -> None:
            if name is None or ready.cancelled() or ready.exception() is not None:
                return
            expires = session.room_expires_at
            record.update(
                session=session.id,
                agent=session.agent,
                since=session.created_at.isoformat(),
                room=session.room_name,
                url=session.room_url,
                exp=expires and expires.timestamp(),
            )
            self._records[name] = json.dumps(record)
            self._directory.record(name, self._records[name])

        def is_over(_: object) -> None:
            if (counted := self._counted.pop(session.id, None)) is not None:
                self._directory.dismiss(counted)
            if name is not None and (told := self._records.pop(name, None)) is not None:
                if "session" in record:
                    self._directory.record(name, told)  # for ten minutes from now
                else:
                    self._directory.disclaim(name, told)

        ready.add_done_callback(has_room)
        session.when_over(is_over)

    async def _claimed(self, admission: Admission, request: StartRequest) -> Session | None:
        """Claim an idempotency key; give the session that another server has started by it."""
        key = f"{request.caller} {request.idempotency_key}"
        name = hashlib.sha256(key.encode()).hexdigest()
        mine = {"owner": self._directory.tag, "fingerprint": request.fingerprint()}
        admission._name, admission._record = name, mine
        self._claiming[name] += 1
        while True:
            try:
                found = await self._directory.claim(name, json.dumps(mine))
            except RedisAway:
                return None
            record = mine if found is None else _read(found)
            if record.get("fingerprint") != mine["fingerprint"]:
                msg = "This idempotency key was used for another request: use a new key."
                raise StartConflict(msg)
            if record.get("owner") == self._directory.tag:
                return None
            if "session" in record:
                return await self._session(record, request)
            await asyncio.sleep(_LOOK)

    async def _session(self, record: dict[str, Any], request: StartRequest) -> Session:
        """Give another server's session, with a token of the same properties for its user."""
        session = Session(
            id=record["session"],
            agent=record["agent"],
            created_at=datetime.fromisoformat(record["since"]),
            room_name=record["room"],
            room_url=record["url"],
            elsewhere=True,
        )
        if session.room_name is not None:
            tokens = RoomTokens(
                self._api, "local", session.room_name, record["exp"], room_ejects=True
            )
            session.user_token = await tokens.create(tokens.spec(request.token, owner=False))
        return session

    async def _admit(self, admission: Admission, limit: int) -> None:
        counted = uuid.uuid4().hex
        with suppress(RedisAway):
            if not await self._directory.admit(counted, limit):
                msg = f"All {limit} sessions of the fleet are taken: try again in {TRY_AGAIN:g} s."
                raise FleetFull(msg, retry_after=TRY_AGAIN)
        admission._counted = counted


def _read(found: str) -> dict[str, Any]:
    try:
        record = json.loads(found)
    except ValueError:
        record = {}
    if not isinstance(record, dict):
        logger.debug("A start in Redis cannot be read")
        return {}
    return record
