# SPDX-License-Identifier: BSD-2-Clause
import json
import re
import time

import pytest

from pipecat_daily_rest.cli import given
from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.choices import Choices
from pipecat_daily_rest.models import DailyRoomProperties


async def create(command, *options, **environment):
    create = ("rooms", "create", *options, "--output", "json")
    code, out, err = await command(*create, **environment)
    assert (code, err) == (0, "")
    return json.loads(out)


async def test_the_life_of_a_room(daily, command):
    code, out, err = await command(
        *("rooms", "create", "--name", "demo", "--lifetime", "600"),
        *("--property", "max_participants=2", "--property", "lang=fr"),
    )
    assert (code, out) == (0, f"{daily.url}/demo\n")
    assert err.startswith("demo lives until 20")
    room = daily.rooms["demo"]
    assert room.privacy == "private"
    assert 0 < room.config["exp"] - time.time() <= 600
    assert room.config["eject_at_room_exp"] is True
    assert (room.config["max_participants"], room.config["lang"]) == (2, "fr")

    daily.advance(1)  # rooms of one second have no order
    public = await create(command, "--public")
    assert public["privacy"] == "public"
    assert re.fullmatch(r"room-r[a-z0-9]{20}", public["name"])

    daily.join(public["name"], user_name="Ana")
    code, out, err = await command("rooms", "list")
    assert (code, err) == (0, "2 rooms\n")
    assert [line.split()[0] for line in out.splitlines()] == ["NAME", public["name"], "demo"]
    code, out, _ = await command("rooms", "list", PIPECAT_OUTPUT="json")
    assert [room["name"] for room in json.loads(out)] == [public["name"], "demo"]

    code, out, err = await command("rooms", "show", f"{daily.url}/demo")
    assert (code, err) == (0, "")
    shown = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert shown["max_participants"] == "2"
    assert shown["people"] == "nobody"
    code, out, _ = await command("rooms", "show", public["name"], "--output", "json")
    assert [each["userName"] for each in json.loads(out)["people"]] == ["Ana"]

    both = ("rooms", "delete", "demo", public["url"])
    code, out, err = await command(*both, "--dry-run")
    assert (code, out) == (0, "")
    assert err == f"demo would be deleted\n{public['name']} would be deleted\n"
    code, out, err = await command(*both)
    assert (code, out) == (2, "")
    assert "with 1 people in them?" in err
    assert "--yes" in err
    assert len(daily.rooms) == 2
    code, out, err = await command(*both, "--yes")
    assert (code, out) == (0, "")
    assert err == f"demo deleted\n{public['name']} deleted\n"
    assert daily.rooms == {}
    assert (await command("rooms", "list"))[:2] == (0, "")


async def test_one_wrong_name_deletes_no_room(daily, command):
    await create(command, "--name", "demo")
    code, _, err = await command("rooms", "delete", "demo", "dmeo", "--yes")
    assert code == 1
    assert "dmeo" in err
    assert list(daily.rooms) == ["demo"]


async def test_a_dry_run_creates_nothing(daily, command):
    code, out, err = await command("rooms", "create", "--name", "demo", "--dry-run")
    assert (code, err) == (0, "This would be sent:\n")
    assert json.loads(out)["name"] == "demo"
    assert daily.requests == []


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("rooms", "show", "gone"), 1, "gone"),
        (("rooms", "show", "a b"), 2, "is not a room name"),
        (("rooms", "create", "--property", "lang"), 2, "name=value"),
        (("rooms", "create", "--property", "max_participants=many"), 2, "max_participants"),
        (("token", "create", "gone"), 1, "gone"),
        (("token", "read", "abc"), 1, "not a meeting token"),
        (("token", "read"), 2, "There is no token"),
    ],
)
async def test_a_users_error_is_a_sentence(daily, command, words, code, said):
    found, out, err = await command(*words)
    assert (found, out) == (code, "")
    assert err.startswith("Error: ")
    assert said in err
    assert "Traceback" not in err
    assert daily.rooms == {}


async def test_tokens(daily, command):
    await create(command, "--name", "demo", "--lifetime", "600")
    code, out, err = await command(
        *("token", "create", "demo", "--owner", "--user-name", "Ana"),
        *("--property", "start_video_off=true"),
    )
    assert code == 0
    token = out.strip()
    assert token.count(".") == 2
    assert token not in err
    person = daily.join("demo", token)
    assert person.user_name == "Ana"

    code, out, _ = await command("token", "read", f"{daily.url}/demo?t={token}", "--output", "json")
    assert code == 0
    says = json.loads(out)
    assert says["exp"] <= daily.rooms["demo"].config["exp"]
    assert (says["room_name"], says["is_owner"], says["user_name"]) == ("demo", True, "Ana")
    assert says["start_video_off"] is True
    code, out, _ = await command("token", "read", token)
    assert code == 0
    assert token not in out

    code, out, err = await command("token", "read", token, "--room", "other")
    assert (code, out) == (1, "")
    assert "'demo', not 'other'" in err
    assert token not in err


async def test_a_link_to_a_room(daily, command):
    await create(command, "--name", "demo")
    code, out, err = await command("rooms", "open", "demo", "--no-browser", "--user-name", "Ana")
    assert (code, err) == (0, "")
    url, token = out.strip().split("?t=")
    assert url == f"{daily.url}/demo"
    assert daily.join("demo", token).user_name == "Ana"
    says = json.loads((await command("token", "read", token, "--output", "json"))[1])
    assert says["is_owner"] is False


@pytest.mark.parametrize(
    ("answers", "code", "said"), [(True, 2, "expired at 20"), (False, 1, "not found: demo")]
)
async def test_no_token_for_a_room_that_expired(command, answers, code, said):
    async with LocalDaily(choices=Choices(expired_room_answers=answers)) as daily:
        await create(command, "--name", "demo", **daily.env())
        daily.rooms["demo"].config["exp"] = time.time() - 1
        found, out, err = await command("token", "create", "demo", **daily.env())
    assert (found, out) == (code, "")
    assert said in err


async def test_the_version(command):
    code, out, err = await command("--version")
    assert (code, err) == (0, "")
    assert re.fullmatch(r"pipecat-daily-rest \d+\.\d+\.\d+\S*\n", out)
    code, plain, _ = await command("version")
    assert code == 0
    assert plain.startswith(out)
    code, out, _ = await command("version", "--output", "json")
    assert json.loads(out)["pipecat-daily-rest"] == plain.split()[1]


def test_properties_keep_a_secret_that_was_given_by_mistake():
    with pytest.raises(DailyConfigError) as raised:
        given.properties(DailyRoomProperties, ["eyJhbGciOiJIUzI1NiJ9.eyJyIjoiZGVtbyJ9.c2ln"])
    assert "eyJ" not in str(raised.value)
