# SPDX-License-Identifier: BSD-2-Clause
"""What the page at ``/`` gets, who gets it, and that no answer grows with the local Daily."""

import asyncio
import hmac
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from loguru import logger

from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.face.routes import LOCKED
from pipecat_daily_rest.local.face.shown import PAGE
from pipecat_daily_rest.local.rest.journal import Request
from serving import until

WAIT = 60.0  # seconds; only a failure takes that long
DATA = ("events", "rooms", "rooms/1", "requests", "requests/0", "faults")


class Face:
    """The page's side: it asks with the secret."""

    def __init__(self, daily: LocalDaily, http: aiohttp.ClientSession) -> None:
        self.daily, self.http = daily, http
        self.secret = daily.face_url.partition("#")[2]
        self.headers = {"Authorization": f"Bearer {self.secret}"}

    async def get(self, path: str, **query: Any) -> dict[str, Any]:
        url, query = f"{self.daily.url}/.face/{path}", {n: str(v) for n, v in query.items()}
        async with self.http.get(url, params=query, headers=self.headers) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def do(self, action: str, **body: Any) -> tuple[int, str]:
        url = f"{self.daily.url}/.face/do/{action}"
        async with self.http.post(url, json=body, headers=self.headers) as response:
            return response.status, (await response.json())["said"]

    async def messages(self) -> AsyncIterator[dict[str, Any]]:
        url = f"{self.daily.url}/.face/events"
        async with self.http.get(url, headers=self.headers) as response:
            assert response.content_type == "text/event-stream"
            async for line in response.content:
                if line.startswith(b"data: "):
                    yield {**json.loads(line[6:]), "size": len(line)}


@pytest.fixture
async def daily() -> AsyncIterator[LocalDaily]:
    async with LocalDaily(control=True) as daily:
        daily.state.rooms.create("demo", "public", {})
        yield daily


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, read_bufsize=2**22) as http:
        yield http


@pytest.fixture
def face(daily: LocalDaily, http: aiohttp.ClientSession) -> Face:
    return Face(daily, http)


# -- Who gets it -----------------------------------------------------------------------------


async def test_the_page_itself_says_where_its_link_is_printed(face: Face) -> None:
    async with face.http.get(f"{face.daily.url}/") as response:
        text = await response.text()
    assert response.status == 200
    assert LOCKED in text
    assert face.secret not in text
    assert "demo" not in text
    assert face.daily.face_url == f"{face.daily.url}/#{face.secret}"
    assert len(face.secret) >= 32


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer {api_key}"},
        {"Authorization": "{secret}"},
        {"Authorization": "Bearer {secret}x"},
        {"Authorization": "Bearer \xff"},
        {"Cookie": "face={secret}"},
        {"Authorization": "Bearer {secret}", "Origin": "http://evil.example"},
        {"Authorization": "Bearer {secret}", "Origin": "http://localhost:5173"},
        {"Authorization": "Bearer {secret}", "Origin": "null"},
        {"Authorization": "Bearer {secret}", "Sec-Fetch-Site": "cross-site"},
        {"Authorization": "Bearer {secret}", "Sec-Fetch-Site": "same-site"},
    ],
)
async def test_nothing_of_it_without_the_secret_or_for_another_origin(
    face: Face, headers: dict[str, str]
) -> None:
    given = {
        name: value.format(secret=face.secret, api_key=face.daily.api_key)
        for name, value in headers.items()
    }
    for path in DATA:
        url = f"{face.daily.url}/.face/{path}"
        async with face.http.get(url, headers=given) as response:
            assert (response.status, await response.text()) == (403, LOCKED)
    async with face.http.post(
        f"{face.daily.url}/.face/do/delete", json={"room": 1}, headers=given
    ) as response:
        assert response.status == 403
    assert list(face.daily.rooms) == ["demo"]
    assert face.daily._timelines.viewers == []


