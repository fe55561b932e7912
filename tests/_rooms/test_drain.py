# SPDX-License-Identifier: BSD-2-Clause
"""drain_on_exit(): what it does with signals in its own process, and how it leaves them."""

import asyncio
import os
import signal
import sys
from contextlib import asynccontextmanager

import pytest

from pipecat_daily_rest import RoomPool, drain_on_exit, owned_rooms, provisioned_room
from pipecat_daily_rest._rooms.owned import process_rooms
from timings import set_timings

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


def state():
    """Whatever a block could leave changed in this process."""
    loop = asyncio.get_running_loop()
    return (
        [signal.getsignal(each) for each in SIGNALS],
        signal.signal,
        [vars(loop).get(door) for door in ("add_signal_handler", "remove_signal_handler")],
        set(process_rooms.drains),
    )


@pytest.fixture
def heard():
    """A server's handler of SIGTERM, and what it heard."""
    heard = []

    def handle(number, frame):
        heard.append("server")

    before = signal.signal(signal.SIGTERM, handle)
    yield heard
    signal.signal(signal.SIGTERM, before)


@asynccontextmanager
async def in_a_task(**arguments):
    """A room in a task that never ends, as a server's bots are."""
    ready = asyncio.Event()

    async def bot():
        async with provisioned_room(**arguments):
            ready.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(bot())
    await ready.wait()
    yield
    task.cancel()
    await asyncio.wait({task})


async def test_the_signal_deletes_rooms_and_reaches_the_server(daily, heard):
    before = state()
    async with in_a_task(), drain_on_exit():
        signal.raise_signal(signal.SIGTERM)
        assert heard == ["server"]
        await daily.state.log.wait_for("deleted")
        signal.raise_signal(signal.SIGTERM)
        assert heard == ["server", "server"]
        async with provisioned_room():  # made later
            await daily.state.log.wait_for("deleted", count=2)
    assert state() == before


@pytest.mark.parametrize("end", ["return", "raise"])
async def test_nested_and_repeated_blocks_restore_the_handlers(daily, heard, end):
    before = state()
    for _ in range(2):
        try:
            async with drain_on_exit(), drain_on_exit():
                assert state() != before
                if end == "raise":
                    raise ZeroDivisionError
        except ZeroDivisionError:
            pass
        assert state() == before
    async with drain_on_exit(), in_a_task():
        signal.raise_signal(signal.SIGTERM)
        await daily.state.log.wait_for("deleted")
    assert heard == ["server"]


async def test_blocks_that_end_in_the_order_in_which_they_began(daily, heard):
    before = state()
    first, second = drain_on_exit(), drain_on_exit()
    await first.__aenter__()
    await second.__aenter__()
    await first.__aexit__(None, None, None)
    async with in_a_task():
        signal.raise_signal(signal.SIGTERM)
        await daily.state.log.wait_for("deleted")
    assert heard == ["server"]
    await second.__aexit__(None, None, None)
    assert state() == before


@pytest.mark.parametrize("door", ["signal", "loop", "past signal.signal"])
async def test_a_later_handler_is_called_as_well(daily, heard, door):
    later = asyncio.Event()
    install = signal.signal  # as uvloop has it
    async with in_a_task(), drain_on_exit():
        match door:
            case "signal":
                signal.signal(signal.SIGTERM, lambda *_: later.set())
            case "loop":
                asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, later.set)
            case _:
                install(signal.SIGTERM, lambda *_: later.set())
                while signal.getsignal(signal.SIGTERM).__module__ == __name__:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        signal.raise_signal(signal.SIGTERM)
        await later.wait()
        await daily.state.log.wait_for("deleted")
    assert heard == ["server"]
    asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)


async def test_a_handler_installed_in_the_block_stays_after_it(heard):
    def other(number, frame):
        heard.append("other")

    async with drain_on_exit():
        before = signal.signal(signal.SIGTERM, other)
    assert signal.getsignal(signal.SIGTERM) is other
    signal.signal(signal.SIGTERM, before)
    signal.raise_signal(signal.SIGTERM)
    assert heard == ["server"]


async def test_a_later_handler_may_call_the_one_that_it_replaced(heard):
    async with drain_on_exit():
        before = signal.getsignal(signal.SIGTERM)
        signal.signal(signal.SIGTERM, lambda *args: (heard.append("later"), before(*args)))
        signal.raise_signal(signal.SIGTERM)
    assert heard == ["server", "later"]


async def test_a_handler_of_the_event_loop_is_removed_as_usual(heard):
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, print)
    async with drain_on_exit():
        loop.add_signal_handler(signal.SIGTERM, print)
        assert loop.remove_signal_handler(signal.SIGTERM)
        assert not loop.remove_signal_handler(signal.SIGTERM)
        assert loop.remove_signal_handler(signal.SIGHUP)
        with pytest.raises(TypeError):
            loop.add_signal_handler(signal.SIGTERM, asyncio.sleep)
        with pytest.raises(TypeError):
            signal.signal(signal.SIGTERM, "no handler")
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_DFL


async def test_an_ignored_signal_stays_ignored(daily):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        async with in_a_task(), drain_on_exit():
            signal.raise_signal(signal.SIGHUP)
            await asyncio.sleep(0.2)
            assert len(daily.rooms) == 1
    finally:
        signal.signal(signal.SIGHUP, before)


