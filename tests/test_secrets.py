# SPDX-License-Identifier: BSD-2-Clause
"""Keys and meeting tokens are in nothing that is printed, logged, warned or raised.

Canaries are searched in all of it. What a program's own variables hold as plain strings is beyond
this package: the tests pass plain strings as well, but keep none in a variable.
"""

import asyncio
import copy
import dataclasses
import inspect
import json
import logging
import os
import pickle
import secrets
import warnings

import aiohttp
import jwt
import pytest
import rich.pretty
from loguru import logger
from pipecat.runner.types import DailyRunnerArguments

from canary import Net, leaks
from peers import Peer
from pipecat_daily_rest import (
    DailyMeetingTokenProperties,
    DailyRESTHelper,
    DailyRoomParams,
    RateLimits,
    RetryPolicy,
    configure,
    deletes_room,
    drain_on_exit,
    owned_rooms,
    provisioned_room,
    sweep_rooms,
)
from pipecat_daily_rest._bot.ending import Ending
from pipecat_daily_rest._core.secret import Secret, masked, may_hold_secrets
from pipecat_daily_rest._http.api import API
from pipecat_daily_rest._rooms.room_spec import RoomSpec
from pipecat_daily_rest.errors import DailyError
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.call.room import JoinRefused
from pipecat_daily_rest.local.rules.claims import sign
from pipecat_daily_rest.runner import Options
from pipecat_daily_rest.runner.local_daily_process import LocalDailyProcess
from pipecat_daily_rest.runner.session import Session

ONCE = RetryPolicy(attempts=1)


@pytest.fixture
def key():
    return Secret(secrets.token_hex(32))


@pytest.fixture
async def daily(key):
    async with LocalDaily(api_key=str(key)) as daily:
        yield daily


@pytest.fixture
async def token(daily):
    async with DailyRESTHelper(daily_api_key=daily.api_key, daily_api_url=daily.api_url) as helper:
        return await helper.create_token(DailyMeetingTokenProperties(room_name="demo"))


@pytest.fixture
def net():
    return Net()


@pytest.fixture
async def stranger():
    """Starts a server that responds to each request with the bytes that a function makes of it."""
    servers = []

    async def start(answer):
        async def serve(reader, writer):
            try:
                head = await reader.readuntil(b"\r\n\r\n")
                length = [l for l in head.lower().splitlines() if l.startswith(b"content-length:")]
                body = await reader.readexactly(int(length[0].split()[1])) if length else b""
                writer.write(answer((head + body).decode()))
                await writer.drain()
            finally:
                writer.close()

        servers.append(await asyncio.start_server(serve, "127.0.0.1", 0))
        return f"http://127.0.0.1:{servers[-1].sockets[0].getsockname()[1]}/v1"

    yield start
    for server in servers:
        server.close()
        await server.wait_closed()


def response(status, body, *, kind="application/json", headers=""):
    raw = body if isinstance(body, bytes) else body.encode()
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(raw)}\r\n"
    return (head + headers + "\r\n").encode() + raw


# -- The search itself -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "say",
    [
        lambda secret: logger.trace(secret),
        lambda secret: logger.bind(extra=secret).debug("see extra"),
        lambda secret: logging.getLogger("some.library").debug("it is %s", secret),
        lambda secret: warnings.warn(secret, ResourceWarning, stacklevel=1),
    ],
    ids=["loguru", "serialize", "logging", "warning"],
)
async def test_a_leaked_canary_is_found(net, key, say):
    with net:
        say(str(key))
    assert leaks(net.said, key)


@pytest.mark.parametrize("where", ["message", "frame", "cause", "context", "argument", "note"])
async def test_a_canary_in_an_error_is_found(net, key, where):
    def fail(held):
        try:
            if where in ("cause", "context"):
                raise ValueError(held)
        except ValueError as exc:
            if where == "cause":
                raise DailyError from exc
            raise DailyError  # noqa: B904 - so that it has a context
        if where == "frame":
            raise DailyError(len(held))
        error = DailyError(*{"message": [held], "argument": [1, held]}.get(where, []))
        if where == "note":
            error.add_note(held)
        raise error

    with net:
        try:
            fail(str(key))
        except DailyError as exc:
            net.tell(exc)
    assert leaks(net.said, key)


async def test_a_canary_that_only_debug_mode_shows_is_found(net, key):
    with net:
        asyncio.get_running_loop().call_soon(len, str(key))
        await asyncio.sleep(0)
    assert leaks(net.said, key)


