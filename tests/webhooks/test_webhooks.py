# SPDX-License-Identifier: BSD-2-Clause
import base64
import hashlib
import hmac
import json
import subprocess
import sys
import time
import traceback
from datetime import timedelta

import aiohttp
import pytest
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipecat_daily_rest import DailyConfigError, DailyError, webhooks
from pipecat_daily_rest._core.secret import Secret
from pipecat_daily_rest.webhooks import (
    CallProblem,
    CallTransferEvent,
    DialinCall,
    DialinEvent,
    DialinReady,
    DialoutEvent,
    MeetingEnded,
    MeetingStarted,
    ParticipantJoined,
    ParticipantLeft,
    WaitingParticipantEvent,
    WebhookEvent,
    WebhookProbe,
    WebhookVerificationError,
    parsing,
)

SECRET = Secret("c2VjcmV0LWtleS0wMTIzNDU2Nzg5")
NOW = 1_708_972_279
# Made with openssl: `openssl dgst -sha256 -mac HMAC -macopt hexkey:… -binary | base64`.
KNOWN = {
    "webhook": (b'{"test":1}', "1708972279", "aI4MPq0KQ7RhyyaLQsHmqlQ2KKYdaFMqmsXHmiDKnFE="),
    "pinless": (
        b'{"callId":"c1","callDomain":"d1"}',
        "1708972279961",
        "18rrFNxfy+hWy2IhJ0kgD5b8d8hYlxpCM+TrMZyDm8E=",
    ),
}
JOINED = {
    "version": "1.0.0",
    "type": "participant.joined",
    "id": "ptcpt-join-1",
    "payload": {
        "room": "demo",
        "session_id": "s1",
        "user_id": "u1",
        "user_name": "Zoë",
        "joined_at": 1708972279.96,
        "owner": False,
        "will_eject_at": None,
        "permissions": {"hasPresence": True, "canSend": True},
        "networkQualityState": "good",
    },
    "event_ts": 1708972279.961,
}
CALL = {"To": "+15551", "From": "+15552", "callId": "c1", "callDomain": "d1"}


def wire(data):
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode()


def by_hand(message, timestamp):
    """Daily's signature, written a second time: a slip in signature.py turns the tests red."""
    key = base64.b64decode(SECRET)
    return base64.b64encode(
        hmac.new(key, timestamp.encode() + b"." + message, hashlib.sha256).digest()
    ).decode()


def read(body, headers=None, **arguments):
    headers = webhooks.sign(body, secret=SECRET, now=NOW) if headers is None else headers
    return webhooks.read_webhook(body, headers, **{"secret": SECRET, "now": NOW, **arguments})


def read_call(body, headers=None, **arguments):
    if headers is None:
        headers = webhooks.sign(body, secret=SECRET, source="pinless", now=NOW)
    return webhooks.read_dialin(body, headers, **{"secret": SECRET, "now": NOW, **arguments})


def refusal(reader, *args, **arguments):
    with pytest.raises(WebhookVerificationError) as caught:
        reader(*args, **arguments)
    return caught.value


