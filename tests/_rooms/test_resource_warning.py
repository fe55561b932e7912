# SPDX-License-Identifier: BSD-2-Clause
"""A room that nobody closes is told of, with the line that opened it."""

import asyncio
import gc
import inspect
import os
import re
import subprocess
import sys
import textwrap
import warnings
from contextlib import AsyncExitStack

import pytest

from pipecat_daily_rest import DailyMeetingTokenProperties, owned_rooms, provisioned_room
from pipecat_daily_rest.errors import DailyInvalidRequestError


@pytest.fixture
def warned():
    """The messages of the ResourceWarnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield lambda: [str(each.message) for each in caught if each.category is ResourceWarning]


async def none_is_owned():
    while owned_rooms():  # noqa: ASYNC110 - the event loop deletes it
        await asyncio.sleep(0.01)


async def test_a_garbage_collected_block_warns_and_deletes_its_room(daily, warned):
    opened = provisioned_room()
    line = inspect.currentframe().f_lineno + 1
    room = await opened.__aenter__()
    name, secrets = room.name, (room.bot_token, room.user_token, daily.api_key)
    del opened, room
    gc.collect()
    await none_is_owned()
    [message] = warned()
    assert re.match(rf"Room {name}, opened at .*test_resource_warning\.py:{line}, was not", message)
    assert re.search(r"ends by itself at \d{4}-", message)
    assert not any(secret in message for secret in secrets)
    assert daily.rooms == {}  # the event loop ended the block all the same


async def test_the_warning_names_the_line_of_an_exit_stack(daily, warned):
    stack = AsyncExitStack()
    line = inspect.currentframe().f_lineno + 1
    await stack.enter_async_context(provisioned_room())
    del stack
    gc.collect()
    await none_is_owned()
    assert f"test_resource_warning.py:{line}," in warned()[0]
    assert daily.rooms == {}


async def test_nobody_is_warned_of_a_room_that_was_closed(daily, warned):
    async with provisioned_room() as room:
        pass
    del room
    with pytest.raises(ZeroDivisionError):
        async with provisioned_room() as room:
            raise ZeroDivisionError
    task = asyncio.create_task(waits())
    while not owned_rooms():  # noqa: ASYNC110 - as soon as it is asked for
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    with pytest.raises(DailyInvalidRequestError):
        async with provisioned_room(user=DailyMeetingTokenProperties(no_such_property=1)):
            pass
    async with provisioned_room() as room:
        room.keep()
    del room, task
    gc.collect()
    assert warned() == []


async def waits():
    async with provisioned_room():
        await asyncio.Event().wait()


async def python(script, daily, tmp_path, *flags):
    """Run it; give its stderr and the number of the line that is marked."""
    (tmp_path / "mine.py").write_text(textwrap.dedent(script))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-X", "dev", *flags, "mine.py"),
        env={**os.environ, **daily.env()},
        cwd=tmp_path,
        stderr=subprocess.PIPE,
    )
    _, err = await process.communicate()
    number = 1 + script.strip("\n").split("\n").index(
        next(line for line in script.strip("\n").split("\n") if "# here" in line)
    )
    return err.decode(), number


FORGOTTEN = {
    "loop": """
        import asyncio
        from pipecat_daily_rest import provisioned_room

        async def main():
            opened = provisioned_room()
            return opened, await opened.__aenter__()  # here

        loop = asyncio.new_event_loop()
        opened, room = loop.run_until_complete(main())
        loop.close()
        del opened, room
        print("before the end", file=__import__("sys").stderr)
        """,
    "exit": """
        import asyncio
        from pipecat_daily_rest import provisioned_room

        async def main():
            opened = provisioned_room()
            return opened, await opened.__aenter__()  # here

        loop = asyncio.new_event_loop()
        opened, room = loop.run_until_complete(main())
        loop.close()
        """,
    "configure": """
        import asyncio
        import aiohttp
        from pipecat_daily_rest import configure

        async def main():
            async with aiohttp.ClientSession() as session:
                return await configure(session)  # here

        asyncio.run(main())
        """,
}


@pytest.mark.parametrize("how", FORGOTTEN)
async def test_a_room_that_nothing_can_delete_warns(daily, tmp_path, how):
    err, line = await python(FORGOTTEN[how].lstrip("\n"), daily, tmp_path)
    [name] = daily.rooms
    told = re.findall(r"^.*mine\.py:(\d+): ResourceWarning: (Room .*)$", err, re.MULTILINE)
    assert [number for number, _ in told] == [str(line)], err
    assert re.match(rf"Room {name}, opened at .*mine\.py:{line}, was not closed", told[0][1])
    if how == "loop":  # when it was collected, not at the end
        assert err.index("ResourceWarning: Room") < err.index("before the end")
    assert daily.api_key not in err
    assert "eyJ" not in err


async def test_the_end_of_asyncio_run_still_deletes(daily, tmp_path):
    script = """
        import asyncio
        from pipecat_daily_rest import provisioned_room

        async def main():
            global opened, room
            opened = provisioned_room()
            room = await opened.__aenter__()  # here

        asyncio.run(main())
        """
    err, line = await python(script.lstrip("\n"), daily, tmp_path)
    assert daily.rooms == {}
    assert err.count(f"mine.py:{line}: ResourceWarning: Room") == 1, err


async def test_the_warning_as_an_error_does_not_prevent_the_deletion(daily, tmp_path):
    script = """
        import asyncio
        from pipecat_daily_rest import provisioned_room

        async def main():
            global opened
            opened = provisioned_room()
            await opened.__aenter__()  # here

        asyncio.run(main())
        """
    err, line = await python(script.lstrip("\n"), daily, tmp_path, "-W", "error::ResourceWarning")
    assert daily.rooms == {}
    assert f"mine.py:{line}, was not closed" in err
