# SPDX-License-Identifier: BSD-2-Clause
"""A pytest plugin: a Daily on this machine for the tests of a bot.

Load it by the first line of the root conftest, or by ``-p pipecat_daily_rest.testing``::

    pytest_plugins = ["pipecat_daily_rest.testing"]

From then on ``import daily`` gives the stand-in of the local Daily, so that a bot may import
Pipecat's ``DailyTransport`` at its top; ``daily_stand_in = false`` in the ini file keeps
daily-python, for tests of the REST side alone. Fixtures: `local_room`, `local_daily` and
`daily_helper`, `llm`, `stt` and `tts`, `local_page` for web apps, and `local_daily_options` to be
overridden.

Imports `local`, `_rooms` and what those import.

PYTEST_DONT_REWRITE: there is no assert here, and a conftest may import a type from it.
"""

import importlib
import sys
import warnings
from collections.abc import Iterator
from importlib.machinery import ModuleSpec, PathFinder
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

try:
    import pytest
except ImportError as exc:
    msg = "pipecat_daily_rest.testing is a plugin of pytest, which is missing: pip install pytest"
    raise ImportError(msg) from exc

from pipecat_daily_rest._core import daily_module
from pipecat_daily_rest.testing.budgets import add_budgets, reset_budgets, set_budgets
from pipecat_daily_rest.testing.tracebacks import shorten
from pipecat_daily_rest.testing.web_page import OPTION, add_local_page

if TYPE_CHECKING:
    from pipecat_daily_rest._rest.helper import DailyRESTHelper
    from pipecat_daily_rest.testing.bot_errors import BotErrors
    from pipecat_daily_rest.testing.daily_fixture import LocalDailyFixture
    from pipecat_daily_rest.testing.fake_services import FakeLLM, FakeSTT, FakeTTS
    from pipecat_daily_rest.testing.openai_server import OpenAIServer
    from pipecat_daily_rest.testing.room_fixture import LocalRoom, OpenRoom

__all__ = [
    "FakeLLM",
    "FakeSTT",
    "FakeTTS",
    "LocalDailyFixture",
    "LocalRoom",
    "bot_errors",
    "daily_helper",
    "llm",
    "local_daily",
    "local_daily_options",
    "local_page",
    "local_room",
    "openai_server",
    "stt",
    "tts",
]

# Imported at their first use, and so is all that only a fixture needs: pytest loads the plugin in
# every run, also in one that has no test of a bot. There is no `__dir__`: pytest would ask for all.
_LATER = {
    "FakeLLM": "fake_services",
    "FakeSTT": "fake_services",
    "FakeTTS": "fake_services",
    "LocalDailyFixture": "daily_fixture",
    "LocalRoom": "room_fixture",
}

_TRANSPORT = "pipecat.transports.daily.transport"
# The fixtures that hold the event loop of a test. The end of the loop deletes what the test has
# leaked, so it has to come after the leak check.
_LOOPS = ("_function_scoped_runner", "event_loop")


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    value = globals()[name] = getattr(importlib.import_module(f"{__name__}.{_LATER[name]}"), name)
    return value


class _StandIn:
    """Finds `daily` before daily-python does. The stand-in is loaded when something imports it."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Find the stand-in."""
        return PathFinder.find_spec(name, [str(daily_module.FOLDER)]) if name == "daily" else None


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Find the stand-in as early as possible: pytest calls this when it loads the plugin."""
    text = "whether `daily` is the stand-in of the local room instead of daily-python"
    parser.addini("daily_stand_in", text, type="bool", default=True)
    add_budgets(parser)
    text = "the scope of local_daily, local_room and daily_helper: function, module, session, …"
    parser.addini("local_daily_scope", text, default="function")
    text = "the Chromium of `local_page`, as chromium or /usr/bin/chromium; Playwright's when unset"
    parser.addini(OPTION, text, default="")
    config = pluginmanager.get_plugin("pytestconfig")
    if config is not None and config.getini("daily_stand_in"):
        _find_stand_in(pluginmanager)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Take the budgets from the ini file, and have pytest-asyncio run every `async def` test."""
    set_budgets(config)
    add_local_page(config)
    if not _has_asyncio(config):
        return
    warnings.filterwarnings("ignore", message="(?s).*asyncio_default_fixture_loop_scope")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # there is no other way to learn what the user has set
        given = [*config.inicfg, *(config.option.override_ini or ())]
    if config.option.asyncio_mode is None and not any(
        each.partition("=")[0] == "asyncio_mode" for each in given
    ):
        config.option.asyncio_mode = "auto"


