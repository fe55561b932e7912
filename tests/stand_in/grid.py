# SPDX-License-Identifier: BSD-2-Clause
"""How ``daily`` answers right and wrong arguments of everything that a bot can call.

A row is an argument, or a place in a valid settings object; a column is a value that is put there.
Each letter of a row is the result of one value, see `LETTERS`. No account is needed: outside a call
a client reports that it is in no call once it has accepted an argument.

It runs in a process of its own, with daily-python or the stand-in on the path. daily-python aborts
its process at some values: the caller reads the lines that were printed, and starts it again.
"""

import copy
import os
import queue
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

LETTERS = {
    "a": "accepted",
    "r": "refused by the completion or on_error",
    "T": "TypeError",
    "V": "ValueError",
    "O": "OverflowError",
    "R": "RuntimeError",
    "E": "Exception",
    "X": "the process ends, or its module panics",
    "?": "nothing came",
}
SOMEBODY = "0af00000-0000-4000-8000-000000000000"
GONE = object()  # the member is not there
PLAIN = [
    None, True, 0, 1, -1, 1.5, 300, 70_000, 5_000_000_000, "x", "", SOMEBODY, [], ["x"], {}, {"x": 1},
]  # fmt: skip
ODD = [b"x", bytearray(2), object(), {1: 2}, {"x": object()}, ("x",), float("nan"), 1 << 70, print]
IN_OBJECTS = [*PLAIN, GONE]
AS_ARGUMENTS = [*PLAIN, *ODD]

