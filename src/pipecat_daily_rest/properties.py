# SPDX-License-Identifier: BSD-2-Clause
"""The objects inside the properties of rooms and tokens, and the properties of the domain.

They are dicts with known keys, since Pipecat has dicts there. Unknown keys pass through.
"""

from typing import Any, Literal

from pydantic import ConfigDict, with_config
from typing_extensions import TypedDict  # pydantic needs this one before Python 3.12

_OPEN = ConfigDict(extra="allow")

Sends = Literal["video", "audio", "screenVideo", "screenAudio", "customVideo", "customAudio"]
Administers = Literal["participants", "streaming", "transcription"]
Recording = Literal["cloud", "cloud-audio-only", "local", "raw-tracks"]


@with_config(_OPEN)
class DailyReceivePermissions(TypedDict, total=False):
    """What a participant may receive; the more specific rule applies.

    Reference: https://docs.daily.co/reference/daily-js/instance-methods/participants#permissionscanreceive-properties

    Parameters:
        base: The rule for everybody: all, nothing, or by kind as ``{"audio": True}``.
        byUserId: Rules by ``user_id``.
        byParticipantId: Rules by session id.
    """

    base: bool | dict[str, Any]
    byUserId: dict[str, bool | dict[str, Any]]
    byParticipantId: dict[str, bool | dict[str, Any]]


@with_config(_OPEN)
class DailyPermissions(TypedDict, total=False):
    """What a participant may do.

    Reference: https://docs.daily.co/reference/rest-api/rooms/create-room#permissions

    Parameters:
        hasPresence: Whether others see the participant.
        canSend: What may be sent: everything, nothing, or a list of kinds.
        canReceive: What may be received.
        canAdmin: What may be administered: everything, nothing, or a list.
    """

    hasPresence: bool
    canSend: bool | list[Sends]
    canReceive: DailyReceivePermissions
    canAdmin: bool | list[Administers]


@with_config(_OPEN)
class DailyDialoutConfig(TypedDict, total=False):
    """How calls out of a room behave.

    Reference: https://docs.daily.co/reference/rest-api/rooms/create-room#dialout_config

    Parameters:
        allow_room_start: Whether a call may start in an empty room.
        dialout_geo: Region of the media server, as ``us-west-2``; the room's when left out.
        max_idle_timeout_sec: Seconds that the called participant may be alone in the room.
    """

    allow_room_start: bool
    dialout_geo: str
    max_idle_timeout_sec: int | float


@with_config(_OPEN)
class DailyRTMPConfig(TypedDict, total=False):
    """Where an RTMP stream goes.

    Parameters:
        url: The server and the stream, as ``rtmps://example.com:443/stream``. It is a secret.
    """

    url: str


@with_config(_OPEN)
class DailyHLSStorage(TypedDict, total=False):
    """The S3 bucket of an HLS stream.

    Reference: https://docs.daily.co/guides/products/live-streaming-recording/storing-recordings-in-a-custom-s3-bucket

    Parameters:
        bucket_name: Name of the bucket.
        bucket_region: AWS region of the bucket.
        assume_role_arn: ARN of the IAM role that Daily assumes.
        path_template: Template of the path, as ``{room_name}/{instance_id}``.
        path: Prefix of the path; deprecated.
    """

    bucket_name: str
    bucket_region: str
    assume_role_arn: str
    path_template: str
    path: str


@with_config(_OPEN)
class DailyHLSVariant(TypedDict, total=False):
    """One resolution of an HLS stream.

    Parameters:
        width: Pixels, 32 to 1920.
        height: Pixels, 32 to 1920.
        fps: Frames per second, 1 to 30.
        bitrate: Kilobits per second, 100 to 5000.
        iframe_only: Whether it holds single frames only.
    """

    width: int
    height: int
    fps: int | float
    bitrate: int | float
    iframe_only: bool


@with_config(_OPEN)
class DailyHLSConfig(TypedDict, total=False):
    """How an HLS stream is stored.

    Parameters:
        storage: The bucket.
        save_hls_recording: Whether the files stay after the stream's end.
        variants: Its resolutions; Daily's when left out.
    """

    storage: DailyHLSStorage
    save_hls_recording: bool
    variants: list[DailyHLSVariant]


