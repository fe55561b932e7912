# SPDX-License-Identifier: BSD-2-Clause
"""The properties that Daily documents, with their types, ranges and defaults.

Reference: https://docs.daily.co/reference/rest-api/rooms/create-room#properties and
https://docs.daily.co/reference/rest-api/meeting-tokens/create-meeting-token#properties

This table is the server's own. It shares nothing with the client's models, so that a wrong field
name there is noticed here.
"""

from collections.abc import Mapping
from typing import Any

from pipecat_daily_rest.local.rules.kinds import (
    BOOLEAN,
    NUMBER,
    Check,
    an_object,
    array_of,
    either,
    file_template,
    integer,
    is_number,
    kind,
    map_of,
    one_of,
    text,
    url,
)

_SECONDS = kind("a number, 0 or more", lambda value: is_number(value) and value >= 0)
_INSTANT = kind("a number of seconds since the unix epoch", is_number)
_ANY_OBJECT = an_object()
_GEO = one_of(
    "af-south-1", "ap-northeast-2", "ap-southeast-1", "ap-southeast-2", "ap-south-1",
    "eu-central-1", "eu-west-2", "sa-east-1", "us-east-1", "us-west-2",
)  # fmt: skip
_LANG = one_of(
    "da", "de", "en", "es", "fi", "fr", "it", "jp", "ka", "nl", "no", "pt", "pt-BR", "pl", "ru",
    "sv", "tr", "user",
)  # fmt: skip
_RECORDING = one_of("cloud", "cloud-audio-only", "local", "raw-tracks")
_RECORDINGS = either(list, array_of(_RECORDING, unique=True), _RECORDING)
_SENDS = one_of("video", "audio", "screenVideo", "screenAudio", "customVideo", "customAudio")
_ADMINISTERS = one_of("participants", "streaming", "transcription")
_CUSTOM = either(dict, map_of(BOOLEAN), BOOLEAN)  # by the track's name
_RECEIVES = either(
    dict,
    an_object(
        video=BOOLEAN,
        audio=BOOLEAN,
        screenVideo=BOOLEAN,
        screenAudio=BOOLEAN,
        customVideo=_CUSTOM,
        customAudio=_CUSTOM,
    ),
    BOOLEAN,
)
PERMISSIONS = an_object(
    hasPresence=BOOLEAN,
    canSend=either(list, array_of(_SENDS), BOOLEAN),
    canReceive=an_object(
        base=_RECEIVES, byUserId=map_of(_RECEIVES), byParticipantId=map_of(_RECEIVES)
    ),
    canAdmin=either(list, array_of(_ADMINISTERS), BOOLEAN),
)
_BUCKET: dict[str, Check] = {
    "bucket_name": text(),
    "bucket_region": text(),
    "assume_role_arn": text(),
    "allow_api_access": BOOLEAN,
}
CODECS = an_object(
    audio=array_of(one_of("OPUS", "G722", "PCMU", "PCMA")),
    video=array_of(one_of("H264", "VP8")),
)
_SIP = an_object(
    "display_name",
    "sip_mode",
    display_name=text(),
    sip_mode=one_of("dial-in"),
    video=BOOLEAN,
    num_endpoints=integer(1, 100),
    force_digit_only_username=BOOLEAN,
    codecs=CODECS,
    provider=one_of("daily"),
)
_TRANSCODED = one_of(
    "aac", "wav", "wav-48k", "wav-48k-stereo", "wav-48k-mono", "wav-44k1", "wav-44k1-stereo",
    "wav-44k1-mono", "",
)  # fmt: skip
_SWITCHES = (
    "eject_at_room_exp", "enable_knocking", "enable_screenshare", "enable_chat",
    "enable_advanced_chat", "enable_shared_chat_history", "enable_people_ui",
    "enable_cpu_warning_notifications", "enable_pip_ui", "enable_emoji_reactions",
    "enable_hand_raising", "enable_prejoin_ui", "enable_live_captions_ui", "enable_network_ui",
    "enable_noise_cancellation_ui", "enable_breakout_rooms", "enable_video_processing_ui",
    "start_video_off", "start_audio_off", "enable_transcription_storage",
    "enable_hidden_participants", "enable_mesh_sfu", "enable_adaptive_simulcast",
    "enable_multiparty_adaptive_simulcast", "enforce_unique_user_ids",
    "experimental_optimize_large_calls", "enable_terse_logging", "disable_rtmp_geo_fallback",
    "enable_dialout",
)  # fmt: skip

