# SPDX-License-Identifier: BSD-2-Clause
"""Arguments of the wrong type: one sentence, not an error from deep inside."""

import inspect
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Literal

import numpy as np
import pytest

from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.local import Choices, Limits, LocalDaily
from pipecat_daily_rest.local.arguments import must_be

SECRET = "s" * 40


@pytest.fixture
async def daily() -> AsyncIterator[LocalDaily]:
    async with LocalDaily() as daily:
        daily.state.rooms.create("demo", "public", {"sip_uri": {"endpoint": "demo@sip.example"}})
        yield daily


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (int, SECRET, "it must be a whole number."),
        (int, True, "it must be a whole number, not True."),
        (int, 1.5, "it must be a whole number, not 1.5."),
        (float, None, "it must be a number, not None."),
        (float, False, "it must be a number, not False."),
        (str | None, {"key": SECRET}, "it must be a string, not dict."),
        (bool, 1, "it must be True or False, not 1."),
        (Literal["a", 5] | None, SECRET, "it must be 'a' or 5."),
        (Limits | None, object(), "it must be Limits, not object."),
        (Callable | None, 5, "it must be a function, not 5."),
        (tuple[float, ...], (1, "x"), "it must be a tuple of numbers, not tuple."),
        (tuple[int, float], (1, 2.0, 3), "it must be a tuple, not tuple."),
        (Mapping[str, str], {"a": 5}, "it must be a dict of strings, not dict."),
    ],
)
def test_must_be_says_what_is_wrong(kind: Any, value: Any, message: str) -> None:
    with pytest.raises(DailyConfigError) as caught:
        must_be(kind, it=value)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (float, 5),
        (float, np.float32(5)),
        (int, np.int64(5)),
        (int | None, None),
        (Literal["a", None], None),
        (Any, object()),
        (tuple[float, ...], ()),
        (tuple[int, float], (1, 2)),
        (Callable, print),
    ],
)
def test_must_be_accepts_the_documented_types(kind: Any, value: Any) -> None:
    must_be(kind, it=value)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("unknown_cursor", "x", "unknown_cursor must be 'error' or 'ignore'"),
        ("batch_delete_missing", 500, "batch_delete_missing must be 400 or 404, not 500"),
        ("batch_tier", 5, "batch_tier must be 'default' or 'slow', not 5"),
        ("expired_name_free", "no", "expired_name_free must be True or False"),
        ("collected_after", "1h", "collected_after must be a number"),
        ("collected_after", -1, "collected_after must be 0 or more, not -1"),
        ("network_timeout", float("nan"), "network_timeout must be 0 or more, not nan"),
        ("max_webhooks", 1.5, "max_webhooks must be a whole number, not 1.5"),
        ("webhook_pauses", 15.0, "webhook_pauses must be a tuple of numbers, not 15.0"),
        ("webhook_pauses", ("x",), "webhook_pauses must be a tuple of numbers"),
        ("message_sender", None, "message_sender must be a string, not None"),
        ("rate_limit_info", 5, "rate_limit_info must be a string, not 5"),
    ],
)
def test_a_choice_refuses_other_values(name: str, value: Any, message: str) -> None:
    with pytest.raises(DailyConfigError, match=message):
        Choices(**{name: value})


@pytest.mark.parametrize("rate", [5, "ab", None, ("a", "b"), (5,), (5, 1.0, 2), (2.5, 1), {5, 1}])
def test_a_limit_is_two_numbers(rate: Any) -> None:
    with pytest.raises(DailyConfigError, match="slow must be a number of requests and of seconds"):
        Limits(slow=rate)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("host", 5, "host must be a string"),
        ("port", "x", "port must be a whole number"),
        ("port", True, "port must be a whole number"),
        ("api_key", b"k" * 32, "api_key must be a string, not bytes"),
        ("choices", 5, "choices must be Choices, not 5"),
        ("choices", {"unknown_cursor": "ignore"}, "choices must be Choices, not dict"),
        ("limits", 5, "limits must be Limits, not 5"),
        ("limits", True, "limits must be Limits, not True"),
        ("latency", "x", "latency must be a number"),
        ("latency", None, "latency must be a number"),
        ("control", "yes", "control must be True or False"),
        ("speech_model", 5, "speech_model must be a string"),
    ],
)
def test_arguments_of_a_local_daily(name: str, value: Any, message: str) -> None:
    with pytest.raises(DailyConfigError, match=message):
        LocalDaily(**{name: value})


async def tried(call: Callable[..., Any], **arguments: Any) -> None:
    result = call(**arguments)
    if inspect.isawaitable(result):
        await result