@with_config(_OPEN)
class DailyStreamingEndpoint(TypedDict, total=False):
    """A live stream's destination.

    Reference: https://docs.daily.co/reference/rest-api/rooms/create-room#streaming_endpoints

    Parameters:
        name: The name by which a program starts it.
        type: ``rtmp`` or ``hls``.
        rtmp_config: Where it goes, for ``rtmp``.
        hls_config: How it is stored, for ``hls``.
    """

    name: str
    type: Literal["rtmp", "hls"]
    rtmp_config: DailyRTMPConfig
    hls_config: DailyHLSConfig


@with_config(_OPEN)
class DailyTranscriptionSettings(TypedDict, total=False):
    """How a call is transcribed.

    Reference: https://docs.daily.co/reference/daily-js/instance-methods/start-transcription

    Parameters:
        language: Deepgram's ``language``.
        model: Deepgram's ``model``.
        tier: Deprecated.
        profanity_filter: Whether profanity is masked.
        punctuate: Whether there is punctuation.
        endpointing: Whether, or after how many milliseconds, a pause ends a phrase.
        redact: What is left out: True, False, or a list of kinds.
        extra: Further parameters of Deepgram's.
        includeRawResponse: Whether each message carries Deepgram's own answer.
        instanceId: A name of your own, when several run at the same time.
        participants: The session ids of those who are transcribed; everybody when left out.
        transcription_geo: Where it runs: ``global`` or ``eu``.
    """

    language: str
    model: str
    tier: str
    profanity_filter: bool
    punctuate: bool
    endpointing: bool | int | float
    redact: bool | list[str | bool]
    extra: dict[str, Any]
    includeRawResponse: bool
    instanceId: str
    participants: list[str]
    transcription_geo: Literal["global", "eu"]


@with_config(_OPEN)
class DailyRecordingOptions(TypedDict, total=False):
    """How a recording looks.

    Reference: https://docs.daily.co/reference/daily-js/instance-methods/start-recording

    Parameters:
        type: Kind of recording.
        width: Pixels.
        height: Pixels.
        fps: Frames per second.
        videoBitrate: Kilobits per second.
        audioBitrate: Kilobits per second.
        minIdleTimeOut: Seconds without sound and picture after which it ends; 300 when left out.
        maxDuration: Seconds after which it ends in any case; 15000 when left out.
        backgroundColor: As ``#rrggbb`` or ``#aarrggbb``.
        instanceId: A UUID, when several run at the same time.
        layout: How the participants are arranged, as ``{"preset": "single-participant", …}``.
        dataOutputs: What else is stored: ``event-json``, ``transcript-webvtt``, ``chat-webvtt``.
    """

    type: Literal["cloud", "cloud-audio-only", "raw-tracks"]
    width: int
    height: int
    fps: int | float
    videoBitrate: int | float
    audioBitrate: int | float
    minIdleTimeOut: int | float
    maxDuration: int | float
    backgroundColor: str
    instanceId: str
    layout: dict[str, Any]
    dataOutputs: list[str]


@with_config(_OPEN)
class DailySipUri(TypedDict, total=False):
    """Where a room is called by SIP, as Daily answers it.

    Reference: https://docs.daily.co/docs/guides/features/dial-in-dial-out/sip

    Parameters:
        endpoint: The first endpoint, with or without ``sip:`` before it.
        extra_endpoints: The others, when ``num_endpoints`` is more than 1.
    """

    endpoint: str | None
    extra_endpoints: list[str]


