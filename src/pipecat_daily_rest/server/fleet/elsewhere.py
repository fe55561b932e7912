# SPDX-License-Identifier: BSD-2-Clause
"""The sessions that other servers of the fleet run: described by their rooms, stopped by a flag."""

import asyncio
import hashlib
from typing import Any

from loguru import logger

from pipecat_daily_rest import tokens
from pipecat_daily_rest._core import room_names
from pipecat_daily_rest._core.timings import Timings
from pipecat_daily_rest._http.redis_slots import RedisAway
from pipecat_daily_rest._rest.helper import DailyRESTHelper
from pipecat_daily_rest.errors import DailyError, DailyNotFoundError
from pipecat_daily_rest.server.errors import TRY_AGAIN, FleetUnknown, UnknownSession
from pipecat_daily_rest.server.fleet.directory import Directory
from pipecat_daily_rest.server.fleet.present import Present, present
from pipecat_daily_rest.server.session import SessionState


def digest(token: str) -> str:
    """Give the digest by which the owner of a session knows the token of its user."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


class Elsewhere:
    """Answers for the sessions of other servers."""

    def __init__(
        self, directory: Directory, helper: DailyRESTHelper, *, prefix: str, stop_grace: float
    ) -> None:
        """Initialize; ``stop_grace`` is how many seconds a bot has to leave."""
        self._directory = directory
        self._helper = helper
        self._prefix = prefix
        self._patience = stop_grace + Timings.current().fleet_react
        self._stopping: dict[str, asyncio.Task[None]] = {}

    async def describe(self, session_id: str) -> dict[str, Any]:
        """Describe a session by its room.

        Raises:
            UnknownSession: It has no room, or is none of the fleet's.
            FleetUnknown: Daily gave no usable answer.
        """
        return (await self._find(session_id))[1]

    async def stop(self, session_id: str) -> dict[str, Any]:
        """Have a session stopped by its server, or delete its room if that does not react.

        Raises:
            UnknownSession: It has no room, or is none of the fleet's.
            FleetUnknown: Daily gave no usable answer.
        """
        tag, found = await self._find(session_id)
        try:
            asked = await self._directory.ask_stop(tag, session_id)
        except RedisAway:
            asked = False
        if session_id not in self._stopping:
            name = f"{self._prefix}-{session_id}"
            task = asyncio.create_task(self._see_to_it(name, asked=asked), name=f"stop of {name}")
            self._stopping[session_id] = task
            task.add_done_callback(lambda _: self._stopping.pop(session_id, None))
        return {**found, "state": SessionState.ENDING.value}

    async def stop_by_token(self, session_id: str, token: str) -> bool:
        """Have a session stopped for its user; False when this is no token of its room.

        Raises:
            FleetUnknown: The session's server cannot be told.
        """
        tag = self._tag(session_id)
        if tag is None:
            return False
        name = f"{self._prefix}-{session_id}"
        try:
            given = await asyncio.to_thread(
                tokens.read_token, token, api_key=self._helper.api.key, room_name=name
            )
        except tokens.TokenVerificationError:
            return False
        if given.room_name is None or given.is_owner:
            return False
        try:
            asked = await self._directory.ask_stop(tag, f"{session_id} {digest(token)}")
        except RedisAway:
            asked = False
        if not asked:
            msg = "The server of this session cannot be told: try again later."
            raise FleetUnknown(msg, retry_after=TRY_AGAIN)
        return True

    async def listed(self) -> tuple[float, list[dict[str, Any]]]:
        """Give the sessions of the fleet in whose rooms somebody is, and how old that is in seconds.

        Raises:
            FleetUnknown: Redis does not respond, or nobody has looked yet.
        """
        try:
            seen = await self._directory.all_seen()
        except RedisAway:
            seen = None
        if seen is None:
            msg = "Nobody knows yet who is in the fleet's rooms: try again later."
            raise FleetUnknown(msg, retry_after=TRY_AGAIN)
        found = [
            self._described(session_id, each, alive=tag in seen.alive)
            for tag, rooms in seen.rooms.items()
            for session_id, each in rooms.items()
        ]
        return seen.age, sorted(found, key=lambda each: each["sessionId"])

    async def aclose(self) -> None:
        """Wait for no server any more."""
        tasks = list(self._stopping.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _tag(self, session_id: str) -> str | None:
        """Give the tag of the server that runs a session; None where it is this one, or none."""
        tag = room_names.session_tag(session_id)
        return None if tag == self._directory.tag else tag

    async def _find(self, session_id: str) -> tuple[str, dict[str, Any]]:
        tag, name = self._tag(session_id), f"{self._prefix}-{session_id}"
        msg = f"There is no session {session_id!r} with a room, and none that ended here lately."
        if tag is None:
            raise UnknownSession(msg)
        try:
            room = await self._helper.get_room(name)
            there = await self._helper.room_presence(name)
        except DailyNotFoundError:
            raise UnknownSession(msg) from None
        except DailyError as exc:
            logger.warning("A session of another server is unknown for now: {}", exc)
            msg = "Daily gave no usable answer: try again later."
            raise FleetUnknown(msg, retry_after=TRY_AGAIN) from exc
        seen = self._described(session_id, present(session_id, there.data), alive=True)
        return tag, {**seen, "createdAt": room.created_at or None}

    def _described(self, session_id: str, there: Present, *, alive: bool) -> dict[str, Any]:
        state = SessionState.STARTING if there.bot_since is None else SessionState.RUNNING
        return {
            "sessionId": session_id,
            "agent": None,
            "state": (state if alive else SessionState.ENDING).value,
            "roomName": f"{self._prefix}-{session_id}",
            "createdAt": None,
            "runningSince": there.bot_since or None,
            "endedAt": None,
            "reason": None,
            "error": None,
        }

    async def _see_to_it(self, name: str, *, asked: bool) -> None:
        """Delete the room of a session that is to end, when its server has not done so."""
        if asked:
            await asyncio.sleep(self._patience)
            try:
                await self._helper.get_room(name)
            except DailyNotFoundError:
                return
            except DailyError:
                pass  # it is deleted all the same
        try:
            await self._helper.delete_room_by_name(name)
        except DailyError as exc:
            logger.warning("Room {} could not be deleted: {}", name, exc)
        else:
            logger.info("Deleted room {}, whose server did not stop its session", name)