def test_pieces_of_the_key_and_tokens_are_found(key):
    assert leaks(f"x{key[20:32]}", key)
    assert not leaks(f"x{key[20:31]}", key)
    assert leaks("a eyJhbGciOiJIUzI1NiJ9")
    assert not leaks("nothing here", key)


def test_what_is_masked(key):
    token = jwt.encode({"r": "demo"}, key, "HS256")
    for text in (f"a {token}.", f'{{"t":"\\n{token}"}}', f"t={token[:60]}", f"/{token[:20]}", key):
        assert not leaks(masked(f"{text} x", key), key, token)
        assert "***" in masked(text, key)
    for text in ("monkeyJungle-meeting-room", "https://x.daily.co/keyJournal2025", "eyJ", "a.b.c"):
        assert masked(text, key) == text
    assert leaks(masked(f"{token} {key}", "other"), key)


# -- Objects -----------------------------------------------------------------------------------


async def test_no_object_shows_its_secrets(net, daily, key, monkeypatch):
    monkeypatch.setenv("DAILY_API_KEY", key)
    monkeypatch.setenv("DAILY_API_URL", daily.api_url)
    with net:
        async with drain_on_exit(), aiohttp.ClientSession() as session:
            net.show(config := await configure(session))
            assert config.token.startswith("eyJ")
        helper = DailyRESTHelper(daily_api_key=str(key), daily_api_url=daily.api_url)
        async with provisioned_room(api_key=str(key), api_url=daily.api_url) as room:
            extra = await room.create_token(owner=True)
            url, token = room
            link = f"https://x.daily.co/room?t={token}"
            person = daily.join(room.name, str(room.user_token))
            net.show(room, room.room, url, token, extra, room.join_url, [*room])
            net.show(room.runner_args(), room._tokens, room._ownership, *owned_rooms())
            net.show(helper, helper.api, helper.daily_api_key, helper.api._connections)
            net.show(DailyRESTHelper.from_env(), API(api_key=str(key), api_url=daily.api_url))
            net.show(RoomSpec(api_key=str(key), room_url=link), Options(room_url=link))
            made = sign({}, api_key=str(key), domain_id="x", issued_at=0)
            net.show(
                made, daily, daily.env(), daily.state, daily.rooms, daily.requests, daily.api_key
            )
            net.show(
                person,
                person.participant,
                daily.state.log.entries,
                daily.faults,
                daily.faults.added,
            )
            net.show(copy.deepcopy(token), pickle.loads(pickle.dumps(token)), token[:40])  # noqa: S301
            arguments = dataclasses.asdict(room.runner_args())
            net.show(arguments, arguments["token"])
        await helper.aclose()
    assert room.name in net.said
    assert not leaks(net.said, key, room.bot_token, room.user_token, extra)


async def test_the_runners_objects(net, key, monkeypatch):
    for name in ("DAILY_API_KEY", "DAILY_API_URL", "DAILY_ROOM_URL", "PYTHONPATH"):
        monkeypatch.setenv(name, "")
    with net:
        child = LocalDailyProcess()
        answer = {"api_url": "http://x/v1", "api_key": key, "script_tag": "", "face_url": key}
        child._read(json.dumps(answer).encode())
        session = Session(bot=print, request=RoomSpec(), ending=Ending())
        session.use(child)
        net.show(child, child.env(), session, session.request, child.api_key, child.face_url)
    assert os.environ["DAILY_API_KEY"] == key
    assert not leaks(net.said, key)


async def test_a_child_process_that_starts_and_ends(net):
    with net:
        async with LocalDailyProcess(port=0, log_level="TRACE") as child:
            async with provisioned_room(api_key=str(child.api_key), api_url=child.api_url) as room:
                pass
    assert "execute program" in net.said  # asyncio's debug log was seen
    assert not leaks(net.said, child.api_key, room.bot_token)


async def test_tools_that_cut_long_values_show_no_part_of_a_secret(daily, key):
    """As rich cuts them in tracebacks with locals."""
    async with provisioned_room(api_key=str(key), api_url=daily.api_url) as room:
        held = [room.bot_token, daily.api_key, room.join_url]
    said = rich.pretty.pretty_repr(held, max_string=40)
    assert said.count("***") == 3
    assert "eyJ" not in said
    assert key[:8] not in said


# -- Errors ------------------------------------------------------------------------------------


