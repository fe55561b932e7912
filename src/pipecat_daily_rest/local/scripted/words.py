# SPDX-License-Identifier: BSD-2-Clause
"""What a bot reports as said, and its errors, by RTVI, whose messages Pipecat's bots send.

Reference: https://docs.pipecat.ai/client/rtvi-standard
"""

from collections.abc import Iterable, Mapping
from typing import Any

from pipecat_daily_rest.local.call.rtvi_loops import is_error, is_rtvi

# What is read of a bot that sends no bot-output, the best first; and what joins the pieces.
_OTHERS = {"bot-tts-text": " ", "bot-transcription": " ", "bot-llm-text": ""}


def error_of(message: Any) -> str:
    """Give the text of an app message by which a bot reports an error; of another one, ""."""
    if not is_error(message):
        return ""
    data = message.get("data")
    return str((data.get("error") if isinstance(data, dict) else None) or "an error without a text")


def words(events: Iterable[Mapping[str, Any]], sender: str | None = None) -> str:
    """Give the text of what a bot (None: any) has spoken, by the events that somebody got."""
    segments: dict[Any, str] = {}
    others: dict[str, list[str]] = {}
    for event in events:
        message: Any = event.get("message")
        if event["event"] != "app-message" or sender not in (None, event.get("sender")):
            continue
        data = message.get("data") if is_rtvi(message) else None
        if not isinstance(data, dict):
            continue
        if message["type"] == "bot-output":
            progress = data.get("spoken_progress")
            if isinstance(progress, dict):  # RTVI 2: what is spoken so far of a segment
                segments[data.get("segment_id")] = str(progress.get("accumulated_text") or "")
            elif data.get("spoken"):  # RTVI 1: a piece at a time
                segments[len(segments), "piece"] = str(data.get("text") or "")
        else:
            others.setdefault(message["type"], []).append(str(data.get("text") or ""))
    spoken = " ".join(text.strip() for text in segments.values() if text.strip())
    for kind, between in _OTHERS.items():
        spoken = spoken or between.join(others.get(kind, ())).strip()
    return spoken