def refusals(**cases: list[tuple[dict[str, Any], str]]) -> Any:
    """Methods, each with wrong arguments and the message."""
    given = [(method, *case) for method, of in cases.items() for case in of]
    return pytest.mark.parametrize(("method", "arguments", "message"), given)


@refusals(
    advance=[
        ({"seconds": "x"}, "seconds must be timedelta or a number"),
        ({"seconds": None}, "seconds must be"),
        ({"hours": "1"}, "hours must be a number"),
        ({"days": True}, "days must be a number"),
        ({"seconds": float("nan")}, "time only moves forward"),
        ({"days": float("inf")}, "time only moves forward"),
        ({"days": 365_000.0}, "the clock goes to the year 3000 at most"),
    ],
    fail=[
        ({"method": 5}, "method must be a string"),
        ({"path": None}, "path must be a string"),
        ({"times": "x"}, "times must be a whole number"),
        ({"times": 1.5}, "times must be a whole number"),
        ({"status": "500"}, "status must be a whole number"),
        ({"code": 5}, "code must be a string"),
        ({"commit": "no"}, "commit must be True or False"),
        ({"delay": "x"}, "delay must be a number"),
        ({"delay_after": None}, "delay_after must be a number"),
        ({"hang": 1}, "hang must be True or False"),
        ({"drop": True}, "drop must be 'before' or 'after', not True"),
        ({"body": object()}, "body must be a string, bytes or a JSON value"),
        ({"headers": "x"}, "headers must be a dict of strings"),
        ({"headers": {"Retry-After": 5}}, "headers must be a dict of strings"),
        ({"retry_after": []}, "retry_after must be a number or a string"),
        ({"headers": {"X": "a\r\nY: b"}}, "headers must be printable"),
        ({"headers": {"X\n": "a"}}, "headers must be printable"),
        ({"retry_after": "1\n"}, "retry_after must be seconds or a date"),
    ],
    chaos=[
        ({"seed": None}, "seed must be a whole number or a string"),
        ({"rate": "x"}, "rate must be a number"),
        ({"kinds": 5}, "kinds must be a list, not 5"),
        ({"kinds": [5]}, "kinds must be some of"),
        ({"kinds": [[]]}, "kinds must be some of"),
        ({"method": 5}, "method must be a string"),
    ],
    room=[({"room": 5}, "room must be a string"), ({"room": None}, "room must be a string")],
    join=[
        ({"room": 5}, "room must be a string"),
        ({"token": 5}, "token must be a string"),
        ({"user_name": None}, "user_name must be a string"),
        ({"keep": "x"}, "keep must be a number"),
        ({"keep": -1}, "keep must be a number of seconds"),
        ({"keep": float("nan")}, "keep must be a number of seconds"),
        ({"knock": "no"}, "knock must be True or False"),
    ],
    add_recording=[
        ({"room": 5}, "room must be a string"),
        ({"content": "text"}, "content must be bytes"),
        ({"content": 5}, "content must be bytes"),
        ({"content_type": None}, "content_type must be a string"),
        ({"start": "x"}, "start must be a number"),
        ({"duration": None}, "duration must be a number"),
        ({"max_participants": "2"}, "max_participants must be a whole number"),
        ({"meeting_id": 5}, "meeting_id must be a string"),
        ({"tracks": "audio"}, "tracks must be a list of dicts"),
        ({"tracks": [5]}, "tracks must be a list of dicts"),
    ],
    add_transcript=[
        ({"content": b"WEBVTT"}, "content must be a string"),
        ({"start": "x"}, "start must be a number"),
        ({"meeting_id": 5}, "meeting_id must be a string"),
        ({"error": 5, "status": "t_error"}, "error must be a string"),
    ],
    dial_in=[
        ({"target": 5}, "target must be a string"),
        ({"from_": None}, "from_ must be a string"),
        ({"to": 5}, "to must be a string"),
        ({"sip_headers": "x"}, "sip_headers must be a dict of strings"),
        ({"sip_headers": {"x": 5}}, "sip_headers must be a dict of strings"),
    ],
)
async def test_arguments_of_its_methods(
    daily: Any, method: str, arguments: Any, message: str
) -> None:
    needed = {
        "fail": {"method": "GET", "path": "/"},
        "chaos": {"seed": 1},
        "join": {"room": "demo"},
        "add_recording": {"room": "demo"},
        "add_transcript": {"room": "demo"},
        "dial_in": {"target": "demo@sip.example"},
    }
    with pytest.raises(DailyConfigError, match=message):
        getattr(daily, method)(**{**needed.get(method, {}), **arguments})
    assert daily.faults.added == []
    assert daily.stored.recordings == daily.stored.transcripts == {}
    assert daily.rooms["demo"].participants == {}


