# SPDX-License-Identifier: BSD-2-Clause
"""``pipecat-daily-rest doctor``: looks at what a bot needs, and says what to do where it lacks."""

import os
import time
from collections.abc import AsyncIterator, Awaitable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Literal, TypeVar

from pipecat_daily_rest._core import daily_module, proxies, room_names, settings
from pipecat_daily_rest._http.response import SKEW, clock_behind
from pipecat_daily_rest._http.retry import RetryPolicy
from pipecat_daily_rest._rest.helper import DailyRESTHelper
from pipecat_daily_rest.cli import progress
from pipecat_daily_rest.cli.output import Output, chosen, run, show_json, show_line
from pipecat_daily_rest.errors import DailyAPIError, DailyError
from pipecat_daily_rest.tokens import sign

T = TypeVar("T")

State = Literal["ok", "note", "fault", "skipped"]
_STYLES = {"ok": "green", "note": "yellow", "fault": "bold red", "skipped": "dim"}
_ONCE = RetryPolicy(attempts=1)
_VALID = 300  # seconds, for the token that is tried
_NOTABLE = 5.0  # seconds by which a clock may be wrong; Daily sends whole seconds
_EXTRAS = {  # their modules; `daily-python` has a check of its own
    "local": ("aiortc",),
    "server": ("fastapi", "uvicorn", "prometheus_client"),
    "redis": ("redis",),
    "otel": ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http"),
    "ray": ("ray",),
    "test": ("pytest", "pytest_asyncio"),
}
_CHECKS = 14  # about: some depend on others
_NO_CARD = "invalid-plan-type"


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Parameters:
        check: What was looked at.
        state: ``fault`` is what stops a bot.
        found: What was found.
        cure: What to do about it, or "".
        seconds: How long Daily took to answer; None where it was not asked.
    """

    check: str
    state: State
    found: str
    cure: str = ""
    seconds: float | None = None


def main(*, output: Output | None) -> int:
    """Print what is found, and give the exit code: 1 if there is a fault."""
    from_file = not settings.environment_key()  # `run` reads .env
    return run(_main(chosen(output), from_file=from_file))


async def _main(output: Output, *, from_file: bool) -> int:
    found = []
    async for finding in examine(from_file=from_file):
        found.append(finding)
        progress.tell("Looking at what a bot needs", len(found), _CHECKS)
        if output is not Output.JSON:
            _show(output, finding)
    faults = sum(finding.state == "fault" for finding in found)
    if output is Output.JSON:
        show_json([_json(finding) for finding in found])
    else:
        show_line(output, [f"{faults} faults" if faults != 1 else "1 fault"])
    return 1 if faults else 0


def _show(output: Output, finding: Finding) -> None:
    took = "" if finding.seconds is None else f" ({finding.seconds * 1000:.0f} ms)"
    words = [finding.state.ljust(7), finding.check.ljust(12), finding.found + took]
    show_line(output, words, style=_STYLES[finding.state])
    if finding.cure:
        show_line(output, [" " * 7, " " * 12, f"-> {finding.cure}"])


def _json(finding: Finding) -> dict[str, object]:
    took = None if finding.seconds is None else round(finding.seconds * 1000, 1)
    return {
        "check": finding.check,
        "state": finding.state,
        "found": finding.found,
        "cure": finding.cure,
        "ms": took,
    }


async def examine(*, from_file: bool = False) -> AsyncIterator[Finding]:
    """Look at everything, and give each finding at once.

    Args:
        from_file: Whether ``DAILY_API_KEY`` was read from ``.env``.

    Yields:
        The findings.
    """
    helper = None
    try:
        settings.api_key()
    except DailyError as exc:
        quoted = settings.quotes(settings.environment_key())
        cure = quoted.strip() or f"Copy the key from {settings.KEY_PAGE}."
        yield Finding("key", "fault", str(exc).removesuffix(quoted), cure)
    else:
        where = "from .env" if from_file else "from the environment"
        yield Finding("key", "ok", f"DAILY_API_KEY, {where}")
    try:
        url = settings.api_url()
    except DailyError as exc:
        yield Finding("url", "fault", str(exc), "Unset DAILY_API_URL for Daily itself.")
    else:
        other = url != settings.DEFAULT_API_URL
        cure = "Unset DAILY_API_URL for Daily itself." if other else ""
        yield Finding("url", "note" if other else "ok", url, cure)
        try:
            helper = DailyRESTHelper.from_env(retry=_ONCE)
        except DailyError:
            pass  # told above
        yield _proxies(url)
    is_local = False
    if helper is None:
        for check in ("domain", "plan", "clock", "token", "rooms"):
            yield Finding(check, "skipped", "needs a key and a URL")
    else:
        async with helper:
            async for finding in _ask(helper):
                yield finding
            is_local = helper.api.is_local
    for finding in _here(is_local):
        yield finding
    if _serves_by_ray() and find_spec("ray") is not None:
        yield await _ray()


async def _ask(helper: DailyRESTHelper) -> AsyncIterator[Finding]:
    """Ask Daily for what only it knows."""
    asked_at = time.time()
    domain, error, took = await _timed(helper.get_domain())
    if domain is None:
        yield Finding("domain", "fault", str(error), _cure(error), took)
        for check in ("plan", "token", "rooms"):
            yield Finding(check, "skipped", "needs the domain")
        yield _clock(helper, asked_at)
        return
    where = " (a local Daily)" if helper.api.is_local else ""
    yield Finding("domain", "ok", f"{domain.domain_name}{where}, with a new connection", "", took)
    yield _clock(helper, asked_at)

    _, error, took = await _timed(helper.list_webhooks())
    most = domain.config.get("max_api_rooms")
    rooms = f", {most} rooms at most" if isinstance(most, int) else ""
    if isinstance(error, DailyAPIError) and error.code == _NO_CARD:
        cure = "Add a payment card in Daily's dashboard: without one nobody can join a room."
        yield Finding("plan", "fault", "the account has no payment card" + rooms, cure, took)
    elif error is not None:
        yield Finding("plan", "note", f"unknown: {error}", _cure(error), took)
    else:
        yield Finding("plan", "ok", "paid features answer" + rooms, "", took)

    now = time.time()
    claims = {"r": room_names.make_name("doctor"), "exp": int(now) + _VALID}
    token = sign(claims, api_key=helper.api.key, domain_id=domain.domain_id, now=now)
    _, error, took = await _timed(helper.validate_token(token))
    if error is not None:
        cure = _cure(error) if not isinstance(error, DailyAPIError) else ""
        cure = cure or 'Set this machine\'s clock right, or use token_source="api".'
        yield Finding("token", "fault", f"one signed here is refused: {error}", cure, took)
    else:
        yield Finding("token", "ok", "Daily accepts one that is signed here", "", took)

    _, error, took = await _timed(helper.request("GET", "/rooms", query={"limit": 1}))
    if error is not None:
        yield Finding("rooms", "fault", str(error), _cure(error), took)
    else:
        yield Finding("rooms", "ok", "can be listed", "", took)


async def _timed(answer: Awaitable[T]) -> tuple[T | None, DailyError | None, float]:
    """Give an answer or its error, and the seconds that it took."""
    began = time.perf_counter()
    try:
        return await answer, None, time.perf_counter() - began
    except DailyError as exc:
        return None, exc, time.perf_counter() - began


def _cure(error: DailyError | None) -> str:
    if isinstance(error, DailyAPIError):
        if error.status in (400, 401, 403):
            return f"Copy the key again from {settings.KEY_PAGE}."
        if error.status == 429:
            return "Wait a minute; DAILY_REDIS_URL lets machines share the account's limits."
        if error.status == 404:
            return "Check DAILY_API_URL: the path of Daily's own ends in /v1."
        return "Try again; look at https://status.daily.co if it stays."
    return "Check the network, DAILY_API_URL and the proxy."


def _clock(helper: DailyRESTHelper, asked_at: float) -> Finding:
    """Compare this machine's clock with the date of Daily's last answer."""
    behind = clock_behind(helper.api.server_date, now=(asked_at + time.time()) / 2)
    if behind is None:
        return Finding("clock", "skipped", "Daily sent no date")
    which = "behind" if behind > 0 else "ahead of"
    found = f"{abs(behind):.0f} s {which} Daily's"
    cure = "Set this machine's clock: a token or a room would expire at a wrong time."
    if abs(behind) >= SKEW:
        return Finding("clock", "fault", found, cure)
    if abs(behind) > _NOTABLE:
        return Finding("clock", "note", found, cure)
    return Finding("clock", "ok", found)


def _proxies(url: str) -> Finding:
    names = ", ".join(proxies.variables())
    if not names:
        return Finding("proxies", "ok", "none is set")
    proxy = proxies.proxy_for(url)
    if proxy is None:
        return Finding("proxies", "ok", f"{names}: none is for {url}")
    if proxies.trusted():
        return Finding("proxies", "ok", f"{proxy.address} is used ({proxy.variable})")
    cure = "Set DAILY_TRUST_ENV=1, or pass trust_env=True, to use it."
    return Finding("proxies", "note", f"{proxy.variable} is set and not used", cure)


def _here(is_local: bool) -> Iterator[Finding]:
    """Look at this machine."""
    yield _daily_module(is_local)
    for extra, modules in _EXTRAS.items():
        lacking = [name for name in modules if not _is_there(name)]
        if not lacking:
            yield Finding(extra, "ok", "the extra is installed")
            continue
        reason = ""
        if extra == "redis" and settings.redis_url():
            reason = " and DAILY_REDIS_URL is set"
        elif extra == "ray" and _serves_by_ray():
            reason = " and --launcher is ray, or RAY_ADDRESS is set"
        yield Finding(
            extra,
            "fault" if reason else "note",
            f"the extra is not installed{reason} ({', '.join(lacking)} missing)",
            f"pip install 'pipecat-daily-rest[{extra}]'",
        )
    if (room := settings.room_url()) is not None:
        cure = "Unset DAILY_ROOM_URL for a room of each run's own."
        try:
            name = room_names.from_url(room)
        except DailyError as exc:
            yield Finding("room", "fault", f"DAILY_ROOM_URL: {exc}", cure)
        else:
            found = f"DAILY_ROOM_URL: every run uses the room {name!r} and does not delete it"
            yield Finding("room", "note", found, cure)


def _is_there(module: str) -> bool:
    """Tell whether a module can be found; its packages are imported for that."""
    try:
        return find_spec(module) is not None
    except ImportError:
        return False


def _serves_by_ray() -> bool:
    return os.environ.get("PIPECAT_DAILY_LAUNCHER") == "ray" or bool(os.environ.get("RAY_ADDRESS"))


async def _ray() -> Finding:
    """Tell whether the calls on a Ray cluster outlive its head."""
    from pipecat_daily_rest.server.ray_connection import HEAD_IS_LOST, LOCAL, Ray, address

    where = address()
    if where == LOCAL:
        return Finding("ray", "ok", "a Ray of the server's own, on this machine alone")
    try:
        async with Ray() as cluster:
            safe = await cluster.is_behind_redis()
    except DailyError as exc:
        return Finding("ray", "fault", str(exc), "Start Ray there, or unset RAY_ADDRESS.")
    if safe:
        return Finding("ray", "ok", f"{where}, with Redis behind its head")
    cure = "Start the head with RAY_REDIS_ADDRESS=host:port of a Redis."
    return Finding("ray", "fault", f"{where} has no Redis behind its head: {HEAD_IS_LOST}", cure)


def _daily_module(is_local: bool) -> Finding:
    """Tell which ``daily`` a bot would import, and whether that fits the Daily it is for."""
    check = "daily-python"
    try:
        installed = version("daily-python")
    except PackageNotFoundError:
        installed = ""
    stand_in = str(daily_module.FOLDER) in os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if is_local and not stand_in:
        cure = "Start bots by `pipecat-daily-rest run BOT --local` or `local -- COMMAND`."
        return Finding(check, "fault", "a local room needs its stand-in, not on PYTHONPATH", cure)
    if is_local:
        return Finding(check, "ok", "the stand-in for local rooms is on PYTHONPATH")
    if stand_in:
        cure = "Unset PYTHONPATH, or run this outside of `pipecat-daily-rest local`."
        return Finding(check, "fault", "its stand-in is on PYTHONPATH: a bot cannot join", cure)
    if not installed:
        return Finding(
            check,
            "fault",
            "not installed: a bot cannot join a room on Daily",
            "pip install 'pipecat-daily-rest[daily]'; a local room needs none (`run BOT --local`)",
        )
    return Finding(check, "ok", f"{installed}; local runs use the stand-in instead")