# -- The signature -----------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["webhook", "pinless"])
def test_a_signature_that_openssl_made(source):
    body, timestamp, signature = KNOWN[source]
    name = source.capitalize()
    headers = {f"X-{name}-Signature": signature, f"X-{name}-Timestamp": timestamp}
    webhooks.verify(body, headers, secret=SECRET, source=source, now=NOW)
    ours = webhooks.sign(
        body, secret=SECRET, source=source, now=NOW + 0.961, milliseconds=len(timestamp) > 10
    )
    assert ours == headers
    other = "pinless" if source == "webhook" else "webhook"
    assert (
        refusal(webhooks.verify, body, headers, secret=SECRET, source=other, now=NOW).reason
        == "no-signature"
    )


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(body=st.binary(max_size=40), at=st.integers(0, 39), bit=st.integers(0, 7))
def test_one_bit_of_the_body_is_enough(body, at, bit):
    headers = webhooks.sign(body, secret=SECRET, now=NOW)
    webhooks.verify(body, headers, secret=SECRET, now=NOW)
    changed = bytearray(body.ljust(at + 1, b"\0"))
    changed[at] ^= 1 << bit
    error = refusal(webhooks.verify, bytes(changed), headers, secret=SECRET, now=NOW)
    assert error.reason == "wrong-signature"


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "ä",
        "\udcff",
        by_hand(wire(JOINED), str(NOW))[:-1],
        by_hand(wire(JOINED), str(NOW - 1)),
        hmac.new(base64.b64decode(SECRET), f"{NOW}.".encode() + wire(JOINED), "sha256").hexdigest(),
        base64.b64encode(
            hmac.new(SECRET.encode(), f"{NOW}.".encode() + wire(JOINED), "sha256").digest()
        ).decode(),
    ],
    ids=["empty", "not-ascii", "surrogate", "cut", "another-time", "hex", "secret-not-decoded"],
)
def test_a_wrong_signature_is_refused(signature):
    headers = {"X-Webhook-Signature": signature, "X-Webhook-Timestamp": str(NOW)}
    assert refusal(read, wire(JOINED), headers).reason == "wrong-signature"


@pytest.mark.parametrize("missing", ["X-Webhook-Signature", "X-Webhook-Timestamp"])
def test_the_error_names_a_missing_header(missing):
    headers = webhooks.sign(wire(JOINED), secret=SECRET, now=NOW)
    del headers[missing]
    error = refusal(read, wire(JOINED), headers)
    assert error.reason == "no-signature"
    assert missing in str(error)


def test_header_names_are_case_insensitive():
    headers = webhooks.sign(wire(JOINED), secret=SECRET, now=NOW)
    assert read(wire(JOINED), {name.lower(): value for name, value in headers.items()})
    assert read(wire(JOINED), {name.upper(): f" {value} " for name, value in headers.items()})


@pytest.mark.parametrize("secret", [SECRET + "==", f" {SECRET}\n"])
def test_the_secret_may_be_whatever_base64_node_accepts(secret):
    assert read(wire(JOINED), secret=secret)


def test_the_secret_may_be_url_safe_and_unpadded():
    key = b"\xfb\xef\xff\xfe"
    plain, safe = base64.b64encode(key).decode(), base64.urlsafe_b64encode(key).decode()
    assert plain != safe
    signed = webhooks.sign(b"{}", secret=plain, now=NOW)
    assert signed == webhooks.sign(b"{}", secret=safe.rstrip("="), now=NOW)


@pytest.mark.parametrize("secret", ["", "  ", "not base64!", "ä", "a", None, b"c2Vj"])
def test_an_impossible_secret_is_a_config_error(secret):
    with pytest.raises(DailyConfigError, match="hmac secret"):
        read(wire(JOINED), {}, secret=secret)
    with pytest.raises(DailyConfigError, match="hmac secret"):
        webhooks.sign(b"", secret=secret)


@pytest.mark.parametrize("body", [{"a": 1}, "text", None])
def test_a_body_that_is_not_bytes_is_a_config_error(body):
    with pytest.raises(DailyConfigError, match="raw bytes"):
        webhooks.verify(body, {}, secret=SECRET)


@pytest.mark.parametrize("source", ["twilio", 5, None, ["webhook"], {"webhook": 1}])
def test_another_source_is_a_config_error(source):
    with pytest.raises(DailyConfigError, match="webhook, pinless"):
        webhooks.verify(b"", {}, secret=SECRET, source=source)


@pytest.mark.parametrize("headers", [5, "x", None, [("X-Webhook-Signature", "x")], {5: "x"}])
def test_headers_that_are_not_a_mapping_are_a_config_error(headers):
    with pytest.raises(DailyConfigError, match="headers must be the headers of the request"):
        webhooks.verify(b"", headers, secret=SECRET)


