# SPDX-License-Identifier: BSD-2-Clause
"""Meeting tokens signed on this machine.

Reference: https://docs.daily.co/docs/guides/privacy-and-security/self-signing-tokens
"""

import asyncio
import importlib
import sys
from collections.abc import Mapping
from typing import Any

from pipecat_daily_rest.models import DailyMeetingTokenProperties
from pipecat_daily_rest.settings import Secret

_CLAIMS: Mapping[str, str] = {
    "room_name": "r",
    "nbf": "nbf",
    "exp": "exp",
    "is_owner": "o",
    "user_name": "u",
    "user_id": "ud",
    "eject_at_token_exp": "ejt",
    "eject_after_elapsed": "eje",
    "enable_screenshare": "ss",
    "start_video_off": "vo",
    "start_audio_off": "ao",
    "enable_recording": "er",
    "enable_recording_ui": "erui",
    "start_cloud_recording": "sr",
    "start_cloud_recording_opts": "sro",
    "auto_start_transcription": "ast",
    "knocking": "k",
    "close_tab_on_exit": "ctoe",
    "redirect_on_meeting_exit": "rome",
    "lang": "uil",
}
_SEND_CODES: Mapping[str, str] = {
    "video": "v",
    "audio": "a",
    "screenVideo": "sv",
    "screenAudio": "sa",
}


def claims(properties: DailyMeetingTokenProperties) -> dict[str, Any] | None:
    """Translate a token's properties into the short claims that Daily publishes.

    Args:
        properties: The properties.

    Returns:
        The claims; None when a property has no published claim, so that only Daily itself can
        make the token.
    """
    wire = properties.model_dump(exclude_none=True)
    permissions = wire.pop("permissions", None)
    if not wire.keys() <= _CLAIMS.keys():
        return None
    short = {_CLAIMS[name]: value for name, value in wire.items()}
    if permissions is not None:
        rights = _permission_claims(permissions)
        if rights is None:
            return None
        short["p"] = rights
    return short


def _permission_claims(permissions: Mapping[str, Any]) -> dict[str, Any] | None:
    """Of permissions only hasPresence, canSend and canReceive.base have published claims."""
    short: dict[str, Any] = {}
    for name, value in permissions.items():
        if name == "hasPresence":
            short["hp"] = value
        elif name == "canSend" and isinstance(value, bool):
            short["cs"] = value
        elif name == "canSend" and value and set(value) <= _SEND_CODES.keys():
            short["cs"] = ",".join(_SEND_CODES[kind] for kind in value)
        elif name == "canReceive" and isinstance(value, Mapping) and value.keys() == {"base"}:
            short["cr"] = {"b": value["base"]}
        else:
            return None
    return short


async def load() -> None:
    """Import PyJWT off the event loop, since it takes long: the first create is in flight meanwhile."""
    if "jwt" not in sys.modules:
        await asyncio.to_thread(importlib.import_module, "jwt")


def sign(claims: Mapping[str, Any], *, api_key: str, domain_id: str, now: float) -> Secret:
    """Sign a token.

    Args:
        claims: As `claims` gives them.
        api_key: The secret; Daily uses the API key itself.
        domain_id: The domain's id.
        now: The present, in unix seconds.

    Returns:
        The token.
    """
    import jwt

    payload = {**claims, "d": domain_id, "iat": int(now)}
    return Secret(jwt.encode(payload, api_key, algorithm="HS256"))