async def test_nothing_of_it_for_another_host(face: Face) -> None:
    for path in ("", ".face/page/face.js", *(f".face/{each}" for each in DATA)):
        headers = {**face.headers, "Host": f"evil.example:{face.daily.port}"}
        async with face.http.get(f"{face.daily.url}/{path}", headers=headers) as response:
            assert response.status == 403
            assert "demo" not in await response.text()


async def test_the_secret_is_compared_in_constant_time(
    face: Face, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[bytes] = []
    compare = hmac.compare_digest

    def spy(one: Any, other: Any) -> bool:
        compared.append(one)
        return compare(one, other)

    monkeypatch.setattr(hmac, "compare_digest", spy)
    await face.get("rooms")
    assert compared == [f"Bearer {face.secret}".encode()]


async def test_the_secret_is_in_no_log_and_new_at_each_start(face: Face) -> None:
    lines: list[str] = []
    sink = logger.add(lines.append, level=0)
    try:
        await face.get("rooms")
        reader, writer = await asyncio.open_connection("127.0.0.1", face.daily.port)
        line = f"GET / HTTP/1.1\r\nHost: x\r\nAuthorization\x00: {face.secret}\r\n\r\n"
        writer.write(line.encode())
        await asyncio.wait_for(reader.read(), WAIT)
        writer.close()
    finally:
        logger.remove(sink)
    assert not [line for line in lines if face.secret in line]
    assert face.secret not in f"{face.daily.face_url!r}"
    assert LocalDaily().face_url.partition("#")[2] != face.secret


async def test_without_control_nothing_can_be_done(http: aiohttp.ClientSession) -> None:
    async with LocalDaily() as daily:
        room = daily.state.rooms.create("demo", "public", {})
        face = Face(daily, http)
        for action in ("delete", "make", "advance"):
            url = f"{daily.url}/.face/do/{action}"
            async with http.post(url, json={"room": 1}, headers=face.headers) as response:
                assert response.status == 404
        messages = face.messages()
        assert (await anext(messages))["control"] is False
        await messages.aclose()
        assert daily.rooms == {"demo": room}


# -- What it shows ---------------------------------------------------------------------------


async def test_rooms_with_who_is_in_who_made_them_and_a_link(face: Face) -> None:
    daily = face.daily
    key = {"Authorization": f"Bearer {daily.api_key}", "User-Agent": "<b>me</b>/1"}
    for name in ("pipecat-sabcd2345-" + "x" * 20, "pipecat-p" + "x" * 20, "pipecat-r" + "x" * 20):
        body = {"name": name, "privacy": "private", "properties": {"exp": 4102444800}}
        async with face.http.post(f"{daily.api_url}/rooms", json=body, headers=key) as response:
            assert response.status == 200
    ana = daily.join("demo", user_name="Ana")
    rooms = (await face.get("rooms"))["rooms"]
    assert [room["named"] for room in rooms] == [
        "provisioned_room()",
        "RoomPool",
        "session server, owner tag abcd2345",
        "",
    ]
    assert [room["agent"] for room in rooms] == ["<b>me</b>/1"] * 3 + [""]
    assert rooms[0]["exp"] == 4102444800
    assert rooms[3]["link"] == "/demo"
    path, _, token = rooms[0]["link"].partition("?t=")
    assert path == f"/{rooms[0]['name']}"
    assert daily.state.domain.read_token(token)["room_name"] == rooms[0]["name"]
    assert [(each["id"], each["name"]) for each in rooms[3]["people"]] == [(ana.id, "Ana")]
    assert [room["number"] for room in (await face.get("rooms", text="ANA"))["rooms"]] == [1]
    daily.state.rooms.delete(daily.rooms["demo"])
    assert [room["name"] for room in (await face.get("rooms", state="ended"))["rooms"]] == ["demo"]
    life = await face.get("rooms/1")
    assert (life["state"], life["link"], life["people"]) == ("ended", None, [])
    assert [each["what"] for each in life["entries"]][-2:] == ["deleted", "scripted left"]
    assert (await face.get("rooms/1", since=life["version"]))["entries"] == []


@pytest.mark.undocumented("query: x is not documented")
async def test_requests_with_filters_and_without_secrets(face: Face) -> None:
    daily = face.daily
    key = {"Authorization": f"Bearer {daily.api_key}", "User-Agent": f"me {daily.api_key}"}
    api = f"{daily.api_url}"
    token = daily.state.domain.sign({"room_name": "demo"})
    for method, path, body in (
        ("GET", "/rooms?limit=1", None),
        ("POST", "/rooms", {"name": "made", "privacy": "public"}),
        ("DELETE", "/rooms/none", None),
        ("GET", f"/meeting-tokens/{token}?x={daily.api_key}", None),
    ):
        async with face.http.request(method, api + path, json=body, headers=key):
            pass
    everything = (await face.get("requests"))["requests"]
    assert [(each["method"], each["path"], each["status"]) for each in everything] == [
        ("GET", "/meeting-tokens/***?x=***", 200),
        ("DELETE", "/rooms/none", 404),
        ("POST", "/rooms", 200),
        ("GET", "/rooms?limit=1", 200),
    ]
    assert everything[0]["agent"] == "me ***"
    for query, numbers in (
        ({"method": "GET"}, [3, 0]),
        ({"status": "4"}, [2]),
        ({"text": "LIMIT"}, [0]),
        ({"method": "GET", "text": "tokens", "status": "2"}, [3]),
        ({"status": "none"}, []),
        ({"before": 2}, [1, 0]),
    ):
        found = (await face.get("requests", **query))["requests"]
        assert [each["number"] for each in found] == numbers, query
    made = await face.get("requests/1")
    assert made["body"] == {"name": "made", "privacy": "public"}


# -- How much --------------------------------------------------------------------------------


@pytest.fixture
def full(face: Face) -> Face:
    """A thousand rooms, and as many requests as a journal takes."""
    for number in range(1_000):
        face.daily.state.rooms.create(f"room-{number}", "private", {})
    for number in range(25_000):
        body = {"name": "x" * 100}
        face.daily.parts.requests.append(
            Request("POST", f"/rooms/{number}", body, 200, 0.0, size=110)
        )
    return face


async def test_every_answer_is_a_page_and_more_comes_on_demand(full: Face) -> None:
    numbers: list[int] = []
    while True:
        page = await full.get("rooms", **({"before": numbers[-1]} if numbers else {}))
        assert len(page["rooms"]) <= PAGE
        numbers += [room["number"] for room in page["rooms"]]
        if not page["more"]:
            break
    assert numbers == list(range(1_001, 0, -1))
    journal = full.daily.parts.requests
    numbers = []
    while True:
        page = await full.get("requests", **({"before": numbers[-1]} if numbers else {}))
        assert len(page["requests"]) <= PAGE
        assert len(json.dumps(page)) < 20_000
        numbers += [each["number"] for each in page["requests"]]
        if not page["more"]:
            break
    assert numbers == list(range(24_999, 24_999 - len(journal), -1))
    kept = await full.get(f"requests/{numbers[-1]}")
    assert kept["path"] == f"/rooms/{numbers[-1]}"
    found = await full.get("requests", text="/rooms/24998")
    assert [each["number"] for each in found["requests"]] == [24_998]


async def test_a_thousand_changes_come_in_bounded_messages_newest_first(full: Face) -> None:
    messages = full.messages()
    first = await asyncio.wait_for(anext(messages), WAIT)
    assert (first["open"], first["requests"]) == (1_001, len(full.daily.requests))
    assert first["size"] < 500
    for number in range(1_000):
        full.daily.state.rooms.create(f"more-{number}", "private", {})
    seen: list[int] = []
    async with asyncio.timeout(WAIT):
        while len(seen) < 1_000:
            message = await anext(messages)
            assert len(message["changed"]) <= PAGE
            assert message["size"] < 40_000
            seen += [room["number"] for room in message["changed"]]
    assert seen == list(range(2_001, 1_001, -1))
    await messages.aclose()


async def test_it_costs_nothing_while_nobody_looks(face: Face) -> None:
    viewers = face.daily._timelines.viewers
    one, other = face.messages(), face.messages()
    await asyncio.wait_for(anext(one), WAIT)
    await asyncio.wait_for(anext(other), WAIT)
    assert len(viewers) == 2
    await one.aclose()
    face.daily.state.rooms.create("made", "public", {})
    message = await asyncio.wait_for(anext(other), WAIT)
    assert [room["name"] for room in message["changed"]] == ["made"]
    await other.aclose()
    async with asyncio.timeout(WAIT):
        while viewers:  # noqa: ASYNC110 (until the server has noticed)
            await asyncio.sleep(0.05)
    before = len(asyncio.all_tasks())
    face.daily.state.rooms.create("unseen", "public", {})
    await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) <= before