async def told(net, *attempts):
    """Log the error of each attempt."""
    for attempt in attempts:
        try:
            coming = attempt()
            if inspect.isawaitable(coming):
                await coming
        except Exception as exc:
            net.tell(exc)
        else:
            pytest.fail("it went well")


async def test_a_block_that_fails(net, daily, key):
    helper = DailyRESTHelper(daily_api_key=str(key), daily_api_url=daily.api_url)
    with net:
        try:
            async with provisioned_room(api_key=str(key), api_url=daily.api_url) as room:
                token, request, api_key = room.bot_token, room._tokens, daily.api_key
                raise ZeroDivisionError(room.join_url, token, request, helper, room, api_key)
        except ZeroDivisionError as exc:
            logger.exception("from outside")
            logger.opt(exception=True).error("from outside")
            net.tell(exc)
        await told(net, lambda: inside(helper, room, token))
        await helper.aclose()
    assert net.said.count("from outside") >= 4
    assert "bot_token" in net.said
    assert not leaks(net.said, key, room.bot_token, room.user_token)


async def inside(helper, room, token):
    async with provisioned_room(daily=helper) as another:
        raise ZeroDivisionError(another.bot_token == token, room.user_token, helper.api.key)


@pytest.mark.parametrize("bad", ["{}\n", "{} x", "\u00e9{}"])
async def test_an_impossible_key(net, key, bad, monkeypatch):
    wrong = Secret(bad.format(key))
    with net:
        monkeypatch.setenv("DAILY_API_KEY", f"x {wrong}")
        await told(
            net,
            lambda: DailyRESTHelper(daily_api_key=str(wrong)),
            lambda: DailyRESTHelper.from_env(),
            lambda: LocalDaily(api_key=str(key[:20])),
            lambda: provisioned_room(api_key=str(wrong)).__aenter__(),
            lambda: provisioned_room().__aenter__(),
            lambda: sweep_rooms(api_key=str(wrong)),
        )
        async with aiohttp.ClientSession() as session:
            await told(net, lambda: configure(session, api_key=str(wrong)))
        await deletes_room(bot, api_key=str(wrong))(DailyRunnerArguments(room_url="http://x/y"))
    assert "holds characters that no key has" in net.said
    assert not leaks(net.said, key)


async def bot(runner_args):
    pass


async def test_an_argument_that_does_not_exist(net, key):
    with net:
        await told(
            net,
            lambda: provisioned_room(api_key=str(key), lifetme=5),
            lambda: DailyRESTHelper(daily_api_key=str(key), url="x"),
            lambda: configure(None, api_key=str(key), lifetme=5),
            lambda: sweep_rooms(api_key=str(key), prefix="x"),
            lambda: deletes_room(api_key=str(key), unless=None),
            lambda: LocalDaily(api_key=str(key), ports=5),
        )
    assert not leaks(net.said, key)


async def test_a_wrong_key(net, daily, key):
    wrong = Secret(key[::-1])
    url = daily.api_url
    given = DailyRunnerArguments(room_url=f"{daily.url}/demo")

    async def fails(runner_args):
        raise ZeroDivisionError

    with net:
        await told(
            net,
            lambda: provisioned_room(api_key=str(wrong), api_url=url).__aenter__(),
            lambda: provisioned_room(
                api_key=str(wrong), api_url=url, token_source="api"
            ).__aenter__(),
            lambda: sweep_rooms(api_key=str(wrong), api_url=url),
            lambda: deletes_room(fails, api_key=str(wrong), api_url=url)(given),
        )
    assert "check DAILY_API_KEY" in net.said
    assert not leaks(net.said, wrong, key)


# What a server sends back of a request and of a token that it created.
ECHOES = {
    "json": lambda sent, token: response(
        400, json.dumps({"error": f"no {sent} {token}", "info": f"you sent {sent} {token}"})
    ),
    "nested": lambda sent, token: response(403, json.dumps({"a": [[{"b": sent}], token], sent: 1})),
    "page": lambda sent, token: response(502, f"<pre>{sent} {token}</pre>", kind="text/html"),
    "long": lambda sent, token: response(400, "x" * 290 + f" {token} {sent}"),
    "no-json": lambda sent, token: response(200, f'{{"token": "{token}", "sent": "{sent}'),
    "no-utf8": lambda sent, token: response(200, f'{{"token": "{token}{sent}'.encode() + b"\xff"),
    "wrong-kind": lambda sent, token: response(
        200, json.dumps({"token": [token], "domain_id": [sent], "name": [token], "url": sent})
    ),
    "list": lambda sent, token: response(200, json.dumps([token, [sent]])),
    "deep": lambda sent, token: response(200, "[" * 100_000 + token + sent),
    "status-line": lambda sent, token: sent.encode(),
    "header": lambda sent, token: f"HTTP/1.1 200 X\r\nEcho: {token}\0\r\n{sent}\r\n".encode(),
    "half": lambda sent, token: response(200, f'{{"token": "{token}", "sent": "{sent}')[:-1],
    "nothing": lambda sent, token: b"",
    "retry": lambda sent, token: response(429, token, headers=f"Retry-After: {token}\r\n"),
    "elsewhere": lambda sent, token: response(302, sent, headers=f"Location: http://x/{token}\r\n"),
}


