# SPDX-License-Identifier: BSD-2-Clause
"""Meeting tokens, as they go over the wire."""

from typing import Any

from pydantic import BaseModel, Field, SerializeAsAny

from pipecat_daily_rest.models.lenient import OPEN, QUIET, read_leniently
from pipecat_daily_rest.properties import DailyPermissions, DailyRecordingOptions, Recording


class DailyMeetingTokenProperties(BaseModel):
    """Properties of a meeting token.

    Reference: https://docs.daily.co/reference/rest-api/meeting-tokens/create-meeting-token

    Parameters:
        room_name: The room that the token is for; every room of the domain when None.
        eject_at_token_exp: Whether Daily ejects the participant when the token expires.
        eject_after_elapsed: Seconds after the join at which Daily ejects the participant.
        nbf: From when the token is valid, in unix seconds.
        exp: When the token expires, in unix seconds; never when None.
        is_owner: Whether the participant is an owner of the room.
        user_name: The participant's name.
        user_id: The participant's id, 36 characters at most.
        enable_screenshare: Whether the participant may share the screen.
        start_video_off: Whether the camera is off at the join.
        start_audio_off: Whether the microphone is off at the join.
        enable_recording: Kind of recording, or a list of kinds.
        enable_prejoin_ui: Whether Prebuilt shows its pre-join page.
        start_cloud_recording: Whether recording starts at the join (paid plans).
        permissions: Initial permissions of a participant who is not an owner.
        enable_recording_ui: Whether Prebuilt shows the recording button.
        start_cloud_recording_opts: Options of that recording.
        auto_start_transcription: Whether transcription starts when an owner joins.
        knocking: Whether the participant must knock despite the token.
        close_tab_on_exit: Whether Prebuilt closes its tab at the end.
        redirect_on_meeting_exit: Where Prebuilt goes at the end.
        lang: Prebuilt's language.
        enable_live_captions_ui: Whether Prebuilt offers live captions.
        enable_terse_logging: Whether less is logged.
    """

    model_config = OPEN

    room_name: str | None = None
    eject_at_token_exp: bool | None = None
    eject_after_elapsed: int | None = None
    nbf: int | None = None
    exp: int | None = None
    is_owner: bool | None = None
    user_name: str | None = None
    user_id: str | None = None
    enable_screenshare: bool | None = None
    start_video_off: bool | None = None
    start_audio_off: bool | None = None
    enable_recording: Recording | list[Recording] | None = None
    enable_prejoin_ui: bool | None = None
    start_cloud_recording: bool | None = None
    permissions: DailyPermissions | None = None

    enable_recording_ui: bool | None = None
    start_cloud_recording_opts: DailyRecordingOptions | None = None
    auto_start_transcription: bool | None = None
    knocking: bool | None = None
    close_tab_on_exit: bool | None = None
    redirect_on_meeting_exit: str | None = None
    lang: str | None = None
    enable_live_captions_ui: bool | None = None
    enable_terse_logging: bool | None = None


def read_token_properties(data: dict[str, Any]) -> DailyMeetingTokenProperties:
    """Read a token's properties from their long names, leniently.

    Unknown names and values of unknown kinds are kept as they came.
    """
    read = read_leniently(DailyMeetingTokenProperties, data)
    return DailyMeetingTokenProperties.model_construct(read.model_fields_set, **dict(read))


class DailyMeetingTokenParams(BaseModel):
    """Parameters for creating a meeting token.

    Reference: https://docs.daily.co/reference/rest-api/meeting-tokens/create-meeting-token

    Parameters:
        properties: The token's properties.
    """

    model_config = QUIET

    properties: SerializeAsAny[DailyMeetingTokenProperties] = Field(
        default_factory=DailyMeetingTokenProperties
    )
