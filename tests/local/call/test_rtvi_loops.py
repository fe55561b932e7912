# SPDX-License-Identifier: BSD-2-Clause
"""Which messages of bots other bots do not get."""

from collections.abc import Callable
from typing import Any

import pytest
from loguru import logger

from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.call import rtvi_loops
from pipecat_daily_rest.local.scripted.person import Scripted

ANSWER = {"label": "rtvi-ai", "type": "error", "data": {"error": "Invalid RTVI transport message"}}


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(rtvi_loops.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def join(local_daily: LocalDaily) -> Callable[..., Scripted]:
    local_daily.state.rooms.create("demo", "public", {})
    local_daily.state.rooms.create("other", "public", {})

    def join(kind: str = "bot", room: str = "demo") -> Scripted:
        return local_daily.join(room, kind=kind)

    return join


@pytest.fixture
def warnings() -> Any:
    lines: list[str] = []
    sink = logger.add(lines.append, level="WARNING", format="{message}")
    yield lines
    logger.remove(sink)


@pytest.mark.parametrize("kind", ["error", "error-response"])
async def test_endless_answers_reach_people_only(
    join: Any, now: list[float], warnings: list[str], kind: str
) -> None:
    one, two, ana = join(), join(), join("person")
    answer = {**ANSWER, "type": kind}
    for _ in range(100):
        one.send(answer)
        one.send(answer, two.id)
    assert two.received == [answer] * 20
    assert ana.received == [answer] * 100
    two.send(ANSWER)  # each has a limit of its own
    assert one.received == [ANSWER]
    (warning,) = warnings
    assert "Local room demo" in warning
    assert "enable_rtvi=False" in warning


async def test_answers_pass_again_a_second_later_with_one_warning_for_each_room(
    join: Any, now: list[float], warnings: list[str]
) -> None:
    one, two = join(), join()
    for second in range(3):
        for _ in range(30):
            one.send(ANSWER)
        assert len(two.received) == 20 * (second + 1)
        now[0] += 0.999
        one.send(ANSWER)
        assert len(two.received) == 20 * (second + 1)
        now[0] += 0.001
    assert len(warnings) == 1
    three, _ = join(room="other"), join(room="other")
    for _ in range(21):
        three.send(ANSWER)
    assert len(warnings) == 2


@pytest.mark.parametrize(
    "message",
    [
        "hello",
        ["error"],
        {"type": "error"},
        {"label": "rtvi-ai", "type": "bot-llm-text", "data": {"text": "so"}},
        {"label": "rtvi-ai", "type": "client-message", "data": {}},
    ],
)
async def test_other_messages_of_bots_are_never_limited(
    join: Any, now: list[float], warnings: list[str], message: Any
) -> None:
    one, two = join(), join()
    for _ in range(2000):
        one.send(message)
    assert len(two.received) == 2000
    assert warnings == []


async def test_people_and_the_rest_api_are_never_limited(
    join: Any, now: list[float], warnings: list[str], local_daily: LocalDaily
) -> None:
    ana, bot = join("person"), join()
    for _ in range(100):
        ana.send(ANSWER)
        local_daily.state.messages.send(ana.participant.room, ANSWER, sender="")
    assert len(bot.received) == 200
    for _ in range(100):
        bot.send(ANSWER)
    assert ana.received == [ANSWER] * 200
    assert warnings == []
