# SPDX-License-Identifier: BSD-2-Clause
import json
import time

import pytest

from pipecat_daily_rest import DailyRESTHelper
from pipecat_daily_rest._core import room_names as names
from pipecat_daily_rest.cli.output import Output, instant

EXP = "2033-05-18T03:33:20Z"


async def make(daily, *rooms):
    async with DailyRESTHelper(daily_api_key=daily.api_key, daily_api_url=daily.api_url) as helper:
        for name, privacy, exp in rooms:
            body = {"name": name, "privacy": privacy, "properties": {"exp": exp} if exp else {}}
            await helper.request("POST", "/rooms", json=body)


async def test_what_needs_attention(daily, command):
    later = time.time() + 3600
    left, young = names.make_name("pipecat"), names.make_name("other")
    busy = names.make_name("pipecat")
    await make(
        daily,
        ("fine", "private", later),
        ("open", "public", 2_000_000_000),
        ("forever", "private", None),
        ("kiosk-1", "public", None),
        (left, "private", later),
        (busy, "private", later),
        (young, "private", later),
    )
    daily.join(busy, daily.state.domain.sign({"room_name": busy}))
    options = ("audit", "--min-age", "0", "--pause", "0", "--ignore", "kiosk-*")
    code, out, err = await command(*options, "--output", "json")
    assert code == 1
    rows = {row["room"]: row for row in json.loads(out)}
    assert {name: row["why"] for name, row in rows.items()} == {
        "open": "public",
        "forever": "no expiry",
        left: "left by a dead process",
    }
    assert (rows["open"]["expires"], rows["forever"]["expires"]) == (EXP, None)
    assert err == "3 of 6 rooms need attention.\n"
    assert len(daily.rooms) == 7

    code, out, _ = await command(*options)
    assert code == 1
    header, *lines = out.splitlines()
    assert header.split() == ["ROOM", "WHY", "PRIVACY", "CREATED", "EXPIRES"]
    assert {line.split()[0] for line in lines} == rows.keys()


async def test_nothing_needs_attention(daily, command):
    await make(daily, ("fine", "private", time.time() + 3600))
    code, out, err = await command("audit", "--pause", "0")
    assert (code, out, err) == (0, "", "0 of 1 rooms need attention.\n")
    assert (await command("audit", "--pause", "0", "--output", "json"))[:2] == (0, "[]\n")


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"DAILY_API_KEY": "0" * 64}, "check DAILY_API_KEY"),
        ({"DAILY_API_KEY": ""}, "DAILY_API_KEY is not set"),
    ],
)
async def test_it_could_not_be_told(daily, command, environment, said):
    code, out, err = await command("audit", "--pause", "0", **environment)
    assert (code, out) == (2, "")
    assert err.startswith("Error: ")
    assert said in err
    assert "Traceback" not in err


@pytest.mark.parametrize("exp", [None, "soon", 1e30, float("nan")])
def test_an_expiry_that_is_no_time(exp):
    assert instant(exp) is None


async def test_a_wrong_output_is_a_usage_error(daily, command):
    code, _, err = await command("audit", PIPECAT_OUTPUT="yaml")
    assert code == 2
    assert all(each in err for each in Output)
