# SPDX-License-Identifier: BSD-2-Clause
import copy
import inspect
import pickle
import subprocess
import sys
import warnings
from contextlib import suppress

import pytest
import typing_extensions
from hypothesis import given
from hypothesis import strategies as st
from pipecat.transports.daily import utils as pipecat_models

import pipecat_daily_rest as ours
from pipecat_daily_rest import errors, properties, provisioned_room
from pipecat_daily_rest._rest.room_lookup import read_room
from pipecat_daily_rest.errors import DailyResponseError
from pipecat_daily_rest.local.rules.properties import DOMAIN_PROPERTIES

MODELS = [
    "DailyMeetingTokenParams",
    "DailyMeetingTokenProperties",
    "DailyRoomObject",
    "DailyRoomParams",
    "DailyRoomProperties",
    "DailyRoomSipParams",
    "RecordingsBucketConfig",
    "TranscriptionBucketConfig",
]
ROOM = {"name": "a", "url": "https://x.daily.co/a"}


@pytest.mark.parametrize("name", MODELS)
def test_pipecats_fields_are_there_with_pipecats_defaults(name):
    theirs, mine = getattr(pipecat_models, name), getattr(ours, name)
    for field, info in theirs.model_fields.items():
        assert field in mine.model_fields
        if name != "DailyRoomObject":  # answers are read more leniently here
            assert mine.model_fields[field].is_required() == info.is_required(), field
            if info.default_factory is None:
                assert mine.model_fields[field].default == info.default, field


def test_the_helper_has_pipecats_methods_with_pipecats_parameters():
    theirs = pipecat_models.DailyRESTHelper
    for name, method in inspect.getmembers(theirs, inspect.isfunction):
        if name.startswith("_") and name != "__init__":
            continue
        mine = inspect.signature(getattr(ours.DailyRESTHelper, name)).parameters
        for parameter, value in inspect.signature(method).parameters.items():
            assert parameter in mine, f"{name}({parameter})"
            assert mine[parameter].kind == value.kind
            if value.default is not value.empty:
                assert mine[parameter].default == value.default
        order = [p for p in mine if p in inspect.signature(method).parameters]
        assert order == list(inspect.signature(method).parameters)


def test_what_is_not_set_is_not_sent():
    params = ours.DailyRoomParams(properties=ours.DailyRoomProperties(exp=5))
    assert params.model_dump(exclude_none=True) == pipecat_models.DailyRoomParams(
        properties=pipecat_models.DailyRoomProperties(exp=5)
    ).model_dump(exclude_none=True)


def test_unknown_keys_pass_through():
    assert ours.DailyRoomProperties(brand_new=1).model_dump(exclude_none=True)["brand_new"] == 1
    token = ours.DailyMeetingTokenProperties(brand_new={"a": 1})
    assert token.model_dump(exclude_none=True) == {"brand_new": {"a": 1}}
    assert ours.DailyRoomObject(**ROOM, brand_new=2).model_dump()["brand_new"] == 2


def test_an_answer_with_nulls_and_unknown_values_is_read():
    config = {
        "enable_chat": None,
        "enable_recording": "hologram",
        "geo": 7,
        "exp": 12.5,
        "sip": {"display_name": "x"},
        "max_participants": "many",
        "brand_new": [1],
    }
    room = ours.DailyRoomObject(
        **ROOM, id=None, created_at=None, api_created=None, privacy=None, config=config
    )
    assert isinstance(room.config, ours.DailyRoomProperties)
    assert room.config.enable_chat is False
    assert room.config.enable_recording == "hologram"
    assert room.config.geo == 7
    assert room.config.exp == 12.5
    assert isinstance(room.config.sip, ours.DailyRoomSipParams)
    assert room.config.brand_new == [1]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert room.model_dump()["config"]["max_participants"] == "many"


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from([*ours.DailyRoomProperties.model_fields, "new"]), json, max_size=8
    ),
    json,
)
def test_a_room_is_read_whatever_its_config_is(config, other):
    room = read_room(
        {**ROOM, "config": config, "id": other, "created_at": other}, what="-", name="a"
    )
    assert (room.name, room.url) == ("a", "https://x.daily.co/a")
    assert isinstance(room.config.sip_endpoint, str)


