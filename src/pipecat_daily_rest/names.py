# SPDX-License-Identifier: BSD-2-Clause
"""Room names: ours, anybody's, and how to read one from a URL."""

import re
import secrets
import string
from urllib.parse import urlsplit

from pipecat_daily_rest.errors import DailyConfigError

# https://docs.daily.co/reference/rest-api/rooms/create-room
_VALID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_ALPHABET = string.ascii_lowercase + string.digits
_RANDOM = 20


def mint(prefix: str) -> str:
    """Make up a room name that nobody else has.

    The shape, ``<prefix>-r`` and 20 lower-case letters and digits (103 bits), is fixed, and Pipecat's
    own names (8 hex digits) never have it: it tells that a room is ours.

    Args:
        prefix: How the name begins.

    Returns:
        The name.

    Raises:
        DailyConfigError: The prefix makes no valid name.
    """
    name = f"{prefix}-r" + "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM))
    if not prefix or not _VALID.fullmatch(name):
        msg = (
            f"name_prefix {prefix!r} makes no valid room name: use A-Z, a-z, 0-9, '-' and '_', "
            f"{128 - _RANDOM - 2} characters at most."
        )
        raise DailyConfigError(msg)
    return name


def check(name: str) -> str:
    """Check a room name.

    Args:
        name: The name.

    Returns:
        The name.

    Raises:
        DailyConfigError: Daily allows no such name.
    """
    if not isinstance(name, str) or not _VALID.fullmatch(name):
        msg = f"name {name!r} is not a room name: 1 to 128 of A-Z, a-z, 0-9, '-' and '_'."
        raise DailyConfigError(msg)
    return name


def from_url(room_url: str) -> str:
    """Take the room's name from its URL, strictly: a wrong name could delete the wrong room.

    Args:
        room_url: As ``https://x.daily.co/room``; a trailing slash, a query and a fragment are fine.

    Returns:
        The room's name.

    Raises:
        DailyConfigError: It is not the URL of a room.
    """
    msg = f"{_shown(room_url)} is not a room's URL: it must look like https://x.daily.co/room."
    try:
        parts = urlsplit(room_url)
        # urlsplit() drops line breaks without a word.
        usable = parts.scheme in ("http", "https") and parts.hostname and room_url.isprintable()
    except (ValueError, AttributeError, TypeError) as exc:
        raise DailyConfigError(msg) from exc
    name = parts.path.removeprefix("/").removesuffix("/") if usable else ""
    if not _VALID.fullmatch(name):
        raise DailyConfigError(msg)
    return name


def _shown(room_url: object) -> str:
    # A query may carry a token.
    return repr(re.split(r"[?#]", room_url)[0]) if isinstance(room_url, str) else repr(room_url)
