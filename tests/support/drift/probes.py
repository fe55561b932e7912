# SPDX-License-Identifier: BSD-2-Clause
"""What is asked of a Daily, one question each.

A question asserts what this package relies on, and notes the rest: the answers themselves, and
what they tell of the switches of `local.choices`. It leaves nothing in the account but rooms of
its target's own, which `Target.sweep` removes.
"""

import secrets
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import jwt

from drift.target import SIGNED, Answer, Target
from pipecat_daily_rest.local import LocalDaily

Probe = Callable[[Target], Awaitable[None]]
PROBES: dict[str, Probe] = {}
OBSERVED: dict[str, list[str]] = {}  # by switch: the probes that show it

# The switches that REST alone does not show, by patterns of their names.
NOT_OBSERVED = {
    "collected_after": "Daily documents no interval, and a day is too long to wait",
    "expired_in_presence": "needs people in a room",
    "*recording*": "costs money, and needs people in a room",
    "hidden_*": "needs people in a room",
    "public_room_ignores_bad_token": "needs a join",
    "update_moves_ejection": "needs people in a room",
    "screenshare_in_meeting": "needs people in a room",
    "app_message_*": "needs people in a room",
    "message_sender": "needs people in a room",
    "session_data_limit": "needs people in a room",
    "unknown_permission_target": "needs people in a room",
    "lonely_meeting_ends": "needs people in a room",
    "meeting_participants": "needs people in a room",
    "knock*": "needs people in a room",
    "bots_knock": "needs people in a room",
    "replacing_in_full_room": "needs people in a room",
    "start_off_for_bots": "needs people in a room",
    "meeting_without_participants": "needs people in a room",
    "regained_right_unmutes": "needs people in a room",
    "unnamed_media_received": "needs people in a room",
    "bots_read_*": "needs daily-python in a room",
    "too_many_*": "would use up the plan's limits",
    "rate_*": "would use up the account's rate limits, for its other users too",
    "batch_tier": "would use up the account's rate limits, for its other users too",
    "refused_requests_count": "would use up the account's rate limits, for its other users too",
    "max_webhooks": "the account's webhooks are left alone",
    "webhook_*": "the account's webhooks are left alone",
    "dialin_*": "the account's dial-in is left alone",
    "pinless_*": "the account's dial-in is left alone",
    "sip_needs_session": "needs a call, which costs money",
    "dialout_*": "needs a call, which costs money",
    "dtmf_*": "needs a call, which costs money",
    "may_not_dial_out_info": "needs a call, which costs money",
    "may_not_transcribe_info": "needs people in a room",
    "*transcription_*": "needs a transcribed call",
    "network_timeout": "needs people in a room",
    "interrupted_is_shown": "needs people in a room",
    "end_says_why": "needs people in a room",
    "messages_without_network": "needs people in a room",
    "max_phone_sessions": "needs a call, which costs money",
    "phone_*": "needs a call, which costs money",
    "empty_room_info": "needs a call, which costs money",
    "deleted_transcript_stays": "needs a recorded call",
    "access_link_lifetime": "needs a recorded call",
    "link_without_file": "needs a recorded call",
    "transcript_*": "needs a recorded call",
}

# The operations that the suite does not send, and why.
NOT_ASKED = {
    "POST /": "would change the account",
    "POST /webhooks": "would change the account",
    "POST /domain-dialin-config": "would change the account",
    "POST /buy-phone-number": "costs money",
    "DELETE /release-phone-number/{id}": "a number is gone for good",
    **dict.fromkeys(
        (
            f"POST /rooms/{{room_name}}/{kind}/{what}"
            for kind in ("recordings", "live-streaming", "transcription")
            for what in ("start", "update", "stop")
        ),
        "costs money, and needs people in a room",
    ),
}


def probe(*switches: str) -> Callable[[Probe], Probe]:
    """Register a probe that shows these switches."""

    def register(ask: Probe) -> Probe:
        PROBES[ask.__name__] = ask
        for switch in switches:
            OBSERVED.setdefault(switch, []).append(ask.__name__)
        return ask

    return register