async def test_a_life_comes_in_pages_too(face: Face) -> None:
    room = face.daily.rooms["demo"]
    ana = face.daily.join("demo", user_name="Ana")
    for number in range(250):
        face.daily.state.messages.send(room, {"number": number}, sender=ana.id)
    life = await face.get("rooms/1")
    entries = life["entries"]
    assert len(entries) == 100
    while len(entries) < life["kept"]:
        entries = (await face.get("rooms/1", skip=len(entries)))["entries"] + entries
    assert [each["what"] for each in entries[:2]] == ["created", "scripted joined"]
    assert [each["text"] for each in entries[2:]] == [f'{{"number":{n}}}' for n in range(250)]
    for number in range(150):
        face.daily.state.messages.send(room, {"number": number}, sender=ana.id)
    assert (await face.get("rooms/1", since=life["version"]))["gap"] is True


async def test_it_ends_at_once_though_somebody_looks(http: aiohttp.ClientSession) -> None:
    daily = LocalDaily()
    await daily.start()
    messages = Face(daily, http).messages()
    await asyncio.wait_for(anext(messages), WAIT)
    await asyncio.wait_for(daily.aclose(), WAIT)
    assert [each async for each in messages] == []


# -- What it does ----------------------------------------------------------------------------


async def test_a_room_that_is_made_expires_when_the_clock_is_advanced(face: Face) -> None:
    assert await face.do("make", name="made", minutes=10, sip=True) == (200, "Made made.")
    made = (await face.get("rooms"))["rooms"][0]
    assert (made["name"], made["agent"], made["privacy"]) == ("made", "this page", "private")
    assert (await face.get(f"rooms/{made['number']}"))["calls"]
    status, said = await face.do("make", name="a b", minutes=10)
    assert (status, "name" in said) == (400, True)
    assert (await face.do("advance", seconds=601))[0] == 200
    assert "made" not in face.daily.rooms
    assert (await face.get("rooms"))["rooms"][0]["state"] == "expired"
    for bad in (0, -1, None, "x", True, 1e300):
        status, said = await face.do("advance", seconds=bad)
        assert status == 400, bad
        assert said.startswith("seconds must be"), said


