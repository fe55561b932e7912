# SPDX-License-Identifier: BSD-2-Clause
"""Rooms, as they go over the wire."""

from typing import Any, Literal, Self

from pydantic import (
    BaseModel,
    Field,
    ModelWrapValidatorHandler,
    SerializeAsAny,
    ValidationError,
    model_validator,
)

from pipecat_daily_rest.models.lenient import OPEN, QUIET, read_leniently, without_nulls
from pipecat_daily_rest.properties import (
    DailyDialoutConfig,
    DailyPermissions,
    DailySipUri,
    DailyStreamingEndpoint,
    DailyTranscriptionSettings,
    Recording,
)


class DailyRoomSipParams(BaseModel):
    """SIP configuration of a room.

    Reference: https://docs.daily.co/guides/products/dial-in-dial-out/sip

    Parameters:
        display_name: Name that is shown for the SIP participant.
        video: Whether video is enabled for SIP.
        sip_mode: ``dial-in``, the only mode.
        num_endpoints: How many SIP endpoints the room has.
        codecs: Codecs by kind, as ``{"audio": ["OPUS"], "video": ["H264"]}``; Daily's when None.
        provider: The SIP provider, as ``daily``; Daily's default when None.
        force_digit_only_username: Whether the endpoint's user part is digits only.
    """

    model_config = OPEN

    display_name: str = "sw-sip-dialin"
    video: bool = False
    sip_mode: str = "dial-in"
    num_endpoints: int = 1
    codecs: dict[str, list[str]] | None = None
    provider: str | None = None
    force_digit_only_username: bool | None = None


class RecordingsBucketConfig(BaseModel):
    """A custom S3 bucket for recordings.

    Reference: https://docs.daily.co/guides/products/live-streaming-recording/storing-recordings-in-a-custom-s3-bucket

    Parameters:
        bucket_name: Name of the bucket.
        bucket_region: AWS region of the bucket.
        assume_role_arn: ARN of the IAM role that Daily assumes.
        allow_api_access: Whether the recordings are reachable over Daily's API.
        allow_streaming_from_bucket: Whether they may be streamed from the bucket.
    """

    model_config = OPEN

    bucket_name: str
    bucket_region: str
    assume_role_arn: str
    allow_api_access: bool = False
    allow_streaming_from_bucket: bool | None = None


class TranscriptionBucketConfig(BaseModel):
    """A custom S3 bucket for transcripts.

    Reference: https://docs.daily.co/guides/products/live-streaming-recording/storing-recordings-in-a-custom-s3-bucket

    Parameters:
        bucket_name: Name of the bucket.
        bucket_region: AWS region of the bucket.
        assume_role_arn: ARN of the IAM role that Daily assumes.
        allow_api_access: Whether the transcripts are reachable over Daily's API.
    """

    model_config = OPEN

    bucket_name: str
    bucket_region: str
    assume_role_arn: str
    allow_api_access: bool = False


