# SPDX-License-Identifier: BSD-2-Clause
"""So many calls at once, and how they are for a while."""

import asyncio
import math
import os
import time
from collections.abc import Callable

from pipecat_daily_rest._core.waiting import finish
from pipecat_daily_rest.load import bot_lag, machine
from pipecat_daily_rest.load.lag import watch
from pipecat_daily_rest.load.line import MOST, START, Call, Line, LoadError, Talk
from pipecat_daily_rest.load.step import CPU, Limits, Step

Tell = Callable[[str, float, float], None]  # what is done now, how far it is, and of how much

_LISTEN = 0.25  # seconds between two looks at what the callers heard
_WEIGH = 5.0  # seconds between two looks at the memory
_AT_ONCE = 4  # calls that begin together
_EACH = 3  # turns of each call, at least
_TRIES = 3  # questions until the first answer
_LATE = 0.05  # of the turns: that is what a p95 means
_SETUP_FILES = "PIPECAT_SETUP_FILES"


class Calls:
    """Calls of a bot, on as many local Dailies as they need."""

    def __init__(self, bot: str, talk: Talk, limits: Limits, turns: int, tell: Tell) -> None:
        """Initialize; ``turns`` are measured for each number of calls, at least."""
        self._bot, self._talk, self._limits = bot, talk, limits
        self._turns = turns
        self._tell = tell
        self._lines: list[Line] = []
        self._lags: list[float] = []
        self._server_lags: list[float] = []
        self._watching: asyncio.Task[None] | None = None
        self._weighed = 0.0
        self._too_heavy = False

    async def __aenter__(self) -> "Calls":
        """Load the bot."""
        files = os.environ.get(_SETUP_FILES)
        own = bot_lag.__file__
        os.environ[_SETUP_FILES] = f"{files}{os.pathsep}{own}" if files else own
        self._watching = asyncio.create_task(watch(self._server_lags.append), name="own lag")
        try:
            await self._open_line()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """End everything."""
        await self._close()

    async def _close(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
        closing = (line.aclose() for line in self._lines)
        await finish(asyncio.gather(*closing, return_exceptions=True))

    async def _open_line(self) -> Line:
        line = Line(self._bot, self._talk, self._lags.extend)
        await line.open()
        self._lines.append(line)
        return line

    @property
    def _all(self) -> list[Call]:
        return [call for line in self._lines for call in line.calls.values()]

    async def end_all(self) -> None:
        """End all calls: those that were overloaded may stay behind."""
        await asyncio.gather(*(call.line.end(call) for call in self._all))

    async def check(self) -> None:
        """Have one call answered; a `LoadError` says why it is not."""
        await self._begin(1)
        if (failed := await self._settle(1)) is not None:
            msg = f"Not even one call can be measured: {failed}"
            raise LoadError(msg)

    async def step(self, count: int) -> Step:
        """Have so many calls, and measure them."""
        self._too_heavy = False
        self._forget()
        await self._begin(count)
        if (failed := await self._settle(count)) is not None:
            return await self._judged(count, [], time.monotonic(), None, (0, 0), failed)
        self._forget()
        for call in self._all:
            call.latencies.clear()
        began, before = time.monotonic(), await asyncio.to_thread(machine.look)
        sound = self._sound()
        latencies, failed = await self._measure(count)
        return await self._judged(count, latencies, began, before, sound, failed)

    def _forget(self) -> None:
        self._lags.clear()
        self._server_lags.clear()

    async def _begin(self, count: int) -> None:
        """Start calls until there are so many, or the memory is used up."""
        for call in self._all[count:]:
            await call.line.end(call)
        while (missing := count - len(self._all)) > 0:
            self._tell(f"{count} calls begin", count - missing, count)
            line = next((each for each in self._lines if len(each.calls) < MOST), None)
            line = line or await self._open_line()
            some = min(missing, _AT_ONCE, MOST - len(line.calls))
            new = await asyncio.gather(*(line.start() for _ in range(some)))
            until = time.monotonic() + START
            for call in new:
                while call.ended is None and not call.session.began.is_set():
                    if time.monotonic() > until or await self._weigh():
                        break
                    await self._listen()
            if self._too_heavy:
                return

    async def _settle(self, count: int) -> str | None:
        """Wait until every call has had an answer; tell why there is none."""
        while waiting := [call for call in self._all if not call.turns]:
            self._tell(f"{count} calls: the first answers", count - len(waiting), count)
            if (ended := await self._replace(waiting)) is not None:
                return ended
            mute = [call for call in waiting if len(call.latencies) >= _TRIES]
            if mute:
                return (
                    "the bot did not answer: pass another --question, or see its log with "
                    f"--log-level INFO. {mute[0].missed}."
                )
            if await self._weigh():
                return None
            await self._listen()
        return None

    async def _measure(self, count: int) -> tuple[list[float], str | None]:
        """Give the latencies of enough turns, or of those until a limit is passed for certain."""
        most = max(self._turns, _EACH * count)
        asked_before = set(self._all)  # while others still began
        found: list[float] = []
        late = 0
        while len(found) < most and late <= _LATE * most:
            self._tell(f"{count} calls: turns", len(found), most)
            await self._listen()
            for call in self._all:
                if call in asked_before and call.latencies:
                    asked_before.discard(call)
                    del call.latencies[0]
                found += [math.inf if each is None else each for each in call.latencies]
                call.latencies.clear()
            late = sum(each > self._limits.latency for each in found)
            if (ended := await self._replace(self._all)) is not None:
                return found, ended
            if await self._weigh():
                break
        return found, None

    async def _replace(self, calls: list[Call]) -> str | None:
        """Have new calls for those that are finished; tell how one ended otherwise."""
        for call in calls:
            if call.ended is None:
                continue
            if not (await call.has_finished() and call.turns):
                return call.ended
            await call.line.end(call)
            await call.line.start()
        return None

    async def _listen(self) -> None:
        await asyncio.sleep(_LISTEN)
        await asyncio.gather(*(line.listen() for line in self._lines))

    async def _weigh(self) -> bool:
        """Look at the memory now and then, so that it is not used up."""
        limit = self._limits.memory
        if limit is not None and time.monotonic() > self._weighed + _WEIGH:
            look = await asyncio.to_thread(machine.look)
            bots, server = await asyncio.to_thread(self._memory, look)
            self._weighed = time.monotonic()
            self._too_heavy = (bots or 0) + (server or 0) > limit
        return self._too_heavy

    def _sound(self) -> tuple[int, int]:
        return sum(line.ticks for line in self._lines), sum(line.late for line in self._lines)

    async def _judged(
        self,
        count: int,
        latencies: list[float],
        began: float,
        before: machine.Look | None,
        sound: tuple[int, int],
        ended: str | None,
    ) -> Step:
        after = await asyncio.to_thread(machine.look)
        bots, server = await asyncio.to_thread(self._memory, after)
        ticks, late = (now - then for now, then in zip(self._sound(), sound, strict=True))
        return Step(
            calls=count,
            latencies=latencies,
            lags=self._lags.copy(),
            server_lags=self._server_lags.copy(),
            bots_memory=bots,
            server_memory=server,
            cpu=self._cpu(before, after),
            late_sound=late / ticks if ticks else 0.0,
            ended=ended,
            seconds=time.monotonic() - began,
        )

    def _groups(self, look: machine.Look) -> dict[int, str]:
        """Tell of each process of this command whose it is."""
        callers = {line.callers_pid for line in self._lines}
        bots = {pid for line in self._lines for pid in line.bot_pids}
        groups = {}
        for pid in machine.family(look.processes, os.getpid()):
            session = look.processes[pid].session if pid in look.processes else 0
            whose = "callers" if session in callers else "bots" if session in bots else "server"
            groups[pid] = whose
        return groups

    def _memory(self, look: machine.Look | None) -> tuple[int | None, int | None]:
        """Give the bytes of the bots, and of the server."""
        if look is None:
            return None, None
        groups = self._groups(look)
        bots, server = (
            machine.resident(pid for pid, whose in groups.items() if whose == wanted)
            for wanted in ("bots", "server")
        )
        return bots, server

    def _cpu(self, before: machine.Look | None, after: machine.Look | None) -> CPU | None:
        if before is None or after is None or after.at <= before.at:
            return None
        used = dict.fromkeys(("bots", "server", "callers"), 0.0)
        by_process: dict[int, float] = {}
        for pid, whose in self._groups(after).items():
            was = before.processes.get(pid)
            now = after.processes.get(pid)
            by_process[pid] = 0.0 if now is None else now.cpu - (was.cpu if was else 0.0)
            used[whose] += by_process[pid]
        seconds = after.at - before.at
        cores = {whose: each / seconds for whose, each in used.items()}
        busiest = max(by_process.get(line.callers_pid, 0.0) for line in self._lines) / seconds
        others = max(0.0, (after.busy - before.busy) / seconds - sum(cores.values()))
        return CPU(**cores, others=others, busiest_callers=busiest)
