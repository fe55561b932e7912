# SPDX-License-Identifier: BSD-2-Clause
"""Meeting tokens signed, read and verified on this machine.

Reference: https://docs.daily.co/docs/guides/privacy-and-security/self-signing-tokens
"""

import binascii
import hmac
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

from pipecat_daily_rest._core import arguments, compact_json, settings
from pipecat_daily_rest._core.secret import Secret, hide_secrets, masked, secret
from pipecat_daily_rest.errors import DailyError
from pipecat_daily_rest.models import DailyMeetingTokenProperties, read_token_properties

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
    "intercom_join_alert": "ij",
    "meeting_join_hook": "mjh",
}
_PROPERTIES = {claim: name for name, claim in _CLAIMS.items()}
_SEND_CODES: Mapping[str, str] = {
    "video": "v",
    "audio": "a",
    "screenVideo": "sv",
    "screenAudio": "sa",
}
_SEND_KINDS = {code: kind for kind, code in _SEND_CODES.items()}

Reason = Literal[
    "not-a-token", "wrong-key", "other-domain", "other-room", "expired", "not-yet-valid"
]


class TokenVerificationError(DailyError):
    """A meeting token that does not let anybody into the room.

    Parameters:
        reason: ``not-a-token`` (not a JWT that Daily would accept), ``wrong-key`` (signed with
            another API key), ``other-domain``, ``other-room``, ``expired`` or ``not-yet-valid``.
    """

    def __init__(self, message: str, *, reason: Reason) -> None:
        """Initialize the error.

        Args:
            message: What ``str()`` gives; without the token.
            reason: Why, for programs.
        """
        super().__init__(masked(message))
        self.reason: Reason = reason


def claims(properties: DailyMeetingTokenProperties) -> dict[str, Any] | None:
    """Translate a token's properties into the short claims that Daily publishes.

    Args:
        properties: The properties.

    Returns:
        The claims; None when a property has no published claim, so that only Daily can create the
        token.
    """
    return short(wire(properties))


def wire(properties: DailyMeetingTokenProperties) -> dict[str, Any]:
    """Give a token's properties as REST takes them: by their long names, without None."""
    # A value that this version does not know may have been read from a token: no warning.
    return properties.model_dump(exclude_none=True, warnings=False)


def short(wire: Mapping[str, Any]) -> dict[str, Any] | None:
    """Translate what `wire` gives into claims; None as for `claims`."""
    claims: dict[str, Any] = {}
    for name, value in wire.items():
        if name in _CLAIMS:
            claims[_CLAIMS[name]] = value
        elif name == "permissions" and (rights := _permission_claims(value)) is not None:
            claims["p"] = rights
        else:
            return None
    return claims


def _permission_claims(permissions: Mapping[str, Any]) -> dict[str, Any] | None:
    """Only hasPresence, canSend and canReceive.base have published claims."""
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


def from_claims(claims: Mapping[str, Any]) -> DailyMeetingTokenProperties:
    """Translate a token's short claims into its properties: the reverse of `claims`.

    Args:
        claims: The claims; ``d`` and ``iat``, which every token has, are left out.

    Returns:
        The properties. Claims that this version does not know keep their names, and values that it
        does not know stay as they are.
    """
    wire: dict[str, Any] = {}
    for name, value in claims.items():
        if name in _PROPERTIES:
            wire[_PROPERTIES[name]] = value
        elif name == "p":
            wire["permissions"] = _permissions(value)
        elif name not in ("d", "iat", "permissions", *_CLAIMS):
            wire[name] = value  # Daily ignores the long name of a short claim
    return read_token_properties(wire)


def _permissions(short: Any) -> Any:
    if not isinstance(short, Mapping):
        return short
    permissions: dict[str, Any] = {}
    for name, value in short.items():
        if name == "hp":
            permissions["hasPresence"] = value
        elif name == "cs":
            listed = isinstance(value, str)
            kinds = [_SEND_KINDS.get(c, c) for c in value.split(",") if c] if listed else value
            permissions["canSend"] = kinds
        elif name == "cr" and isinstance(value, Mapping):
            permissions["canReceive"] = {("base" if k == "b" else k): v for k, v in value.items()}
        else:
            permissions[name] = value
    return permissions


def sign(claims: Mapping[str, Any], *, api_key: str, domain_id: str, now: float) -> Secret:
    """Sign a token.

    Args:
        claims: As `claims` gives them.
        api_key: The API key, with which Daily signs tokens, too.
        domain_id: The domain's id.
        now: The time of issue, in unix seconds.

    Returns:
        The token.
    """
    signer = hmac.new(api_key.encode(), digestmod="sha256")
    return sign_with(claims, signer=signer, domain_id=domain_id, now=now)


