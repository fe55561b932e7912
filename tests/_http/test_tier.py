# SPDX-License-Identifier: BSD-2-Clause
"""One rate tier, in virtual time."""

import asyncio
import gc
import random
import threading
import time
from collections import deque

import pytest

from pipecat_daily_rest._http.tier import Slot, Tier
from virtual import now, run


class Server:
    """Refuses requests above the limit in any window; each request takes another time."""

    def __init__(self, requests, seconds, *, slowest=2.0, seed=1):
        self.seconds = seconds
        self.counted = deque(maxlen=requests)
        self.refused = 0
        self._slowest = slowest
        self._random = random.Random(seed)

    async def answer(self):
        await asyncio.sleep(self._random.uniform(0, self._slowest))
        full = len(self.counted) == self.counted.maxlen
        if full and self.counted[0] > now() - self.seconds:
            self.refused += 1
        else:
            self.counted.append(now())
        await asyncio.sleep(self._random.uniform(0, self._slowest))


def tier(requests=100, seconds=5.0, **options):
    return Tier((requests, seconds), clock=lambda: asyncio.get_running_loop().time(), **options)


async def use(of, seconds=0.0, *, teardown=False, bound=1000.0):
    """Take a slot, and give the time."""
    slot = await of.take(bound, teardown=teardown)
    assert slot is not None
    at = now()
    with slot:
        await asyncio.sleep(seconds)
    return at


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("slowest", [0.0, 0.01, 0.5, 4.0])
def test_nothing_is_refused_whatever_the_network_delay(seed, slowest):
    async def main():
        server, of = Server(100, 5.0, slowest=slowest, seed=seed), tier()

        async def request():
            slot = await of.take(1000.0)
            with slot:
                await server.answer()

        await asyncio.gather(*(request() for _ in range(450)))
        assert server.refused == 0
        assert len(server.counted) == 100
        return now()

    # At least 20 s; each of the four windows may wait for the slowest response.
    assert 20 <= run(main()) <= 20 + 5 * 2 * slowest + 0.5


def test_slots_counted_from_the_sending_would_be_refused():
    """Proves that the test above can fail."""

    async def main():
        server, of = Server(100, 5.0, slowest=0.5), tier()

        async def request():
            with await of.take(1000.0):
                pass
            await server.answer()

        await asyncio.gather(*(request() for _ in range(450)))
        return server.refused

    assert run(main()) > 0


def test_first_come_first_served():
    async def main():
        of, order = tier(3, 1.0), []

        async def request(number):
            await use(of)
            order.append(number)

        await asyncio.gather(*(request(number) for number in range(20)))
        assert order == list(range(20))
        assert 6 <= now() <= 6.2

    run(main())


def test_a_later_request_does_not_overtake():
    async def main():
        of = tier(2, 1.0)
        await asyncio.gather(use(of), use(of))
        first = asyncio.create_task(use(of))
        await asyncio.sleep(0.5)
        second, third = asyncio.create_task(use(of)), asyncio.create_task(use(of))
        assert await first < 1.1
        assert of.try_take() is None  # the free slot is for those who wait
        assert await second < 1.1
        assert 2.0 <= await third < 2.2

    run(main())


def test_a_cancelled_wait_leaves_the_queue():
    async def main():
        of = tier(1, 1.0)
        await use(of)
        tasks = [asyncio.create_task(use(of)) for _ in range(3)]
        await asyncio.sleep(0.5)
        assert of.waiting == 3
        tasks[0].cancel()
        tasks[1].cancel()
        assert await tasks[2] < 1.1
        assert of.waiting == 0

    run(main())


def test_a_wait_cancelled_when_it_has_its_slot_passes_it_on():
    async def main():
        of = tier(1, 5.0)
        held = await of.take(1.0)
        first, second = asyncio.create_task(use(of)), asyncio.create_task(use(of))
        await asyncio.sleep(0.1)
        held.void()  # the first has its slot, but has not run yet
        assert of.waiting == 1
        first.cancel()
        assert await second < 0.2
        assert first.cancelled()

    run(main())


def test_a_request_cancelled_in_flight_counts():
    async def main():
        of = tier(1, 5.0)
        flying = asyncio.create_task(use(of, 100.0))
        await asyncio.sleep(1.0)
        flying.cancel()
        assert 6.0 <= await use(of) < 6.1

    run(main())


def test_a_wait_ends_at_its_bound():
    async def main():
        of = tier(1, 10.0)
        await use(of)
        assert await of.take(3.0) is None
        assert now() == pytest.approx(3.0)
        assert of.waiting == 0
        assert await of.take(-1.0) is None
        assert 10.0 <= await use(of) < 10.1

    run(main())


