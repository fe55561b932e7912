# SPDX-License-Identifier: BSD-2-Clause
"""The latency of a turn is that of the bot.

Bots on Pipecat's `DailyTransport` answer 300, 800 and 1,500 ms after the last sound that reaches their
pipeline. People in their rooms ask them, at all places of the mixer's 20 ms. What their ears measure
beyond the bot's own delay is the share of the local room: its median is subtracted (`SHARE` in
`local/scripted/turns.py`); the rest is the error. Bots and rooms share one process and two threads, as
in a test. In the last row, a bot that answers 500 ms later than allowed has to be found out each time.
"""

import asyncio
import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from pipecat_daily_rest._core.daily_module import FOLDER
from pipecat_daily_rest.local.call.budget import BUDGET
from pipecat_daily_rest.local.scripted.turns import SHARE
from pipecat_daily_rest.testing.bot_errors import BotErrors
from pipecat_daily_rest.testing.daily_fixture import LocalDailyFixture
from pipecat_daily_rest.testing.daily_thread import DailyThread
from pipecat_daily_rest.testing.room_fixture import OpenRoom
from proof.command import ROOT, CommandError
from proof.command import run as run_command
from proof.figures import Check, Figures, Table

sys.path.insert(0, str(FOLDER))  # before Pipecat's transport imports daily

from delayed_bot import delayed

DELAYS = (0.3, 0.8, 1.5)
EXAMPLE = ROOT / "examples" / "testing_a_bot"
_MANY = 10
_CONVERSATIONS = 5
_LATE = r"Assistant answered Ana after ([0-9.]+) s, where [0-9.]+ s are allowed\."


@dataclass
class Turns:
    """What was measured.

    Parameters:
        heard: The latencies, by the bot's delay.
        errors: By how many seconds each latency is more than the bot's delay, by that delay.
        torn: How many questions reached the bot with a hole, so that it answered twice.
        late: How many of the answers that came too late were found out.
    """

    heard: dict[float, list[float]] = field(default_factory=dict)
    errors: dict[float, list[float]] = field(default_factory=dict)
    torn: int = 0
    late: int = 0

    @property
    def turns(self) -> int:
        """How many latencies there are."""
        return sum(map(len, self.heard.values()))

    @property
    def all(self) -> np.ndarray:
        """All errors."""
        return np.concatenate([np.array(each) for each in self.errors.values()])


async def _ask(open_room: OpenRoom, delay: float, turns: int, found: Turns) -> None:
    # Not in step with the mixer: each of its 20 ms is hit.
    bot = delayed(*(delay + number % 20 / 1000 for number in range(0, 7 * turns, 7)), seconds=0.2)
    async with open_room(bot) as room:
        ana = await room.person("Ana")
        real, errors = bot.answerers[0].delays, found.errors.setdefault(delay, [])
        for _ in range(turns):
            before = len(real)
            reply = await ana.asks(440, pause=0.3)
            if len(real) == before + 1:
                errors.append(reply.latency - real[-1])
            else:
                found.torn += 1
        found.heard.setdefault(delay, []).extend(room.latency.all)


async def _is_late(open_room: OpenRoom, turns: int, found: Turns) -> None:
    async with open_room(delayed(0.8, seconds=0.2)) as room:
        ana = await room.person("Ana")
        for _ in range(turns):
            try:
                await ana.asks(440, within=0.3 / BUDGET.factor, pause=0.3)
            except AssertionError as exc:
                found.late += " answered Ana after " in str(exc)


async def run(delays: Sequence[float], *, rooms: int, turns: int, late: int = 0) -> Turns:
    """Ask bots with these delays, in so many rooms at a time, so often in each."""
    found = Turns()
    thread = DailyThread()
    try:
        with pytest.MonkeyPatch.context() as environment:
            env = thread.daily.env()
            for name, value in env.items():
                environment.setenv(name, value)
            open_room = OpenRoom(LocalDailyFixture(thread, env=env), BotErrors())
            for first in range(0, len(delays), rooms):
                await asyncio.gather(
                    *(_ask(open_room, delay, turns, found) for delay in delays[first:][:rooms])
                )
            if late:
                await _is_late(open_room, late, found)
    finally:
        thread.stop()
    return found


