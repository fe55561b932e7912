# SPDX-License-Identifier: BSD-2-Clause
"""Meeting tokens as Daily signs and reads them: JWTs with short claims.

Reference: https://docs.daily.co/docs/guides/privacy-and-security/self-signing-tokens

This table is the server's own. It shares nothing with the client's ``tokens.py``, so that a wrong
claim there is noticed here.
"""

from collections.abc import Mapping
from typing import Any

import jwt

from pipecat_daily_rest.local.rules.kinds import Unknown, Wrong, is_number
from pipecat_daily_rest.local.rules.properties import PERMISSIONS
from pipecat_daily_rest.local.secret import Secret

CLAIMS: Mapping[str, str] = {
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
    "permissions": "p",
    # Daily publishes no short claim for these three. Tokens made by the API need to carry them.
    "enable_prejoin_ui": "enable_prejoin_ui",
    "enable_live_captions_ui": "enable_live_captions_ui",
    "enable_terse_logging": "enable_terse_logging",
}
_PROPERTIES = {claim: name for name, claim in CLAIMS.items()}
_LEGACY = ("ij", "mjh")
_TEXTS = ("r", "u", "ud", "rome", "uil")
_NUMBERS = ("iat", "nbf", "exp", "eje")
_OTHERS: Mapping[str, type | tuple[type, ...]] = {"er": (str, list), "sro": dict, "p": dict}
_SEND = {"v": "video", "a": "audio", "sv": "screenVideo", "sa": "screenAudio"}
_SEND_SHORT = {name: code for code, name in _SEND.items()}
# Daily publishes no short form of canAdmin, byUserId and byParticipantId.
_PERMISSIONS: Mapping[str, type | tuple[type, ...]] = {
    "hp": bool,
    "cs": (bool, str),
    "cr": dict,
    "canAdmin": (bool, list),
}


class BadToken(Exception):
    """An invalid token; ``kind`` is Daily's join error: exp-token, nbf-token or not-allowed."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def sign(properties: Mapping[str, Any], *, api_key: str, domain_id: str, issued_at: float) -> str:
    """Sign a token with checked properties, by their long names; ``issued_at`` in unix seconds."""
    claims = {CLAIMS[name]: value for name, value in properties.items() if value is not None}
    if "p" in claims:
        claims["p"] = _short_permissions(claims["p"])
    payload = {**claims, "d": domain_id, "iat": int(issued_at)}
    return Secret(jwt.encode(payload, api_key, algorithm="HS256"))


def read(
    token: str,
    *,
    api_key: str,
    domain_id: str,
    now: float,
    ignore_nbf: bool = False,
    ignore_unknown: bool = False,
) -> dict[str, Any]:
    """Verify a token and give its properties by their long names; ``now`` in unix seconds."""
    claims = _verified(token, api_key)
    if claims.get("d") != domain_id:
        raise BadToken("not-allowed", "the token belongs to another domain")
    if not is_number(claims.get("iat")):
        raise BadToken("not-allowed", "the token does not say when it was issued (claim iat)")
    claims = {claim: value for claim, value in claims.items() if value is not None}
    for claim, value in claims.items():
        _check(claim, value, ignore_unknown)
    if "exp" in claims and claims["exp"] <= now:
        raise BadToken("exp-token", "the token has expired")
    if "nbf" in claims and claims["nbf"] > now and not ignore_nbf:
        raise BadToken("nbf-token", "the token is not valid yet")
    properties = {
        _PROPERTIES[claim]: value for claim, value in claims.items() if claim in _PROPERTIES
    }
    if "permissions" in properties:
        properties["permissions"] = _long_permissions(properties["permissions"])
        try:
            PERMISSIONS("permissions", properties["permissions"])
        except (Unknown, Wrong) as exc:
            if isinstance(exc, Wrong) or not ignore_unknown:
                msg = "the token has a claim 'p' that Daily cannot read"
                raise BadToken("not-allowed", msg) from None
    return properties


def _verified(token: str, api_key: str) -> dict[str, Any]:
    try:
        return jwt.decode(
            token,
            api_key,
            algorithms=["HS256"],
            # The local clock may be ahead of PyJWT's; and Daily's tokens lack other claims.
            options={
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "verify_aud": False,
                "verify_iss": False,
                "verify_sub": False,
                "verify_jti": False,
            },
        )
    except (jwt.InvalidTokenError, ValueError, RecursionError):
        pass  # its frames hold the token: it must not become the context of the next exception
    msg = "the token was not signed with the API key of this local Daily"
    raise BadToken("not-allowed", msg)


def _check(claim: str, value: Any, ignore_unknown: bool) -> None:
    if claim in _TEXTS:
        right = isinstance(value, str)
    elif claim in _NUMBERS:
        right = is_number(value)
    elif claim in _OTHERS:
        right = isinstance(value, _OTHERS[claim])
        if right and claim == "p":
            for permission, granted in value.items():
                known = permission in _PERMISSIONS or ignore_unknown
                if not known or not isinstance(granted, _PERMISSIONS.get(permission, object)):
                    right = False
    elif claim in _PROPERTIES:
        right = isinstance(value, bool)
    else:
        right = claim in ("d", *_LEGACY) or ignore_unknown
        if not right:
            raise BadToken("not-allowed", f"the token has the claim {claim!r}, unknown to Daily")
    if not right:
        raise BadToken("not-allowed", f"the token has a claim {claim!r} that Daily cannot read")


def _short_permissions(permissions: Mapping[str, Any]) -> dict[str, Any]:
    short = {name: value for name, value in permissions.items() if value is not None}
    if "hasPresence" in short:
        short["hp"] = short.pop("hasPresence")
    if "canSend" in short:
        send = short.pop("canSend")
        listed = isinstance(send, list)
        short["cs"] = ",".join(_SEND_SHORT.get(name, name) for name in send) if listed else send
    if "canReceive" in short:
        short["cr"] = _renamed(short.pop("canReceive"), "base", "b")
    return short


def _long_permissions(short: Mapping[str, Any]) -> dict[str, Any]:
    permissions: dict[str, Any] = {}
    if "hp" in short:
        permissions["hasPresence"] = short["hp"]
    if "cs" in short:
        send = short["cs"]
        listed = isinstance(send, str)
        permissions["canSend"] = (
            [_SEND.get(code, code) for code in send.split(",") if code] if listed else send
        )
    if "cr" in short:
        permissions["canReceive"] = _renamed(short["cr"], "b", "base")
    if "canAdmin" in short:
        permissions["canAdmin"] = short["canAdmin"]
    return permissions


def _renamed(members: Mapping[str, Any], old: str, new: str) -> dict[str, Any]:
    return {(new if name == old else name): value for name, value in members.items()}
