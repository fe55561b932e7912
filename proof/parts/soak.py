# SPDX-License-Identifier: BSD-2-Clause
"""People, bots and requests that come and go leave nothing behind.

A local Daily and the quickstart's bot run in processes of their own. In every round a person joins by
WebRTC, talks, may show a camera, and leaves, closes the tab or loses the connection. A bot joins over
its link and leaves, or its connection closes. Five more join for a moment. Rooms are made, read and
deleted. The first half of the time is the warm-up. At the end, the room's process must have no more
descriptors, threads, tasks and objects than after the warm-up, and the bot's process no more
descriptors and threads. The room's memory must not grow, and the bot's only by what Pipecat keeps of
each participant, some 1 kB. The local Daily keeps a bounded number of past requests, log lines and
meetings; here the bounds are small, so that they are reached during the warm-up.
`SOAK_SECONDS=600 make proof ONLY=soak` is shorter.
"""

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp

from peers import Camera, Peer
from programs import processes
from proof.figures import Check, Figures, Table
from proof.looks import Hour, held, resident, settled, slope

_ROOT = Path(__file__).parents[2]
# kB a round that count as no growth; Pipecat keeps a renderer for each participant that ever joined.
_SLOPES = {"room_kb": 2.0, "bot_kb": 6.0}
_SETTLE = 30.0  # seconds that an end may take
_POOL = min(32, (os.cpu_count() or 1) + 4)  # threads of asyncio's pool, which start when needed


@dataclass
class Look:
    """What the two processes hold at one moment."""

    round: int
    room: dict[str, int]
    bot: dict[str, int]
    room_kb: int
    bot_kb: int


@dataclass
class Soak:
    """What the soak has seen."""

    rounds: int = 0
    warm: Look | None = None
    looks: list[Look] = field(default_factory=list)

    @property
    def last(self) -> Look:
        """The last look."""
        return self.looks[-1]

    def slope(self, name: str) -> float:
        """Give kB a round of one process's memory since the warm-up."""
        return slope(self.looks, name)


class _Rounds:
    """What happens in one room, round after round."""

    def __init__(self, session: aiohttp.ClientSession, about: dict[str, Any], room: str) -> None:
        self._session, self._room = session, room
        self._daily: Any = SimpleNamespace(port=about["port"])
        self._api = about["env"]["DAILY_API_URL"]
        self._key = {"Authorization": f"Bearer {about['env']['DAILY_API_KEY']}"}
        self._link = f"http://127.0.0.1:{about['port']}/{room}/link"

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        async with self._session.request(
            method, self._api + path, json=body, headers=self._key
        ) as answer:
            return await answer.json()

    async def run(self, number: int, passers_by: int) -> None:
        token = (await self.ask("POST", "/meeting-tokens", {"properties": {}}))["token"]
        await asyncio.gather(
            self._person(number, token),
            self._bot(number, token),
            *(self._passer_by(token) for _ in range(passers_by)),
            self._requests(number),
        )

    async def _person(self, number: int, token: str) -> None:
        person = Peer(self._daily, self._session, self._room)
        try:
            await person.join(hz=300, token=token)
            if number % 2:
                await person.pictures(Camera((number % 256, 0, 0)))
            if number % 3 == 0:
                person.send({"event": "leave"})
            elif number % 3 == 1:
                leave = {"id": person.answer["id"]}
                async with self._session.post(f"{person.base}/leave", json=leave) as answer:
                    await answer.read()
            elif number % 20 == 2:
                await person.vanish()
        finally:
            await person.close()

    async def _bot(self, number: int, token: str) -> None:
        async with self._session.ws_connect(self._link) as bot:
            await _join(bot, token=token)
            if number % 2:
                await bot.send_json({"op": "leave", "request": 2})

    async def _passer_by(self, token: str) -> None:
        """Join for a moment, and leave while some of the sound is still on its way."""
        media = {"microphone": "playable"}
        async with self._session.ws_connect(self._link) as bot:
            await _join(bot, token=token, media=media)
            await bot.send_bytes(b"\0\x0amicrophone" + b"\1\0" * 960 * 20)
            await asyncio.sleep(0.3)

    async def _requests(self, number: int) -> None:
        name = f"soak-{number}"
        await self.ask("POST", "/rooms", {"name": name, "properties": {"max_participants": 4}})
        await self.ask("GET", f"/rooms/{name}")
        await self.ask("GET", "/presence")
        await self.ask("DELETE", f"/rooms/{name}")

    async def are_gone(self) -> None:
        """Wait until the bot is alone."""
        async with asyncio.timeout(_SETTLE):
            while True:
                there = await self.ask("GET", f"/rooms/{self._room}/presence")
                if there["total_count"] <= 1:
                    return
                await asyncio.sleep(0.1)