def sign_with(
    claims: Mapping[str, Any], *, signer: hmac.HMAC, domain_id: str, now: float
) -> Secret:
    """Sign a token as `sign` does, with HMAC-SHA256 of the API key, which is not changed.

    Args:
        claims: As `claims` gives them.
        signer: The HMAC; to copy it takes half the time of a new one.
        domain_id: The domain's id.
        now: The time of issue, in unix seconds.

    Returns:
        The token.
    """
    # Not by PyJWT: the first room would wait for its import.
    payload = compact_json.dumps({**claims, "d": domain_id, "iat": int(now)})
    signed = f"{_HEADER}.{_part(payload)}"
    mac = signer.copy()
    mac.update(signed.encode())
    return Secret(f"{signed}.{_part(mac.digest())}")


def _part(raw: bytes) -> str:
    return binascii.b2a_base64(raw, newline=False).translate(_URL_SAFE, b"=").decode()


_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_HEADER = _part(b'{"alg":"HS256","typ":"JWT"}')


def read_token(
    token: str,
    *,
    api_key: str | None = None,
    domain_id: str | None = None,
    room_name: str | None = None,
    leeway: timedelta | float = 0,
    now: float | None = None,
) -> DailyMeetingTokenProperties:
    """Verify a meeting token without asking Daily, and give what it says.

    The first call imports PyJWT.

    Args:
        token: The token, signed on this machine or created by Daily.
        api_key: The key that must have signed it; ``DAILY_API_KEY`` when None.
        domain_id: Id of the domain that it must be for; any when None, since a key has one domain.
        room_name: Name of the room that it must be for; any when None. A token without a room is
            for every room of its domain.
        leeway: How wrong the clocks may be, in seconds or as a ``timedelta``.
        now: The present, in unix seconds; the clock's when None.

    Returns:
        The token's properties.

    Raises:
        TokenVerificationError: It is not valid for this room and now; ``reason`` says why.
        DailyConfigError: There is no key, ``leeway`` is not a duration, or ``now`` not a time.
    """
    token, api_key = Secret(token), secret(api_key)
    room_name = hide_secrets(room_name)  # the caller may have passed a token by mistake
    key = settings.api_key(api_key)
    spare = settings.seconds("leeway", leeway, least=0)
    present = time.time() if now is None else arguments.seconds("now", now)
    claims = _verified(token, key)
    if not isinstance(claims.get("d"), str) or not _is_instant(claims.get("iat")):
        msg = "This is not a meeting token: it must have the claims d (domain) and iat (issued)."
        raise TokenVerificationError(msg, reason="not-a-token")
    for name in ("exp", "nbf"):
        if claims.get(name) is not None and not _is_instant(claims[name]):
            msg = f"This is not a meeting token: its {name} must be unix seconds."
            raise TokenVerificationError(msg, reason="not-a-token")
    if domain_id is not None and claims["d"] != domain_id:
        msg = f"The token is for the domain {claims['d']!r}, not {domain_id!r}."
        raise TokenVerificationError(msg, reason="other-domain")
    if room_name is not None and claims.get("r") not in (None, room_name):
        msg = f"The token is for the room {claims['r']!r}, not {room_name!r}."
        raise TokenVerificationError(msg, reason="other-room")
    exp, nbf = claims.get("exp"), claims.get("nbf")
    if exp is not None and exp + spare <= present:
        msg = f"The token expired {present - exp:.0f} s ago."
        raise TokenVerificationError(msg, reason="expired")
    if nbf is not None and nbf - spare > present:
        msg = f"The token becomes valid in {nbf - present:.0f} s."
        raise TokenVerificationError(msg, reason="not-yet-valid")
    return from_claims(claims)


def _verified(token: Secret, key: Secret) -> dict[str, Any]:
    """The claims of a token that the key signed; their times are not checked."""
    import jwt

    # PyJWT's checks of times take no injected clock; its others are for claims that Daily has not.
    checks = ("exp", "nbf", "iat", "aud", "iss", "sub", "jti")
    options: Any = {f"verify_{name}": False for name in checks}
    # PyJWT's error must not be the context: its frames hold the token and the key.
    reason: Reason
    try:
        return jwt.decode(token, key, algorithms=["HS256"], options=options)
    except jwt.InvalidSignatureError:
        reason, msg = "wrong-key", "The token was signed with another API key."
    except (jwt.PyJWTError, ValueError, RecursionError):
        reason, msg = "not-a-token", "This is not a meeting token: Daily's are JWTs with HS256."
    raise TokenVerificationError(msg, reason=reason)


def _is_instant(value: Any) -> bool:
    return arguments.is_number(value) and abs(value) < 1e12