ROOM_PROPERTIES: Mapping[str, Check] = {
    **dict.fromkeys(_SWITCHES, BOOLEAN),
    "nbf": _INSTANT,
    "exp": _INSTANT,
    "max_participants": integer(1),
    "eject_after_elapsed": integer(1),
    "enable_recording": _RECORDINGS,
    "enable_raw_tracks_transcoded_audio": _TRANSCODED,
    "recordings_bucket": an_object(**_BUCKET, allow_streaming_from_bucket=BOOLEAN),
    "recordings_template": file_template(".mp4"),
    "transcription_bucket": an_object(**_BUCKET),
    "transcription_template": file_template(),
    "auto_transcription_settings": _ANY_OBJECT,
    "sfu_switchover": NUMBER,
    "lang": _LANG,
    "meeting_join_hook": url(255),
    "geo": _GEO,
    "rtmp_geo": one_of("us-west-2", "eu-central-1", "ap-south-1"),
    "dialout_config": an_object(
        allow_room_start=BOOLEAN, dialout_geo=_GEO, max_idle_timeout_sec=_SECONDS
    ),
    "sip": _SIP,
    "streaming_endpoints": array_of(
        an_object(
            name=text(),
            type=one_of("rtmp", "hls"),
            rtmp_config=_ANY_OBJECT,
            hls_config=_ANY_OBJECT,
        )
    ),
    "permissions": PERMISSIONS,
}

ROOM_DEFAULTS: Mapping[str, Any] = {
    "max_participants": 200,
    "eject_at_room_exp": False,
    "enable_screenshare": True,
    "enable_chat": False,
    "enable_advanced_chat": False,
    "enable_shared_chat_history": True,
    "enable_video_processing_ui": True,
    "start_video_off": False,
    "start_audio_off": False,
    "recordings_template": "{domain_name}/{room_name}/{epoch_time}",
    "enable_transcription_storage": False,
    "transcription_template": "{domain_name}/{room_name}/{epoch_time}.vtt",
    "enable_hidden_participants": False,
    "sfu_switchover": 0.5,
    "enable_adaptive_simulcast": True,
    "enable_multiparty_adaptive_simulcast": False,
    "enforce_unique_user_ids": False,
    "enable_terse_logging": False,
    "lang": "en",
    "disable_rtmp_geo_fallback": False,
    "enable_dialout": False,
    "permissions": {
        "canSend": True,
        "canReceive": {"base": True},
        "hasPresence": True,
        "canAdmin": False,
    },
}

TOKEN_PROPERTIES: Mapping[str, Check] = {
    **dict.fromkeys(
        (
            "is_owner", "eject_at_token_exp", "enable_screenshare", "start_video_off",
            "start_audio_off", "enable_recording_ui", "start_cloud_recording",
            "auto_start_transcription", "knocking", "close_tab_on_exit", "enable_prejoin_ui",
            "enable_live_captions_ui", "enable_terse_logging",
        ),
        BOOLEAN,
    ),
    "room_name": text(),
    "nbf": _INSTANT,
    "exp": _INSTANT,
    "user_name": text(),
    "user_id": text(),
    "eject_after_elapsed": integer(1),
    "enable_recording": _RECORDINGS,
    "start_cloud_recording_opts": _ANY_OBJECT,
    "redirect_on_meeting_exit": url(),
    "lang": _LANG,
    "permissions": PERMISSIONS,
}  # fmt: skip

