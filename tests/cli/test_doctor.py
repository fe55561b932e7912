# SPDX-License-Identifier: BSD-2-Clause
import json
import re
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from pipecat_daily_rest._core import daily_module, proxies
from pipecat_daily_rest.cli import doctor_command
from pipecat_daily_rest.local import LocalDaily

ASKED = ("domain", "plan", "token", "rooms")


async def examine(**options):
    """What the doctor finds, by its checks."""
    found = [each async for each in doctor_command.examine(**options)]
    assert len({each.check for each in found}) == len(found)
    return {each.check: each for each in found}


def faults(found):
    return {check for check, each in found.items() if each.state == "fault"}


async def test_a_healthy_local_daily(daily):
    found = await examine()
    assert faults(found) == set()
    assert found["domain"].found.startswith("local (a local Daily)")
    assert "stand-in" in found["daily-python"].found
    assert all(found[check].seconds > 0 for check in ASKED)
    assert daily.rooms == {}


async def test_no_key(monkeypatch):
    found = await examine()
    assert "key" in faults(found)
    assert "DAILY_API_KEY is not set" in found["key"].found
    assert "dashboard.daily.co" in found["key"].cure
    assert {found[check].state for check in (*ASKED, "clock")} == {"skipped"}


async def test_a_key_in_quotes(daily, monkeypatch):
    monkeypatch.setenv("DAILY_API_KEY", f'"{daily.api_key}"')
    found = await examine()
    assert "key" in faults(found)
    assert "quotes" in found["key"].found
    assert "quotes" in found["key"].cure
    assert daily.api_key not in str(found)
    assert daily.requests == []


async def test_a_wrong_url(daily, monkeypatch):
    monkeypatch.setenv("DAILY_API_URL", "api.daily.co")
    found = await examine()
    assert "url" in faults(found)
    assert "DAILY_API_URL" in found["url"].cure


async def test_a_key_of_nobody(daily, monkeypatch):
    monkeypatch.setenv("DAILY_API_KEY", "0" * 64)
    found = await examine()
    assert faults(found) == {"domain"}
    assert "Copy the key again" in found["domain"].cure
    assert {found[check].state for check in ("plan", "token", "rooms")} == {"skipped"}


async def test_nobody_answers(daily, monkeypatch):
    monkeypatch.setenv("DAILY_API_URL", "http://127.0.0.1:1/v1")
    found = await examine()
    assert "domain" in faults(found)
    assert "network" in found["domain"].cure
    assert found["clock"].state == "skipped"


async def test_an_account_without_a_card(daily):
    body = {"error": "invalid-plan-type", "info": "This feature is only for paid accounts"}
    daily.fail("GET", "/webhooks", status=400, body=body)
    found = await examine()
    assert faults(found) == {"plan"}
    assert "payment card" in found["plan"].cure


async def test_a_plan_that_is_not_told(daily):
    daily.fail("GET", "/webhooks", status=500)
    found = await examine()
    assert found["plan"].state == "note"
    assert faults(found) == set()


@pytest.mark.parametrize(("seconds", "state"), [(0, "ok"), (12, "note"), (120, "fault")])
async def test_the_clock(daily, seconds, state):
    daily.advance(seconds)
    found = await examine()
    assert found["clock"].state == state
    assert bool(found["clock"].cure) == (state != "ok")
    assert faults(found) == ({"clock"} if state == "fault" else set())


async def test_a_clock_so_wrong_that_tokens_are_refused(daily):
    daily.advance(4000)
    found = await examine()
    assert faults(found) == {"clock", "token"}
    assert "clock" in found["token"].cure


async def test_rooms_that_cannot_be_listed(daily):
    daily.fail("GET", "/rooms", status=429, times=None)
    found = await examine()
    assert faults(found) == {"rooms"}
    assert "DAILY_REDIS_URL" in found["rooms"].cure


async def test_the_wrong_daily_module_for_a_local_room(daily, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "")
    found = await examine()
    assert faults(found) == {"daily-python"}
    assert "--local" in found["daily-python"].cure