def flat(request):
    """A request on one line, as a server may echo it inside JSON."""
    return " ".join(request.split()).replace('"', "'")


@pytest.mark.parametrize("echo", ECHOES)
async def test_a_server_that_echoes_the_request(net, token, key, stranger, echo):
    def answer(request):
        sent = request if echo in ("status-line", "header") else flat(request)
        return ECHOES[echo](sent, token)

    url = await stranger(answer)
    # A 429 closes the tier for a window at the most.
    pace = RateLimits(default=(100, 0.01), slow=(50, 0.01))
    helper = DailyRESTHelper(daily_api_key=str(key), daily_api_url=url, retry=ONCE, pace=pace)
    failed = 0
    with net:
        for attempt in (
            lambda: helper.create_room(DailyRoomParams(name="demo")),
            lambda: helper.create_token(DailyMeetingTokenProperties(room_name="demo")),
            lambda: helper.get_room_from_url("https://x.daily.co/demo"),
            lambda: helper.domain_id(),
            lambda: helper.presence(),
            lambda: helper.delete_rooms(["demo"]),
            lambda: helper.delete_room_by_url("https://x.daily.co/demo"),
            lambda: helper.request("GET", f"/meeting-tokens/{token}"),
            lambda: helper.validate_token(token),
            lambda: helper.create_rooms([DailyRoomParams(name="demo")]),
            lambda: helper.update_room("demo", privacy="private"),
            lambda: helper.room_presence("demo", user_name=token),
            lambda: helper.eject("demo", user_ids=[token]),
            lambda: helper.send_app_message("demo", {"a": [str(token)]}),
            lambda: helper.set_session_data("demo", {"a": str(token)}),
            lambda: helper.update_permissions("demo", {token: {"canSend": False}}),
            lambda: helper.get_meeting(token),
            lambda: helper.set_domain({"meeting_join_hook": f"http://x/?t={token}"}),
            lambda: helper.request("POST", "/x", json={"a": [str(token)]}),
        ):
            try:
                await attempt()
            except DailyError as exc:
                net.tell(exc)
                failed += 1
        await helper.aclose()
    assert failed > 3
    assert not leaks(net.said, key, token)


async def test_a_connection_lost_while_the_headers_are_written(net, key, stranger):
    """aiohttp's frames then hold the key in the headers' bytes."""
    url = await stranger(lambda request: b"")
    connector = aiohttp.TCPConnector()

    async def lose(*_):
        [protocol] = connector._acquired
        protocol.transport.abort()

    async def note(session, context, params):
        logger.debug("Request: {!r}", params)

    losing = aiohttp.TraceConfig()
    losing.on_request_start.append(note)
    losing.on_request_headers_sent.append(lose)
    async with aiohttp.ClientSession(connector=connector, trace_configs=[losing]) as session:
        helper = DailyRESTHelper(
            daily_api_key=str(key), daily_api_url=url, aiohttp_session=session, retry=ONCE
        )
        with net:
            await told(
                net,
                lambda: helper.create_room(DailyRoomParams(name="demo")),
                lambda: helper.domain_id(),
            )
    assert "'Authorization': '***'" in net.said
    assert net.said.count("ClientConnectionResetError: Cannot write to closing transport") >= 2
    assert not leaks(net.said, key)


