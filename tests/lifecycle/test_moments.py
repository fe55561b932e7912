# SPDX-License-Identifier: BSD-2-Clause
"""Signals at many moments of a session; the local Daily holds each moment still."""

import signal

import pytest

from sizes import pairs

INT, TERM = signal.SIGINT, signal.SIGTERM

CREATING = [
    {"method": "GET", "path": "/", "delay": 1},
    {"method": "GET", "path": "/", "hang": True},
    {"method": "POST", "path": "/rooms", "delay": 1},
    {"method": "POST", "path": "/rooms", "delay_after": 1},
    {"method": "POST", "path": "/rooms", "hang": True},
    {"method": "POST", "path": "/rooms", "drop": "after", "delay_after": 0.5},
    {"method": "POST", "path": "/rooms", "status": 503, "delay": 0.5, "times": 3},
    {"method": "POST", "path": "/rooms", "status": 429, "delay": 0.5, "times": 3},
]
DELETING = [
    {"delay": 1},
    {"delay_after": 1},
    {"drop": "before", "delay": 0.5},
    {"drop": "after", "delay_after": 0.5},
    {"status": 500, "delay": 0.3, "times": 2},
    {"status": 429, "delay": 0.3},
]


def name(value):
    if isinstance(value, dict):
        return "-".join(map(str, value.values()))
    return "-".join(number.name for number in (value if isinstance(value, tuple) else [value]))


@pytest.mark.large
@pytest.mark.parametrize(("fault", "signals"), pairs(CREATING, [(TERM,), (INT, TERM)]), ids=name)
async def test_while_the_room_is_created(run_bot, local_daily, within, fault, signals):
    held = local_daily.fail(**fault)
    program = await run_bot("waits")
    await held.wait()
    for number in signals:
        program.signal(number)
    with within(9, "a runner is gone after a signal: while its room is made"):
        code = await program.ended()
    assert local_daily.rooms == {}
    assert code == 0, program.err
    assert "Traceback" not in program.err


@pytest.mark.large
@pytest.mark.parametrize(
    ("fault", "signals"), pairs(DELETING, [(TERM,), (INT, INT, TERM)]), ids=name
)
async def test_while_the_room_is_deleted(run_bot, local_daily, fault, signals):
    held = local_daily.fail("DELETE", "/rooms/*", **fault)
    program = await run_bot("returns")
    await held.wait()
    for number in signals:
        program.signal(number)
    assert await program.ended() == 0, program.err
    assert local_daily.rooms == {}
    await program.says("^Room .* deleted$")


@pytest.mark.large
@pytest.mark.parametrize(
    ("fault", "number"),
    pairs([{"delay": 0.5}, {"status": 500, "times": 2}, {"drop": "after"}], [INT, TERM]),
    ids=name,
)
async def test_in_a_pipeline_and_then_while_its_room_is_deleted(
    run_bot, local_daily, number, fault
):
    held = local_daily.fail("DELETE", "/rooms/*", **fault)
    program = await run_bot("pipeline")
    await program.says("^in$")
    program.signal(number)
    await held.wait()
    program.signal(number)
    assert await program.ended() == 0, program.err
    assert local_daily.rooms == {}
    log = [entry.what for entry in local_daily.state.log.entries]
    assert log.index("bot left") < log.index("deleted")


@pytest.mark.large
@pytest.mark.parametrize(
    ("entry", "number"), pairs(["created", "bot joined", "person joined"], [INT, TERM])
)
async def test_while_a_pipeline_starts(run_bot, local_daily, entry, number):
    program = await run_bot("pipeline")
    if entry == "person joined":
        room = (await local_daily.state.log.wait_for("bot joined")).room
        link = await program.says(r"\?t=([\w.-]+)\s")
        local_daily.join(room, link)
    else:
        await local_daily.state.log.wait_for(entry)
    program.signal(number)
    assert await program.ended() == 0, program.err
    assert local_daily.rooms == {}
    assert "created" in [entry.what for entry in local_daily.state.log.entries]


async def test_a_delete_that_hangs_is_bounded_and_reported(run_bot, local_daily, within):
    local_daily.fail("DELETE", "*", hang=True, times=None)
    program = await run_bot("waits")
    await program.says("^in$")
    program.signal(TERM)
    with within(9, "a runner is gone after a signal: its room's deletion hangs"):
        await program.ended()
    (room,) = local_daily.rooms
    assert f"Room {room} could not be deleted" in program.err
    assert "It ends by itself at" in program.err
