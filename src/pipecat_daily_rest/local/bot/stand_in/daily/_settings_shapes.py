# SPDX-License-Identifier: BSD-2-Clause
"""The shapes of all settings, as the compiled module of daily-python 0.36 accepts them.

Reference: https://reference-python.daily.co/types.html

The documentation names ``video`` and ``audio`` where the module accepts only ``camera`` and
``microphone``. In the ``permissions`` of a dial-out it is the other way round.
"""

from collections.abc import Collection
from typing import Any

from daily._shapes import (
    U32,
    Misfit,
    Shape,
    a_list,
    a_map,
    an_id,
    any_object,
    anything,
    either,
    exact,
    flag,
    maybe,
    number,
    one_kind,
    setting,
    short,
    struct,
    text,
    whole,
    word,
)

_STANDARD = ("camera", "microphone", "screenVideo", "screenAudio")
_CUSTOM = ("customVideo", "customAudio")
_U8, _U16, _U32 = whole(0, 255), whole(0, 65_535), whole(0, U32)
_TEXT = maybe(text)

# -- Permissions ---------------------------------------------------------------------------------


def _receives(*standard: str, base: bool) -> Shape:
    """Accept a ``canReceive`` of one participant; the `base` has to name every kind of track."""
    kinds = dict.fromkeys(standard, flag)
    tracks = struct("*", **{"*": flag}) if base else anything
    by_name = a_map(flag)

    def custom(value: Any) -> Any:
        tracks(any_object(value))
        return by_name(value)

    kinds |= dict.fromkeys(_CUSTOM, custom)
    return either(bool, flag, exact(*(kinds if base else ()), **kinds))


PERMISSIONS = struct(
    hasPresence=maybe(flag),
    canSend=maybe(a_list(word(*_STANDARD, *_CUSTOM))),
    canReceive=maybe(
        exact(
            base=_receives(*_STANDARD, base=True),
            byUserId=a_map(_receives(*_STANDARD, base=False)),
            byParticipantId=a_map(_receives(*_STANDARD, base=False)),
        )
    ),
    canAdmin=maybe(a_list(word("participants", "streaming", "transcription"))),
)
REMOTE = a_map(
    struct(
        permissions=maybe(PERMISSIONS),
        inputsEnabled=maybe(struct(microphone=maybe(flag), camera=maybe(flag))),
        eject=anything,
    ),
    an_id,
)
IDS = a_list(an_id)

# -- What a bot sends ------------------------------------------------------------------------------

_TRACK = exact("customTrack", customTrack=struct("id", id=text))


def _input(**settings: Shape) -> Shape:
    given = setting(exact(**settings), null=False)

    def read(value: Any) -> Any:
        tracked = isinstance(value, dict) and value.keys() == {"customTrack"}
        return (_TRACK if tracked else given)(value)

    return short("isEnabled", flag, exact(isEnabled=maybe(flag), settings=read))


_WHOLE = setting(whole())
_PROCESSOR = one_kind(
    "processor",
    {
        "none": any_object,
        "background-blur": struct("strength", processor=text, strength=number()),
        "background-image": struct("path", processor=text, path=text),
    },
)
INPUTS = setting(
    struct(
        camera=_input(
            deviceId=setting(text),
            width=_WHOLE,
            height=_WHOLE,
            frameRate=_WHOLE,
            facingMode=setting(word("user", "environment", "left", "right")),
            torch=setting(flag),
            zoom=setting(number()),
            customConstraints=setting(any_object),
            processor=setting(_PROCESSOR),
        ),
        microphone=_input(deviceId=setting(text), customConstraints=setting(any_object)),
        screenVideo=_input(),
        screenAudio=_input(),
    ),
    null=False,
)

_ENCODING = struct(
    maxBitrate=maybe(_U32), maxFramerate=maybe(number()), scaleResolutionDownBy=maybe(number())
)


def _encodings(value: Any) -> Any:
    if value == "adaptiveHEVC":
        return value
    read = exact("low", low=_ENCODING, medium=_ENCODING, high=_ENCODING)(value)
    if "high" in read and "medium" not in read:
        msg = "medium is missing"
        raise Misfit(msg)
    return read


_QUALITY = setting(word("low", "medium", "high"))
_VIDEO = {
    "maxQuality": _QUALITY,
    "preferredCodec": setting(word("VP8", "VP9", "H264")),
    "encodings": setting(_encodings),
    "startBitrate": setting(whole(1000, U32)),
}
_LAYERS = {"allowAdaptiveLayers": setting(flag), "adaptiveLayerMaxBitrate": setting(number(1, U32))}
_SOUND = either(
    dict,
    struct(channelConfig=setting(word("mono", "stereo")), bitrate=setting(whole())),
    word("speech", "music"),
)


def _published(send_settings: Shape) -> Shape:
    shape = exact(isPublishing=flag, sendSettings=setting(send_settings, null=False))
    return short("isPublishing", flag, shape)


_CAMERA = _published(exact(**_VIDEO, **_LAYERS))
_MICROPHONE = _published(_SOUND)
PUBLISHING = setting(
    struct(
        camera=_CAMERA,
        microphone=_MICROPHONE,
        screenVideo=_published(exact(**_VIDEO)),
        customVideo=a_map(_CAMERA),
        customAudio=a_map(_MICROPHONE),
    ),
    null=False,
)
CLIENT_SETTINGS = exact(
    inputs=INPUTS,
    publishing=PUBLISHING,
    connection=exact(initialReceiveBitrate=whole(30_000, U32)),
)

# -- What a bot receives -----------------------------------------------------------------------------

