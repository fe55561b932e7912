# SPDX-License-Identifier: BSD-2-Clause
"""sweep_rooms(): delete the rooms that a dead process left behind."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import aiohttp
from loguru import logger

from pipecat_daily_rest._core import arguments, room_names, settings
from pipecat_daily_rest._core.secret import secret
from pipecat_daily_rest._rest.deletion import Deletion
from pipecat_daily_rest._rest.helper import DailyRESTHelper
from pipecat_daily_rest._rooms.access import Access
from pipecat_daily_rest._rooms.owned import owned_rooms
from pipecat_daily_rest._rooms.room_spec import DEFAULT_LIFETIME
from pipecat_daily_rest.models import DailyRoomObject

# Presence lags: documented as up to 15 s, measured 10 to 25.
PAUSE = 30.0  # seconds
_BATCH = 100  # rooms; Daily takes 1000, but a batch that is refused costs halving


@dataclass(frozen=True, kw_only=True)
class SweepReport:
    """What a sweep did.

    Parameters:
        deleted: Names of the rooms that are gone, or would be after a dry run.
        spared: Why a room of ours was not deleted, by its name.
        failed: Why a room could not be deleted, by its name.
        others: How many rooms have names that this package did not make; they are never deleted.
        dry_run: Whether nothing was deleted.
    """

    deleted: tuple[str, ...]
    spared: Mapping[str, str]
    failed: Mapping[str, str]
    others: int
    dry_run: bool


async def sweep_rooms(
    *,
    name_prefix: str = "pipecat",
    min_age: timedelta | float = DEFAULT_LIFETIME,
    pause: timedelta | float = PAUSE,
    dry_run: bool = False,
    daily: DailyRESTHelper | None = None,
    api_key: str | None = None,
    api_url: str | None = None,
    aiohttp_session: aiohttp.ClientSession | None = None,
    now: Callable[[], float] = time.time,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> SweepReport:
    """Find and delete the rooms that a dead process left behind.

    Any process can do it, on any machine, at any time: a room's name tells that this package made
    it. A room stays if somebody is in it, if it is young, if this process owns it, or if it is a
    pool's and has not expired.

    Args:
        name_prefix: How the names of the rooms begin, as for `provisioned_room`.
        min_age: Seconds or a ``timedelta``; a younger room may be in use, and stays.
        pause: Seconds or a ``timedelta`` between the two looks at who is in which room, since
            presence lags by up to 25 seconds.
        dry_run: Only tell what would be deleted.
        daily: A helper to use; it stays open.
        api_key: The API key; ``DAILY_API_KEY`` when None.
        api_url: The base URL of the API; ``DAILY_API_URL`` when None, else Daily's own.
        aiohttp_session: An aiohttp session to borrow; it stays open.
        now: The present in unix seconds, for tests.
        sleep: Waits between the looks, for tests.

    Returns:
        What was deleted, what stays and why, and what could not be deleted.

    Raises:
        DailyConfigError: There is no key, or the arguments do not fit.
        DailyError: The rooms could not be listed, or not who is in them; nothing was deleted.
    """
    api_key = secret(api_key)
    room_names.check_prefix(name_prefix)
    least = settings.seconds("min_age", min_age, least=0)
    gap = settings.seconds("pause", pause, least=0)
    arguments.flag("dry_run", dry_run)
    arguments.function("now", now)
    arguments.function("sleep", sleep)
    access = Access(daily=daily, api_key=api_key, api_url=api_url, aiohttp_session=aiohttp_session)
    access.check_access()
    async with access.helper() as helper:
        found: list[str] = []
        spared: dict[str, str] = {}
        others = 0
        rooms = [room async for room in helper.list_rooms()]
        own = {room.name for room in owned_rooms()}
        for room in rooms:
            if not room_names.is_ours(room.name, name_prefix):
                others += 1
            elif why := _why_spared(room, own, name_prefix, least, now()):
                spared[room.name] = why
            else:
                found.append(room.name)
        for look in range(2):
            if look and found:
                await sleep(gap)
            occupied = await helper.presence() if found else {}
            spared |= {name: "somebody is in it" for name in found if name in occupied}
            found = [name for name in found if name not in spared]
        deletion = Deletion(helper.api)
        if not dry_run:
            await deletion.run(found, size=_BATCH)
            logger.debug(
                "Deleted {} rooms that were left behind", len(found) - len(deletion.failed)
            )
    return SweepReport(
        deleted=tuple(name for name in found if name not in deletion.failed),
        spared=spared,
        failed={name: str(error) for name, error in deletion.failed.items()},
        others=others,
        dry_run=dry_run,
    )


def _why_spared(
    room: DailyRoomObject, own: Set[str], prefix: str, min_age: float, now: float
) -> str:
    """Why a room stays, as far as that is known without its presence; "" when it may go."""
    if room.name in own:
        return "this process owns it"
    if room_names.is_pool(room.name, prefix):
        exp = room.config.exp
        if not isinstance(exp, int | float) or exp > now:
            return "it waits in a pool until its time is over"
    age = _age(room, now)
    if age is None:
        return "its age is unknown"
    if age < min_age:
        return f"it is {age:.0f} s old, less than {min_age:.0f} s"
    return ""


def _age(room: DailyRoomObject, now: float) -> float | None:
    try:
        created_at = datetime.fromisoformat(room.created_at)
    except ValueError:
        return None
    if created_at.tzinfo is None:
        created_at = created_at.replace(tzinfo=UTC)
    return max(0.0, now - created_at.timestamp())