ALL = {
    **dict.fromkeys(("camera", "microphone", "screenVideo", "screenAudio"), True),
    "customVideo": {"*": True},
    "customAudio": {"*": True, "x": False},
}
PERMISSIONS = {
    "hasPresence": True,
    "canSend": ["camera", "microphone"],
    "canReceive": {
        "base": ALL,
        "byUserId": {"x": ALL, "y": True},
        "byParticipantId": {SOMEBODY: {"microphone": False}},
    },
    "canAdmin": ["participants"],
}
REMOTE = {
    SOMEBODY: {
        "permissions": {**PERMISSIONS, "canReceive": {"base": True}},
        "inputsEnabled": {"microphone": True, "camera": False},
        "eject": False,
    }
}
VIDEO = {
    "deviceId": "x",
    "width": 640,
    "height": 480,
    "frameRate": 30,
    "facingMode": "user",
    "torch": False,
    "zoom": 1.0,
    "customConstraints": {},
    "processor": {"processor": "none"},
}
AUDIO = {"deviceId": "x", "customConstraints": {}}
TRACK = {"isEnabled": True, "settings": {"customTrack": {"id": "x"}}}
INPUTS = {
    "camera": {"isEnabled": True, "settings": VIDEO},
    "microphone": {"isEnabled": True, "settings": AUDIO},
    "screenVideo": TRACK,
    "screenAudio": TRACK,
    "customVideo": {"x": TRACK},
    "customAudio": {"x": TRACK},
}
ENCODING = {"maxBitrate": 1, "maxFramerate": 30, "scaleResolutionDownBy": 1.0}
SEND_VIDEO = {
    "maxQuality": "low",
    "preferredCodec": "VP8",
    "startBitrate": 1000,
    "allowAdaptiveLayers": True,
    "adaptiveLayerMaxBitrate": 1,
    "encodings": {"low": ENCODING, "medium": ENCODING, "high": ENCODING},
}
SEND_SCREEN = {
    "maxQuality": "high",
    "preferredCodec": "VP8",
    "startBitrate": 1000,
    "encodings": {"low": ENCODING},
}
SEND_AUDIO = {"channelConfig": "mono", "bitrate": 1}
PUBLISHING = {
    "camera": {"isPublishing": True, "sendSettings": SEND_VIDEO},
    "microphone": {"isPublishing": True, "sendSettings": SEND_AUDIO},
    "screenVideo": {"isPublishing": True, "sendSettings": SEND_SCREEN},
    "screenAudio": {"isPublishing": True, "sendSettings": SEND_AUDIO},
    "customVideo": {"x": {"isPublishing": True, "sendSettings": SEND_VIDEO}},
    "customAudio": {"x": {"isPublishing": True, "sendSettings": SEND_AUDIO}},
}
SETTINGS = {
    "inputs": {"microphone": TRACK},
    "publishing": {"camera": {"isPublishing": True}},
    "connection": {"initialReceiveBitrate": 30_000},
}
SEEN = {"subscriptionState": "subscribed", "receiveSettings": {"maxQuality": "low"}}
HEARD = {"subscriptionState": "staged", "receiveSettings": {}}
MEDIA = {
    "camera": SEEN,
    "microphone": HEARD,
    "screenVideo": SEEN,
    "screenAudio": HEARD,
    "customVideo": {"x": SEEN},
    "customAudio": {"x": HEARD},
}
PROFILES = {"base": MEDIA}
OVERRIDES = {"base": {"profile": "base", "media": {"camera": SEEN}}}
SUBSCRIPTIONS = {SOMEBODY: {"profile": "base", "media": MEDIA}}
HEARD_BY = {"video": True, "audio": True, "screenVideo": True, "customAudio": {"x": True}}
CODECS = {"audio": ["OPUS"], "video": ["VP8"]}
TO_PHONE = {
    "phoneNumber": "+1",
    "displayName": "x",
    "userId": "x",
    "callerId": "x",
    "extension": "1",
    "waitBeforeExtensionDialSec": 1,
    "codecs": CODECS,
    "permissions": {"canReceive": {"base": True}},
}
TO_SIP = {
    "sipUri": "sip:a@b",
    "video": True,
    "displayName": "x",
    "userId": "x",
    "codecs": CODECS,
    "provider": "daily",
    "permissions": {"canReceive": {"base": HEARD_BY, "byUserId": {"x": HEARD_BY, "y": True}}},
}
TONES = {"sessionId": SOMEBODY, "tones": "1", "method": "auto", "digitDurationMs": 100}
TRANSFER = {
    "sessionId": SOMEBODY,
    "toEndPoint": "sip:a@b",
    "callerId": "x",
    "displayName": "x",
    "extension": "1",
    "waitBeforeExtensionDialSec": 1,
}
TRANSCRIPTION = {
    "language": "en",
    "model": "x",
    "tier": "x",
    "profanity_filter": True,
    "redact": False,
    "endpointing": True,
    "punctuate": True,
    "includeRawResponse": True,
    "extra": {"x": 1},
    "instanceId": SOMEBODY,
    "participants": [SOMEBODY],
}
STREAM = {
    "video": {"width": 640, "height": 480, "fps": 25, "backgroundColor": "#FF000000", "bitrate": 1},
    "audio": {"bitrate": 1},
    "minIdleTimeOut": 60,
    "maxDuration": 60,
    "layout": {"preset": "default", "maxCamStreams": 1},
}
ICE = {
    "iceServers": [{"urls": ["stun:x"], "username": "x", "credential": "x"}],
    "placement": "back",
}

WORDS = [
    "camera", "microphone", "screenVideo", "screenAudio", "customVideo", "customAudio", "audio",
    "video", "participants", "streaming", "transcription", "admin", "subscribed", "unsubscribed",
    "staged", "low", "medium", "high", "adaptive", "VP8", "VP9", "H264", "AV1", "HEVC", "OPUS",
    "G722", "PCMU", "PCMA", "mono", "stereo", "speech", "music", "user", "environment", "left",
    "right", "none", "background-blur", "background-image", "default", "audio-only",
    "raw-tracks-audio-only", "single-participant", "active-participant", "portrait", "custom",
    "sip-info", "telephone-event", "auto", "daily", "back", "front", "replace", "fromDefaults",
    "base", "*", "+1", "sip:a@b", "#FF0000", "#FF000000", "red", "16000",
]  # fmt: skip
SHORT = ["fromDefaults", "subscribed", "staged", "speech", "adaptiveHEVC", "base", "camera"]