def test_headers_that_are_numbers_are_a_config_error():
    with pytest.raises(DailyConfigError, match="headers must be the headers of the request"):
        read(wire(JOINED), {"X-Webhook-Signature": 5})


@pytest.mark.parametrize("now", ["x", True, [1], {}, float("nan")])
def test_now_must_be_a_number_of_seconds(now):
    with pytest.raises(DailyConfigError, match="now must be a number of seconds"):
        webhooks.sign(b"", secret=SECRET, now=now)
    signed = webhooks.sign(b"{}", secret=SECRET, now=NOW)
    with pytest.raises(DailyConfigError, match="now must be a number of seconds"):
        webhooks.verify(b"{}", signed, secret=SECRET, now=now)


def test_a_string_is_not_a_flag():
    with pytest.raises(DailyConfigError, match="milliseconds must be True or False"):
        webhooks.sign(b"", secret=SECRET, milliseconds="no")
    with pytest.raises(DailyConfigError, match="reserialized must be True or False"):
        webhooks.verify(b"", {}, secret=SECRET, reserialized="no")


# -- The body as it was signed: raw, or as compact JSON ---------------------------------------------


@pytest.mark.parametrize(
    ("sent", "signed"),
    [
        (b'{ "type": "a" }', b'{"type":"a"}'),
        (b'{"type":"a","n":5.0}', b'{"type":"a","n":5}'),
        (b'{"type":"a","n":"Zo\\u00eb"}', '{"type":"a","n":"Zoë"}'.encode()),
    ],
)
def test_a_signature_over_the_compact_json_is_a_switch(sent, signed):
    headers = {
        "X-Webhook-Signature": by_hand(signed, str(NOW)),
        "X-Webhook-Timestamp": str(NOW),
    }
    assert read(sent, headers).type == "a"
    assert refusal(read, sent, headers, reserialized=False).reason == "wrong-signature"
    pinless = {name.replace("Webhook", "Pinless"): value for name, value in headers.items()}
    assert refusal(read_call, sent, pinless).reason == "wrong-signature"


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff", b"[" * 100_000, b'{"a":NaN}', b"9" * 5000, b'{"a":"\\ud800"}'],
    ids=["empty", "cut", "not-utf8", "deep", "nan", "huge", "surrogate"],
)
def test_no_body_breaks_the_check(body):
    headers = {"X-Webhook-Signature": "x", "X-Webhook-Timestamp": str(NOW)}
    assert refusal(read, body, headers).reason == "wrong-signature"


@pytest.fixture
def looked_at(monkeypatch):
    """The sizes of the bodies that were read as JSON."""
    sizes, loads = [], json.loads

    def note(text, **options):
        sizes.append(len(text))
        return loads(text, **options)

    monkeypatch.setattr(parsing.json, "loads", note)
    return sizes


BIG = b'{"type":"a","payload":[' + b"1,1.5," * 3_000_000 + b"1]}"


@pytest.mark.parametrize("reader", [read, read_call])
@pytest.mark.parametrize("signature", [None, "x", "A" * 100_000])
def test_a_body_without_a_valid_signature_is_not_read(looked_at, reader, signature):
    """With a wrong signature or none; small bodies are read, since they may be a probe."""
    kind = "Webhook" if reader is read else "Pinless"
    headers = {f"X-{kind}-Timestamp": str(NOW)}
    if signature is not None:
        headers[f"X-{kind}-Signature"] = signature
    reason = "no-signature" if signature is None else "wrong-signature"
    for body in (BIG, b'{"test":"' + b"a" * 300_000 + b'"}'):
        assert refusal(reader, body, headers).reason == reason
    assert looked_at == []
    probe = b'{"test":"test"}'
    assert isinstance(reader(probe, headers), WebhookProbe)
    assert set(looked_at) == {len(probe)}