async def test_the_stand_in_for_a_room_on_daily(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", daily_module.python_path())
    found = await examine()
    assert "daily-python" in faults(found)
    assert "PYTHONPATH" in found["daily-python"].cure


async def test_no_daily_python(monkeypatch):
    def missing(name):
        raise doctor_command.PackageNotFoundError(name)

    monkeypatch.setattr(doctor_command, "version", missing)
    found = await examine()
    assert "daily-python" in faults(found)
    assert "pip install 'pipecat-daily-rest[daily]'" in found["daily-python"].cure


@pytest.mark.parametrize(("url", "state"), [("", "note"), ("redis://127.0.0.1:1/0", "fault")])
async def test_a_missing_extra(daily, monkeypatch, url, state):
    monkeypatch.setenv("DAILY_REDIS_URL", url)
    monkeypatch.setitem(doctor_command._EXTRAS, "redis", ("a_module_that_nobody_has",))
    redis = {each.check: each for each in doctor_command._here(True)}["redis"]
    assert redis.state == state
    assert redis.cure == "pip install 'pipecat-daily-rest[redis]'"


def test_every_extra_is_looked_at():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    # Pipecat's extra `daily` is daily-python, which has a check of its own.
    assert extras.pop("daily") == ["pipecat-ai[daily]"]
    assert extras.keys() == doctor_command._EXTRAS.keys()
    packages = packages_distributions()
    for extra, needs in extras.items():
        modules = doctor_command._EXTRAS[extra]
        tops = {each.partition(".")[0] for each in modules}
        given = {name.replace("_", "-") for top in tops for name in packages[top]}
        names = {re.match(r"[\w-]+", need)[0] for need in needs} - {"pipecat-ai"}
        assert names <= given
        assert len(names) == len(modules)


def test_a_package_that_lacks_a_part(monkeypatch):
    lacking = ("pytest.nothing.here", "nothing.here", "pytest")
    monkeypatch.setitem(doctor_command._EXTRAS, "otel", lacking)
    (found,) = (each for each in doctor_command._here(True) if each.check == "otel")
    assert "(pytest.nothing.here, nothing.here missing)" in found.found
    assert found.state == "note"


@pytest.mark.parametrize(("url", "state"), [("https://x.daily.co/demo", "note"), ("demo", "fault")])
async def test_a_room_for_every_run(daily, monkeypatch, url, state):
    monkeypatch.setenv("DAILY_ROOM_URL", url)
    found = await examine()
    assert found["room"].state == state
    assert "DAILY_ROOM_URL" in found["room"].cure


def test_proxies(monkeypatch):
    url = "https://api.daily.co/v1"
    assert doctor_command._proxies(url).state == "ok"
    monkeypatch.setenv("HTTPS_PROXY", "http://ann:s3cret@proxy.example:3128")
    unused = doctor_command._proxies(url)
    assert unused.state == "note"
    assert "HTTPS_PROXY" in unused.found
    assert "DAILY_TRUST_ENV=1" in unused.cure
    monkeypatch.setenv("DAILY_TRUST_ENV", "1")
    used = doctor_command._proxies(url)
    assert used.state == "ok"
    assert "proxy.example:3128 is used" in used.found
    assert "s3cret" not in repr((unused, used, proxies.proxy_for(url)))
    monkeypatch.setenv("NO_PROXY", "daily.co")
    assert "none is for" in doctor_command._proxies(url).found


@pytest.mark.parametrize("host", ["localhost", "a.localhost", "127.0.0.1:80", "127.1.2.3", "[::1]"])
def test_no_proxy_for_this_machine(monkeypatch, host):
    monkeypatch.setenv("HTTP_PROXY", "proxy.example:3128")
    assert proxies.proxy_for(f"http://{host}/v1") is None
    proxy = proxies.proxy_for("http://example.com/v1")
    assert (proxy.variable, proxy.url) == ("HTTP_PROXY", "http://proxy.example:3128")


async def test_the_command(daily: LocalDaily, command, tmp_path):
    code, out, err = await command("doctor")
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == "0 faults"

    code, out, _ = await command("doctor", "--output", "json", DAILY_API_KEY="wrong" * 9)
    assert code == 1
    found = {each["check"]: each for each in json.loads(out)}
    assert found["key"]["state"] == "ok"
    assert found["domain"]["state"] == "fault"
    assert found["domain"]["ms"] > 0

    # A container has the variable, and a .env beside the bot fills it where it is empty.
    (tmp_path / ".env").write_text(f"DAILY_API_KEY={daily.api_key}\n")
    code, out, _ = await command("doctor", DAILY_API_KEY="", PIPECAT_OUTPUT="rich")
    assert code == 0
    assert "from .env" in out
    assert daily.api_key not in out
    assert out.splitlines()[-1] == "0 faults"
