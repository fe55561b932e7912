# SPDX-License-Identifier: BSD-2-Clause
"""What a number of calls is judged by, and how the result is told."""

import json
import math
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from pipecat_daily_rest.load.result import Result
from pipecat_daily_rest.load.step import CPU, Limits, Step

LIMITS = Limits(latency=1.5, lag=0.1, memory=1 << 30)
QUIET = CPU(bots=0.5, server=0.1, callers=0.2, others=0.01, busiest_callers=0.2)


def step(calls=2, latencies=(0.5,) * 20, cpu=QUIET, **more):
    more = {"bots_memory": 100 << 20, "server_memory": 50 << 20, **more}
    return Step(calls=calls, latencies=list(latencies), cpu=cpu, **more)


def result(*steps, calls=0, fails=None):
    return Result(
        bot="bot.py", limits=LIMITS, calls=calls, fails=fails, steps=steps, cores=2.0, seconds=9.0
    )


@pytest.mark.parametrize(
    ("more", "passed"),
    [
        ({}, None),
        ({"latencies": [0.5] * 19 + [9.0]}, None),  # one of twenty may be late
        ({"latencies": [0.5] * 18 + [9.0] * 2}, "latency"),
        ({"latencies": [0.5] * 18 + [math.inf] * 2}, "latency"),
        ({"latencies": []}, "latency"),
        ({"lags": [0.2] * 20}, "lag"),
        ({"lags": [0.0] * 19 + [9.0]}, None),
        ({"server_lags": [0.2]}, "lag"),
        ({"bots_memory": 1 << 30}, "memory"),
        ({"ended": "lost"}, "ended"),
    ],
)
def test_a_limit_is_passed_or_not(more, passed):
    assert step(**more).passed(LIMITS) == passed


def test_what_is_far_beyond_a_limit_is_clear_unless_others_were_busy():
    assert not step().is_clear(LIMITS, 2)
    assert not step(latencies=[1.6] * 20).is_clear(LIMITS, 2)
    assert step(latencies=[3.1] * 20).is_clear(LIMITS, 2)
    assert step(lags=[0.3]).is_clear(LIMITS, 2)
    assert step(latencies=[math.inf] * 20).is_clear(LIMITS, 2)
    assert not step(latencies=[math.inf]).is_clear(LIMITS, 2)
    busy = CPU(bots=0.5, server=0.1, callers=0.2, others=1.0, busiest_callers=0.2)
    assert not step(latencies=[3.1] * 20, cpu=busy).is_clear(LIMITS, 2)


def test_the_bottleneck_in_words():
    full = CPU(bots=1.4, server=0.1, callers=0.45, others=0.0, busiest_callers=0.45)
    slow = [2.5] * 20
    told = result(step(), step(8, slow, full), calls=2, fails=8).bottleneck
    assert told.startswith("CPU: with 8 calls the p95 of the latency was 2.500 s, more than 1.5 s.")
    assert "Of 2 cores, the bots had 1.40, the callers 0.45, the server 0.10" in told
    told = result(step(), step(8, slow), calls=2, fails=8).bottleneck
    assert told.startswith("Not the CPU, but what the bots wait for: with 8 calls")
    told = result(step(), step(8, lags=[0.3]), calls=2, fails=8).bottleneck
    assert "the event loop of the bots was late by 0.300 s (p95), more than 0.1 s" in told
    told = result(step(), step(8, server_lags=[0.3]), calls=2, fails=8).bottleneck
    assert "the event loop of the server" in told
    told = result(step(), step(8, bots_memory=2 << 30), calls=2, fails=8).bottleneck
    assert told == "Memory: with 8 calls the bots and the server used 2098 MB of 1024 MB."
    told = result(step(), step(8, ended="lost: it died"), calls=2, fails=8).bottleneck
    assert told == "A call broke off: with 8 calls, lost: it died"
    told = result(step(), step(8, [math.inf] * 3, None), calls=2, fails=8).bottleneck
    assert told == "Time: with 8 calls 3 of 3 questions had no answer."
    slow_callers = CPU(bots=0.3, server=0.0, callers=0.95, others=0.0, busiest_callers=0.95)
    told = result(step(), step(8, slow, slow_callers, late_sound=0.1), calls=2, fails=8).bottleneck
    assert told.startswith("The callers: with 8 calls their own process was too slow")
    told = result(step(), calls=2).bottleneck
    assert told == "No limit was passed: no more than 2 calls were to be tried (--most)."


def test_what_is_said():
    said = result(step(), step(4, [9.0]), calls=2, fails=4).sentences()
    assert said[0] == "2 calls fit on this machine."
    assert said[2].startswith("A call takes 0.25 cores and 50 MB. Its caller took 0.10 cores more")
    assert said[-1] == "So: pipecat-daily-rest serve bot.py --max-sessions 2"
    assert any("networks" in each and "providers" in each for each in said)
    assert not any("busy" in each for each in said)
    assert result(step(), calls=2).sentences()[0] == "At least 2 calls fit on this machine."
    said = result(step(1, [9.0] * 20), fails=1).sentences()
    assert said[0].startswith("Not even one call fits. Not the CPU, but what the bots wait for: wi")
    assert not any("--max-sessions" in each for each in said)
    busy = CPU(bots=0.5, server=0.1, callers=0.2, others=1.0, busiest_callers=0.2)
    said = result(step(), step(cpu=busy), calls=2).sentences()
    assert any(
        "busy: other programs took up to 1.00 of 2 cores, in 1 of 2" in each for each in said
    )
    said = result(step(cpu=None, bots_memory=None, server_memory=None), calls=2).sentences()
    assert not any("cores" in each for each in said)  # where nobody tells


def test_json_and_plot_take_what_has_no_number():
    steps = (step(), step(4, [math.inf] * 20, None), step(3, [], ended="lost: <died>"))
    found = result(*steps, calls=2, fails=3)
    told = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert (told["calls"], told["maxSessions"], told["atLeast"]) == (2, 2, False)
    assert (told["cpuPerCall"], told["memoryMBPerCall"]) == (0.25, 50.0)
    assert [each["p95"] for each in told["steps"]] == [0.5, None, None]
    assert [each["missed"] for each in told["steps"]] == [0, 20, 0]
    assert told["steps"][1]["cpu"] is None
    drawn = ET.fromstring(found.plot())  # noqa: S314 - our own
    texts = ["".join(each.itertext()) for each in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[:6] == [
        "p95 of the latency; 1.5 s is the limit",
        *("2 calls", "0.50 s", "3 calls", "no answers", "4 calls"),
    ]


def test_the_command_that_follows_can_be_pasted():
    said = replace(result(step(), calls=2, fails=None), bot="my bot.py").sentences()
    assert said[-1] == "So: pipecat-daily-rest serve 'my bot.py' --max-sessions 2"