def test_a_signed_body_may_be_long(looked_at):
    body = b'{"type":"a","payload":{"text":"' + b"a" * 1_000_000 + b'"}}'
    signature = by_hand(body, str(NOW))
    headers = {"X-Webhook-Signature": signature, "X-Webhook-Timestamp": str(NOW)}
    assert read(body, headers).type == "a"
    spaced = body + b" "  # the compact JSON is signed, and the body too long for that
    before = len(looked_at)
    assert refusal(read, spaced, headers).reason == "wrong-signature"
    assert len(looked_at) == before


# -- The replay window --------------------------------------------------------------------------


@pytest.mark.parametrize("milliseconds", [False, True])
@pytest.mark.parametrize(
    ("age", "window", "fresh"),
    [
        (300, 300, True),
        (301, 300, False),
        (-300, 300, True),
        (-301, 300, False),
        (59, timedelta(minutes=1), True),
        (61, timedelta(minutes=1), False),
        (10**6, None, True),
    ],
)
@pytest.mark.parametrize(("reader", "data"), [(read, JOINED), (read_call, CALL)])
def test_the_replay_window(reader, data, age, window, fresh, milliseconds):
    source = "webhook" if reader is read else "pinless"
    headers = webhooks.sign(
        wire(data), secret=SECRET, source=source, now=NOW - age, milliseconds=milliseconds
    )
    if fresh:
        reader(wire(data), headers, replay_window=window)
    else:
        error = refusal(reader, wire(data), headers, replay_window=window)
        assert error.reason == "outside-window"
        assert str(abs(age)) in str(error)
        assert ("past" if age > 0 else "future") in str(error)


def test_the_default_clock_is_the_real_one():
    body = wire(JOINED)
    webhooks.read_webhook(body, webhooks.sign(body, secret=SECRET), secret=SECRET)
    old = webhooks.sign(body, secret=SECRET, now=time.time() - 3600)
    assert refusal(webhooks.read_webhook, body, old, secret=SECRET).reason == "outside-window"


@pytest.mark.parametrize("timestamp", ["", "now", "-5", "1e9", "nan", "٣", "1 2", "9" * 40])
def test_a_malformed_timestamp_is_refused(timestamp):
    headers = {
        "X-Webhook-Signature": by_hand(wire(JOINED), timestamp),
        "X-Webhook-Timestamp": timestamp,
    }
    assert refusal(read, wire(JOINED), headers).reason == "bad-timestamp"


def test_a_timestamp_may_have_a_fraction():
    timestamp = f"{NOW}.961"
    headers = {
        "X-Webhook-Signature": by_hand(wire(JOINED), timestamp),
        "X-Webhook-Timestamp": timestamp,
    }
    assert read(wire(JOINED), headers, replay_window=1)


@pytest.mark.parametrize("window", [0, -1, "300"])
def test_a_replay_window_that_is_not_a_duration(window):
    with pytest.raises(DailyConfigError, match="replay_window"):
        read(wire(JOINED), replay_window=window)


# -- Events -------------------------------------------------------------------------------------


def test_a_participant_joined():
    event = read(wire(JOINED))
    assert type(event) is ParticipantJoined
    assert (event.version, event.id, event.event_ts) == ("1.0.0", "ptcpt-join-1", 1708972279.961)
    payload = event.payload
    assert (payload.room, payload.session_id, payload.user_name) == ("demo", "s1", "Zoë")
    assert payload.will_eject_at is None
    assert payload.network_quality_state == "good"
    assert event.dedupe_key == ("participant.joined", "s1")


def test_other_types_have_a_class():
    left = {**JOINED, "type": "participant.left"}
    left["payload"] = {**JOINED["payload"], "duration": 12.5, "will_eject_at": 1708972299.5}
    event = read(wire(left))
    assert type(event) is ParticipantLeft
    assert (event.payload.duration, event.payload.will_eject_at) == (12.5, 1708972299.5)
    assert event.dedupe_key == ("participant.left", "s1")

    started = {"room": "demo", "meeting_id": "m1", "start_ts": 1.5}
    event = read(wire({**JOINED, "type": "meeting.started", "payload": started}))
    assert type(event) is MeetingStarted
    assert (event.payload.room, event.payload.meeting_id, event.payload.start_ts) == (
        "demo",
        "m1",
        1.5,
    )
    assert event.dedupe_key == ("meeting.started", "ptcpt-join-1")

    ended = {**started, "end_ts": 9}
    event = read(wire({**JOINED, "type": "meeting.ended", "payload": ended}))
    assert type(event) is MeetingEnded
    assert event.payload.end_ts == 9