def signed(target: Target, domain_id: str, **claims: Any) -> str:
    """Sign a token here, as Daily documents it and without the package's own code.

    https://docs.daily.co/docs/guides/privacy-and-security/self-signing-tokens
    """
    known = {"r": target.name(), "d": domain_id, "iat": target.exp(0), "exp": target.exp()}
    return jwt.encode({**known, **claims}, target.key, algorithm="HS256")


async def make(target: Target, **properties: Any) -> dict[str, Any]:
    """Make a room that ends by itself."""
    body = {"name": target.name(), "properties": {"exp": target.exp(), **properties}}
    answer = await target.ask("POST", "/rooms", body)
    assert answer.status == 200, answer
    return dict(answer.body)


async def validated(target: Target, token: str, **query: str) -> Answer:
    return await target.ask("GET", f"/meeting-tokens/{token}", query=query)


# The first question of all.
@probe("unknown_claims", "validation_shows_times")
async def a_token_signed_here(target: Target) -> None:
    domain = await target.ask("GET", "/")
    assert domain.status == 200, domain
    domain_id = domain.body["domain_id"]
    name = target.name()
    answer = await validated(target, signed(target, domain_id, r=name, o=True, u="Ana"))
    target.switch(SIGNED, answer.status == 200)
    assert answer.status == 200, f"a locally signed token is not accepted: {answer.body}"
    assert (answer.body["room_name"], answer.body["is_owner"]) == (name, True)
    target.switch("validation_shows_times", "exp" in answer.body)
    early = signed(target, domain_id, nbf=target.exp(300))
    assert (await validated(target, early)).status == 400
    assert (await validated(target, early, ignoreNbf="true")).status == 200
    other = await validated(target, signed(target, domain_id, zz=True))
    target.switch("unknown_claims", "ignore" if other.status == 200 else "refuse")
    for wrong in ({"exp": target.exp(-60)}, {"d": str(uuid.uuid4())}):
        assert (await validated(target, signed(target, domain_id, **wrong))).status == 400


@probe()
async def a_token_made_there(target: Target) -> None:
    name = target.name()
    body = {
        "properties": {"room_name": name, "exp": target.exp(), "user_id": "u", "is_owner": True}
    }
    answer = await target.ask("POST", "/meeting-tokens", body)
    assert answer.status == 200, answer
    claims = jwt.decode(answer.body["token"], options={"verify_signature": False})
    assert (claims["r"], claims["o"], claims["ud"]) == (name, True, "u")
    assert (await validated(target, answer.body["token"])).status == 200
    past = await target.ask("POST", "/meeting-tokens", {"properties": {"exp": 1}})
    assert past.status == 400
    assert "in the past" in past.info


@probe("token_for_unknown_room", "long_user_id")
async def tokens_at_the_edge(target: Target) -> None:
    exp = {"exp": target.exp()}
    body = {"properties": {**exp, "room_name": target.name()}}
    answer = await target.ask("POST", "/meeting-tokens", body)
    target.switch("token_for_unknown_room", answer.status == 200)
    answer = await target.ask(
        "POST", "/meeting-tokens", {"properties": {**exp, "user_id": "u" * 37}}
    )
    if answer.status != 200:
        target.switch("long_user_id", "error")
    else:
        claims = jwt.decode(answer.body["token"], options={"verify_signature": False})
        target.switch("long_user_id", "cut" if len(claims["ud"]) == 36 else "kept")


@probe()
async def a_room_from_its_making_to_its_end(target: Target) -> None:
    name, exp = target.name(), target.exp() + 0.5
    body = {"name": name, "privacy": "private", "properties": {"exp": exp, "enable_chat": True}}
    made = await target.ask("POST", "/rooms", body)
    assert made.status == 200
    assert made.body["url"].endswith(f"/{name}")
    assert made.body["privacy"] == "private"
    assert abs(made.body["config"]["exp"] - exp) < 1
    assert (await target.ask("GET", f"/rooms/{name}")).body == made.body
    again = await target.ask("POST", "/rooms", body)
    assert (again.status, again.code) == (400, "invalid-request-error")
    changed = await target.ask("POST", f"/rooms/{name}", {"properties": {"enable_chat": None}})
    assert "enable_chat" not in changed.body["config"]
    presence = await target.ask("GET", f"/rooms/{name}/presence")
    assert presence.body == {"total_count": 0, "data": []}
    assert (await target.ask("DELETE", f"/rooms/{name}")).body == {"deleted": True, "name": name}
    for method in ("GET", "DELETE"):
        gone = await target.ask(method, f"/rooms/{name}")
        assert (gone.status, gone.code) == (404, "not-found")


