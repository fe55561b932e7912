# SPDX-License-Identifier: BSD-2-Clause
"""Room names: ours, anybody's, and how to read one from a URL."""

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
_RANDOM = 20
# Lower-case letters and digits, without four that people mix up: 32 divide a byte's 256 evenly.
_LETTERS = b"abcdefghijkmnpqrstuvwxyz23456789" * 8


def make_name(prefix: str, *, pool: bool = False) -> str:
    """Make up a room name that nobody else has.

    The shape, ``<prefix>-r`` and 20 lower-case letters and digits (100 bits), is fixed, and Pipecat's
    own names (8 hex digits) never have it: it tells that a room is ours. A pool's rooms, which wait
    empty for their use, have a ``p`` instead of the ``r``.
    """
    kind = "p" if pool else "r"
    name = f"{check_prefix(prefix)}-{kind}"
    return name + secrets.token_bytes(_RANDOM).translate(_LETTERS).decode()


def anonymous() -> str:
    """Make up a room name as Daily does for a room without one: it tells nothing.

    Returns:
        20 letters and digits.
    """
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(_RANDOM))


def check_prefix(prefix: str) -> str:
    """Check how our names are to begin."""
    if (
        not isinstance(prefix, str)
        or not prefix
        or not _VALID.fullmatch(f"{prefix}-r" + "0" * _RANDOM)
    ):
        msg = (
            f"name_prefix {prefix!r} makes no valid room name: use A-Z, a-z, 0-9, '-' and '_', "
            f"{128 - _RANDOM - 2} characters at most."
        )
        raise DailyConfigError(masked(msg))
    return prefix


def is_ours(name: str, prefix: str) -> bool:
    """Tell whether a room name was made up here."""
    return re.fullmatch(rf"{re.escape(prefix)}-[rp][a-z0-9]{{{_RANDOM}}}", name) is not None


def is_pool(name: str, prefix: str) -> bool:
    """Tell whether a room name was made up here for a pool."""
    return is_ours(name, prefix) and name[len(prefix) + 1] == "p"


def check(name: str) -> str:
    """Check a room name."""
    if not isinstance(name, str) or not _VALID.fullmatch(name):
        msg = f"name {name!r} is not a room name: 1 to 128 of A-Z, a-z, 0-9, '-' and '_'."
        if isinstance(name, str) and "://" in name:
            msg += " From a URL take it by get_name_from_url()."
        raise DailyConfigError(masked(msg))
    return name


def from_url(room_url: str) -> str:
    """Take the room's name from its URL, strictly: a wrong name could delete the wrong room."""
    # A query may carry a token, and a token may have come instead of a URL.
    where: Any = type(room_url)
    if isinstance(room_url, str):
        where = hide_secrets(re.split(r"[?#]", room_url)[0])
    msg = f"{where!r} is not a room's URL: it must look like https://x.daily.co/room."
    msg += settings.quotes(where)
    try:
        parts = urlsplit(where)
        # urlsplit() drops line breaks without a word.
        usable = parts.scheme in ("http", "https") and parts.hostname and room_url.isprintable()
    except (ValueError, AttributeError, TypeError) as exc:
        raise DailyConfigError(msg) from exc
    name = parts.path.removeprefix("/").removesuffix("/") if usable else ""
    if not _VALID.fullmatch(name):
        raise DailyConfigError(msg)
    return name