@pytest.mark.parametrize("kind", ["recording.ready-to-download", "brand.new"])
def test_a_type_without_a_class_keeps_its_payload(kind):
    payload = {"room_name": "demo", "deep": [{"a": None}]}
    event = read(wire({"type": kind, "id": "e1", "payload": payload, "event_ts": 5}))
    assert type(event) is WebhookEvent
    assert (event.type, event.payload) == (kind, payload)


def test_unknown_keys_are_kept():
    event = read(wire({**JOINED, "new": 1, "payload": {**JOINED["payload"], "newer": 2}}))
    assert type(event) is ParticipantJoined
    assert (event.new, event.payload.newer) == (1, 2)
    assert event.model_dump(by_alias=True)["payload"]["networkQualityState"] == "good"


@pytest.mark.parametrize(
    "payload", [None, [], {}, {"room": "a"}, {**JOINED["payload"], "session_id": ""}]
)
def test_an_undocumented_payload_is_not_lost(payload):
    event = read(wire({**JOINED, "payload": payload}))
    assert type(event) is WebhookEvent
    assert event.payload == payload
    assert event.dedupe_key == ("participant.joined", "ptcpt-join-1")


def test_an_odd_envelope_is_not_lost():
    event = read(wire({**JOINED, "version": 2, "id": None, "event_ts": "soon"}))
    assert type(event) is ParticipantJoined
    assert (event.version, event.id, event.event_ts) == ("2", "", None)


def test_events_without_an_id_have_different_dedupe_keys():
    first, second = (read(wire({"type": "a", "payload": n})) for n in (1, 2))
    assert first.dedupe_key != second.dedupe_key


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "not JSON"),
        (b"\xff", "not JSON"),
        (b'{"type":"a","x":NaN}', "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "not a JSON object"),
        (b"{}", "type"),
        (b'{"type":5}', "type"),
    ],
)
def test_a_signed_body_that_is_not_an_event_is_refused(body, says):
    error = refusal(read, body)
    assert error.reason == "unreadable"
    assert says in str(error)
    assert isinstance(error, DailyError)


# -- Daily's tests of the endpoint ---------------------------------------------------------------


@pytest.mark.parametrize("headers", [{}, {"X-Webhook-Signature": "x", "X-Webhook-Timestamp": "y"}])
def test_a_probe_is_accepted_without_the_secret(headers):
    assert isinstance(read(b'{"test":"test"}', headers, secret=""), WebhookProbe)


@pytest.mark.parametrize(
    "data",
    [{"test": "test"}, {"Test": "test"}, {"test": True, "To": "+1555", "new": 1}, {"To": "+1555"}],
)
def test_a_probe_of_the_dialin_endpoint(data):
    assert isinstance(read_call(wire(data), {}), WebhookProbe)


@pytest.mark.parametrize(
    ("reader", "data"),
    [
        (read, {"test": ""}),
        (read, {"Test": "test"}),
        (read, {**JOINED, "test": "test"}),
        (read_call, {**CALL, "test": "test"}),
        (read_call, {"To": "+1", "From": "+2"}),
        (read_call, {}),
    ],
)
def test_no_other_body_passes_as_a_probe(reader, data):
    assert refusal(reader, wire(data), {}).reason == "no-signature"


# -- Events of calls -----------------------------------------------------------------------------