Case = tuple[str, Callable[[], str]]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Give every place in some settings, the whole first."""
    yield path
    if isinstance(value, dict | list):
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        for key, member in inner:
            yield from places(member, (*path, key))


def put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """Give the settings with another value in a place."""
    if not path:
        return new
    changed = copy.copy(value)
    if len(path) == 1 and new is GONE:
        del changed[path[0]]
    else:
        changed[path[0]] = put(value[path[0]], path[1:], new)
    return changed


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


class Client:
    """A client in no call, and its errors."""

    def __init__(self) -> None:
        from daily import CallClient, EventHandler

        class Handler(EventHandler):
            def on_error(_, message: str) -> None:
                self.errors.put(message)

        self.errors = queue.Queue[str]()
        self.client = CallClient(event_handler=Handler())

    def ask(self, name: str, arguments: dict[str, Any], completes: bool) -> str:
        """Call a method, and give the letter of the result."""
        method, said = getattr(self.client, name), queue.Queue[Any]()
        try:
            if completes:
                method(**arguments, completion=lambda *args: said.put(args[-1]))
                return judged(said.get(timeout=20))
            method(**arguments)
            return "r" if self.told() else "a"
        except queue.Empty:
            return "?"
        except BaseException as exc:
            return raised(exc)

    def told(self) -> list[str]:
        """Give the errors up to one that is made here: they come in order, but late."""
        self.client.stop_dialout("no id")
        told = [self.errors.get(timeout=20)]
        while "stopDialout" not in told[-1]:
            told.append(self.errors.get(timeout=20))
        return told[:-1]


def raised(exc: BaseException) -> str:
    if not isinstance(exc, Exception):
        return "X"  # a panic of the compiled module
    kinds = (TypeError, ValueError, OverflowError, RuntimeError)
    return next((kind.__name__[0] for kind in kinds if type(exc) is kind), "E")


def judged(error: str | None) -> str:
    """Tell whether an argument was accepted: the client then reports that it is in no call."""
    nowhere = ("NotInACall", "ChannelNotOpen", "not in a call", "InvalidUrl", "is not the URL of")
    return "a" if error is None or any(words in error for words in nowhere) else "r"


def settings() -> dict[str, tuple[str, str, Any, dict[str, Any]]]:
    """Give by row: a method, its argument, a valid value, and its other arguments."""
    url = {"meeting_url": "notaurl"}
    return {
        "permissions": ("update_permissions", "permissions", PERMISSIONS, {}),
        "remote": ("update_remote_participants", "remote_participants", REMOTE, {}),
        "ids": ("eject_remote_participants", "ids", [SOMEBODY], {}),
        "inputs": ("update_inputs", "input_settings", INPUTS, {}),
        "publishing": ("update_publishing", "publishing_settings", PUBLISHING, {}),
        "join": ("join", "client_settings", SETTINGS, url),
        "profiles": ("update_subscription_profiles", "profile_settings", PROFILES, {}),
        "subscriptions": ("update_subscriptions", "participant_settings", SUBSCRIPTIONS, {}),
        "overrides": ("update_subscriptions", "profile_settings", OVERRIDES, {}),
        "dialout phone": ("start_dialout", "settings", TO_PHONE, {}),
        "dialout sip": ("start_dialout", "settings", TO_SIP, {}),
        "dtmf": ("send_dtmf", "settings", TONES, {}),
        "transfer": ("sip_call_transfer", "settings", TRANSFER, {}),
        "refer": ("sip_refer", "settings", TRANSFER, {}),
        "transcription": ("start_transcription", "settings", TRANSCRIPTION, {}),
        "transcribed": ("update_transcription", "participants", [SOMEBODY], {}),
        "recording": ("start_recording", "streaming_settings", STREAM, {}),
        "recorded": ("update_recording", "update_settings", {"layout": STREAM["layout"]}, {}),
        "stream": (
            "start_live_stream_with_endpoints",
            "streaming_settings",
            STREAM,
            {"endpoints": ["x"]},
        ),
        "streamed": ("update_live_stream", "update_settings", {"layout": STREAM["layout"]}, {}),
        "ice": ("set_ice_config", "ice_config", ICE, {}),
    }


def arguments() -> dict[str, tuple[dict[str, Any], bool]]:
    """Give by method of a client: valid arguments, and whether it has a completion."""
    from daily import CustomAudioSource, CustomAudioTrack, CustomVideoSource, CustomVideoTrack

    audio = {"audio_track": CustomAudioTrack(CustomAudioSource(16000, 1))}
    video = {"video_track": CustomVideoTrack(CustomVideoSource(4, 4))}
    name, stream, new = {"track_name": "x"}, {"stream_id": SOMEBODY}, {"force_new": True}
    completing: dict[str, dict[str, Any]] = {
        "join": {"meeting_url": "notaurl", "meeting_token": "x", "client_settings": {}},
        "update_permissions": {"permissions": {}},
        "update_remote_participants": {"remote_participants": {}},
        "eject_remote_participants": {"ids": [SOMEBODY]},
        "update_inputs": {"input_settings": {}},
        "update_publishing": {"publishing_settings": {}},
        "update_subscription_profiles": {"profile_settings": {}},
        "update_subscriptions": {"participant_settings": {}, "profile_settings": {}},
        "send_app_message": {"message": "x", "participant_id": SOMEBODY},
        "send_prebuilt_chat_message": {"message": "x", "user_name": "x"},
        "add_custom_audio_track": {**name, **audio, "ignore_audio_level": True},
        "update_custom_audio_track": {**name, **audio, "ignore_audio_level": True},
        "remove_custom_audio_track": name,
        "add_custom_video_track": {**name, **video},
        "update_custom_video_track": {**name, **video},
        "remove_custom_video_track": name,
        "start_dialout": {"settings": {"phoneNumber": "+1"}},
        "stop_dialout": {"participant_id": SOMEBODY},
        "send_dtmf": {"settings": {"sessionId": SOMEBODY, "tones": "1"}},
        "sip_call_transfer": {"settings": {"sessionId": SOMEBODY, "toEndPoint": "x"}},
        "sip_refer": {"settings": {"sessionId": SOMEBODY, "toEndPoint": "x"}},
        "start_transcription": {"settings": {}},
        "update_transcription": {"participants": [SOMEBODY], "instance_id": SOMEBODY},
        "start_recording": {"streaming_settings": {}, **stream, **new},
        "stop_recording": stream,
        "update_recording": {"update_settings": {}, **stream},
        "start_live_stream_with_endpoints": {
            "endpoints": ["x"],
            "streaming_settings": {},
            **stream,
            **new,
        },
        "start_live_stream_with_rtmp_urls": {
            "rtmp_urls": ["x"],
            "streaming_settings": {},
            **stream,
            **new,
        },
        "stop_live_stream": stream,
        "update_live_stream": {"update_settings": {}, **stream},
        "add_live_streaming_endpoints": {"endpoints": ["x"], **stream},
        "remove_live_streaming_endpoints": {"endpoints": ["x"], **stream},
        "set_proxy_url": {"proxy_url": "http://x"},
        "set_ice_config": {"ice_config": ICE},
    }
    renderer = {"participant_id": SOMEBODY, "callback": print, "logging_interval_ms": 1000}
    quiet: dict[str, dict[str, Any]] = {
        "set_user_name": {"user_name": "x"},
        "set_audio_renderer": {
            **renderer,
            "audio_source": "microphone",
            "sample_rate": 16000,
            "callback_interval_ms": 20,
        },
        "set_video_renderer": {**renderer, "video_source": "camera", "color_format": "RGBA"},
    }
    told = {method: (given, True) for method, given in completing.items()}
    return {**told, **{method: (given, False) for method, given in quiet.items()}}


def devices() -> dict[str, tuple[Callable[..., Any], dict[str, Any]]]:
    """Give by row: something that returns or raises, and valid arguments."""
    import daily
    from daily import Daily

    speaker = Daily.create_speaker_device("speaker", non_blocking=True)
    microphone = Daily.create_microphone_device("microphone", non_blocking=True)
    camera = Daily.create_camera_device("camera", 4, 4)
    detector = Daily.create_native_vad()
    sound, film = daily.CustomAudioSource(16000, 1), daily.CustomVideoSource(4, 4)
    rate = {"sample_rate": 16000, "channels": 1}
    size = {"width": 4, "height": 4, "color_format": "RGBA"}
    device = {"device_name": "x", **rate, "non_blocking": True}
    take = {"completion": lambda _: None}
    return {
        "CallClient": (daily.CallClient, {"event_handler": None}),
        "CustomAudioSource": (daily.CustomAudioSource, {**rate, "auto_silence": True}),
        "CustomAudioSource.write_frames": (sound.write_frames, {"frames": bytes(4), **take}),
        "CustomAudioTrack": (daily.CustomAudioTrack, {"audio_source": sound}),
        "CustomVideoSource": (daily.CustomVideoSource, size),
        "CustomVideoSource.write_frame": (film.write_frame, {"frame": bytes(64)}),
        "CustomVideoTrack": (daily.CustomVideoTrack, {"video_source": film}),
        "Daily.create_camera_device": (Daily.create_camera_device, {"device_name": "x", **size}),
        "Daily.create_microphone_device": (Daily.create_microphone_device, device),
        "Daily.create_speaker_device": (Daily.create_speaker_device, device),
        "Daily.create_native_vad": (Daily.create_native_vad, {"reset_period_ms": 1000, **rate}),
        "Daily.select_speaker_device": (Daily.select_speaker_device, {"device_name": "speaker"}),
        "Daily.set_log_level": (Daily.set_log_level, {"log_level": daily.LogLevel.Off}),
        "NativeVad.analyze_frames": (detector.analyze_frames, {"frames": bytes(320)}),
        "VirtualCameraDevice.write_frame": (camera.write_frame, {"frame": bytes(64)}),
        "VirtualMicrophoneDevice.write_frames": (
            microphone.write_frames,
            {"frames": bytes(4), **take},
        ),
        "VirtualSpeakerDevice.read_frames": (speaker.read_frames, {"num_frames": 160, **take}),
    }


def cases() -> Iterator[Case]:
    """Give every case by the name of its row, in the order of the columns."""
    client, quiet = Client(), Client()

    def asks(method: str, given: dict[str, Any], completes: bool = True) -> Callable[[], str]:
        asked = client if completes else quiet
        return lambda: asked.ask(method, given, completes)

    def returns(call: Callable[..., Any], given: dict[str, Any]) -> Callable[[], str]:
        def attempt() -> str:
            try:
                call(**given)
            except BaseException as exc:
                return raised(exc)
            return "a"

        return attempt

    for row, (method, argument, right, others) in settings().items():
        for path in places(right):
            where = ".".join(["they" if key == SOMEBODY else str(key) for key in (row, *path)])
            values = IN_OBJECTS if path else PLAIN
            for value in values:
                yield where, asks(method, {**others, argument: put(right, path, value)})
            node = at(right, path)
            if isinstance(node, dict):
                more = put(right, path, {**node, "bogus": 1})
                yield f"{where} and bogus", asks(method, {**others, argument: more})
            if isinstance(node, str | dict):
                for word in WORDS if isinstance(node, str) else SHORT:
                    changed = put(right, path, word)
                    yield f"{where} as a word", asks(method, {**others, argument: changed})
            if isinstance(node, list):
                for word in WORDS:
                    changed = put(right, path, [word])
                    yield f"{where} as a list", asks(method, {**others, argument: changed})
    for method, (given, completes) in arguments().items():
        yield f"{method}()", asks(method, given, completes)
        for argument in given:
            for value in AS_ARGUMENTS:
                row = f"{method}({argument})"
                yield row, asks(method, {**given, argument: value}, completes)
    for name, (call, given) in devices().items():
        yield f"{name}()", returns(call, given)
        for argument in given:
            for value in AS_ARGUMENTS:
                yield f"{name}({argument})", returns(call, {**given, argument: value})


def rows(python: str, environment: dict[str, str]) -> dict[str, str]:
    """Ask the module on the path of a Python, in processes of their own."""
    found: dict[str, str] = {}
    done = 0
    while True:
        asked = subprocess.run(
            [python, __file__, str(done)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            timeout=300,
            check=False,
        )
        assert asked.returncode != 1, "the grid itself failed"
        for line in asked.stdout.splitlines():
            row, letter = line.split("\t")
            found[row] = found.get(row, "") + (letter or "X")  # the process died of the question
            done += 1
        if asked.returncode == 0:
            return found


def main(first: int) -> None:
    from daily import Daily

    told = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # the output has no other lines
    Daily.init()
    for number, (row, case) in enumerate(cases()):
        if number >= first:
            print(row, end="\t", file=told, flush=True)
            print(case(), file=told, flush=True)
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
