# SPDX-License-Identifier: BSD-2-Clause
"""The domain: its properties, their defaults and nulls, and what they change."""

import json
from pathlib import Path

import pytest

from document.properties import KINDS
from helpers import calling
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.choices import Choices
from pipecat_daily_rest.local.rules.properties import DOMAIN_PROPERTIES

OPENAPI = Path(__file__).parents[4] / "shared" / "daily-api" / "openapi.json"


async def test_defaults_and_nulls_appear(call, local_daily) -> None:
    status, domain = await call("GET", "/")
    assert status == 200
    assert sorted(domain) == ["config", "domain_id", "domain_name"]
    config = domain["config"]
    assert config["lang"] == "en"
    assert config["enable_prejoin_ui"] is True
    assert config["hide_daily_branding"] is False
    assert config["max_api_rooms"] is None
    assert config["geo"] is None
    assert config["max_live_streams"] == 20
    for name in ("sfu_switchover", "switchover_impl", "webhook_meeting_end"):
        assert config[name] is None  # as in the document's example


# What the domain's config shows beside what can be set, by Daily's documents; the last two were
# seen live.
SHOWN = {
    "attach_callobject_to_window", "disable_rate_limiting", "enable_daily_logger",
    "intercom_manual_record", "max_api_rooms", "max_live_streams",
    "max_streaming_instances_per_room", "sfu_impl", "switchover_impl", "webhook_meeting_end",
    "max_api_keys", "max_webhook_count",
}  # fmt: skip


async def test_it_has_only_properties_that_daily_has(call, local_daily) -> None:
    _, domain = await call("GET", "/")
    assert set(domain["config"]) - set(KINDS["domain"]) - SHOWN == set()


async def test_set_and_unset(call, local_daily) -> None:
    properties = {"lang": "es", "geo": "eu-central-1", "enable_advanced_chat": True}
    status, answer = await call("POST", "/", {"properties": properties})
    assert status == 200
    assert sorted(answer) == ["config", "domain_name"]
    assert answer["config"].items() >= properties.items()
    status, answer = await call("POST", "/", {"properties": {"lang": None, "geo": None}})
    assert (answer["config"]["lang"], answer["config"]["geo"]) == ("en", None)
    assert answer["config"]["enable_advanced_chat"] is True
    _, domain = await call("GET", "/")
    assert domain["config"] == answer["config"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"properties": {}},
        {"properties": []},
        {"properties": {"language": "es"}},
        {"properties": {"lang": "klingon"}},
        {"properties": {"max_api_rooms": 5}},
        {"properties": {"permissions": {"canSend": "audio"}}},
        {"properties": {"redirect_on_meeting_exit": "nowhere"}},
        {"properties": {"pinless_dialin": [{"hmac": 1}]}},
        {"lang": "es"},
    ],
)
async def test_what_is_refused(call, local_daily, body) -> None:
    status, answer = await call("POST", "/", body)
    assert (status, answer["error"]) == (400, "invalid-request-error")
    assert (await call("GET", "/"))[1]["config"]["lang"] == "en"


async def test_a_domain_without_user_ids_twice(call, local_daily) -> None:
    await call("POST", "/", {"properties": {"enforce_unique_user_ids": True}})
    local_daily.state.rooms.create("demo", "public", {})
    local_daily.state.rooms.create("other", "public", {"enforce_unique_user_ids": False})
    _, answer = await call("POST", "/meeting-tokens", {"properties": {"user_id": "a"}})
    first, second = (local_daily.join("demo", answer["token"]) for _ in range(2))
    assert (first.left_reason, second.left_reason) == ("replaced", None)
    first, second = (local_daily.join("other", answer["token"]) for _ in range(2))
    assert (first.left_reason, second.left_reason) == (None, None)


async def test_unset_properties_may_be_left_out() -> None:
    async with (
        LocalDaily(choices=Choices(domain_shows_nulls=False)) as daily,
        calling(daily) as call,
    ):
        config = (await call("GET", "/"))[1]["config"]
        assert None not in config.values()
        assert "sfu_switchover" not in config
        body = {"properties": {"sfu_switchover": 0.5, "geo": None}}
        after = (await call("POST", "/", body))[1]["config"]
        assert after == {**config, "sfu_switchover": 0.5}


async def test_the_quota_of_rooms() -> None:
    async with LocalDaily(choices=Choices(max_api_rooms=2)) as daily, calling(daily) as call:
        assert (await call("GET", "/"))[1]["config"]["max_api_rooms"] == 2
        exp = daily.state.clock.now() + 60
        body = {"name": "one", "properties": {"exp": exp}}
        assert (await call("POST", "/rooms", body))[0] == 200
        status, answer = await call("POST", "/batch/rooms", {"rooms": [{}, {}]})
        assert (status, answer["error"]) == (400, "invalid-request-error")
        assert (await call("POST", "/rooms", {"name": "two"}))[0] == 200
        assert (await call("POST", "/rooms", {"name": "three"}))[0] == 400
        daily.advance(61)  # an expired room no longer counts
        assert (await call("POST", "/rooms", {"name": "three"}))[0] == 200


@pytest.mark.skipif(not OPENAPI.exists(), reason="Daily's OpenAPI document is not beside the repo")
def test_the_names_are_those_of_the_openapi_document() -> None:
    document = json.loads(OPENAPI.read_text())
    body = document["components"]["schemas"]["domain"]["properties"]["properties"]
    assert set(DOMAIN_PROPERTIES) == set(body["properties"])