# As in Daily's examples, which give the timestamp as a string.
AT = {"domain_id": "d1", "room": "demo", "timestamp": "1728036610"}
BY_SIP = {
    "session_id": "s1",
    "sip_from": "sip:a@b.c",
    "display_name": "a",
    "sip_headers": {"X": "1"},
}
DIALLED = {
    "session_id": "s1",
    "user_id": "u1",
    "destination": "+12098888888",
    "origin": "+13977888822",
    "caller_id": "n1",
}
MOVED = {
    "session_id": "s1",
    "mtg_session_id": "m1",
    "to_endpoint": "sip:b@c.d",
    "from_endpoint": "sip:a@b.c",
    "is_sip_refer": False,
}
OF_CALLS = [
    (DialinReady, {"sip_endpoint": "sip:demo.0@b.c"}, ["dialin.ready"]),
    (DialinEvent, BY_SIP, ["dialin.connected", "dialin.stopped"]),
    (
        DialoutEvent,
        DIALLED,
        [f"dialout.{what}" for what in ("connected", "answered", "stopped", "warning")],
    ),
    (
        CallProblem,
        {"session_id": "s1", "error_msg": "bad codec"},
        ["dialin.warning", "dialin.error", "dialout.error"],
    ),
    (
        CallTransferEvent,
        MOVED,
        [f"calltransfer.{what}" for what in ("triggered", "initiated", "answered", "completed")],
    ),
]


@pytest.mark.parametrize(
    ("kind", "payload", "model"),
    [(kind, payload, model) for model, payload, kinds in OF_CALLS for kind in kinds],
)
def test_an_event_of_a_call(kind, payload, model):
    event = read(wire({"type": kind, "id": "e1", "payload": {**AT, **payload, "new": 1}}))
    assert type(event) is model
    given = event.payload.model_dump(exclude_none=True)
    assert given == {**AT, **payload, "timestamp": 1728036610.0, "new": 1}
    assert event.payload.model_extra == {"new": 1}
    assert event.dedupe_key == (kind, "e1")
    required = "sip_endpoint" if model is DialinReady else "room"
    bare = {name: value for name, value in {**AT, **payload}.items() if name != required}
    assert type(read(wire({"type": kind, "payload": bare}))) is WebhookEvent


@pytest.mark.parametrize("what", ["joined", "left"])
def test_a_person_who_knocks(what):
    event = read(wire({**JOINED, "type": f"waiting-participant.{what}"}))
    assert type(event) is WaitingParticipantEvent
    assert event.payload.user_name == "Zoë"
    assert event.dedupe_key == (f"waiting-participant.{what}", "s1")


# -- Calls --------------------------------------------------------------------------------------


def test_a_call():
    call = read_call(wire({**CALL, "sipHeaders": {"X-A": "1"}, "new": 2}))
    assert isinstance(call, DialinCall)
    assert (call.To, call.From, call.call_id, call.call_domain) == ("+15551", "+15552", "c1", "d1")
    assert (call.sip_headers, call.new) == ({"X-A": "1"}, 2)


def test_a_call_over_sip_needs_no_numbers():
    call = read_call(wire({"callId": "c1", "callDomain": "d1"}))
    assert (call.To, call.From, call.sip_headers) == (None, None, None)


@pytest.mark.parametrize("missing", ["callId", "callDomain"])
@pytest.mark.parametrize("value", [None, "", 5])
def test_a_call_without_its_ids_is_refused(missing, value):
    error = refusal(read_call, wire({**CALL, missing: value}))
    assert error.reason == "unreadable"
    assert missing in str(error)


def test_a_bot_gets_what_pipecats_runner_gives_it(monkeypatch):
    from pipecat.runner.types import DailyDialinRequest, DialinSettings

    monkeypatch.setenv("DAILY_API_KEY", "k" * 40)
    monkeypatch.delenv("DAILY_API_URL", raising=False)
    request = read_call(wire({**CALL, "sipHeaders": {"X-A": 1}})).dialin_request()
    assert type(request) is DailyDialinRequest
    assert DailyDialinRequest.model_validate(json.loads(request.model_dump_json())) == request
    assert request.dialin_settings == DialinSettings(
        call_id="c1", call_domain="d1", To="+15551", From="+15552", sip_headers={"X-A": "1"}
    )
    assert request.daily_api_key == "k" * 40
    assert request.daily_api_url == "https://api.daily.co/v1"
    assert "kkkk" not in repr(request)
    assert "kkkk" not in repr(request.model_dump())

    other = read_call(wire(CALL)).dialin_request(api_key="o" * 40, api_url="http://127.0.0.1/v1/")
    assert (other.daily_api_key, other.daily_api_url) == ("o" * 40, "http://127.0.0.1/v1")
    assert other.dialin_settings.sip_headers is None