@given(json)
def test_an_answer_that_is_not_a_room_is_one_error(answer):
    with pytest.raises(DailyResponseError, match="Invalid response"):
        read_room(answer, what="-")


def test_another_room_than_the_one_asked_for_is_an_error():
    with pytest.raises(DailyResponseError, match="answered with 'a'"):
        read_room(ROOM, what="-", name="b")


@pytest.mark.parametrize(
    ("sip_uri", "endpoint"),
    [
        ({"endpoint": "a@b.c"}, "sip:a@b.c"),
        ({"endpoint": "sip:a@b.c"}, "sip:a@b.c"),
        ({"endpoint": None}, ""),
        ({}, ""),
        (None, ""),
    ],
)
def test_sip_is_added_only_where_it_is_missing(sip_uri, endpoint):
    assert ours.DailyRoomProperties(sip_uri=sip_uri).sip_endpoint == endpoint


SHAPES = {
    "permissions": {"canSend": ["audio"], "canReceive": {"base": {"audio": True}}, "new": {"a": 1}},
    "dialout_config": {"allow_room_start": True, "max_idle_timeout_sec": 30, "new": 1},
    "streaming_endpoints": [
        {"name": "a", "type": "rtmp", "rtmp_config": {"url": "rtmp://x/y", "new": 1}},
        {
            "name": "b",
            "type": "hls",
            "hls_config": {"storage": {"bucket_name": "b"}, "variants": [{"fps": 30}], "new": 2},
        },
    ],
    "auto_transcription_settings": {"language": "de", "redact": ["pci", True], "new": 1},
    "sip_uri": {"endpoint": "a@b", "extra_endpoints": ["c@d"], "new": 1},
}


@pytest.mark.parametrize("name", SHAPES)
def test_objects_in_properties_are_dicts_and_keep_unknown_keys(name):
    properties = ours.DailyRoomProperties(**{name: SHAPES[name]})
    assert getattr(properties, name) == SHAPES[name]
    sent = properties.model_dump(exclude_none=True)[name]
    assert sent == SHAPES[name]
    assert type(sent) is type(SHAPES[name])
    if name == "dialout_config":
        assert type(sent["max_idle_timeout_sec"]) is int


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("permissions", {"canSend": ["smell"]}),
        ("permissions", {"canAdmin": "participants"}),
        ("permissions", {"canReceive": {"base": "all"}}),
        ("dialout_config", {"max_idle_timeout_sec": "long"}),
        ("streaming_endpoints", [{"type": "smoke"}]),
        ("auto_transcription_settings", {"language": 5}),
    ],
)
def test_a_bad_value_in_an_object_is_refused_and_named(name, value):
    with pytest.raises(ValueError, match=name):
        ours.DailyRoomProperties(**{name: value})
    room = ours.DailyRoomObject(**ROOM, config={name: value})  # an answer never is
    assert getattr(room.config, name) == value


def test_the_objects_in_a_token():
    options = {"type": "cloud-audio-only", "maxDuration": 60, "new": 1}
    token = ours.DailyMeetingTokenProperties(
        permissions={"hasPresence": False}, start_cloud_recording_opts=options
    )
    assert token.model_dump(exclude_none=True) == {
        "permissions": {"hasPresence": False},
        "start_cloud_recording_opts": options,
    }
    with pytest.raises(ValueError, match="maxDuration"):
        ours.DailyMeetingTokenProperties(start_cloud_recording_opts={"maxDuration": "long"})


def test_no_property_is_a_bare_object():
    """Each object that Daily documents has its keys, and each key a line in the docstring."""
    for model in (ours.DailyRoomProperties, ours.DailyMeetingTokenProperties):
        for name, field in model.model_fields.items():
            assert "dict[str, typing.Any]" not in str(field.annotation), name
            assert f"    {name}: " in inspect.getdoc(model), name
    for name, shape in vars(properties).items():
        if typing_extensions.is_typeddict(shape) and shape.__module__ == properties.__name__:
            for key in shape.__annotations__:
                assert f"    {key}: " in inspect.cleandoc(shape.__doc__), f"{name}.{key}"


