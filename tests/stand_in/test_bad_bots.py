# SPDX-License-Identifier: BSD-2-Clause
"""A bot that blocks, dies, hangs or floods, and the others in its room."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from loguru import logger

from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.bot import link
from pipecat_daily_rest.local.scripted.person import Scripted

NEVER = 10_000.0  # seconds


@pytest.fixture
def person(local_daily: LocalDaily, url: str) -> Callable[[str], Scripted]:
    return lambda name: local_daily.join(url, user_name=name)


async def talk(*people: Scripted) -> None:
    """Check that everybody hears all others and gets their messages."""
    for number, speaker in enumerate(people):
        hz, message = 500 + 400 * number, {"of": number}
        others = [other for other in people if other is not speaker]
        for other in others:
            other.forget()
        speaker.tone(hz, 3)
        speaker.send(message)
        await asyncio.gather(
            *(other.hears(hz, voice=speaker.id) for other in others),
            *(other.message(lambda m, message=message: m == message) for other in others),
        )


async def test_a_bot_that_blocks_disturbs_nobody_and_misses_nothing(
    url: str, person: Any, start: Any
) -> None:
    ana, bo = person("Ana"), person("Bo")
    blocked, other = await start(url, ""), await start(url, "")
    await asyncio.gather(blocked.tells("on_joined"), other.tells("on_joined"))
    me = (await blocked.tells("on_joined"))[0]["participants"]["local"]["id"]
    ana.send({"do": "block"}, me)
    await blocked.tells("blocked")
    await talk(ana, bo)
    ana.tone(2500, 4)
    bo.send({"do": "tone", "hz": 700, "seconds": 3})
    await asyncio.gather(
        other.tells("heard", lambda hz, who: abs(hz - 2500) < 10 and who == ana.id), bo.hears(700)
    )
    cy = person("Cy")
    await other.tells("on_participant_joined", lambda p: p["id"] == cy.id)
    cy.leave()
    await bo.event("participant-left", lambda e: e["participant"]["id"] == cy.id)
    assert not [line for line in blocked.lines if line[0] == "free"]
    blocked.process.stdin.write(b"\n")
    await blocked.tells("free")
    # The events of the meantime arrive now, in order.
    await blocked.tells("on_participant_joined", lambda p: p["id"] == cy.id)
    await blocked.tells("on_participant_left", lambda p, _: p["id"] == cy.id)
    messages = [line[1] for line in blocked.lines if line[0] == "on_app_message"]
    assert [m for m in messages if "of" in m] == [{"of": 0}, {"of": 1}]
    await ana.hears(lambda audio: len(audio) > 0, voice=me)


async def test_a_killed_bot_leaves_at_once_and_the_others_go_on(
    url: str, person: Any, start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "_HEARTBEAT", NEVER)  # only its closed socket tells
    ana, bo = person("Ana"), person("Bo")
    killed, other = await start(url, ""), await start(url, "")
    me = (await killed.tells("on_joined"))[0]["participants"]["local"]["id"]
    await other.tells("on_joined")
    ana.send({"do": "tone", "hz": 700, "seconds": 60}, me)
    await ana.hears(700, voice=me)
    killed.process.kill()
    for witness in (ana, bo):
        await witness.event("participant-left", lambda e: e["participant"]["id"] == me)
        witness.forget()
    await other.tells("on_participant_left", lambda p, _: p["id"] == me)
    await talk(ana, bo)
    await ana.hears(lambda audio: len(audio) > 48_000)
    assert not ana.heard_from(me).any()  # the minute of speech that it had sent is dropped


async def test_a_bot_that_hangs_is_noticed_by_its_heartbeat(
    url: str, person: Any, start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "_HEARTBEAT", 5.0)
    ana, bo = person("Ana"), person("Bo")
    bot = await start(url, "")
    me = (await bot.tells("on_joined"))[0]["participants"]["local"]["id"]
    bot.process.send_signal(signal.SIGSTOP)
    # Its socket stays open, and its buffers fill.
    person("Cy").tone(2500, 60)
    await talk(bo, ana)
    await ana.event("participant-left", lambda e: e["participant"]["id"] == me)
    await talk(bo, ana)


async def test_bots_that_answer_each_other_are_limited(
    url: str, person: Any, start: Callable[..., Awaitable[Any]]
) -> None:
    warnings: asyncio.Queue[str] = asyncio.Queue()
    sink = logger.add(warnings.put_nowait, level="WARNING", format="{message}")
    try:
        ana = person("Ana")
        bots = [await start(url, ""), await start(url, "")]
        for bot in bots:
            await bot.tells("on_joined")
        ana.send({"do": "speak"})
        assert "enable_rtvi=False" in await warnings.get()
    finally:
        logger.remove(sink)

    def answers() -> int:
        return sum(isinstance(m, dict) and m.get("type") == "error" for m in ana.received)

    async def round_trip() -> None:
        """Wait until the bots have answered everything so far."""
        before = ana.received.count({"public": True})
        ana.send({"do": "answer", "to": ana.id})
        while ana.received.count({"public": True}) < before + len(bots):
            await ana.event("app-message")

    before = -1
    while answers() != before:
        before = answers()
        await round_trip()
    for bot in bots:
        assert bot.process.returncode is None