async def test_outside_the_main_thread_it_drains_at_the_end_of_the_block(daily):
    before = signal.signal, [signal.getsignal(each) for each in SIGNALS]
    seen = []

    async def serve():
        async with in_a_task():
            async with drain_on_exit():
                seen.append(len(owned_rooms()))
                seen.append((signal.signal, [signal.getsignal(each) for each in SIGNALS]))
            seen.append(len(owned_rooms()))

    await asyncio.to_thread(asyncio.run, serve())
    assert seen == [1, before, 0]


async def test_the_grace_begins_at_the_signal_and_ends_with_the_last_room_in_use(daily, heard):
    async with drain_on_exit(grace=3600):
        async with provisioned_room():
            signal.raise_signal(signal.SIGTERM)
            await asyncio.sleep(0.3)
            assert len(daily.rooms) == 1
    assert daily.rooms == {}


async def test_without_a_signal_the_grace_begins_at_the_end_of_the_block(daily):
    async with in_a_task():
        began = asyncio.get_running_loop().time()
        async with drain_on_exit(grace=0.5):
            pass
        assert asyncio.get_running_loop().time() - began >= 0.5
        assert daily.rooms == {}


async def test_a_block_that_is_cancelled_has_no_grace(daily, heard):
    async def lifespan():
        async with drain_on_exit(grace=3600):
            signal.raise_signal(signal.SIGTERM)
            await asyncio.Event().wait()

    async with in_a_task():
        task = asyncio.create_task(lifespan())
        await asyncio.sleep(0.2)
        assert len(daily.rooms) == 1
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()
        assert daily.rooms == {}


async def test_rooms_that_wait_in_a_pool_have_no_grace_and_are_not_replaced(daily, heard):
    async with RoomPool(size=3) as pool, drain_on_exit(grace=3600):
        async with pool.room() as room:
            await daily.state.log.wait_for("created", count=4)
            signal.raise_signal(signal.SIGTERM)
            await daily.state.log.wait_for("deleted", count=3)
            assert list(daily.rooms) == [room.name]
        async with pool.room() as room:  # made on the spot, for a call that is still taken
            assert list(daily.rooms) == [room.name]
    assert daily.rooms == {}


@pytest.mark.parametrize("delay", [0.1, 0.5, 1.5])
async def test_a_late_answer_to_the_create_deletes_the_room_at_once(daily, heard, delay):
    fault = daily.fail("POST", "/rooms", delay=delay)

    async def bot():
        async with provisioned_room():
            await asyncio.Event().wait()

    async with drain_on_exit():
        task = asyncio.create_task(bot())
        await fault.wait()
        signal.raise_signal(signal.SIGTERM)
        await daily.state.log.wait_for("deleted")
        assert daily.rooms == {}
        task.cancel()
        await asyncio.wait({task})
    assert [entry.what for entry in daily.state.log.entries] == ["created", "deleted"]


async def test_a_room_created_after_its_deletion_gave_up_is_deleted(daily, heard, monkeypatch):
    set_timings(monkeypatch, look_again=(0.01, 0.02))
    fault = daily.fail("POST", "/rooms", delay=1.0)

    async def bot():
        async with provisioned_room():
            await asyncio.Event().wait()

    async with drain_on_exit():
        task = asyncio.create_task(bot())
        await fault.wait()
        signal.raise_signal(signal.SIGTERM)
        await daily.state.log.wait_for("created")
        await daily.state.log.wait_for("deleted")
        task.cancel()
        await asyncio.wait({task})
    assert daily.rooms == {}
    assert owned_rooms() == ()


async def run(program, env=None):
    """Run a program; give its exit code and what it printed."""
    ended = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "ignore::DeprecationWarning", "-c", program),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **(env or {})},
    )
    out, _ = await ended.communicate()
    return ended.returncode, out.decode()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("at_once", [False, True])
async def test_a_forked_child_ends_by_a_signal_as_it_would_without(at_once):
    program = f"""
import os, signal
if {at_once}:  # before the package's own hooks have run
    os.register_at_fork(after_in_child=lambda: os.kill(os.getpid(), signal.SIGTERM))
import asyncio
from pipecat_daily_rest import drain_on_exit

async def main():
    async with drain_on_exit():
        reads, writes = os.pipe()
        if not (child := os.fork()):
            os.write(writes, b"!")
            signal.pause(), os._exit(0)
        if not {at_once}:
            os.read(reads, 1)
            os.kill(child, signal.SIGTERM)
        print(os.WTERMSIG(os.waitpid(child, 0)[1]))

asyncio.run(main())
"""
    assert await run(program) == (0, f"{signal.SIGTERM:d}\n")


async def test_a_plain_program_ends_by_the_signal_once_its_rooms_are_gone(local_daily):
    program = """
import asyncio, signal
from pipecat_daily_rest import drain_on_exit, provisioned_room

async def main():
    async with drain_on_exit(), provisioned_room():
        signal.raise_signal(signal.SIGTERM)
        await asyncio.Event().wait()

asyncio.run(main())
"""
    assert await run(program, local_daily.env()) == (-signal.SIGTERM, "")
    assert [entry.what for entry in local_daily.state.log.entries] == ["created", "deleted"]