async def _join(bot: "aiohttp.ClientWebSocketResponse[bool]", **fields: Any) -> None:
    await bot.send_json({"op": "join", "request": 1, **fields})
    said: list[Any] = []
    async for message in bot:
        said.append(message.data)
        if message.type is aiohttp.WSMsgType.TEXT and "reply" in (answer := message.json()):
            if answer["error"]:
                raise RuntimeError(answer["error"])
            return
    msg = f"A bot's link was closed ({bot.close_code}) before its join was answered: {said}"
    raise RuntimeError(msg)


async def run(
    start: Any, *, goes_on: Callable[[int], bool], is_warm: Callable[[int], bool], every: int
) -> Soak:
    """Run rounds while ``goes_on``; once ``is_warm``, look after ``every`` so many rounds."""
    room = await start(sys.executable, "-m", "proof.soak_room", cwd=_ROOT)
    about = json.loads(await room.says(r"^{.*}$"))
    command = ("-m", "pipecat_daily_rest", "run", _ROOT / "examples" / "quickstart.py")
    bot = await start(sys.executable, *command, "--log-level", "ERROR", env=about["env"])
    name = await bot.says(r"http://localhost:\d+/([\w-]+)\?t=")
    soak = Soak()
    connector = aiohttp.TCPConnector(force_close=True)  # no connection stays in between
    async with aiohttp.ClientSession(connector=connector) as session:
        rounds = _Rounds(session, about, name)

        async def look() -> Look:
            await rounds.are_gone()
            async with session.get(about["look"]) as answer:
                seen = await answer.json()
            pid = bot.process.pid
            return Look(soak.rounds, seen["held"], held(pid), seen["resident"], resident(pid))

        def rests(last: Look, now: Look) -> bool:
            if soak.warm is None:
                return (now.room, now.bot) == (last.room, last.bot)
            return not growth(soak.warm, now)

        while goes_on(soak.rounds):
            # The warm-up has the most people at once, so that what is kept for them exists by its end.
            try:
                await rounds.run(soak.rounds, 5 if soak.warm else 8)
            except Exception as exc:
                ends = [program.process.returncode for program in (room, bot)]
                msg = f"Round {soak.rounds} failed; the processes ended with {ends}: {exc!r}"
                raise RuntimeError(msg + room.err[-2000:] + bot.err[-2000:]) from exc
            soak.rounds += 1
            if soak.warm is None and is_warm(soak.rounds):
                soak.warm = await settled(look, rests, every=1.0, within=_SETTLE)
                soak.looks = [soak.warm]
            elif soak.warm is not None and soak.rounds % every == 0:
                soak.looks.append(await look())
        # aiortc's connections, for one, take a while to end.
        soak.looks.append(await settled(look, rests, every=1.0, within=_SETTLE))
    return soak


def growth(before: Look, after: Look) -> dict[str, tuple[int, int]]:
    """Give what has grown, beyond the threads of asyncio's own pool."""
    grown = {}
    for who in ("room", "bot"):
        was, now = getattr(before, who), getattr(after, who)
        for what, count in now.items():
            spare = _POOL if what == "threads" else 0
            if count > was.get(what, 0) + spare:
                grown[f"{who}: {what}"] = (was.get(what, 0), count)
    return grown


async def prove() -> Figures:
    """Soak for almost an hour, or for SOAK_SECONDS."""
    hour = Hour()
    with tempfile.TemporaryDirectory() as folder:
        async with processes(Path(folder)) as start:
            soak = await run(start, goes_on=hour.goes_on, is_warm=hour.is_warm, every=25)
    if soak.warm is None:
        msg = f"{soak.rounds} rounds were too few for the warm-up: give it more SOAK_SECONDS."
        raise RuntimeError(msg)
    grown = growth(soak.warm, soak.last)
    slopes = {name: soak.slope(name) for name in _SLOPES}
    checks = [
        Check("rounds", str(soak.rounds), soak.rounds > 20),
        Check("what has grown since the warm-up", str(grown or "nothing"), not grown),
        *(
            Check(
                f"kB by which the {name.removesuffix('_kb')}'s process grows in a round",
                f"{slope:.2f}",
                slope < _SLOPES[name],
            )
            for name, slope in slopes.items()
        ),
    ]
    shown = soak.looks[:: max(1, len(soak.looks) // 8)]
    rows = [
        (
            str(each.round),
            f"{each.room_kb >> 10} MB",
            f"{each.bot_kb >> 10} MB",
            str(each.bot["threads"]),
        )
        for each in shown
    ]
    head = ("after rounds", "the room's process", "the bot's", "the bot's threads")
    return Figures(checks, [Table(head, rows)])
