# SPDX-License-Identifier: BSD-2-Clause
"""Sessions that come and go leave nothing behind on a session server.

`serve` runs bots in processes of their own, on a local Daily. In every round six start at once: some
return, raise, exit or die, the others are stopped. One more is refused, since all slots are taken;
one is repeated by its idempotency key; one has a wrong property. The first half of the time is the
warm-up. At the end the server must have no more descriptors, threads and processes than after the
warm-up, there must be no room, and neither the server's memory nor that of the process that bots are
forked from may grow. The server lists sessions for ten minutes after their end, so its memory is judged
only where the warm-up lasts twice as long. `SOAK_SECONDS=600 make proof ONLY=server_soak` is shorter.
"""

import asyncio
import signal
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from pipecat_daily_rest.local import LocalDaily
from programs import Program, processes
from proof.figures import Check, Figures, Table
from proof.looks import Hour, held, resident, settled, slope
from serving import BEHAVE, all_gone, family

_STAY = {"do": "stay"}
_ENDS: tuple[dict[str, str], ...] = ({}, {"do": "raise"}, {"do": "exit"}, {"do": "die"})
_SLOTS = len(_ENDS) + 2
_SLOPE = 2.0  # kB a round that count as no growth
_LISTED = 600.0  # seconds for which a session is listed after its end
_SETTLE = 60.0  # seconds that an end may take


@dataclass
class Look:
    """What the server holds while it has no session; it and the template in kB."""

    round: int
    held: dict[str, int]
    server_kb: int
    template_kb: int


@dataclass
class Soak:
    """What the soak has seen."""

    rounds: int = 0
    ended: int = 0
    code: int | None = None
    rooms: int = 0
    warm: Look | None = None
    looks: list[Look] = field(default_factory=list)

    @property
    def grown(self) -> dict[str, tuple[int, int]]:
        """What is more than after the warm-up."""
        was, now = (self.warm or self.looks[-1]).held, self.looks[-1].held
        return {what: (was[what], count) for what, count in now.items() if count > was[what]}

    def slope(self, name: str) -> float:
        """Give kB a round of a process's memory since the warm-up."""
        return slope(self.looks, name)


class _Rounds:
    """What visitors do, round after round."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session, self._url = session, url

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        async with self._session.request(
            method, self._url + path, json=body, headers=headers
        ) as answer:
            return answer.status, await answer.json()

    async def _start(self, body: Any, expected: int = 200, **headers: str) -> str:
        request = {"createDailyRoom": True, "body": body}
        status, answer = await self.ask("POST", "/start", request, **headers)
        if status != expected:
            msg = f"A start was answered with {status}, not {expected}: {answer}"
            raise RuntimeError(msg)
        return str(answer.get("sessionId"))

    async def run(self, number: int) -> int:
        """Run a round; give how many sessions it had."""
        key = {"Idempotency-Key": f"round-{number:016}"}
        first = await self._start(_STAY, **key)
        stays = [first, await self._start(_STAY)]
        await asyncio.gather(*(self._start(body) for body in _ENDS))
        if await self._start(_STAY, **key) != first:
            msg = "The same key gave another session."
            raise RuntimeError(msg)
        wrong = {"dailyRoomProperties": {"max_participants": "many"}}
        if (answer := await self.ask("POST", "/start", wrong))[0] != 400:
            msg = f"A wrong property was answered with {answer}."
            raise RuntimeError(msg)
        await self.ask("GET", "/readyz")
        await self.taken(2)
        more = await asyncio.gather(*(self._start(_STAY) for _ in range(_SLOTS - 2)))
        await self._start(_STAY, expected=429)
        await asyncio.gather(*(self.ask("DELETE", f"/sessions/{each}") for each in (*stays, *more)))
        await self.taken(0)
        return len(_ENDS) + _SLOTS

    async def taken(self, number: int) -> None:
        """Wait until so many slots are taken."""
        async with asyncio.timeout(_SETTLE):
            while (await self.ask("GET", "/status"))[1]["sessions"] != number:  # noqa: ASYNC110
                await asyncio.sleep(0.02)


def _look(number: int, pid: int) -> Look:
    children = family(pid)
    counts = {**held(pid), "processes": len(children)}
    return Look(number, counts, resident(pid), resident(children[0]))


async def run(
    start: Any,
    daily: LocalDaily,
    *,
    goes_on: Callable[[int], bool],
    is_warm: Callable[[int], bool],
    every: int,
) -> Soak:
    """Run rounds while ``goes_on``; once ``is_warm``, look after ``every`` so many rounds."""
    options = ("--port", "0", "--max-sessions", str(_SLOTS), "--log-level", "CRITICAL")
    command = ("-m", "pipecat_daily_rest", "serve", BEHAVE, *options)
    server: Program = await start(sys.executable, *command, env=daily.env())
    url = await server.says(r"^(http://\S+)$")
    pid, soak = server.process.pid, Soak()
    connector = aiohttp.TCPConnector(force_close=True)  # no connection stays in between
    async with aiohttp.ClientSession(connector=connector) as session:
        rounds = _Rounds(session, url)

        async def look() -> Look:
            return _look(soak.rounds, pid)

        def rests(last: Look, now: Look) -> bool:
            return now.held == (soak.warm or last).held

        while goes_on(soak.rounds):
            soak.ended += await rounds.run(soak.rounds)
            soak.rounds += 1
            if soak.warm is None and is_warm(soak.rounds):
                soak.warm = await settled(look, rests, every=0.5, within=_SETTLE)
                soak.looks = [soak.warm]
            elif soak.warm is not None and soak.rounds % every == 0:
                soak.looks.append(await settled(look, rests, every=0.5, within=_SETTLE))
        soak.looks.append(await settled(look, rests, every=0.5, within=_SETTLE))
        soak.rooms = len(daily.rooms)
    left = family(pid)
    server.signal(signal.SIGTERM)
    soak.code = await server.ended()
    await asyncio.wait_for(all_gone(left), _SETTLE)
    return soak


async def prove() -> Figures:
    """Soak for almost an hour, or for SOAK_SECONDS."""
    hour = Hour()
    with tempfile.TemporaryDirectory() as folder:
        async with processes(Path(folder)) as start, LocalDaily() as daily:
            soak = await run(start, daily, goes_on=hour.goes_on, is_warm=hour.is_warm, every=20)
    return figures(soak, judges_memory=hour.seconds / 2 >= 2 * _LISTED)


def figures(soak: Soak, *, judges_memory: bool) -> Figures:
    """Give what has to hold."""
    checks = [
        Check("sessions", str(soak.ended), soak.warm is not None),
        Check("what has grown since the warm-up", str(soak.grown or "nothing"), not soak.grown),
        Check("rooms that are left", str(soak.rooms), soak.rooms == 0),
        Check("exit code at SIGTERM", str(soak.code), soak.code == 0),
    ]
    if judges_memory:
        for name in ("server_kb", "template_kb"):
            slope = soak.slope(name)
            what = f"kB by which the {name.removesuffix('_kb')} grows in a round"
            checks.append(Check(what, f"{slope:.2f}", slope < _SLOPE))
    shown = soak.looks[:: max(1, len(soak.looks) // 8)]
    rows = [
        (str(each.round), f"{each.server_kb / 1024:.1f} MB", f"{each.template_kb / 1024:.1f} MB")
        for each in shown
    ]
    return Figures(checks, [Table(("after rounds", "the server", "the template"), rows)])