@pytest.mark.parametrize("how", ["cancel", "timeout"])
async def test_a_request_that_is_cancelled(net, daily, key, token, how):
    daily.fail("*", "*", hang=True, times=None)
    helper = DailyRESTHelper(daily_api_key=str(key), daily_api_url=daily.api_url)
    arrived = asyncio.Event()
    meet = daily.faults.serve

    async def serve(*request):
        arrived.set()
        return await meet(*request)

    daily.faults.serve = serve
    with net:
        for attempt in (
            lambda: helper.create_token(DailyMeetingTokenProperties(room_name="demo")),
            lambda: helper.request("GET", f"/meeting-tokens/{token}"),
        ):
            task = asyncio.create_task(attempt())
            arrived.clear()
            try:
                async with asyncio.timeout(None) as scope:
                    await arrived.wait()
                    if how == "cancel":
                        task.cancel()
                    else:
                        scope.reschedule(0)
                    await task
            except (asyncio.CancelledError, TimeoutError) as exc:
                net.tell(exc)
        await helper.aclose()
    assert "It failed" in net.said
    assert not leaks(net.said, key, token)


async def test_a_link_in_the_place_of_a_room(net, daily, key, token):
    helper = DailyRESTHelper(daily_api_key=str(key), daily_api_url=daily.api_url)
    gone, nested, broken = (
        Secret(f"{place}?t={token}")
        for place in ("https://x.daily.co/gone", "https://x.daily.co/a/b", "http://[x/room")
    )
    with net:
        await told(
            net,
            lambda: helper.get_room_from_url(str(gone)),
            lambda: provisioned_room(room_url=str(gone), daily=helper).__aenter__(),
            *(
                attempt
                for link in (nested, broken)
                for attempt in (
                    lambda link=link: helper.get_name_from_url(str(link)),
                    lambda link=link: helper.get_room_from_url(str(link)),
                    lambda link=link: helper.delete_room_by_url(str(link)),
                    lambda link=link: helper.get_token(str(link)),
                    lambda link=link: provisioned_room(room_url=str(link)).__aenter__(),
                )
            ),
        )
        await helper.aclose()
    assert not leaks(net.said, key, token)


async def test_the_error_about_a_token_in_the_wrong_place(daily, key, token):
    helper = DailyRESTHelper(daily_api_key=str(key), daily_api_url=daily.api_url)
    plain = str(token)
    elsewhere = DailyMeetingTokenProperties(room_name=plain)
    for attempt in (
        lambda: helper.delete_room_by_url(plain),
        lambda: helper.delete_room_by_name(plain),
        lambda: helper.create_room(DailyRoomParams(name=plain)),
        lambda: helper.create_token(elsewhere),
        lambda: helper.request("GET", f"meeting-tokens/{plain}"),
        lambda: provisioned_room(name_prefix=plain, daily=helper).__aenter__(),
        lambda: provisioned_room(bot=elsewhere, daily=helper).__aenter__(),
        lambda: DailyMeetingTokenProperties(is_owner=plain),
        lambda: DailyRoomParams(privacy=plain, properties={"exp": str(key)}),
        lambda: DailyRoomParams(properties={"sip": {"video": plain}}),
    ):
        with pytest.raises(ValueError, match=r".") as caught:
            await attempt()
        assert not leaks(f"{caught.value} {caught.value!r}", key, token)
    await helper.aclose()


# -- The local Daily ---------------------------------------------------------------------------


