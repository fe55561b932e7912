# SPDX-License-Identifier: BSD-2-Clause
"""The one place that reads the environment.

It is read at each call and never at import, since programs call ``load_dotenv()`` after importing.
An argument wins over the environment, and an empty variable counts as not set.
"""

import os
from datetime import timedelta
from urllib.parse import urlsplit

from pipecat_daily_rest._core.arguments import is_number
from pipecat_daily_rest._core.secret import Secret, hide_secrets, secret
from pipecat_daily_rest.errors import DailyConfigError

DEFAULT_API_URL = "https://api.daily.co/v1"
_told: dict[Secret, None] = {}  # oldest first
_MOST_TOLD = 128
LONGEST = 1e9  # seconds that a duration may have, nearly
KEY_PAGE = "https://dashboard.daily.co/developers"


def read_env_file() -> None:
    """Read ``.env`` over the environment, as Pipecat's runner does."""
    from dotenv import load_dotenv

    load_dotenv(env_file()[0], override=True)


def env_file() -> tuple[str, dict[str, str | None]]:
    """Give the path of ``.env``, "" without one, and what it sets.

    Raises a `DailyConfigError` where it cannot be read: some editors and shells write UTF-16.
    """
    from dotenv import dotenv_values, find_dotenv

    path = find_dotenv(usecwd=True)
    try:
        return path, dotenv_values(path)
    except (OSError, UnicodeDecodeError) as exc:
        why = exc.strerror if isinstance(exc, OSError) else "save it as UTF-8"
        msg = f"{path} cannot be read: {why}."
        raise DailyConfigError(msg) from None


def _from_environment(name: str) -> str | None:
    return os.environ.get(name, "").strip() or None


def quotes(value: object) -> str:
    """Give a sentence to append to a message when a value is in quotes, else ""."""
    if not isinstance(value, str) or not {*value[:1], *value[-1:]} & {'"', "'"}:
        return ""
    return " Leave the quotes out: `docker --env-file` keeps them."


def environment_key() -> Secret:
    """Give ``DAILY_API_KEY`` unchecked; "" when it is not set."""
    return Secret(_from_environment("DAILY_API_KEY") or "")


def environment_secrets() -> tuple[Secret, ...]:
    """Give what no crash of a bot may show: the keys that a bot finds in its environment."""
    names = ("DAILY_API_KEY", "DAILY_REDIS_URL", "PIPECAT_DAILY_REPORT_SECRET", "RAY_AUTH_TOKEN")
    lists = (
        "PIPECAT_DAILY_PUBLIC_KEYS",
        "PIPECAT_DAILY_PRIVATE_KEYS",
        "PIPECAT_DAILY_DIALIN_SECRET",
    )
    single = (_from_environment(name) for name in names)
    several = listed(*(os.environ.get(name, "") for name in lists))
    return tuple(Secret(each) for each in (*single, *several, *_told) if each)


def also_secret(key: str) -> None:
    """Add a key to the secrets of the environment: the process has got it in another way."""
    _told[Secret(key)] = None
    while len(_told) > _MOST_TOLD:
        del _told[next(iter(_told))]


def api_key(given: str | None = None) -> Secret:
    """Give the caller's API key, or ``DAILY_API_KEY`` when None; checked."""
    key = given if given is not None else environment_key()
    if not key:
        msg = (
            f"DAILY_API_KEY is not set. Get a key at {KEY_PAGE} and export it; the commands also "
            "read .env. Without an account: `pipecat-daily-rest run bot.py --local` for a bot, "
            "`pipecat-daily-rest local -- COMMAND` for any program."
        )
        raise DailyConfigError(msg)
    if hint := quotes(key):
        msg = f"The Daily API key is in quotes: check DAILY_API_KEY.{hint}"
        raise DailyConfigError(msg)
    if not isinstance(key, str) or not key.isascii() or not key.isprintable() or " " in key:
        msg = f"The Daily API key holds characters that no key has. Copy it again from {KEY_PAGE}."
        raise DailyConfigError(msg)
    return Secret(key)


def api_url(given: str | None = None) -> str:
    """Give the base of the REST API without a trailing slash: ``DAILY_API_URL`` when None; checked."""
    url = given if given is not None else _from_environment("DAILY_API_URL") or DEFAULT_API_URL
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.port != 0 and "@" not in parts.netloc
        labels = (parts.hostname or "").removesuffix(".").split(".")
        usable = usable and all(0 < len(label) < 64 for label in labels)  # RFC 1035, section 2.3.4
    except (ValueError, AttributeError, TypeError):
        usable = False
    if not usable or parts.query or parts.fragment:
        msg = f"The Daily API URL must look like {DEFAULT_API_URL}: check DAILY_API_URL."
        raise DailyConfigError(msg + quotes(url))
    return url.rstrip("/")


def room_url(given: str | None = None) -> str | None:
    """Give the URL of an existing room to use, ``DAILY_ROOM_URL`` when not given; None for a new room."""
    url: str | None = hide_secrets(given or _from_environment("DAILY_ROOM_URL"))
    return url


def redis_url() -> str | None:
    """Give ``DAILY_REDIS_URL``, the Redis of machines that share an account; None when not set."""
    return secret(_from_environment("DAILY_REDIS_URL"))


def listed(*texts: str) -> tuple[str, ...]:
    """Take lists with commas between their items apart."""
    return tuple(item.strip() for text in texts for item in text.split(",") if item.strip())


def seconds(name: str, duration: timedelta | float, *, least: float = 1) -> float:
    """Turn a duration into seconds, and check that it has `least` seconds."""
    value = duration.total_seconds() if isinstance(duration, timedelta) else duration
    if not is_number(value) or not least <= value < LONGEST:
        msg = (
            f"{name} must be a number of seconds, at least {least:g}, or a timedelta, "
            f"not {duration!r}."
        )
        raise DailyConfigError(msg)
    return float(value)