@with_config(_OPEN)
class DailyDomainProperties(TypedDict, total=False):
    """Properties of the domain: the defaults of its rooms and calls.

    None unsets a property. Properties that are left out stay as they are.

    Reference: https://docs.daily.co/reference/rest-api/domain/set-domain-config

    Parameters:
        enable_advanced_chat: Whether Prebuilt's chat has emoji, GIFs and replies.
        enable_people_ui: Whether Prebuilt shows the list of people.
        enable_cpu_warning_notifications: Whether Prebuilt warns of a high CPU load.
        enable_pip_ui: Whether Prebuilt offers picture in picture.
        enable_emoji_reactions: Whether Prebuilt offers emoji reactions.
        enable_hand_raising: Whether Prebuilt offers hand raising.
        enable_prejoin_ui: Whether Prebuilt shows its pre-join page.
        enable_breakout_rooms: Whether Prebuilt offers breakout rooms.
        enable_live_captions_ui: Whether Prebuilt offers live captions.
        enable_network_ui: Whether Prebuilt shows network statistics.
        enable_noise_cancellation_ui: Whether Prebuilt offers noise cancellation.
        enable_video_processing_ui: Whether Prebuilt offers background effects.
        hide_daily_branding: Whether "Powered by Daily" is hidden (paid plans).
        redirect_on_meeting_exit: Where Prebuilt goes at the end.
        hipaa: Whether the domain is HIPAA compliant; Daily switches it on.
        intercom_auto_record: Whether calls of Intercom's agents are recorded; Daily switches it on.
        lang: Prebuilt's language.
        meeting_join_hook: URL that is called at a join.
        geo: Region of the media servers, as ``us-west-2``.
        rtmp_geo: Region of live streaming.
        disable_rtmp_geo_fallback: Whether streaming must stay in that region.
        enable_terse_logging: Whether less is logged.
        enable_transcription_storage: Whether transcripts are stored.
        transcription_bucket: A custom bucket for transcripts, as `TranscriptionBucketConfig`.
        recordings_bucket: A custom bucket for recordings, as `RecordingsBucketConfig`.
        recordings_template: Path template of recordings; holds ``{epoch_time}``.
        transcription_template: Path template of transcripts; holds ``{epoch_time}``.
        batch_processor_bucket: A custom bucket for the batch processor.
        enable_mesh_sfu: Whether several media servers may share a call.
        sfu_switchover: Number of participants at which a call moves to a media server.
        enable_adaptive_simulcast: Whether simulcast adapts to the network.
        enable_multiparty_adaptive_simulcast: The same in calls of more than two.
        enforce_unique_user_ids: Whether Daily ejects others with the user id of a joiner.
        enable_opus_fec: Whether audio is sent with forward error correction.
        enable_raw_tracks_transcoded_audio: Format of transcoded raw audio tracks.
        permissions: Initial permissions of participants who are not owners.
        pinless_dialin: Deprecated: use the dial-in configuration. Replaces the whole list.
        pin_dialin: Deprecated: use the dial-in configuration. Replaces the whole list.
    """

    enable_advanced_chat: bool | None
    enable_people_ui: bool | None
    enable_cpu_warning_notifications: bool | None
    enable_pip_ui: bool | None
    enable_emoji_reactions: bool | None
    enable_hand_raising: bool | None
    enable_prejoin_ui: bool | None
    enable_breakout_rooms: bool | None
    enable_live_captions_ui: bool | None
    enable_network_ui: bool | None
    enable_noise_cancellation_ui: bool | None
    enable_video_processing_ui: bool | None
    hide_daily_branding: bool | None
    redirect_on_meeting_exit: str | None
    hipaa: bool | None
    intercom_auto_record: bool | None
    lang: str | None
    meeting_join_hook: str | None
    geo: str | None
    rtmp_geo: str | None
    disable_rtmp_geo_fallback: bool | None
    enable_terse_logging: bool | None
    enable_transcription_storage: bool | None
    transcription_bucket: dict[str, Any] | None
    recordings_bucket: dict[str, Any] | None
    recordings_template: str | None
    transcription_template: str | None
    batch_processor_bucket: dict[str, Any] | None
    enable_mesh_sfu: bool | None
    sfu_switchover: int | float | None
    enable_adaptive_simulcast: bool | None
    enable_multiparty_adaptive_simulcast: bool | None
    enforce_unique_user_ids: bool | None
    enable_opus_fec: bool | None
    enable_raw_tracks_transcoded_audio: Literal[
        "aac", "wav", "wav-48k", "wav-48k-stereo", "wav-48k-mono", "wav-44k1", "wav-44k1-stereo",
        "wav-44k1-mono", "",
    ] | None  # fmt: skip
    permissions: DailyPermissions | None
    pinless_dialin: list[dict[str, Any]] | None
    pin_dialin: list[dict[str, Any]] | None