async def test_requests_fail_until_nothing_fails_any_more(face: Face) -> None:
    daily = face.daily
    status, said = await face.do("fail", method="GET", path="/rooms", status=503, times=2)
    assert (status, said) == (200, "GET /rooms: the next 2 will fail.")
    key = {"Authorization": f"Bearer {daily.api_key}"}
    async with face.http.get(f"{daily.api_url}/rooms", headers=key) as response:
        assert response.status == 503
    assert (await face.get("faults"))["faults"] == [
        {"method": "GET", "path": "/rooms", "times": 2, "hits": 1}
    ]
    assert (await face.do("clear"))[0] == 200
    async with face.http.get(f"{daily.api_url}/rooms", headers=key) as response:
        assert response.status == 200
    status, said = await face.do("fail", method="BREW", path="/rooms")
    assert status == 400
    assert said.startswith("method must be one of")
    assert (await face.do("fail", method=5, path="/rooms"))[0] == 400


async def test_people_are_ejected_lose_their_network_and_press_keys(face: Face) -> None:
    daily = face.daily
    await face.do("make", name="phones", minutes=10, sip=True)
    room = daily.rooms["phones"]
    token = daily.state.domain.sign({"room_name": "phones"})
    ana = daily.join("phones", token, user_name="Ana")
    await daily.room("phones").event("dialin-ready")
    assert (await face.do("dial-in", room=2))[0] == 200
    await daily.room("phones").event("dialin-connected")
    (phone,) = [each for each in room.participants.values() if each.kind == "phone"]
    who = {"room": 2, "participant": phone.id}
    assert await face.do("keys", **who, keys="12") == (200, "+12125550199 pressed 12.")
    for tone in "12":
        assert (await daily.room("phones").event("dtmf-event"))["data"]["tone"] == tone
    life = await face.get("rooms/2")
    keys = [each for each in life["entries"] if each["what"] == "dtmf received"]
    assert [(each["who"], each["text"]) for each in keys] == [(phone.user_name, k) for k in "12"]
    assert (await face.do("keys", **who, keys="x"))[0] == 400
    assert (await face.do("keys", room=2, participant=ana.id, keys="1"))[1] == (
        "Ana is not a telephone."
    )
    assert (await face.do("lose-network", room=2, participant=ana.id, seconds=5))[0] == 200
    assert ana.participant.outage is not None
    assert (await face.do("eject", **who))[0] == 200
    assert phone.id not in room.participants
    assert await face.do("eject", **who) == (400, "This participant is not in the room any more.")
    status, said = await face.do("dial-in", to="+1999")
    assert (status, "Nobody has the number" in said) == (400, True)


