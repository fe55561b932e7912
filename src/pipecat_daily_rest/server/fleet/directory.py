# SPDX-License-Identifier: BSD-2-Clause
"""What the servers of a fleet have in Redis, each step of it one script by Redis's own clock.

======================  =====================================================================
``owners``              each server's tag, and until when it is alive
``calm``                Redis has come back less than a minute ago
``lookout``             the server that looks at the rooms for all
``presence``            what it saw, by owner tag, and when
``stop:<tag>``          sessions that a server is to stop
``sessions``            the sessions that count for the fleet's limit, and until when
``start:<digest>``      what an idempotency key has started
======================  =====================================================================
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from pipecat_daily_rest._core.timings import Timings
from pipecat_daily_rest._http.redis_slots import SharedRedis
from pipecat_daily_rest.server.fleet.present import Present, from_json, to_json

_DAY = 86_400_000  # milliseconds after which Redis forgets a fleet that has ended
REMEMBERED = 600_000  # milliseconds that a start is remembered after its last renewal
_FLAG = 60_000  # milliseconds that a server has to read what it is asked

_LUA = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function key(name) return KEYS[1] .. ':' .. name end
local function alive(tag)
    local lease = redis.call('ZSCORE', key('owners'), tag)
    return lease and tonumber(lease) > now
end
"""
# A time later than any can have is of before Redis's clock was set back.
_NO_LONGER = """
local function no_longer(name, most)
    if redis.call('PTTL', key(name)) > tonumber(most) then
        redis.call('PEXPIRE', key(name), most)
    end
end
"""
_RENEW = (
    _LUA
    + _NO_LONGER
    + """
local given = cjson.decode(ARGV[1])
local known = redis.call('ZSCORE', key('owners'), given.tag)
local last = redis.call('ZREVRANGE', key('owners'), 0, 0, 'WITHSCORES')[2]
-- Where another server has renewed lately, Redis was there, and only this server did not reach it.
if not last or given.back and now + given.lease - last > given.renew then
    redis.call('SET', key('calm'), '1', 'PX', given.calm)
end
local late = redis.call('ZRANGEBYSCORE', key('owners'), '(' .. now + given.lease, '+inf')
for _, tag in ipairs(late) do redis.call('ZADD', key('owners'), now + given.lease, tag) end
no_longer('calm', given.calm)
redis.call('ZADD', key('owners'), now + given.lease, given.tag)
for _, tag in ipairs(given.others) do redis.call('ZADD', key('owners'), 'NX', now, tag) end
redis.call('PEXPIRE', key('owners'), given.day)
for _, id in ipairs(given.sessions) do
    redis.call('ZADD', key('sessions'), now + given.lease, id)
    redis.call('PEXPIRE', key('sessions'), given.lease)
end
for name, record in pairs(given.starts) do
    local kept = cjson.decode(record).session and given.remembered or given.lease
    redis.call('SET', key('start:' .. name), record, 'PX', kept)
end
return {known and 1 or 0, redis.call('ZRANGE', key('owners'), 0, -1)}
"""
)
_LEAVE = (
    _LUA
    + """
if ARGV[2] == '1' then redis.call('ZADD', key('owners'), now, ARGV[1])
else redis.call('ZREM', key('owners'), ARGV[1]) end
redis.call('DEL', key('stop:' .. ARGV[1]))
if redis.call('GET', key('lookout')) == ARGV[1] then redis.call('DEL', key('lookout')) end
return 0
"""
)
_FORGET = _LUA + "return redis.call('ZREM', key('owners'), unpack(ARGV))"
_STOPS = (
    _LUA
    + """
local asked = redis.call('LRANGE', key('stop:' .. ARGV[1]), 0, -1)
redis.call('DEL', key('stop:' .. ARGV[1]))
return {alive(ARGV[1]) and 1 or 0, asked}
"""
)
_ASK_STOP = (
    _LUA
    + """
if not alive(ARGV[1]) then return 0 end
redis.call('RPUSH', key('stop:' .. ARGV[1]), ARGV[2])
return redis.call('PEXPIRE', key('stop:' .. ARGV[1]), ARGV[3])
"""
)
_ELECT = (
    _LUA
    + _NO_LONGER
    + """
no_longer('lookout', ARGV[2])
if redis.call('SET', key('lookout'), ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
return redis.call('GET', key('lookout')) == ARGV[1] and 1 or 0
"""
)
_PUBLISH = (
    _LUA
    + """
if redis.call('GET', key('lookout')) ~= ARGV[1] then return {} end
redis.call('PEXPIRE', key('lookout'), ARGV[2])
redis.call('DEL', key('presence'))
redis.call('HSET', key('presence'), 'at', now)
for i = 4, #ARGV, 2 do
    if redis.call('ZSCORE', key('owners'), ARGV[i]) then  -- not those of another fleet
        redis.call('HSET', key('presence'), ARGV[i], ARGV[i + 1])
    end
end
local owners = redis.call('ZRANGE', key('owners'), 0, -1)
local there = {}
for i, tag in ipairs(owners) do
    redis.call('HSETNX', key('presence'), tag, '{}')
    there[i] = alive(tag) and 1 or 0
end
redis.call('PEXPIRE', key('presence'), ARGV[3])
return {redis.call('EXISTS', key('calm')), owners, there}
"""
)
_SEEN = (
    _LUA
    + """
local at, rooms = unpack(redis.call('HMGET', key('presence'), 'at', ARGV[1]))
return {at or '', rooms or ''}
"""
)
_ALL_SEEN = (
    _LUA
    + """
local owners = redis.call('ZRANGEBYSCORE', key('owners'), '(' .. now, '+inf')
return {now, redis.call('HGETALL', key('presence')), owners}
"""
)
# A server that died before its session had a room has started nothing.
_CLAIM = (
    _LUA
    + """
local found = redis.call('GET', key('start:' .. ARGV[1]))
if found then
    local start = cjson.decode(found)
    if start.session or alive(start.owner) or redis.call('EXISTS', key('calm')) == 1 then
        return found
    end
end
redis.call('SET', key('start:' .. ARGV[1]), ARGV[2], 'PX', ARGV[3])
return ''
"""
)
_RECORD = _LUA + "redis.call('SET', key('start:' .. ARGV[1]), ARGV[2], 'PX', ARGV[3]) return 0"
_DISCLAIM = (
    _LUA
    + """
if redis.call('GET', key('start:' .. ARGV[1])) ~= ARGV[2] then return 0 end
return redis.call('DEL', key('start:' .. ARGV[1]))
"""
)
_ADMIT = (
    _LUA
    + """
redis.call('ZREMRANGEBYSCORE', key('sessions'), '-inf', now)
redis.call('ZREMRANGEBYSCORE', key('sessions'), '(' .. now + ARGV[3], '+inf')
if redis.call('ZCARD', key('sessions')) >= tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', key('sessions'), now + ARGV[3], ARGV[1])
redis.call('PEXPIRE', key('sessions'), ARGV[3])
return 1
"""
)
_DISMISS = _LUA + "return redis.call('ZREM', key('sessions'), ARGV[1])"


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the lookout saw.

    Parameters:
        age: Seconds since it looked.
        rooms: Who is in the rooms of sessions, by owner tag and session id.
        alive: The tags of the servers that are alive.
    """

    age: float
    rooms: Mapping[str, Mapping[str, Present]]
    alive: Collection[str]


class Directory:
    """The fleet in Redis, as one of its servers sees it.

    Each method raises `RedisAway` when Redis does not respond.

    Parameters:
        tag: This server's owner tag.
    """

    def __init__(self, redis: SharedRedis, *, prefix: str, tag: str) -> None:
        """Initialize; servers with the same ``prefix`` of their rooms' names are one fleet."""
        self.tag = tag
        self._redis = redis
        self._key = f"{redis.prefix}:fleet:{prefix}"
        times = Timings.current()
        self._lease = round(times.fleet_lease * 1000)
        self._renew = round(times.fleet_renew * 1000)
        self._calm = round(times.fleet_calm * 1000)
        self._term = round(times.fleet_look * 2000)  # that the lookout has until its next look

    async def renew(
        self,
        *,
        back: bool = False,
        sessions: Collection[str] = (),
        starts: Mapping[str, str] | None = None,
        others: Collection[str] = (),
    ) -> tuple[bool, list[str]]:
        """Give a sign of life; tell whether Redis knew this server, and the tags of all servers.

        ``back`` says that Redis was away. What it has lost is told again: the ``sessions`` that
        count, the ``starts``, and the ``others`` that were known.
        """
        given = {
            "tag": self.tag,
            "back": back,
            "lease": self._lease,
            "renew": self._renew,
            "calm": self._calm,
            "day": _DAY,
            "remembered": REMEMBERED,
            "sessions": list(sessions),
            "starts": dict(starts or {}),
            "others": list(others),
        }
        known, tags = await self._run(_RENEW, json.dumps(given), gives=list)
        return known == 1, [tag.decode() for tag in tags]

    async def leave(self, *, rooms_left: bool) -> None:
        """Be gone; with rooms left, for the lookout to sweep them."""
        await self._run(_LEAVE, self.tag, int(rooms_left))

    async def forget(self, tags: Collection[str]) -> None:
        """Forget servers that are gone and have no room."""
        await self._run(_FORGET, *tags)

    async def stops(self) -> tuple[bool, list[str]]:
        """Tell whether Redis has this server alive, and take what others have asked it to stop."""
        alive, asked = await self._run(_STOPS, self.tag, gives=list)
        return alive == 1, [each.decode() for each in asked]

    async def ask_stop(self, tag: str, what: str) -> bool:
        """Ask another server to stop a session; False when that server is gone."""
        return bool(await self._run(_ASK_STOP, tag, what, _FLAG))

    async def elect(self) -> bool:
        """Tell whether this server is the lookout: the one that is, or else the first to ask."""
        return bool(await self._run(_ELECT, self.tag, self._term))

    async def publish(
        self, rooms: Mapping[str, Mapping[str, Present]]
    ) -> tuple[dict[str, bool], bool] | None:
        """Tell all servers who is in which room.

        Give which servers are known, with whether each is alive, and whether Redis has just come
        back; None when another server is the lookout by now.
        """
        told = [text for tag, of in rooms.items() for text in (tag, to_json(of))]
        found = await self._run(_PUBLISH, self.tag, self._term, REMEMBERED, *told, gives=list)
        if not found:
            return None
        calm, owners, alive = found
        tags = [tag.decode() for tag in owners]
        return {tag: each == 1 for tag, each in zip(tags, alive, strict=True)}, calm == 1

    async def seen(self) -> tuple[str, dict[str, Present]] | None:
        """Give when the lookout looked last, and who was in the rooms of this server.

        None when it did not look for this server: Redis did not know it then, or nobody has looked.
        """
        at, rooms = await self._run(_SEEN, self.tag, gives=list)
        found = from_json(rooms)
        return None if found is None else (at.decode(), found)

    async def all_seen(self) -> Seen | None:
        """Give what the lookout saw last; None when nobody has looked."""
        now, fields, alive = await self._run(_ALL_SEEN, gives=list)
        told = dict(zip(fields[::2], fields[1::2], strict=True))
        if (at := told.pop(b"at", None)) is None:
            return None
        return Seen(
            age=max(0.0, (now - int(at)) / 1000),
            rooms={tag.decode(): from_json(of) or {} for tag, of in told.items()},
            alive={tag.decode() for tag in alive},
        )

    async def claim(self, name: str, record: str) -> str | None:
        """Note what an idempotency key starts; give what it has started before.

        Until its session has a room it is renewed, or forgotten: Redis may be away when it fails.
        """
        found: bytes = await self._run(_CLAIM, name, record, self._lease, gives=bytes)
        return found.decode() or None

    def record(self, name: str, record: str) -> None:
        """Note more of what an idempotency key has started."""
        self._redis.tell(_RECORD, self._key, name, record, REMEMBERED)

    def disclaim(self, name: str, record: str) -> None:
        """Forget what an idempotency key was to start."""
        self._redis.tell(_DISCLAIM, self._key, name, record)

    async def admit(self, session: str, limit: int) -> bool:
        """Count one more session, unless the fleet has as many as its limit."""
        return bool(await self._run(_ADMIT, session, limit, self._lease))

    def dismiss(self, session: str) -> None:
        """Count a session no longer."""
        self._redis.tell(_DISMISS, self._key, session)

    async def _run(self, script: str, *given: str | int, gives: type = int) -> Any:
        return await self._redis.run(script, self._key, *given, gives=gives)
