# SPDX-License-Identifier: BSD-2-Clause
"""What ``daily`` does without a call, as JSON: the same for daily-python and the stand-in.

Run in a process of its own, with either on the path. It needs no account and no network.
"""

import json
import queue
import threading
import time
import uuid
from typing import Any

from daily import (
    CallClient,
    CustomAudioSource,
    CustomAudioTrack,
    CustomVideoSource,
    CustomVideoTrack,
    Daily,
    EventHandler,
    LogLevel,
)

SOMEBODY = "7c2e1b9e-0000-4000-8000-000000000000"
FORMATS = ("RGBA", "BGRA", "ARGB", "ABGR", "RGB", "I420", "GRAY8", "rgb")


class Handler(EventHandler):
    def __init__(self) -> None:
        super().__init__()
        self.states: list[str] = []
        self.errors: list[str] = []
        self.threads: set[bool] = set()

    def on_call_state_updated(self, state: str) -> None:
        self.states.append(state)
        self.threads.add(threading.current_thread() is threading.main_thread())

    def on_error(self, message: str) -> None:
        self.errors.append(message)


def raised(call: Any) -> str:
    try:
        call()
    except Exception as exc:
        return f"{type(exc).__name__}: {exc}"
    return "nothing"


def completes(call: Any) -> list[Any]:
    """Give whether each argument is None, and whether it came on the caller's thread."""
    done: queue.Queue[Any] = queue.Queue()
    call(lambda *args: done.put((args, threading.current_thread())))
    args, thread = done.get(timeout=30)
    shape = ["nothing" if arg is None else type(arg).__name__ for arg in args]
    return [shape, thread is threading.main_thread()]


def operations(client: CallClient, handler: Handler) -> dict[str, Any]:
    audio = CustomAudioTrack(CustomAudioSource(16000, 1))
    video = CustomVideoTrack(CustomVideoSource(4, 4))
    calls: dict[str, Any] = {
        "join": lambda c: client.join("notaurl", completion=c),
        "leave": lambda c: client.leave(completion=c),
        "send_app_message": lambda c: client.send_app_message({"a": (1, 2)}, completion=c),
        "chat": lambda c: client.send_prebuilt_chat_message("hi", user_name="Bo", completion=c),
        "update_subscriptions": lambda c: client.update_subscriptions(completion=c),
        "update_subscription": lambda c: client.update_subscriptions(
            participant_settings={SOMEBODY: {"media": {"microphone": "subscribed"}}}, completion=c
        ),
        "profiles": lambda c: client.update_subscription_profiles(
            {"base": {"camera": "unsubscribed", "screenVideo": "unsubscribed"}}, completion=c
        ),
        "update_inputs": lambda c: client.update_inputs({"microphone": False}, completion=c),
        "update_publishing": lambda c: client.update_publishing(
            {"camera": {"isPublishing": False}}, completion=c
        ),
        "mute": lambda c: client.update_remote_participants(
            {SOMEBODY: {"inputsEnabled": {"microphone": False}}}, completion=c
        ),
        "eject": lambda c: client.eject_remote_participants([SOMEBODY], completion=c),
        "permissions": lambda c: client.update_permissions({}, completion=c),
        "add_audio": lambda c: client.add_custom_audio_track("a", audio, completion=c),
        "remove_audio": lambda c: client.remove_custom_audio_track("a", completion=c),
        "add_video": lambda c: client.add_custom_video_track("v", video, completion=c),
        "remove_video": lambda c: client.remove_custom_video_track("v", completion=c),
        "start_dialout": lambda c: client.start_dialout({"phoneNumber": "+1"}, completion=c),
        "stop_dialout": lambda c: client.stop_dialout(SOMEBODY, completion=c),
        "send_dtmf": lambda c: client.send_dtmf(
            {"sessionId": SOMEBODY, "tones": "1"}, completion=c
        ),
        "sip_refer": lambda c: client.sip_refer(
            {"sessionId": SOMEBODY, "toEndPoint": "sip:a@b"}, completion=c
        ),
        "sip_call_transfer": lambda c: client.sip_call_transfer(
            {"sessionId": SOMEBODY, "toEndPoint": "sip:a@b"}, completion=c
        ),
        "start_recording": lambda c: client.start_recording(completion=c),
        "stop_recording": lambda c: client.stop_recording(completion=c),
        "update_recording": lambda c: client.update_recording({}, completion=c),
        "start_transcription": lambda c: client.start_transcription(completion=c),
        "stop_transcription": lambda c: client.stop_transcription(completion=c),
        "update_transcription": lambda c: client.update_transcription([], completion=c),
        "live_stream": lambda c: client.start_live_stream_with_rtmp_urls(["x"], completion=c),
        "stop_live_stream": lambda c: client.stop_live_stream(completion=c),
        "set_proxy_url": lambda c: client.set_proxy_url("http://x", completion=c),
        "set_ice_config": lambda c: client.set_ice_config({"iceServers": []}, completion=c),
    }
    results = {name: completes(call) for name, call in calls.items()}
    client.update_inputs({"microphone": True})
    return {
        "results": results,
        "states": handler.states,
        "on_main_thread": sorted(handler.threads),
        "errors": sorted({message.partition(":")[0] for message in handler.errors}),
    }