def rows(found: Turns, name: str) -> list[tuple[str, ...]]:
    """Give the figures by delay."""
    table = []
    for delay, errors in sorted(found.errors.items()):
        low, middle, high = np.percentile(np.array(errors) * 1000, [5, 50, 95])
        worst = np.percentile(np.abs(errors), 95) * 1000
        table.append(
            (
                name,
                f"{delay * 1000:,.0f} ms",
                str(len(errors)),
                f"{middle + SHARE * 1000:.0f} ms",
                f"{middle:+.1f} ms",
                f"{low:+.1f} to {high:+.1f} ms",
                f"{worst:.1f} ms",
            )
        )
    return table


async def converse(*changed: tuple[str, str]) -> tuple[float, str]:
    """Run the conversation test of the example with some texts of it changed.

    Gives the seconds that it took, without the imports, and what it said in its failure.
    """
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(EXAMPLE, folder, dirs_exist_ok=True)
        test = Path(folder) / "test_assistant.py"
        source = test.read_text("utf-8")
        for old, new in changed:
            if source.count(old) != 1:
                raise CommandError(f"{old!r} is not in the example's test once.")
            source = source.replace(old, new)
        test.write_text(source, "utf-8")
        options = ("-q", "-k", "in_time", "--durations=0", "-p", "no:cacheprovider")
        command = (sys.executable, "-m", "pytest", *options, "test_assistant.py")
        said = await run_command(*command, cwd=Path(folder), codes=(0, 1))
    if (took := re.search(r"([0-9.]+)s call", said)) is None:
        raise CommandError(f"The example's test did not run:\n{said[-3000:]}")
    failed = re.search(r"^E +AssertionError: (.*)$", said, re.MULTILINE)
    return float(took[1]), failed[1] if failed else ""


async def _conversation() -> list[Check]:
    """Run it as it is, then with a bot that answers 500 ms later than the test allows."""
    ran = [await converse() for _ in range(_CONVERSATIONS)]
    _, said = await converse(("within=1.5", "within=0.001"))
    if (found := re.match(_LATE, said)) is None:
        raise CommandError(f"The example's bot was not too late: {said!r}")
    after = 0.2 + 1.5 + 0.5 - float(found[1])
    _, late = await converse(("after=0.2", f"after={after:.2f}"))
    by = float(match[1]) - 1.5 if (match := re.match(_LATE, late)) else 0.0
    took = sorted(seconds for seconds, _ in ran)[len(ran) // 2]
    failures = "; ".join(filter(None, (failed for _, failed in ran)))
    return [
        Check(
            "the conversation test of the example, median, at most 3.5 s",
            failures or f"{took:.2f} s",
            not failures and took <= 3.5,
        ),
        Check(
            "with a bot that is 500 ms too late, it fails with a sentence",
            late or "it passes",
            0.3 < by < 0.7,
        ),
    ]


async def prove() -> Figures:
    """Ask 120 questions in one room at a time, and 300 in ten; have the example's conversations."""
    one = await run(DELAYS, rooms=1, turns=40, late=10)
    many = await run((DELAYS * 4)[:_MANY], rooms=_MANY, turns=30)
    head = ("rooms", "the bot's delay", "turns", "the room's share", "bias", "5 to 95 %", "p95")
    table = Table(head, rows(one, "one") + rows(many, "ten"))
    checks = [
        Check(
            "turns of 420 that were measured",
            str(turns := one.turns + many.turns),
            turns == 420,
        ),
        *(
            Check(
                f"error with {name}, p95, at most {bound} ms",
                f"{(worst := np.percentile(np.abs(found.all), 95) * 1000):.1f} ms",
                bool(worst <= bound),
            )
            for name, found, bound in (("one room", one, 40), ("ten rooms", many, 80))
        ),
        Check(
            "questions that a busy machine tore apart", str(torn := one.torn + many.torn), torn < 21
        ),
        Check("answers 500 ms too late that were found out", f"{one.late} of 10", one.late == 10),
        *await _conversation(),
    ]
    return Figures(checks, [table])