async def test_a_room_is_deleted_and_its_namesake_is_not(face: Face) -> None:
    assert await face.do("delete", room=1) == (200, "Deleted demo.")
    face.daily.state.rooms.create("demo", "public", {})
    assert await face.do("delete", room=1) == (400, "This room does not exist any more.")
    assert list(face.daily.rooms) == ["demo"]
    for bad in (None, "1", True, [1]):
        assert (await face.do("delete", room=bad))[0] == 400


async def test_a_page_that_is_closed_is_no_error(face: Face) -> None:
    said: list[str] = []
    sink = logger.add(said.append, level="WARNING")
    viewers = face.daily._timelines.viewers
    try:
        for number in range(3):
            messages = face.messages()
            await anext(messages)
            assert len(viewers) == 1
            face.daily.state.rooms.create(f"next-{number}", "public", {})
            await messages.aclose()
            await until(lambda: not viewers)
    finally:
        logger.remove(sink)
    assert said == []


@pytest.mark.parametrize(
    "seconds", [10**400, -(10**400), 1e308, 0, None, "1", True], ids=lambda value: str(value)[:5]
)
async def test_a_time_that_is_none(face: Face, seconds: object) -> None:
    for action, name in (("advance", "seconds"), ("make", "minutes")):
        status, said = await face.do(action, **{name: seconds})
        assert status == 400
        assert name in said


async def test_the_clock_goes_on_within_the_calendar(face: Face) -> None:
    said = [await face.do("advance", seconds=315_000_000.0) for _ in range(110)]
    assert said[-1] == (400, "advance(3.15e+08): the clock goes to the year 3000 at most")
    assert len((await face.get("rooms"))["rooms"]) == 1


async def test_nothing_comes_before_the_first_entry(face: Face) -> None:
    ana = face.daily.join("demo", user_name="Ana")
    for number in range(120):
        ana.send({"number": number})
    kept = (await face.get("rooms/1"))["kept"]
    assert kept > 110
    assert len((await face.get("rooms/1", skip=kept - 1))["entries"]) == 1
    for skip in (kept, kept + 1, kept + 50):
        assert (await face.get("rooms/1", skip=skip))["entries"] == []


async def test_a_key_that_somebody_has_as_a_name_is_masked(face: Face) -> None:
    key = str.__str__(face.daily.api_key)
    ana = face.daily.join("demo", user_name=key)
    ana.send({"hi": "all"})
    for path in ("rooms", "rooms/1"):
        shown = json.dumps(await face.get(path))
        assert ana.id in shown
        assert key not in shown
