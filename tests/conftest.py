# SPDX-License-Identifier: BSD-2-Clause
import gc
import os
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import parallel
from document import observe
from helpers import calling, helper_of
from pipecat_daily_rest import DailyRESTHelper
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.testing import llm, openai_server, stt, tts  # noqa: F401 - fixtures
from pipecat_daily_rest.testing.budgets import add_budgets, set_budgets
from programs import heed_signals
from receiver import Receiver
from redis_server import RedisServer
from seconds import Within
from warm import Warm

observe.install()
heed_signals()

# For this process only: what the tests start is judged by its output, as a user's would be.
for name in ("PYTHONDEVMODE", "PYTHONMALLOC"):
    os.environ.pop(name, None)
# Some hundred programs are started: none should compile the package again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


def pytest_addoption(parser: pytest.Parser) -> None:
    add_budgets(parser)
    parser.addoption(
        "--daily-live",
        action="store_true",
        help="ask the real Daily as well, with the account of DAILY_API_KEY",
    )
    parser.addoption(
        "--launcher",
        metavar="module:Class",
        help="what every launcher of the session server has to do is done by this one",
    )
    parser.addoption(
        "--seconds",
        type=Path,
        metavar="FILE",
        help="allow what is promised in seconds and no more, and note there what it took",
    )


def pytest_configure(config: pytest.Config) -> None:
    set_budgets(config)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        assert "eyJ" not in item.nodeid, f"loguru shows pytest's frames, so name it: {item.nodeid}"
        if "within" in getattr(item, "fixturenames", ()):
            item.add_marker("seconds")
    items.sort(key=lambda item: parallel.turn(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> parallel.Groups:
    return parallel.Groups(config, log)


def pytest_collection_finish() -> None:
    """Leave what is loaded by now out of every garbage collection: it stays."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def within(request: pytest.FixtureRequest) -> Within:
    """Gives blocks that have to end in time; see `seconds`."""
    return Within(request.config.getoption("seconds"))


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test may see the developer's own account."""
    for name in ("DAILY_API_KEY", "DAILY_API_URL", "DAILY_ROOM_URL", "DAILY_REDIS_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _as_documented(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever a local Daily took and answered in a test has to be as Daily documents it."""
    observe.OBSERVER.take()
    yield
    wrong = observe.OBSERVER.take()
    if request.node.get_closest_marker("undocumented"):
        assert wrong, "nothing undocumented was sent or answered: the mark can go"
    elif wrong:
        pytest.fail("not as Daily documents it:\n" + "\n".join(wrong), pytrace=False)


@pytest.fixture
def redis(monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisServer]:
    if shutil.which("redis-server") is None:
        reason = "no redis-server"
        if os.environ.get("REQUIRE_REDIS"):
            pytest.fail(reason)
        pytest.skip(reason)
    server = RedisServer()
    server.start()
    monkeypatch.setenv("DAILY_REDIS_URL", server.url)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def warm() -> Iterator[Warm]:
    """A Python that has imported Pipecat and becomes a program by a fork."""
    with Warm() as warm:
        yield warm


@pytest.fixture
async def local_daily() -> AsyncIterator[LocalDaily]:
    async with LocalDaily() as daily:
        yield daily


@pytest.fixture
async def helper(local_daily: LocalDaily) -> AsyncIterator[DailyRESTHelper]:
    async with helper_of(local_daily) as helper:
        yield helper


@pytest.fixture
async def call(local_daily: LocalDaily) -> AsyncIterator[Callable[..., Awaitable[Any]]]:
    """Sends a request to the REST API and gives the status and the JSON."""
    async with calling(local_daily) as call:
        yield call


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A program that receives webhooks."""
    async with Receiver() as receiver:
        yield receiver