def test_the_properties_of_the_domain_are_those_that_the_local_daily_takes():
    assert set(properties.DailyDomainProperties.__annotations__) == set(DOMAIN_PROPERTIES)


NEW = {"exp": 1900000000, "enable_recording": "cloud-video-only", "sip": {"sip_mode": "new"}}


@pytest.mark.parametrize("config", [{"exp": 1900000000}, NEW])
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_room_can_be_pickled(config, protocol):
    room = read_room({**ROOM, "config": config, "new": [1]}, what="-")
    again = pickle.loads(pickle.dumps(room, protocol))  # noqa: S301
    assert (again, again.model_fields_set) == (room, room.model_fields_set)
    assert again.config.model_dump() == room.config.model_dump()
    assert copy.deepcopy(room) == room.model_copy(deep=True) == room
    assert ours.DailyRoomObject.model_validate_json(room.model_dump_json()) == room


def test_a_room_with_unknown_values_can_be_pickled_into_another_process(tmp_path):
    room = read_room({**ROOM, "config": NEW}, what="-")
    (tmp_path / "room").write_bytes(pickle.dumps(room))
    script = (
        "import pickle, sys; print(pickle.load(open(sys.argv[1], 'rb')).config.enable_recording)"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "room")]
    assert subprocess.check_output(command, text=True).strip() == "cloud-video-only"


def errors_of_all_kinds(kind=errors.DailyError):
    yield kind
    for each in kind.__subclasses__():
        yield from errors_of_all_kinds(each)


@pytest.mark.parametrize("kind", [*errors_of_all_kinds()])
def test_an_error_can_be_pickled(kind):
    error = kind.__new__(kind)
    error.args = ("words",)
    error.__dict__ |= {"attempts": 3, "status": 418, "reason": "r", "sent": False}
    again = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert (type(again), str(again), vars(again)) == (kind, "words", vars(error))
    refused = errors.DailyRateLimitError("slow", status=429, code="c")
    assert vars(copy.copy(refused)) == vars(refused)


class MySip(ours.DailyRoomSipParams):
    mine: int = 1


class MyBucket(ours.RecordingsBucketConfig):
    mine: int = 1


class MyTranscripts(ours.TranscriptionBucketConfig):
    mine: int = 1


class MyProperties(ours.DailyRoomProperties):
    mine: int = 1


class MyParams(ours.DailyRoomParams):
    mine: int = 1


class MyTokenProperties(ours.DailyMeetingTokenProperties):
    mine: int = 1


class MyTokenParams(ours.DailyMeetingTokenParams):
    mine: int = 1


def mine():
    where = {"bucket_name": "b", "bucket_region": "r", "assume_role_arn": "a"}
    return MyParams(
        name="demo",
        properties=MyProperties(
            sip=MySip(display_name="x"),
            recordings_bucket=MyBucket(**where),
            transcription_bucket=MyTranscripts(**where),
        ),
    )


def mine_count(body):
    if isinstance(body, dict):
        return ("mine" in body) + sum(map(mine_count, body.values()))
    return sum(map(mine_count, body)) if isinstance(body, list) else 0


async def test_the_fields_of_a_subclass_are_sent(local_daily, helper):
    """And refused, as what the document does not have: but not left out without a word."""

    async def sent(call):
        with suppress(ours.DailyError):
            await call
        return [each.body for each in local_daily.requests if each.method == "POST"][-1]

    assert mine_count(await sent(helper.create_room(mine()))) == 5
    assert mine_count(await sent(helper.create_rooms([mine()]))) == 5
    assert mine_count(await sent(helper.update_room("demo", MyProperties(mine=2)))) == 1
    provided = provisioned_room(mine(), daily=helper)
    assert mine_count(await sent(provided.__aenter__())) == 5
    token = MyTokenParams(properties=MyTokenProperties(user_name="Ana"))
    url = "https://x.daily.co/demo"
    assert mine_count(await sent(helper.get_token(url, params=token))) == 2
    assert mine_count(await sent(helper.create_token(token.properties))) == 1
