# SPDX-License-Identifier: BSD-2-Clause
"""Keys and meeting tokens that nothing prints by accident. Pure: no I/O."""

import re
import sys
from typing import Any, SupportsIndex, overload

from pipecat_daily_rest._core.yaml_strings import Watch

_PART = "[A-Za-z0-9_-]"
# A JWT, or the beginning of a word that may be one: a room's name may hold eyJ. The pattern passes
# each word once, so that no input makes it slow.
_TOKEN = re.compile(
    rf"(?<!{_PART})(?:(?>({_PART}*?)eyJ{_PART}{{10,}}+)\.{_PART}++\.{_PART}*+"
    rf"|eyJ{_PART}{{10,}}+(?:\.{_PART}*+)?)"
)
# The signature of a link to a stored file: https://docs.daily.co/docs/rest-api/access-links
_SIGNATURE = re.compile(
    r"((?:[?&]|\\u0026)(?:X-[A-Za-z]+-)?Signature=)[^&#\s\\\"'<>]+", re.IGNORECASE
)
# https://docs.daily.co/reference/rest-api/webhooks
SECRET_MEMBERS = ("hmac", "basicAuth")
# Of Pipecat's DailyDialinRequest.
ACCOUNT_KEY = "daily_api_key"
# An escape may spell a secret, and so may UTF-16 and UTF-32, which have zeros.
_SIGNS = (b"\\", b"\0", *(f'"{name}"'.encode() for name in SECRET_MEMBERS))
MASK = "***"


class Secret(str):
    """A string whose ``repr`` does not show it, so that no traceback or dataclass prints it.

    What is made of its ``repr`` has ``'***'`` in its place: ``f"{token!r}"``, ``str([token])``. All
    else gives the string itself: ``str(token)``, ``f"{token}"``, `json.dumps`, `shlex.quote`.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"'{MASK}'"

    def __getitem__(self, key: SupportsIndex | slice) -> "Secret":
        # Some tools cut a long string before they print it: the part is a secret, too.
        return Secret(super().__getitem__(key))


sys.meta_path.insert(0, Watch(Secret))


@overload
def secret(given: str) -> Secret: ...
@overload
def secret(given: str | None) -> Secret | None: ...
def secret(given: str | None) -> str | None:
    """Make a `Secret` of a key or a token, so that no frame shows it; anything else stays."""
    return Secret(given) if isinstance(given, str) else given


def masked(text: str, *keys: str) -> str:
    """Put ``***`` in the place of the API key, of meeting tokens and of the signatures of links."""
    for key in filter(None, keys):
        text = text.replace(key, MASK)
    # Most texts hold no secret: these two looks are faster than the patterns.
    if "eyJ" in text:
        text = _TOKEN.sub(rf"\g<1>{MASK}", text)
    return _SIGNATURE.sub(rf"\g<1>{MASK}", text) if "signature=" in text.lower() else text


def may_hold_secrets(raw: bytes, key: str = "") -> bool:
    """Tell quickly whether a JSON text may hold secrets; False only if `hide_secrets` finds none."""
    if any(sign in raw for sign in _SIGNS):
        return True
    text = raw.decode("utf-8", "replace")
    return masked(text, key) != text


def hide_secrets(value: Any, key: str = "") -> Any:
    """Make a `Secret` of each string in a JSON value that is or holds one; it stays equal."""
    if isinstance(value, str):
        return value if masked(value, key) == value else Secret(value)
    if isinstance(value, list):
        return [hide_secrets(item, key) for item in value]
    if isinstance(value, dict):
        return {
            hide_secrets(name, key): Secret(item)
            if name in SECRET_MEMBERS and isinstance(item, str)
            else hide_secrets(item, key)
            for name, item in value.items()
        }
    return value


def hide_account_key(body: Any) -> Any:
    """Make a `Secret` of the account's key in what a bot gets for a phone call."""
    key = body.get(ACCOUNT_KEY) if isinstance(body, dict) else None
    return {**body, ACCOUNT_KEY: Secret(key)} if isinstance(key, str) else body