def refusals(client: CallClient) -> dict[str, str]:
    source = CustomAudioSource(16000, 1)
    stereo = CustomAudioSource(16000, 2)
    return {
        "no handler": raised(lambda: CallClient(event_handler=object())),
        "odd bytes": raised(lambda: source.write_frames(b"abc")),
        "half a frame": raised(lambda: stereo.write_frames(bytes(6))),
        "no bytes": raised(lambda: source.write_frames(bytearray(4))),
        "no source": raised(lambda: CustomAudioTrack(3)),
        "no track": raised(lambda: client.add_custom_audio_track("x", 3)),
        "picture": raised(lambda: CustomVideoSource(10, 10, "RGB").write_frame(bytes(301))),
        "no speaker": raised(lambda: Daily.select_speaker_device("nobody made it")),
        "log level": raised(lambda: Daily.set_log_level(3)),
        "name": raised(lambda: client.set_user_name(3)),
        "url": raised(lambda: client.join(3)),
        "token": raised(lambda: client.join("https://x.daily.co/y", 3)),
        "object": raised(lambda: client.send_app_message(object())),
        "key": raised(lambda: client.send_app_message({1: 2})),
        "None": raised(lambda: client.send_app_message(None)),
        "recipient": raised(lambda: client.send_app_message("x", "nobody")),
        "everybody": raised(lambda: client.send_app_message("x", "*")),
        "recipient type": raised(lambda: client.send_app_message("x", 3)),
        "vad": raised(lambda: Daily.create_native_vad().analyze_frames(bytes(321))),
        **{f"format {f}": raised(lambda f=f: CustomVideoSource(4, 4, f)) for f in FORMATS},
    }


def pacing() -> dict[str, Any]:
    source = CustomAudioSource(16000, 1)
    chunk = bytes(640 * 2)
    for _ in range(3):
        source.write_frames(chunk)
    done: queue.Queue[Any] = queue.Queue()
    start = time.monotonic()
    returned = [source.write_frames(chunk, completion=done.put) for _ in range(10)]
    at_once = time.monotonic() - start
    counts, times = [], []
    for _ in range(10):
        counts.append(done.get(timeout=30))
        times.append(time.monotonic() - start)
    start = time.monotonic()
    blocking = [source.write_frames(chunk) for _ in range(5)]
    blocked = time.monotonic() - start
    short: list[Any] = []
    source.write_frames(
        bytes(160), completion=lambda n: short.append([n, threading.current_thread().name])
    )
    empty: list[int] = []
    source.write_frames(b"", completion=empty.append)
    return {
        "returned": returned,
        "at_once": at_once,
        "counts": counts,
        "times": times,
        "blocking": blocking,
        "blocked": blocked,
        "short": short,
        "empty": empty,
    }


def devices() -> dict[str, Any]:
    speaker = Daily.create_speaker_device("speaker", non_blocking=True)
    Daily.select_speaker_device("speaker")
    blocking = Daily.create_speaker_device("blocking")
    microphone = Daily.create_microphone_device("microphone", non_blocking=True)
    read: list[int] = []
    written: list[int] = []
    return {
        "speaker": [speaker.name, speaker.sample_rate, speaker.channels],
        "read": len(speaker.read_frames(320, completion=lambda b: read.append(len(b)))),
        "read completion": read,
        "blocking read": len(blocking.read_frames(320)),
        "written": microphone.write_frames(bytes(640), completion=written.append),
        "write completion": written,
        "vad": Daily.create_native_vad(500, 16000, 1).analyze_frames(bytes(320)),
        "levels": [int(level) for level in (LogLevel.Off, LogLevel.Info, LogLevel.Trace)],
        "level": [repr(LogLevel.Warn), LogLevel.Warn == LogLevel.Warn, LogLevel.Off == 0],
    }


def facts() -> dict[str, Any]:
    """Give all facts but those that differ from run to run; times in seconds."""
    Daily.init()
    handler = Handler()
    client = CallClient(event_handler=handler)
    before = {
        "participants": client.participants(),
        "counts": client.participant_counts(),
        "active_speaker": client.active_speaker(),
        "inputs": client.inputs(),
        "publishing": client.publishing(),
        "subscriptions": client.subscriptions(),
        "profiles": client.subscription_profiles(),
        "network": client.get_network_stats(),
    }
    local = before["participants"]["local"]
    uuid.UUID(local.pop("id"))
    local["info"]["joinedAt"] = type(local["info"]["joinedAt"]).__name__
    found: dict[str, Any] = {
        "before": before,
        "refusals": refusals(client),
        "operations": operations(client, handler),
        "after": {
            "publishing": client.publishing(),
            "subscriptions": client.subscriptions(),
            "profiles": client.subscription_profiles(),
        },
        "pacing": pacing(),
        "devices": devices(),
    }
    client.release()
    found["released"] = {
        "again": raised(client.release),
        "participants": raised(client.participants),
        "leave": raised(client.leave),
        "send_app_message": raised(lambda: client.send_app_message("x")),
        "subscription_profiles": raised(client.subscription_profiles),
    }
    return found


if __name__ == "__main__":
    print(json.dumps(facts()), flush=True)