_STATE = word("subscribed", "unsubscribed", "staged")


def _taken(**receive_settings: Shape) -> Shape:
    return short(
        "subscriptionState",
        _STATE,
        exact(
            subscriptionState=setting(_STATE),
            receiveSettings=setting(exact(**receive_settings)),
        ),
    )


_SEEN, _HEARD = _taken(maxQuality=_QUALITY), _taken()
_MEDIA = setting(
    either(
        dict,
        struct(
            camera=_SEEN,
            microphone=_HEARD,
            screenVideo=_SEEN,
            screenAudio=_HEARD,
            customVideo=a_map(_SEEN),
            customAudio=a_map(_HEARD),
        ),
        lambda value: {name: {"subscriptionState": _STATE(value)} for name in _STANDARD},
    )
)
PROFILES = a_map(_MEDIA)


def subscriptions(profiles: Collection[str], *, by_profile: bool = False) -> Shape:
    """Accept subscriptions by session id, or by profile; `profiles` has the names of the profiles."""
    settings = exact(profile=setting(word(*profiles)), media=_MEDIA)
    whole_media = lambda value: {"media": _MEDIA(value)}
    key = word(*profiles) if by_profile else an_id
    return a_map(setting(either(dict, settings, whole_media)), key)


# -- Telephones and services ---------------------------------------------------------------------

_CODECS = struct(
    audio=maybe(a_list(word("OPUS", "G722", "PCMU", "PCMA"))),
    video=maybe(a_list(word("VP8", "H264"))),
)
_DIALED = _receives("video", "audio", "screenVideo", "screenAudio", base=False)
_OF_DIALED = struct(
    canReceive=maybe(
        struct(
            base=maybe(_DIALED),
            byUserId=maybe(a_map(_DIALED)),
            byParticipantId=maybe(a_map(_DIALED)),
        )
    )
)
_DIALING = {
    "displayName": _TEXT,
    "userId": _TEXT,
    "codecs": maybe(_CODECS),
    "permissions": maybe(_OF_DIALED),
}
_TO_SIP = struct(
    "sipUri", sipUri=text, video=maybe(flag), provider=maybe(word("daily")), **_DIALING
)
_TO_PHONE = struct(
    "phoneNumber",
    phoneNumber=text,
    callerId=_TEXT,
    extension=_TEXT,
    waitBeforeExtensionDialSec=maybe(_U32),
    **_DIALING,
)


def DIALOUT(value: Any) -> Any:
    """Accept the target of a dial-out: a SIP URI or a telephone number."""
    given = any_object(value)
    if "sipUri" not in given and "phoneNumber" not in given:
        msg = "sipUri or phoneNumber is missing"
        raise Misfit(msg)
    try:
        return (_TO_SIP if "sipUri" in given else _TO_PHONE)(given)
    except Misfit:
        if "sipUri" not in given or "phoneNumber" not in given:
            raise
        return _TO_PHONE(given)


DTMF = struct(
    "sessionId",
    "tones",
    sessionId=text,
    tones=text,
    method=maybe(word("sip-info", "telephone-event", "auto")),
    digitDurationMs=maybe(_U32),
)
TRANSFER = struct("sessionId", "toEndPoint", sessionId=text, toEndPoint=text, callerId=_TEXT)

TRANSCRIPTION = struct(
    language=_TEXT,
    model=_TEXT,
    tier=_TEXT,
    profanity_filter=maybe(flag),
    redact=maybe(either(bool, flag, a_list(text))),
    endpointing=maybe(either(bool, flag, _U32)),
    punctuate=maybe(flag),
    includeRawResponse=maybe(flag),
    extra=maybe(any_object),
    instanceId=_TEXT,
    participants=maybe(IDS),
)

# -- What Daily's servers record and stream ------------------------------------------------------


def _colour(value: Any) -> Any:
    digits = value[1:] if isinstance(value, str) else ""
    if not (str(value).startswith("#") and len(digits) in (6, 8)):
        msg = f"{value!r} should be a color as #RRGGBB or #AARRGGBB"
        raise Misfit(msg)
    return value


def _naming(*names: str) -> Shape:
    """Accept an object that has a string under one of these keys."""

    def read(value: Any) -> Any:
        given = [value[name] for name in names if name in value]
        if not given:
            msg = f"{names[0]} is missing"
            raise Misfit(msg)
        text(given[0])
        return value

    return read


_LAYOUT = one_kind(
    "preset",
    {
        "default": struct(preset=text, maxCamStreams=maybe(whole(0, 20))),
        "audio-only": any_object,
        "raw-tracks-audio-only": any_object,
        "single-participant": _naming("session_id", "sessionId"),
        "active-participant": any_object,
        "portrait": struct(preset=text, variant=maybe(word("vertical", "inset"))),
        "custom": _naming("composition_id", "compositionId"),
    },
)
STREAMING = maybe(
    struct(
        video=maybe(
            struct(
                width=maybe(_U16),
                height=maybe(_U16),
                fps=maybe(_U8),
                backgroundColor=maybe(_colour),
                bitrate=maybe(_U16),
            )
        ),
        audio=maybe(struct(bitrate=maybe(_U16))),
        maxDuration=maybe(_U32),
        layout=maybe(_LAYOUT),
    )
)
STREAM_UPDATE = struct(layout=maybe(_LAYOUT))
STREAM_ID = maybe(an_id)
TEXTS = a_list(text)

_ICE_SERVER = exact("urls", urls=a_list(text), username=anything, credential=anything)
ICE_CONFIG = exact(
    "iceServers",
    iceServers=a_list(_ICE_SERVER),
    placement=word("front", "back", "replace"),
)
