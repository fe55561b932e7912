# SPDX-License-Identifier: BSD-2-Clause
"""Room names: made here, checked, and read from a room's URL."""

import re
import secrets
import string
from typing import Any
from urllib.parse import urlsplit

from pipecat_daily_rest._core import settings
from pipecat_daily_rest._core.secret import hide_secrets, masked
from pipecat_daily_rest.errors import DailyConfigError

# https://docs.daily.co/reference/rest-api/rooms/create-room
_VALID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_RANDOM = 20  # characters
# Without four letters and digits that people mix up. 32 divide a byte's 256 values evenly.
_LETTERS = b"abcdefghijkmnpqrstuvwxyz23456789" * 8


def make_name(prefix: str, *, pool: bool = False) -> str:
    """Make a unique room name: ``<prefix>-r`` (``-p`` for a pool) and 20 letters and digits.

    The shape is fixed: by it a sweep finds this package's rooms. Pipecat's names (8 hex digits)
    never have it.
    """
    kind = "p" if pool else "r"
    name = f"{check_prefix(prefix)}-{kind}"
    return name + random_part(_RANDOM)


def random_part(length: int) -> str:
    """Make up lower-case letters and digits, five bits each."""
    return secrets.token_bytes(length).translate(_LETTERS).decode()


def session_part(tag: str) -> str:
    """Make up what a session's room has after its prefix: ``s``, the owner's tag and 20 letters."""
    return f"s{tag}-{random_part(_RANDOM)}"


def session_tag(session_id: str) -> str | None:
    """Give the owner's tag in a session's id; None for what was not made up here."""
    found = re.fullmatch(rf"s([a-z0-9]{{8}})-[a-z0-9]{{{_RANDOM}}}", session_id)
    return None if found is None else found[1]


def is_session(name: str, prefix: str, tag: str) -> bool:
    """Tell whether a room name was made up here for a session of the server with this tag."""
    return name.startswith(f"{prefix}-") and session_tag(name[len(prefix) + 1 :]) == tag


def anonymous() -> str:
    """Make a room name of 20 letters and digits, as Daily does for a room without a name."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(_RANDOM))


def check_prefix(prefix: str, *, field: str = "name_prefix") -> str:
    """Check the beginning of the names that are made here."""
    if (
        not isinstance(prefix, str)
        or not prefix
        or not _VALID.fullmatch(f"{prefix}-r" + "0" * _RANDOM)
    ):
        msg = (
            f"{field} {prefix!r} makes no valid room name: use A-Z, a-z, 0-9, '-' and '_', "
            f"{128 - _RANDOM - 2} characters at most."
        )
        raise DailyConfigError(masked(msg))
    return prefix


def is_ours(name: str, prefix: str) -> bool:
    """Tell whether a room name has the shape of those made here."""
    kinds = r"(?:[rp]|s[a-z0-9]{8}-)"
    return re.fullmatch(rf"{re.escape(prefix)}-{kinds}[a-z0-9]{{{_RANDOM}}}", name) is not None


def is_pool(name: str, prefix: str) -> bool:
    """Tell whether a room name has the shape of those made here for a pool."""
    return is_ours(name, prefix) and name[len(prefix) + 1] == "p"


def check(name: str) -> str:
    """Check a room name."""
    if not isinstance(name, str) or not _VALID.fullmatch(name):
        msg = f"name {name!r} is not a room name: 1 to 128 of A-Z, a-z, 0-9, '-' and '_'."
        if isinstance(name, str) and "://" in name:
            msg += " get_name_from_url() takes it from a URL."
        raise DailyConfigError(masked(msg))
    return name


def from_url(room_url: str) -> str:
    """Take the room's name from its URL; strict, since a wrong name could delete the wrong room."""
    # The query may hold a token, and the caller may have passed a token by mistake.
    where: Any = type(room_url)
    if isinstance(room_url, str):
        where = hide_secrets(re.split(r"[?#]", room_url)[0])
    msg = f"{where!r} is not a room's URL: it must look like https://x.daily.co/room."
    msg += settings.quotes(where)
    try:
        parts = urlsplit(where)
        # urlsplit() drops line breaks silently.
        usable = parts.scheme in ("http", "https") and parts.hostname and room_url.isprintable()
    except (ValueError, AttributeError, TypeError) as exc:
        raise DailyConfigError(msg) from exc
    name = parts.path.removeprefix("/").removesuffix("/") if usable else ""
    if not _VALID.fullmatch(name):
        raise DailyConfigError(msg)
    return name