def test_a_request_that_was_not_sent_does_not_count():
    async def main():
        of = tier(1, 10.0)
        with await of.take(1.0) as slot:
            waiting = asyncio.create_task(use(of))
            await asyncio.sleep(0.2)
            slot.counts = False
        assert await waiting < 0.3

    run(main())


def test_teardown_has_reserved_slots_and_goes_first():
    async def main():
        of = tier(10, 5.0, reserve=2)
        await asyncio.gather(*(use(of) for _ in range(8)))
        assert now() == 0.0
        others = [asyncio.create_task(use(of)) for _ in range(8)]
        await asyncio.sleep(1.0)
        assert not any(task.done() for task in others)
        ends = await asyncio.gather(*(use(of, teardown=True) for _ in range(2)))
        assert ends == [1.0, 1.0]
        late = asyncio.create_task(use(of, teardown=True))
        assert 5.0 <= await late < 5.1  # before all of the others
        times = await asyncio.gather(*others)
        assert times == sorted(times)
        assert sum(at < 5.1 for at in times) == 5
        return times

    run(main())


def test_a_429_closes_the_tier_and_each_further_one_for_longer():
    async def main():
        of = tier(100, 5.0)
        gaps = []
        for _ in range(8):
            slot = await of.take(1000.0)
            with slot:
                slot.judge(refused=True)
            began = now()
            await use(of)  # no request gets a slot, though 100 are free
            gaps.append(now() - began)
        expected = [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0]
        for gap, middle in zip(gaps, expected, strict=True):
            assert 0.75 * middle <= gap <= 1.25 * middle + 0.01
        with await of.take(1000.0) as slot:
            slot.judge(refused=False)
        with await of.take(1000.0) as slot:
            slot.judge(refused=True)
        began = now()
        await use(of)
        assert now() - began <= 0.26  # a success in between resets the pause

    run(main())


def test_the_429s_of_one_burst_count_as_one():
    async def main():
        of = tier(100, 5.0)
        slots = [await of.take(1.0) for _ in range(50)]
        for slot in slots:
            with slot:
                slot.judge(refused=True)
        assert await use(of) <= 0.26

    run(main())


def test_retry_after_is_obeyed():
    async def main():
        of = tier(100, 5.0)
        with await of.take(1.0) as slot:
            slot.judge(refused=True, retry_after=3.0)
        ends = await asyncio.gather(use(of), use(of, teardown=True))
        assert min(ends) >= 3.0
        assert max(ends) < 3.1

    run(main())


def test_nothing_is_counted_without_a_tier():
    slot = Slot(None)
    with slot:
        slot.judge(refused=True)
    slot.void()


# -- Several threads, in real time --------------------------------------------------------


def in_thread(work):
    thread = threading.Thread(target=lambda: asyncio.run(work()))
    thread.start()
    return thread


def test_several_threads_share_a_tier():
    of, times, lock = Tier((10, 0.5)), [], threading.Lock()

    async def request():
        with await of.take(1000.0):
            with lock:
                times.append(time.monotonic())

    async def work():
        await asyncio.gather(*(request() for _ in range(18)))

    threads = [in_thread(work) for _ in range(3)]
    for thread in threads:
        thread.join()
    times.sort()
    assert len(times) == 54
    assert all(times[at + 10] - times[at] >= 0.5 for at in range(len(times) - 10))
    assert of.waiting == 0


def test_a_closed_loop_does_not_block_other_loops():
    of = Tier((1, 0.2))
    loop = asyncio.new_event_loop()

    async def wait():
        await of.take(1000.0)

    async def forgotten():
        with await of.take(1000.0):
            pass
        return asyncio.create_task(wait())

    waits = loop.run_until_complete(forgotten())
    loop.run_until_complete(asyncio.sleep(0))
    assert of.waiting == 1
    loop.close()  # with a request in the queue

    async def other():
        with await of.take(1000.0):
            return True

    assert asyncio.run(other())
    assert of.waiting == 0
    waits._log_destroy_pending = False


@pytest.mark.parametrize("when", ["waiting", "admitted"])
def test_a_loop_that_is_garbage_collected_keeps_no_slot(when):
    of = Tier((1, 1000.0))
    held = of.try_take()
    loop = asyncio.new_event_loop()

    async def wait():
        with await of.take(1000.0):
            pytest.fail("its loop runs no longer")

    async def begin():
        asyncio.create_task(wait())._log_destroy_pending = False
        await asyncio.sleep(0)

    loop.run_until_complete(begin())
    assert of.waiting == 1
    if when == "waiting":
        loop.close()
        held.void()  # and no request is there to take it
    else:
        held.void()
        assert (of.waiting, of.used) == (0, 1)
        loop.close()
    del loop
    gc.collect()
    assert (of.waiting, of.used) == (0, 0)