@refusals(
    transcribe=[
        ({"who": 5, "text": "x"}, "who must be a string or Participant or Scripted, not 5"),
        ({"who": "Ana", "text": 5}, "text must be a string"),
        ({"who": "Ana", "text": "x", "final": "no"}, "final must be True or False"),
    ],
    fail_transcription=[({"message": None}, "message must be a string")],
    dtmf=[({"tones": 5}, "tones must be a string"), ({"phone": "1"}, "phone must be PhoneCall")],
    dial_in=[({"from_": 5}, "from_ must be a string")],
    lose_network=[
        ({"who": None, "seconds": 1}, "who must be"),
        ({"who": "Ana", "seconds": "x"}, "seconds must be a number"),
    ],
    event=[
        ({"name": 5}, "name must be a string"),
        ({"name": "x", "where": "y"}, "where must be a function"),
        ({"name": "x", "timeout": "1"}, "timeout must be a number"),
    ],
)
async def test_arguments_of_a_room_handle(
    daily: Any, method: str, arguments: Any, message: str
) -> None:
    daily.join("demo", user_name="Ana")
    room = daily.room("demo")
    room.dial_in()
    needed = {"dtmf": {"tones": "1"}}
    with pytest.raises(DailyConfigError, match=message):
        await tried(getattr(room, method), **{**needed.get(method, {}), **arguments})


@refusals(
    says=[
        ({"what": 5}, "what must be"),
        ({"what": b"odd"}, "whole numbers of 16 bit"),
        ({"what": np.zeros(10)}, "whole numbers of 16 bit"),
        ({"what": np.zeros((2, 10), np.int16)}, "of one channel"),
        ({"what": b"", "track": 5}, "track must be a string"),
    ],
    tone=[
        ({"hz": "x"}, "hz must be a number"),
        ({"hz": float("nan")}, "A tone has a frequency between 0 and"),
        ({"hz": 500, "seconds": None}, "seconds must be a number"),
        ({"hz": 500, "seconds": -1}, "A tone has a frequency between 0 and"),
        ({"hz": 500, "amplitude": 2}, "A tone has a frequency between 0 and"),
    ],
    send=[
        ({"message": object()}, "message must be what JSON can hold"),
        ({"message": "x", "recipient": 5}, "recipient must be a string"),
    ],
    mute=[({"muted": "no"}, "muted must be True or False")],
    heard_from=[({"id": 5}, "id must be a string")],
    hears=[
        ({"what": None}, "what must be"),
        ({"what": 500, "voice": 5}, "voice must be a string"),
        ({"what": 500, "timeout": "x"}, "timeout must be a number"),
    ],
    message=[({"where": 5}, "where must be a function")],
    event=[({"name": None}, "name must be a string")],
    is_in=[({"timeout": "x"}, "timeout must be a number")],
    left=[({"timeout": "x"}, "timeout must be a number")],
    shows=[
        ({"picture": 5}, "picture must be an array"),
        ({"picture": (1, 2)}, "picture must be an array"),
        ({"picture": (0, 0, 256)}, "picture must be an array"),
        ({"picture": (0, 0, 0), "source": "door"}, "source must be 'camera' or 'screenVideo'"),
    ],
    hides=[({"source": 5}, "source must be 'camera' or 'screenVideo', not 5")],
    sees=[
        ({"what": "red", "of": "x"}, "what must be a colour"),
        ({"what": (1, 2, 3), "of": 5}, "of must be a string"),
        ({"what": (1, 2, 3), "of": "x", "source": "door"}, "source must be"),
    ],
    lets_in=[({"id": []}, "id must be a string")],
    turns_away=[({"id": 5}, "id must be a string")],
)
async def test_arguments_of_a_scripted_participant(
    daily: Any, method: str, arguments: Any, message: str
) -> None:
    ana = daily.join("demo", user_name="Ana")
    before = dict(ana.participant.media)
    with pytest.raises(DailyConfigError, match=message):
        await tried(getattr(ana, method), **arguments)
    assert ana.participant.media == before


async def test_arguments_of_waiting(daily: Any) -> None:
    fault = daily.fail("GET", "/")
    for waits, message in (
        (fault.wait("x"), "hits must be a whole number"),
        (daily.state.log.wait_for(5), "what must be a string"),
        (daily.state.log.wait_for("created", room=5), "room must be a string"),
        (daily.state.log.wait_for("created", count="x"), "count must be a whole number"),
        (daily.state.log.wait_for("created", count=0), "count must be at least 1"),
    ):
        with pytest.raises(DailyConfigError, match=message):
            await waits