@probe("unknown_property_info", "wrong_value_info", "name_too_long_info", "far_exp", "org_privacy")
async def rooms_that_are_refused(target: Target) -> None:
    name = target.name()

    async def refused(**body: Any) -> str:
        properties = {"exp": target.exp(), **body.pop("properties", {})}
        body = {"name": target.name(), "properties": properties, **body}
        answer = await target.ask("POST", "/rooms", body)
        assert answer.status == 400, answer
        return answer.info

    assert "contains invalid characters" in await refused(name=f"{name} x")
    assert "in the past" in await refused(properties={"exp": 1})
    info = await refused(properties={"enable_nothing": True})
    target.switch("unknown_property_info", info.replace("enable_nothing", "{name}"))
    info = await refused(properties={"enable_chat": "no-boolean"})
    info = info.replace("enable_chat", "{name}").replace("no-boolean", "{value}")
    target.switch("wrong_value_info", info)
    long = f"{name}-".ljust(129, "x")
    target.switch("name_too_long_info", (await refused(name=long)).replace(long, "{name}"))
    properties = {"exp": target.exp() * 1000}
    far = await target.ask("POST", "/rooms", {"name": target.name(), "properties": properties})
    target.switch("far_exp", "accept" if far.status == 200 else "error")
    body = {"name": target.name(), "privacy": "org", "properties": {"exp": target.exp()}}
    target.switch("org_privacy", (await target.ask("POST", "/rooms", body)).status == 200)


@probe("limit_out_of_range", "unknown_cursor")
async def lists(target: Target) -> None:
    rooms = [await make(target) for _ in range(3)]
    listed, page = [], {"limit": "2"}
    while data := (await target.ask("GET", "/rooms", query=page)).body["data"]:
        assert len(data) <= 2
        listed += [room["name"] for room in data]
        page["starting_after"] = data[-1]["id"]
        if {room["name"] for room in rooms} <= set(listed):
            break
    assert {room["name"] for room in rooms} <= set(listed)
    assert len(set(listed)) == len(listed)
    answer = await target.ask("GET", "/rooms", query={"limit": "101"})
    target.switch("limit_out_of_range", "clamp" if answer.status == 200 else "error")
    answer = await target.ask("GET", "/rooms", query={"starting_after": str(uuid.uuid4())})
    target.switch("unknown_cursor", "ignore" if answer.status == 200 else "error")


@probe(
    "batch_create_wrapped",
    "batch_delete_missing",
    "batch_delete_of_nothing",
    "batch_delete_duplicates",
)
async def batches(target: Target) -> None:
    async def create(*names: str) -> list[str]:
        rooms = [{"name": name, "properties": {"exp": target.exp()}} for name in names]
        answer = await target.ask("POST", "/batch/rooms", {"rooms": rooms})
        assert answer.status == 200, answer
        target.switch("batch_create_wrapped", isinstance(answer.body, dict))
        data = answer.body["data"] if isinstance(answer.body, dict) else answer.body
        assert sorted(room["name"] for room in data) == sorted(names)
        return list(names)

    async def delete(*names: str) -> Answer:
        return await target.ask("DELETE", "/batch/rooms", {"room_names": list(names)})

    names = await create(target.name(), target.name())
    exp = {"exp": target.exp()}
    taken = {"rooms": [{"name": name, "properties": exp} for name in (target.name(), names[0])]}
    assert (await target.ask("POST", "/batch/rooms", taken)).status == 400
    assert (await target.ask("GET", f"/rooms/{taken['rooms'][0]['name']}")).status == 404
    missing = await delete(*names, target.name())
    target.switch("batch_delete_missing", None if missing.status == 200 else missing.status)
    if missing.status != 200:
        assert (await delete(*names)).body == {"deleted_count": 2}
    name = target.name()
    await create(name)
    target.switch("batch_delete_of_nothing", (await delete()).status)
    twice = await delete(name, name)
    target.switch("batch_delete_duplicates", twice.status == 200)


