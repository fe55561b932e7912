# SPDX-License-Identifier: BSD-2-Clause
from datetime import timedelta

import pytest

from pipecat_daily_rest import DailyRESTHelper, provisioned_room
from pipecat_daily_rest._core import settings
from pipecat_daily_rest._core.secret import Secret
from pipecat_daily_rest.errors import DailyConfigError


def test_the_environment_is_read_at_each_call(monkeypatch):
    monkeypatch.setenv("DAILY_API_KEY", " one ")
    assert settings.api_key() == "one"
    monkeypatch.setenv("DAILY_API_KEY", "two")
    assert settings.api_key() == "two"
    assert settings.api_key("given") == "given"


def test_a_missing_key_says_where_to_get_one_and_how_to_do_without(monkeypatch):
    monkeypatch.setenv("DAILY_API_KEY", "")
    with pytest.raises(DailyConfigError) as caught:
        settings.api_key()
    for part in ("DAILY_API_KEY", "dashboard.daily.co/developers", "--local"):
        assert part in str(caught.value)


@pytest.mark.parametrize("key", ["a b", "a\nb", "schlüssel", "x\x00"])
def test_an_impossible_key_is_refused_and_not_shown(key):
    with pytest.raises(DailyConfigError) as caught:
        settings.api_key(key)
    assert key not in str(caught.value)


def test_url(monkeypatch):
    monkeypatch.delenv("DAILY_API_URL", raising=False)
    assert settings.api_url() == "https://api.daily.co/v1"
    monkeypatch.setenv("DAILY_API_URL", "http://127.0.0.1:9/v1/")
    assert settings.api_url() == "http://127.0.0.1:9/v1"
    assert settings.api_url("https://a.b/v1//") == "https://a.b/v1"


@pytest.mark.parametrize(
    "url",
    [
        *("", "api.daily.co/v1", "ftp://x/v1", "http://", "http://x/v1?a=b", "http://u:p@x"),
        *("http://:p@x/v1", "http://a..b/v1", "http://" + "a" * 64),
        *("http://[", 5, True, b"https://x/v1", ["https://x/v1"], {"url": "https://x/v1"}),
    ],
)
def test_bad_urls(url):
    with pytest.raises(DailyConfigError, match="DAILY_API_URL"):
        settings.api_url(url)


@pytest.mark.parametrize("quote", ['"', "'"])
@pytest.mark.parametrize("name", ["DAILY_API_KEY", "DAILY_API_URL", "DAILY_ROOM_URL"])
async def test_quotes_around_a_variable_are_reported(monkeypatch, name, quote):
    monkeypatch.setenv("DAILY_API_KEY", "key")
    value = {"DAILY_API_KEY": "key", "DAILY_API_URL": "https://api.daily.co/v1"}
    monkeypatch.setenv(name, quote + value.get(name, "https://x.daily.co/room") + quote)
    with pytest.raises(DailyConfigError, match="quotes"):
        await provisioned_room().__aenter__()


def test_quotes_around_the_redis_url_are_reported(monkeypatch):
    monkeypatch.setenv("DAILY_REDIS_URL", "'redis://localhost:6379/0'")
    with pytest.raises(DailyConfigError, match="quotes"):
        DailyRESTHelper(daily_api_key="key")


def test_seconds():
    assert settings.seconds("lifetime", timedelta(minutes=1)) == 60
    assert settings.seconds("lifetime", 1) == 1
    for bad in (0, -1, 0.5, float("nan"), float("inf"), True, "10", None):
        with pytest.raises(DailyConfigError, match="lifetime"):
            settings.seconds("lifetime", bad)


def test_a_secret_is_a_string_that_repr_does_not_show():
    secret = Secret("abc")
    assert secret == "abc"
    assert f"{secret}" == "abc"
    assert repr(secret) == "'***'"
    assert "abc" not in repr({"Authorization": secret})