class DailyRoomProperties(BaseModel):
    """Properties of a room.

    Reference: https://docs.daily.co/reference/rest-api/rooms/create-room#properties

    Parameters:
        exp: When the room expires, in unix seconds.
        enable_chat: Whether chat is enabled.
        enable_prejoin_ui: Whether Prebuilt shows its pre-join page.
        enable_emoji_reactions: Whether Prebuilt offers emoji reactions.
        eject_at_room_exp: Whether Daily ejects everyone when the room expires.
        enable_dialout: Whether dial-out is enabled (paid plans).
        enable_recording: Kind of recording, or a list of kinds.
        enable_transcription_storage: Whether transcripts are stored.
        geo: Region of the room's media server, as ``us-west-2``.
        max_participants: How many participants can be in the room.
        recordings_bucket: A custom bucket for recordings.
        transcription_bucket: A custom bucket for transcripts.
        sip: SIP configuration.
        sip_uri: SIP endpoints, answered by Daily.
        start_video_off: Whether cameras are off at the join.
        nbf: From when the room can be joined, in unix seconds.
        eject_after_elapsed: Seconds after the join at which Daily ejects a participant.
        enable_knocking: Whether people without a token may knock at a private room.
        enable_screenshare: Whether screens may be shared.
        enable_advanced_chat: Whether Prebuilt's chat has emoji, GIFs and replies.
        enable_shared_chat_history: Whether newcomers get the chat so far.
        enable_people_ui: Whether Prebuilt shows the list of people.
        enable_cpu_warning_notifications: Whether Prebuilt warns of a high CPU load.
        enable_pip_ui: Whether Prebuilt offers picture in picture.
        enable_hand_raising: Whether Prebuilt offers hand raising.
        enable_live_captions_ui: Whether Prebuilt offers live captions.
        enable_network_ui: Whether Prebuilt shows network statistics.
        enable_noise_cancellation_ui: Whether Prebuilt offers noise cancellation.
        enable_breakout_rooms: Whether Prebuilt offers breakout rooms.
        enable_video_processing_ui: Whether Prebuilt offers background effects.
        start_audio_off: Whether microphones are off at the join.
        enable_raw_tracks_transcoded_audio: Format of transcoded raw audio tracks.
        recordings_template: Path template of recordings; holds ``{epoch_time}``.
        transcription_template: Path template of transcripts; holds ``{epoch_time}``.
        auto_transcription_settings: Settings of automatic transcription (paid plans).
        enable_hidden_participants: Whether non-owners join without presence.
        enable_mesh_sfu: Whether several media servers may share the call.
        sfu_switchover: Number of participants at which the call moves to a media server.
        enable_adaptive_simulcast: Whether simulcast adapts to the network.
        enable_multiparty_adaptive_simulcast: The same in calls of more than two.
        enforce_unique_user_ids: Whether Daily ejects others with the user id of a joiner.
        experimental_optimize_large_calls: Whether Prebuilt optimises for large calls.
        enable_terse_logging: Whether less is logged.
        lang: Prebuilt's language.
        meeting_join_hook: URL that is called at a join.
        rtmp_geo: Region of live streaming.
        disable_rtmp_geo_fallback: Whether streaming must stay in that region.
        dialout_config: Dial-out configuration.
        streaming_endpoints: Endpoints of live streams.
        permissions: Initial permissions of participants who are not owners.
    """

    model_config = OPEN

    exp: float | None = None
    enable_chat: bool = False
    enable_prejoin_ui: bool = False
    enable_emoji_reactions: bool = False
    eject_at_room_exp: bool = False
    enable_dialout: bool | None = None
    enable_recording: Recording | list[Recording] | None = None
    enable_transcription_storage: bool | None = None
    geo: str | None = None
    max_participants: int | None = None
    recordings_bucket: SerializeAsAny[RecordingsBucketConfig] | None = None
    transcription_bucket: SerializeAsAny[TranscriptionBucketConfig] | None = None
    sip: SerializeAsAny[DailyRoomSipParams] | None = None
    sip_uri: DailySipUri | None = None
    start_video_off: bool = False

    nbf: float | None = None
    eject_after_elapsed: int | None = None
    enable_knocking: bool | None = None
    enable_screenshare: bool | None = None
    enable_advanced_chat: bool | None = None
    enable_shared_chat_history: bool | None = None
    enable_people_ui: bool | None = None
    enable_cpu_warning_notifications: bool | None = None
    enable_pip_ui: bool | None = None
    enable_hand_raising: bool | None = None
    enable_live_captions_ui: bool | None = None
    enable_network_ui: bool | None = None
    enable_noise_cancellation_ui: bool | None = None
    enable_breakout_rooms: bool | None = None
    enable_video_processing_ui: bool | None = None
    start_audio_off: bool | None = None
    enable_raw_tracks_transcoded_audio: str | None = None
    recordings_template: str | None = None
    transcription_template: str | None = None
    auto_transcription_settings: DailyTranscriptionSettings | None = None
    enable_hidden_participants: bool | None = None
    enable_mesh_sfu: bool | None = None
    sfu_switchover: float | None = None
    enable_adaptive_simulcast: bool | None = None
    enable_multiparty_adaptive_simulcast: bool | None = None
    enforce_unique_user_ids: bool | None = None
    experimental_optimize_large_calls: bool | None = None
    enable_terse_logging: bool | None = None
    lang: str | None = None
    meeting_join_hook: str | None = None
    rtmp_geo: str | None = None
    disable_rtmp_geo_fallback: bool | None = None
    dialout_config: DailyDialoutConfig | None = None
    streaming_endpoints: list[DailyStreamingEndpoint] | None = None
    permissions: DailyPermissions | None = None

    @property
    def sip_endpoint(self) -> str:
        """Give the SIP URI to call.

        Daily's documents disagree about the ``sip:`` prefix: it is added when it is missing.

        Returns:
            The URI, or "" when the room has none.
        """
        endpoint = self.sip_uri.get("endpoint") if isinstance(self.sip_uri, dict) else None
        if not endpoint or not isinstance(endpoint, str):
            return ""
        return endpoint if endpoint.startswith(("sip:", "sips:")) else f"sip:{endpoint}"


class DailyRoomParams(BaseModel):
    """Parameters for creating a room.

    Reference: https://docs.daily.co/reference/rest-api/rooms/create-room

    Parameters:
        name: The room's name; Daily chooses one when None.
        privacy: ``private`` or ``public``.
        properties: The room's properties.
    """

    model_config = QUIET

    name: str | None = None
    privacy: Literal["private", "public"] = "public"
    # A subclass may have fields of its own; pydantic leaves them out otherwise.
    properties: SerializeAsAny[DailyRoomProperties] = Field(default_factory=DailyRoomProperties)


class DailyRoomObject(BaseModel):
    """A room as Daily answers it.

    Reference: https://docs.daily.co/reference/rest-api/rooms

    Parameters:
        id: Unique id.
        name: The room's name.
        api_created: Whether the room was created over the API.
        privacy: ``private`` or ``public``.
        url: URL for joining.
        created_at: When it was created, as ``2019-01-26T09:01:22.000Z``.
        config: The properties that differ from Daily's defaults.
    """

    model_config = OPEN

    id: str = ""
    name: str
    api_created: bool = True
    privacy: str = ""
    url: str
    created_at: str = ""
    config: SerializeAsAny[DailyRoomProperties] = Field(default_factory=DailyRoomProperties)

    @model_validator(mode="wrap")
    @classmethod
    def _read_leniently(cls, data: Any, read: ModelWrapValidatorHandler[Self]) -> Self:
        config = data.get("config") if isinstance(data, dict) else None
        if isinstance(config, dict) and None not in (*data.values(), *config.values()):
            try:
                return read(data)  # the usual case: all of it is as documented
            except ValidationError:
                pass
        return read(_lenient(data))


def _lenient(data: Any) -> Any:
    """Take out the nulls, and make what would be refused acceptable."""
    if not isinstance(data, dict):
        return data
    data = without_nulls(data)
    for name in ("id", "privacy", "created_at"):
        if name in data and not isinstance(data[name], str):
            data[name] = str(data[name])
    if not isinstance(data.get("api_created", True), bool):
        del data["api_created"]
    config = data.get("config")
    if isinstance(config, dict):
        data["config"] = read_leniently(DailyRoomProperties, config)
    elif not isinstance(config, DailyRoomProperties):
        data.pop("config", None)
    return data