def test_a_bot_needs_a_key(monkeypatch):
    monkeypatch.delenv("DAILY_API_KEY", raising=False)
    with pytest.raises(DailyConfigError, match="DAILY_API_KEY"):
        read_call(wire(CALL)).dialin_request()


# -- All of it -----------------------------------------------------------------------------------


async def test_over_http():
    got = []

    async def receive(request):
        reader = {"/events": webhooks.read_webhook, "/calls": webhooks.read_dialin}[request.path]
        try:
            got.append(reader(await request.read(), request.headers, secret=SECRET))
        except WebhookVerificationError as error:
            return web.Response(status=401, text=error.reason)
        return web.json_response({"status": "OK"})

    app = web.Application()
    app.router.add_post("/events", receive)
    app.router.add_post("/calls", receive)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    event, call = wire(JOINED), wire(CALL)
    posts = [
        ("/events", b'{"test":"test"}', {}),
        ("/events", event, webhooks.sign(event, secret=SECRET)),
        ("/calls", call, webhooks.sign(call, secret=SECRET, source="pinless", milliseconds=True)),
        ("/events", event, {}),
        ("/calls", call, webhooks.sign(call, secret="AAAA", source="pinless")),
    ]
    answers = []
    try:
        async with aiohttp.ClientSession() as session:
            for path, body, headers in posts:
                async with session.post(url + path, data=body, headers=headers) as response:
                    answers.append((response.status, await response.text()))
    finally:
        await runner.cleanup()
    ok = (200, '{"status": "OK"}')
    assert answers == [ok, ok, ok, (401, "no-signature"), (401, "wrong-signature")]
    assert [type(each) for each in got] == [WebhookProbe, ParticipantJoined, DialinCall]


@pytest.mark.parametrize("reader", [webhooks.read_webhook, webhooks.read_dialin])
@pytest.mark.parametrize("case", ["wrong", "old", "unreadable", "missing", "config"])
def test_no_error_shows_the_secret(reader, case):
    source = "webhook" if reader is webhooks.read_webhook else "pinless"
    plain = "bm9ib2R5LWtub3dzLXRoaXMtc2VjcmV0" + ("!" if case == "config" else "")
    body = b"[]" if case == "unreadable" else wire({**JOINED, **CALL})
    headers = webhooks.sign(
        body,
        secret=SECRET if case in ("wrong", "config") else plain,
        source=source,
        now=NOW - 900 * (case == "old"),
    )
    with pytest.raises(DailyError) as caught:
        reader(body, {} if case == "missing" else headers, secret=plain, now=NOW)
    frames = [frame for frame, _ in traceback.walk_tb(caught.value.__traceback__)][1:]
    assert frames
    shown = f"{caught.value} {caught.value!r} {caught.value.__cause__!r}"
    shown += repr([frame.f_locals for frame in frames])
    assert "bm9ib2R5" not in shown
    assert "nobody-knows" not in shown


def test_importing_it_is_light():
    heavy = ("pipecat", "jwt", "typer", "aiortc")
    code = f"import sys, pipecat_daily_rest.webhooks; print([n for n in {heavy!r} if n in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.stdout.strip() == "[]", answer.stdout + answer.stderr


def test_all_is_sorted():
    assert webhooks.__all__ == sorted(webhooks.__all__)
    assert all(hasattr(webhooks, name) for name in webhooks.__all__)
