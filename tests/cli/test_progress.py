# SPDX-License-Identifier: BSD-2-Clause
"""The progress bar: on a terminal's stderr, and only where the work takes longer than a moment."""

import asyncio
import errno
import io

import pytest

from pipecat_daily_rest.cli import output, progress


class Terminal(io.StringIO):
    def __init__(self):
        super().__init__()
        self.written = asyncio.Event()

    def isatty(self):
        return True

    def write(self, text):
        self.written.set()
        return super().write(text)


@pytest.fixture
def quick(monkeypatch):
    """A moment is over at once, and pictures come as fast as the loop goes."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(progress, "_MOMENT", 0.001)
    monkeypatch.setattr(progress, "_STEP", 0.001)


def streams(monkeypatch, kind):
    """Give stdout and stderr; a fixture would set them before pytest does."""
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(output.sys, name, kind())
    return output.sys.stdout, output.sys.stderr


async def shows(stderr, text):
    while text not in stderr.getvalue():
        stderr.written.clear()
        await stderr.written.wait()


async def test_a_wait_is_shown_in_a_terminal_and_taken_off_again(quick, monkeypatch):
    out, err = streams(monkeypatch, Terminal)

    async def work():
        await progress.wait(0.05)
        await shows(err, "up to date")
        return 5

    assert await progress.shown(work()) == 5
    assert out.getvalue() == ""
    assert err.getvalue().removesuffix("\x1b[?25h").endswith("\x1b[2K")  # the line is empty


async def test_each_of_many_steps_is_shown(quick, monkeypatch):
    _, err = streams(monkeypatch, Terminal)

    async def work():
        for _ in progress.steps("Deleting rooms", range(2)):
            await shows(err, "Deleting rooms")
        await shows(err, "50%")

    await progress.shown(work())


async def test_what_is_printed_meanwhile_is_on_a_line_of_its_own(quick, monkeypatch):
    out, err = streams(monkeypatch, Terminal)

    async def work():
        await shows(err, "Waiting for Daily")
        before = len(err.getvalue())
        output.note("a note")
        output.show_line(output.Output.PLAIN, ["data"])
        await shows(err, "Waiting for Daily")
        return before

    before = await progress.shown(work())
    after = err.getvalue()[before:]
    assert after.index("\x1b[2K") < after.index("a note\n")
    assert "data" not in err.getvalue()
    assert out.getvalue() == "data\n"


async def test_elsewhere_nothing_is_shown(quick, monkeypatch):
    out, err = streams(monkeypatch, io.StringIO)
    await progress.shown(progress.wait(0.01))
    assert out.getvalue() + err.getvalue() == ""


async def test_quick_work_shows_nothing(monkeypatch):
    _, err = streams(monkeypatch, Terminal)
    await progress.shown(asyncio.sleep(0))
    assert err.getvalue() == ""


async def test_a_cancelled_command_cancels_its_work_and_takes_the_bar_off(quick, monkeypatch):
    _, err = streams(monkeypatch, Terminal)
    ended = []

    async def work():
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(err.getvalue())

    task = asyncio.ensure_future(progress.shown(work()))
    await shows(err, "Waiting for Daily")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended[0].endswith("\x1b[2K")


async def test_a_terminal_that_is_closed_meanwhile_ends_no_work(quick, monkeypatch):
    _, err = streams(monkeypatch, Terminal)
    refused = asyncio.Event()

    def closed(_):
        refused.set()
        raise OSError(errno.EIO, "Input/output error")

    async def work():
        await shows(err, "Waiting for Daily")
        monkeypatch.setattr(err, "write", closed)
        await refused.wait()
        return 5

    assert await progress.shown(work()) == 5
    assert progress._bar._shown is None