async def test_a_failure_inside_the_local_room(net, daily, key, token, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError(str(key), str(token))

    monkeypatch.setattr(daily.state.admission, "admit", fail)
    daily.state.rooms.create("demo", "private", {})
    with net:
        async with aiohttp.ClientSession() as session:
            offer = {"type": "offer", "sdp": "v=0", "token": str(token)}
            async with session.post(f"{daily.url}/demo/offer", json=offer) as answer:
                assert answer.status == 500
            async with session.ws_connect(f"{daily.url}/demo/link") as socket:
                await socket.send_json({"op": "join", "token": token, "request": 1})
                assert "its log says why" in (await socket.receive()).data
    assert net.said.count("***") >= 4
    assert not leaks(net.said, key, token)


async def test_refused_tokens(net, daily, key, token):
    daily.state.rooms.create("demo", "private", {})
    strange = Secret(token[:-5] + "AAAAA")
    with net:
        for given in (strange, token.replace(".", "!"), token[:60], f"{token}.x", key):
            given = Secret(given)
            with pytest.raises(JoinRefused) as caught:
                daily.join("demo", str(given))
            net.tell(caught.value)
        async with aiohttp.ClientSession() as session:
            for given in (token, strange):
                offer = {"type": "offer", "sdp": "v=0", "token": given}
                async with session.post(f"{daily.url}/demo/offer", json=offer) as answer:
                    net.show(await answer.text())
                async with session.ws_connect(f"{daily.url}/demo/link") as socket:
                    await socket.send_json({"op": "join", "token": given, "request": 1})
                    net.show((await socket.receive()).data)
                    await socket.send_str(json.dumps({"op": given, "token": given}))
                    await socket.close()
    assert not leaks(net.said, key, token, strange)


async def test_a_scripted_participant_joins_by_a_link(net, daily, key):
    async with provisioned_room(api_key=str(key), api_url=daily.api_url) as room:
        person = daily.join(room.join_url)
        assert person.participant.is_owner is False
    with net:
        with pytest.raises(JoinRefused, match="There is no room") as caught:
            daily.join(str(room.join_url))
        net.tell(caught.value)
    assert not leaks(net.said, key, room.user_token)


async def test_a_person_in_a_room(net, daily, key, token):
    daily.state.rooms.create("demo", "private", {})
    async with aiohttp.ClientSession() as session:
        ana = Peer(daily, session, "demo")
        with net:
            await ana.join(token=str(token))
            [person] = daily.rooms["demo"].participants.values()
            net.show(person, person.seat, person.room)
            daily.state.rooms.delete(person.room)
            await ana.event("closed")
            await ana.close()
    assert "Connection object" in net.said
    assert not leaks(net.said, key, token)


@pytest.mark.parametrize(
    "lines",
    [
        ["GET /demo?t={token} HTTP/9.9"],
        ["GET /demo?t={token} HTTP/1.1", "Host: 127.0.0.1", "Bad header {key}"],
        ["GET /v1/meeting-tokens/{token} HTTP/1.1", "Authorization: Bearer {key}\0"],
        ["GET /v1/ HTTP/1.1", "Authorization: Bearer {key}", "Content-Length: -1"],
        ["{key}{token}"],
        ["POST /v1/rooms HTTP/1.1", "Authorization: Bearer {key}", "Content-Length: 99"],
        ["GET /" + "x" * 9000 + "?t={token}{key} HTTP/1.1"],
        ["GET /demo/link?t={token} HTTP/1.1", "Host: 127.0.0.1", "Upgrade: {key}"],
    ],
)
async def test_malformed_http_requests(net, daily, key, token, lines):
    with net:
        reader, writer = await asyncio.open_connection("127.0.0.1", daily.port)
        text = "\r\n".join([*lines, "Connection: close", "", ""])
        writer.write(text.replace("{token}", token).replace("{key}", key).encode())
        writer.write_eof()
        await reader.read()
        writer.close()
        await writer.wait_closed()
    assert not leaks(net.said, key, token)


async def test_a_whole_session(net, daily, key):
    """With a request of every kind, and all loggers on."""
    with net:
        async with provisioned_room(
            api_key=str(key), api_url=daily.api_url, token_source="api"
        ) as room:
            daily.join(room.name, room.bot_token).leave()
            await room.create_token()
        async with DailyRESTHelper(daily_api_key=str(key), daily_api_url=daily.api_url) as helper:
            await helper.request("GET", f"/meeting-tokens/{room.user_token}")
            assert [each async for each in helper.list_rooms()] == []
        net.show(*daily.requests, *daily.state.log.entries, *map(str, daily.requests))
    assert "Local room" in net.said
    assert not leaks(net.said, key, room.bot_token, room.user_token)


HELD = ["k" * 40, "eyJhbGciOiJIUzI1NiJ9.eyJyIjoiYSJ9.c2ln", "https://x/a?X-Amz-Signature=c0ffee"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32-be"])
@pytest.mark.parametrize("escaped", [False, True])
# Named: loguru shows pytest's own frames, in which the next test's id stands.
@pytest.mark.parametrize("held", [*HELD, None], ids=["key", "token", "link", "nothing"])
def test_a_response_that_may_hold_a_secret_is_searched(held, escaped, encoding):
    answer = {"name": "ä-room", "hmac": "aGVsbG8="} if held is None else [{"a": ["b", held]}]
    text = json.dumps(answer, ensure_ascii=False)
    if escaped:
        text = "".join(c if c in '[{}]:," ' else f"\\u{ord(c):04x}" for c in text)
    raw = text.encode(encoding)
    assert json.loads(raw) == answer
    assert may_hold_secrets(raw, "k" * 40)


def test_a_response_without_a_secret_is_not_searched():
    assert not may_hold_secrets(b'{"name": "eyJ-room", "url": "https://x/room?t="}', "k" * 40)
