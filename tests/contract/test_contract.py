# SPDX-License-Identifier: BSD-2-Clause
"""What this package relies on, checked on the local Daily and, with --daily-live, on Daily."""

import time

import pytest

from pipecat_daily_rest import DailyRoomParams, DailyRoomProperties, provisioned_room
from pipecat_daily_rest._core import room_names
from pipecat_daily_rest.errors import (
    DailyAPIError,
    DailyAuthenticationError,
    DailyNotFoundError,
    DailyRoomExistsError,
)


async def test_a_session(account, helper):
    async with provisioned_room(
        DailyRoomParams(),
        lifetime=120,
        name_prefix=account.prefix,
        api_key=account.api_key,
        api_url=account.api_url,
    ) as room:
        assert room.room.privacy == "private"
        assert room.room.config.eject_at_room_exp is True
        assert room.url.endswith(f"/{room.name}")
        # Daily accepts a token that was signed here.
        for token, owner in ((room.bot_token, True), (room.user_token, False)):
            rights = await helper.request("GET", f"/meeting-tokens/{token}")
            assert rights["room_name"] == room.name
            assert bool(rights.get("is_owner")) is owner
        presence = await helper.request("GET", f"/rooms/{room.name}/presence")
        assert presence["total_count"] == 0
    async with provisioned_room(
        DailyRoomParams(),
        lifetime=120,
        name_prefix=account.prefix,
        token_source="api",
        api_key=account.api_key,
        api_url=account.api_url,
    ) as other:
        assert other.bot_token != other.user_token


async def test_the_room_is_gone_after_it(account, helper):
    async with provisioned_room(
        DailyRoomParams(),
        lifetime=120,
        name_prefix=account.prefix,
        api_key=account.api_key,
        api_url=account.api_url,
    ) as room:
        assert (await helper.get_room_from_url(room.url)).name == room.name
    with pytest.raises(DailyNotFoundError):
        await helper.get_room_from_url(room.url)
    assert await helper.delete_room_by_url(room.url) is True


async def test_a_taken_name(account, helper):
    exp = time.time() + 60
    params = DailyRoomParams(
        name=room_names.make_name(account.prefix),
        privacy="private",
        properties=DailyRoomProperties(exp=exp),
    )
    room = await helper.create_room(params)
    try:
        assert abs(room.config.exp - exp) < 1
        other = params.model_copy(update={"properties": DailyRoomProperties(exp=exp + 600)})
        with pytest.raises(DailyRoomExistsError):
            await helper.create_room(other)
    finally:
        await helper.delete_room_by_name(room.name)


async def test_a_wrong_key(account):
    with pytest.raises(DailyAuthenticationError) as caught:
        async with provisioned_room(DailyRoomParams(), api_key="0" * 64, api_url=account.api_url):
            pass
    assert (caught.value.status, caught.value.code) == (401, "authentication-error")


async def test_an_exp_in_the_past_is_refused(helper):
    body = {"properties": {"exp": 1}}
    with pytest.raises(DailyAPIError) as caught:
        await helper.request("POST", "/rooms", json=body)
    assert caught.value.status == 400
    assert "in the past" in caught.value.info