def pytest_unconfigure() -> None:
    """Put the budgets back."""
    reset_budgets()


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say what is missing."""
    if _has_asyncio(config):
        return None
    return (
        "pipecat-daily-rest: pytest-asyncio is missing, which runs `async def` tests: "
        "pip install 'pipecat-daily-rest[test]'"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Show where the test or the bot failed, not the package's frames; ``--full-trace`` does."""
    if call.excinfo is not None and not item.config.getoption("fulltrace"):
        shorten(call.excinfo.value)


def _has_asyncio(config: pytest.Config) -> bool:
    return config.pluginmanager.has_plugin("asyncio")


def _find_stand_in(pluginmanager: pytest.PytestPluginManager) -> None:
    if daily_module.is_real_loaded() or (_TRANSPORT in sys.modules and "daily" not in sys.modules):
        raise pytest.UsageError(_too_late(pluginmanager))
    if "daily" in sys.modules or _StandIn in sys.meta_path:
        return
    if _StandIn.find_spec("daily") is None:
        msg = f"the stand-in for daily is missing from {daily_module.FOLDER}: install the package again"
        raise pytest.UsageError(msg)
    sys.meta_path.insert(0, _StandIn)


def _too_late(pluginmanager: pytest.PytestPluginManager) -> str:
    names = [name for name, plugin in pluginmanager.list_name_plugin() if _imports_daily(plugin)]
    who = " and ".join(names) or "a module that was loaded earlier"
    return (
        f"daily-python, or Pipecat's transport on it, was imported by {who} before "
        "pipecat_daily_rest.testing could load its stand-in. Load the plugin first, with "
        "`-p pipecat_daily_rest.testing` in addopts, or import the bot in the test files only "
        "(pytest runs all of a conftest before it loads its pytest_plugins). REST-only tests keep "
        "daily-python with `daily_stand_in = false` in pytest's ini file."
    )


def _imports_daily(plugin: Any) -> bool:
    """Whether a plugin or conftest imported daily, directly or not."""
    if not isinstance(plugin, ModuleType) or plugin.__name__.startswith(("_pytest", __name__)):
        return False
    seen: set[ModuleType] = set()
    ahead = [plugin]
    while ahead:
        module = ahead.pop()
        if module in seen:
            continue
        seen.add(module)
        for value in list(vars(module).values()):
            home = value.__module__ if isinstance(value, FunctionType | type) else None
            imported = sys.modules.get(home) if home else value
            if isinstance(imported, ModuleType):
                ahead.append(imported)
    return any(sys.modules.get(name) in seen for name in ("daily", _TRANSPORT))


def _scope(fixture_name: str, config: pytest.Config) -> Any:
    return config.getini("local_daily_scope")


@pytest.fixture(scope=_scope)
def local_daily_options() -> dict[str, Any]:
    """The arguments of `local_daily`'s `LocalDaily`, for a module or a conftest to override.

    For instance ``{"limits": Limits(), "choices": Choices(sip_prefix=True)}``.
    """
    return {}


@pytest.fixture(scope=_scope)
def local_daily(
    request: pytest.FixtureRequest, local_daily_options: dict[str, Any]
) -> "Iterator[LocalDailyFixture]":
    """A local Daily for this test, which fails when a room outlives it.

    ``DAILY_API_URL`` and ``DAILY_API_KEY`` point to it and ``DAILY_ROOM_URL`` is empty while the
    test runs. ``PYTHONPATH`` has the stand-in for the programs that the test starts.
    """
    from pipecat_daily_rest.testing.daily_fixture import LocalDailyFixture
    from pipecat_daily_rest.testing.daily_thread import DailyThread
    from pipecat_daily_rest.testing.leaks import watch
    from pipecat_daily_rest.testing.requests import lines

    for name in _LOOPS if request.scope == "function" else ():
        if name in request.fixturenames:
            request.getfixturevalue(name)
    if request.config.getini("daily_stand_in"):
        importlib.import_module("daily")  # from now on nothing of this process reaches Daily
    thread = DailyThread(**local_daily_options)
    leaks: list[str] = []
    try:
        with pytest.MonkeyPatch.context() as environment:
            env = thread.daily.env()
            if not request.config.getini("daily_stand_in"):
                del env["PYTHONPATH"]
            for name, value in env.items():
                environment.setenv(name, value)
            fixture, opened = LocalDailyFixture(thread, env=env), watch(environment)
            yield fixture
            leaks = _leaks(fixture, opened)
    finally:
        thread.stop()
    if leaks:
        msg = (
            f"{len(leaks)} room{'s' * (len(leaks) > 1)} outlived the test:{lines(leaks)}\n"
            "Delete it before the test ends: `async with provisioned_room()` does. End a room that is "
            "meant to stay by `local_daily.advance(seconds)` past its expiry."
        )
        pytest.fail(msg, pytrace=False)


