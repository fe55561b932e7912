# SPDX-License-Identifier: BSD-2-Clause
"""A child that ends at the very moment in which it would be killed."""

import asyncio
import socket
import sys

import pytest

from pipecat_daily_rest.runner import local_daily_process
from pipecat_daily_rest.runner.local_daily_process import LocalDailyProcess
from pipecat_daily_rest.server.launched_template import LaunchedTemplate


@pytest.fixture
async def ended():
    process = await asyncio.create_subprocess_exec(sys.executable, "-S", "-c", "")
    await process.wait()
    return process


async def test_a_local_daily_that_has_ended_is_not_killed(ended, monkeypatch):
    monkeypatch.setattr(local_daily_process, "_END", 0)
    child = LocalDailyProcess()
    child._process = ended
    await child.__aexit__(None, None, None)


async def test_a_template_that_has_ended_is_not_killed(ended):
    wire, other = socket.socketpair()
    with other:
        await LaunchedTemplate(ended, wire).close(grace=0)
