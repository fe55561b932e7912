# SPDX-License-Identifier: BSD-2-Clause
from typing import Any

from pipecat_daily_rest.local.scripted.words import error_of, words


def event(type: str, sender: str = "bot", **data: Any) -> dict[str, Any]:
    message = {"label": "rtvi-ai", "type": type, "data": data}
    return {"event": "app-message", "sender": sender, "message": message}


def progress(segment: int, spoken: str, left: str = "", **more: Any) -> dict[str, Any]:
    spoken_progress = {"accumulated_text": spoken, "remaining_text": left}
    return event(
        "bot-output", segment_id=segment, text=spoken + left, spoken_progress=spoken_progress
    )


def test_what_was_spoken_of_each_segment() -> None:
    events = [
        progress(1, "", "Hello there."),
        progress(1, "Hello", " there."),
        progress(1, "Hello there."),
        event("bot-tts-text", text="Hello"),
        progress(2, "", "It rains."),
        progress(2, "It", " rains."),  # and then it was interrupted
    ]
    assert words(events) == "Hello there. It"


def test_older_bots_and_bots_without_an_output() -> None:
    first = [event("bot-output", text="Hello", spoken=False)]
    spoken = [event("bot-output", text=text, spoken=True) for text in ("Hello", "you.")]
    assert words(first + spoken) == "Hello you."
    assert words([event("bot-tts-text", text="Good"), event("bot-tts-text", text="day.")]) == (
        "Good day."
    )
    assert words([event("bot-llm-text", text=" Good"), event("bot-llm-text", text=" day.")]) == (
        "Good day."
    )
    assert words([event("bot-llm-text", text="a"), event("bot-transcription", text="A.")]) == "A."


def test_what_is_not_the_bots_text() -> None:
    others = [
        {"event": "participant-joined", "participant": {}},
        {"event": "app-message", "sender": "bot", "message": "plain"},
        {"event": "app-message", "sender": "bot", "message": {"label": "rtvi-ai", "type": "x"}},
        event("user-transcription", text="question"),
        event("bot-tts-text", "another", text="other"),
    ]
    assert words(others, "bot") == ""
    assert words(others) == "other"


def test_the_errors_that_a_bot_reports() -> None:
    said = [
        event("error", error="no model", fatal=False),
        event("error-response", error="unknown"),
        event("error"),
        event("bot-output", error="no"),
        {"event": "app-message", "sender": "bot", "message": {"type": "error", "data": {}}},
    ]
    told = [error_of(each["message"]) for each in said]
    assert told == ["no model", "unknown", "an error without a text", "", ""]