def _leaks(daily: "LocalDailyFixture", opened: dict[str, tuple[str, int]]) -> list[str]:
    from pipecat_daily_rest._rooms.owned import owned_rooms

    rooms = daily.rooms
    for room in owned_rooms():
        if room.name in rooms:
            opened[room.name] = room.opened_at
            room.release()  # its Daily ends now
    return [f"{name}, {_where(opened.get(name))}" for name in rooms]


def _where(opened: tuple[str, int] | None) -> str:
    if opened is None:
        return "opened by a plain request, or by another process"
    file, line = opened
    return f"opened at {file}:{line}"


@pytest.fixture(scope=_scope)
def daily_helper(local_daily: "LocalDailyFixture") -> "Iterator[DailyRESTHelper]":
    """A helper for the test's local Daily; `LocalDailyFixture.run` serves tests without a loop."""
    from pipecat_daily_rest._rest.helper import DailyRESTHelper
    from pipecat_daily_rest.testing.daily_thread import RemoteAPI

    helper = DailyRESTHelper(daily_api_key=local_daily.api_key, daily_api_url=local_daily.api_url)
    helper.api = RemoteAPI(local_daily._thread)
    yield helper
    local_daily.run(helper.aclose())


@pytest.fixture(scope=_scope)
def bot_errors() -> "Iterator[BotErrors]":
    """What the bots of the test may raise in their event handlers and pipelines: see `expects`."""
    from pipecat_daily_rest.testing.bot_errors import BotErrors, watch

    with pytest.MonkeyPatch.context() as environment:
        errors = BotErrors()
        watch(errors, environment)
        yield errors


@pytest.fixture(scope=_scope)
def local_room(
    request: pytest.FixtureRequest, local_daily: "LocalDailyFixture", bot_errors: "BotErrors"
) -> "OpenRoom":
    """Opens a room with a bot in it, for the people that a test sends there: see `OpenRoom`."""
    from pipecat_daily_rest.testing.room_fixture import OpenRoom

    if request.scope == "function" and "openai_server" in request.fixturenames:
        server: OpenAIServer = request.getfixturevalue("openai_server")
        fakes = (server.llm, server.stt, server.tts)
        bot_errors.services_fail.append(lambda: any(fake.told_to_fail for fake in fakes))
    return OpenRoom(local_daily, bot_errors)


@pytest.fixture
def local_page() -> None:
    """A page in a browser, whose daily-js joins the rooms of `local_daily`.

    It is the ``page`` of pytest-playwright, where the bot is a process of its own, or that of
    pytest-playwright-asyncio, where the bot may be in `local_room`.
    """
    pytest.fail("local_page needs pytest-playwright or pytest-playwright-asyncio", pytrace=False)


@pytest.fixture
def openai_server() -> "Iterator[OpenAIServer]":
    """The server behind `llm`, `stt` and `tts`.

    ``OPENAI_BASE_URL`` points to it, and there is an ``OPENAI_API_KEY``, while the test runs.
    """
    from pipecat_daily_rest.testing.openai_server import OpenAIServer
    from pipecat_daily_rest.testing.server_thread import ServerThread

    thread = ServerThread("openai_server", OpenAIServer)
    try:
        with pytest.MonkeyPatch.context() as environment:
            for name, value in thread.server.env().items():
                environment.setenv(name, value)
            yield thread.server
    finally:
        thread.stop()


@pytest.fixture
def llm(openai_server: "OpenAIServer") -> "FakeLLM":
    """A language model that answers as the test says; Pipecat's OpenAI service finds it."""
    return openai_server.llm


@pytest.fixture
def stt(openai_server: "OpenAIServer") -> "FakeSTT":
    """A speech to text that understands what the test says; Pipecat's OpenAI service finds it."""
    return openai_server.stt


@pytest.fixture
def tts(openai_server: "OpenAIServer") -> "FakeTTS":
    """A text to speech that says what the test says; Pipecat's OpenAI service finds it."""
    return openai_server.tts