DOMAIN_PROPERTIES: Mapping[str, Check] = {
    **dict.fromkeys(
        (
            "enable_advanced_chat", "enable_people_ui", "enable_cpu_warning_notifications",
            "enable_pip_ui", "enable_emoji_reactions", "enable_hand_raising", "enable_prejoin_ui",
            "enable_breakout_rooms", "enable_live_captions_ui", "enable_network_ui",
            "enable_noise_cancellation_ui", "enable_video_processing_ui", "hide_daily_branding",
            "hipaa", "intercom_auto_record", "disable_rtmp_geo_fallback", "enable_terse_logging",
            "enable_transcription_storage", "enable_mesh_sfu", "enable_adaptive_simulcast",
            "enable_multiparty_adaptive_simulcast", "enforce_unique_user_ids", "enable_opus_fec",
        ),
        BOOLEAN,
    ),
    **{
        name: ROOM_PROPERTIES[name]
        for name in (
            "lang", "meeting_join_hook", "geo", "rtmp_geo", "transcription_bucket",
            "recordings_template", "transcription_template", "sfu_switchover",
            "recordings_bucket", "permissions", "enable_raw_tracks_transcoded_audio",
        )
    },
    "redirect_on_meeting_exit": url(),
    "batch_processor_bucket": _ANY_OBJECT,
    "pinless_dialin": array_of(
        an_object(
            phone_number=text(), room_creation_api=url(), name_prefix=text(), hmac=text(),
            hold_music_url=url(), timeout_config=an_object(message=text()),
        )
    ),
    "pin_dialin": array_of(
        an_object(phone_number=text(), name_prefix=text(), ivr_greeting=an_object(message=text()))
    ),
}  # fmt: skip

DOMAIN_DEFAULTS: Mapping[str, Any] = {
    "attach_callobject_to_window": False,
    "disable_rate_limiting": False,
    "disable_rtmp_geo_fallback": False,
    "enable_adaptive_simulcast": True,
    "enable_advanced_chat": False,
    "enable_breakout_rooms": False,
    "enable_cpu_warning_notifications": True,
    "enable_daily_logger": True,
    "enable_emoji_reactions": False,
    "enable_hand_raising": False,
    "enable_live_captions_ui": False,
    "enable_multiparty_adaptive_simulcast": False,
    "enable_network_ui": False,
    "enable_noise_cancellation_ui": True,
    "enable_people_ui": True,
    "enable_pip_ui": False,
    "enable_prejoin_ui": True,
    "enable_terse_logging": False,
    "enable_transcription_storage": False,
    "enable_video_processing_ui": True,
    "enforce_unique_user_ids": False,
    "geo": None,
    "hide_daily_branding": False,
    "hipaa": False,
    "intercom_auto_record": False,
    "intercom_manual_record": "",
    "lang": "en",
    "max_live_streams": 20,
    "max_streaming_instances_per_room": 1,
    "meeting_join_hook": "",
    "recordings_bucket": None,
    "recordings_template": "{domain_name}/{room_name}/{epoch_time}",
    "redirect_on_meeting_exit": "",
    "rtmp_geo": None,
    "sfu_impl": "s",
    "sfu_switchover": None,
    "switchover_impl": None,
    "transcription_bucket": None,
    "transcription_template": "{domain_name}/{room_name}/{epoch_time}.vtt",
    "webhook_meeting_end": None,
}

# The members of the other requests' bodies.

EJECT: Mapping[str, Check] = {
    "ids": array_of(text(), most=100),
    "user_ids": array_of(text(), most=100),
    "ban": BOOLEAN,
}
APP_MESSAGE: Mapping[str, Check] = {"data": _ANY_OBJECT, "recipient": text()}
SESSION_DATA: Mapping[str, Check] = {
    "data": _ANY_OBJECT,
    "mergeStrategy": one_of("replace", "shallow-merge"),
    "keysToDelete": array_of(text()),
}
UPDATE_PERMISSIONS: Mapping[str, Check] = {"data": map_of(PERMISSIONS)}
BATCH_CREATE: Mapping[str, Check] = {"rooms": array_of(_ANY_OBJECT, most=1000)}
BATCH_DELETE: Mapping[str, Check] = {"room_names": array_of(text(), most=1000)}
