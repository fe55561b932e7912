# SPDX-License-Identifier: BSD-2-Clause
"""The properties of a domain, as they are set."""

from typing import Any, Literal

from pydantic import ConfigDict, with_config
from typing_extensions import TypedDict  # pydantic needs this one before Python 3.12

from pipecat_daily_rest._shapes import DailyPermissions


@with_config(ConfigDict(extra="allow"))
class DailyDomainProperties(TypedDict, total=False):
    """Properties of the domain: what its rooms and calls have where they say nothing themselves.

    None unsets a property. What is left out stays as it is.

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
        enforce_unique_user_ids: Whether a joiner puts out others with its user id.
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
