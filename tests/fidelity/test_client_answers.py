# SPDX-License-Identifier: BSD-2-Clause
"""What the client reads in Daily's answers, against Daily's OpenAPI document.

The client reads answers leniently: a field with a wrong name would be empty without an error.
"""

from typing import Any

import pytest
from pydantic import BaseModel

from document.check import DOCUMENT
from pipecat_daily_rest import DailyRoomObject, answers

WHERE: dict[type[BaseModel], tuple[str, str]] = {
    DailyRoomObject: ("GET /rooms/{room_name}", ""),
    answers.DailyAccessLink: ("GET /recordings/{recording_id}/access-link", ""),
    answers.DailyAvailableNumber: ("GET /list-available-numbers", "data.[]"),
    answers.DailyDeletedRecording: ("DELETE /recordings/{recording_id}", ""),
    answers.DailyDialinConfig: ("GET /domain-dialin-config/{id}", ""),
    answers.DailyDomain: ("GET /", ""),
    answers.DailyMeeting: ("GET /meetings", "data.[]"),
    answers.DailyMeetingParticipant: ("GET /meetings", "data.[].participants.[]"),
    answers.DailyPhoneNumber: ("GET /purchased-phone-numbers", "data.[]"),
    answers.DailyPresence: ("GET /rooms/{room_name}/presence", "data.[]"),
    answers.DailyRecording: ("GET /recordings/{recording_id}", ""),
    answers.DailyRoomPresence: ("GET /rooms/{room_name}/presence", ""),
    answers.DailyTranscript: ("GET /transcript/{transcriptId}", ""),
    answers.DailyWebhook: ("POST /webhooks/{id}", ""),
}
# Parts of other answers, which the tests of those check.
PARTS = {answers.DailyRecordingTrack, answers.DailyStorage}
NO_FIELD = {"pagination_id"}  # for the next page only
FLAT = {"config": None, "timeout_config": "timeout_message", "ivr_greeting": "ivr_message"}


def members(schema: Any, at: str) -> dict[str, Any]:
    for step in [*at.split(".")] if at else []:
        schema = _of_something(schema)
        schema = schema["items"] if step == "[]" else schema["properties"][step]
    found: dict[str, Any] = _of_something(schema)["properties"]
    return found


def _of_something(schema: Any) -> Any:
    """Give a schema without its alternative null."""
    return schema["anyOf"][0] if "anyOf" in schema else schema


def test_every_answer_is_checked() -> None:
    known = {each.__name__ for each in (*WHERE, *PARTS)} - {"DailyRoomObject"}
    assert known == set(answers.__all__)


@pytest.mark.parametrize("model", WHERE, ids=lambda model: model.__name__)
def test_its_fields_are_those_of_the_document(model: type[BaseModel]) -> None:
    operation, at = WHERE[model]
    documented = members(DOCUMENT.answer(operation, 200), at)
    if model is answers.DailyDialinConfig:
        documented = {**documented, **members(documented["config"], "")}
        documented = {FLAT.get(name, name): each for name, each in documented.items()}
        del documented[None]  # type: ignore[arg-type]
    fields = {field.alias or name for name, field in model.model_fields.items()}
    assert fields == set(documented) - NO_FIELD