@probe("expired_name_free", "expired_room_answers", "expired_in_total_count")
async def a_room_that_expires(target: Target) -> None:
    before = (await target.ask("GET", "/rooms", query={"limit": "1"})).body["total_count"]
    room = await make(target, exp=target.exp(3))
    await target.wait(5)
    name = room["name"]
    after = (await target.ask("GET", "/rooms", query={"limit": "1"})).body["total_count"]
    target.switch("expired_in_total_count", after > before)
    answers = (await target.ask("GET", f"/rooms/{name}")).status
    assert answers in (200, 404)
    target.switch("expired_room_answers", answers == 200)
    body = {"name": name, "properties": {"exp": target.exp()}}
    target.switch("expired_name_free", (await target.ask("POST", "/rooms", body)).status == 200)
    other = await make(target, exp=target.exp(3))
    await target.wait(5)
    gone = await target.ask("DELETE", f"/rooms/{other['name']}")
    assert (gone.status, gone.body.get("deleted")) == (404, True)


@probe("empty_body")
async def a_room_without_a_body(target: Target) -> None:
    answer = await target.ask("POST", "/rooms")
    target.switch("empty_body", answer.status == 200)
    if answer.status == 200:
        await target.ask("DELETE", f"/rooms/{answer.body['name']}")


@probe("max_api_rooms", "domain_shows_nulls")
async def the_domain(target: Target) -> None:
    answer = await target.ask("GET", "/")
    assert answer.body["domain_name"]
    assert uuid.UUID(answer.body["domain_id"])
    config = answer.body["config"]
    target.switch("max_api_rooms", config.get("max_api_rooms"))
    target.switch("domain_shows_nulls", None in config.values())


@probe("sip_prefix", "sip_in_config")
async def a_room_for_calls(target: Target) -> None:
    sip = {"display_name": "x", "sip_mode": "dial-in", "num_endpoints": 2}
    body = {"name": target.name(), "properties": {"exp": target.exp(), "sip": sip}}
    answer = await target.ask("POST", "/rooms", body)
    if answer.status == 200:  # some plans have no SIP
        uri = answer.body["config"]["sip_uri"]
        assert len(uri["extra_endpoints"]) == 1
        target.switch("sip_prefix", uri["endpoint"].startswith("sip:"))
        target.switch("sip_in_config", "sip" in answer.body["config"])


@probe("presence_of_unknown_room", "eject_from_empty_room")
async def who_is_there(target: Target) -> None:
    unknown = await target.ask("GET", f"/rooms/{target.name()}/presence")
    target.switch("presence_of_unknown_room", unknown.status)
    everywhere = await target.ask("GET", "/presence")
    assert everywhere.status == 200
    room = await make(target)
    body = {"ids": [str(uuid.uuid4())]}
    nobody = await target.ask("POST", f"/rooms/{room['name']}/eject", body)
    target.switch("eject_from_empty_room", nobody.status)
    assert nobody.status in (200, 404)
    if nobody.status == 200:
        assert nobody.body == {"ejectedIds": []}


@probe()
async def a_wrong_key(target: Target) -> None:
    answer = await target.ask("GET", "/rooms", key=secrets.token_hex(32))
    assert (answer.status, answer.code) == (401, "authentication-error")
    assert (await target.ask("GET", "/rooms", key="")).status == 400


@probe()
async def lists_of_the_account(target: Target) -> None:
    """Those of a paid plan may be refused: what is said then is in the report."""
    room = {"room": target.name()}
    assert (await target.ask("GET", "/meetings", query=room)).status in (200, 404)
    for path in (
        "/recordings", "/transcript", "/logs/api", "/webhooks", "/domain-dialin-config",
        "/purchased-phone-numbers", "/list-available-numbers",
    ):  # fmt: skip
        await target.ask("GET", path)
    session = {"userSessionId": str(uuid.uuid4()), "includeMetrics": "false"}
    await target.ask("GET", "/logs", query=session)
    assert (await target.ask("GET", "/logs")).status >= 400


@probe()
async def what_does_not_exist(target: Target) -> None:
    id = str(uuid.uuid4())
    for method, path, body in (
        ("GET", f"/recordings/{id}", None),
        ("DELETE", f"/recordings/{id}", None),
        ("GET", f"/recordings/{id}/access-link", None),
        ("GET", f"/transcript/{id}", None),
        ("DELETE", f"/transcript/{id}", None),
        ("GET", f"/transcript/{id}/access-link", None),
        ("GET", f"/domain-dialin-config/{id}", None),
        ("PUT", f"/domain-dialin-config/{id}", {"name_prefix": "x"}),
        ("DELETE", f"/domain-dialin-config/{id}", None),
        ("GET", f"/webhooks/{id}", None),
        ("POST", f"/webhooks/{id}", {"retryType": "exponential"}),
        ("DELETE", f"/webhooks/{id}", None),
        (
            "POST",
            "/dialin/pinlessCallUpdate",
            {"callId": id, "callDomain": id, "sipUri": "sip:x@x"},
        ),
    ):
        answer = await target.ask(method, path, body)
        assert answer.status >= 400, answer


@probe(
    "message_in_empty_room", "session_data_of_empty_room", "permissions_in_empty_room",
    "unknown_meeting",
)  # fmt: skip
async def a_room_without_a_call(target: Target) -> None:
    path, id = f"/rooms/{(await make(target))['name']}", str(uuid.uuid4())
    answer = await target.ask("POST", f"{path}/send-app-message", {"data": {"a": 1}})
    target.switch("message_in_empty_room", answer.status)
    answer = await target.ask("GET", f"{path}/get-session-data")
    target.switch("session_data_of_empty_room", answer.status)
    await target.ask("POST", f"{path}/set-session-data", {"data": {"a": 1}})
    body = {"data": {"*": {"canSend": False}}}
    answer = await target.ask("POST", f"{path}/update-permissions", body)
    target.switch("permissions_in_empty_room", answer.status)
    answer = await target.ask("GET", f"/meetings/{id}")
    target.switch("unknown_meeting", answer.status)
    await target.ask("GET", f"/meetings/{id}/participants")


@probe("unknown_call", "stored_not_found", "card_on_file", "no_card_status")
async def phones_without_a_call(target: Target) -> None:
    path, id = f"/rooms/{(await make(target))['name']}", str(uuid.uuid4())
    # The room has no enable_dialout: nothing is called.
    start = await target.ask("POST", f"{path}/dialOut/start", {"sipUri": "sip:x@example.invalid"})
    assert start.status >= 400
    answer = await target.ask("POST", f"{path}/dialOut/stop", {"sessionId": id})
    target.switch("unknown_call", answer.status)
    await target.ask("POST", f"{path}/dialOut/sendDTMF", {"sessionId": id, "tones": "1"})
    for what in ("sipCallTransfer", "sipRefer"):
        body = {"sessionId": id, "toEndPoint": "sip:x@example.invalid"}
        await target.ask("POST", f"{path}/{what}", body)
    target.switch("stored_not_found", (await target.ask("GET", f"/recordings/{id}")).status)
    webhooks = await target.ask("GET", "/webhooks")
    target.switch("card_on_file", webhooks.code != "invalid-plan-type")
    if webhooks.code == "invalid-plan-type":
        target.switch("no_card_status", webhooks.status)


async def everything_asked() -> dict[str, set[int]]:
    """Ask a local Daily everything; give the statuses of the answers by operation."""
    answered: dict[str, set[int]] = {}
    for ask in PROBES.values():
        async with LocalDaily() as daily:
            target = Target.of(daily)
            await ask(target)
        for answer in target.answers:
            answered.setdefault(answer.operation, set()).add(answer.status)
    return answered
