# SPDX-License-Identifier: BSD-2-Clause
"""Two kinds of keys, as Pipecat Cloud has them: public ones start, private ones do everything."""

import base64
import hashlib
import hmac
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pipecat_daily_rest._core.secret import Secret
from pipecat_daily_rest._core.settings import listed
from pipecat_daily_rest.errors import DailyConfigError

PUBLIC, PRIVATE = "PIPECAT_DAILY_PUBLIC_KEYS", "PIPECAT_DAILY_PRIVATE_KEYS"
_LEAST = 16  # characters


@dataclass(frozen=True)
class Keys:
    """The keys of a server.

    Parameters:
        public: Keys that may start sessions. They are in browsers, so they are no secret.
        private: Keys that may do everything.
    """

    public: tuple[str, ...] = field(default=(), repr=False)
    private: tuple[str, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        """Check the keys.

        Raises:
            DailyConfigError: A key is too short to be one.
        """
        for name, keys in ((PUBLIC, self.public), (PRIVATE, self.private)):
            if any(len(key) < _LEAST or not key.isascii() for key in keys):
                msg = f"{name}: each key needs at least {_LEAST} ASCII characters."
                raise DailyConfigError(msg)
        object.__setattr__(self, "public", tuple(map(Secret, self.public)))
        object.__setattr__(self, "private", tuple(map(Secret, self.private)))

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> "Keys":
        """Read both lists from the environment: keys with commas between them."""
        env = os.environ if env is None else env
        return cls(listed(env.get(PUBLIC, "")), listed(env.get(PRIVATE, "")))

    def __bool__(self) -> bool:
        """Whether there is any key."""
        return bool(self.public or self.private)

    def may_start(self, given: str | None) -> bool:
        """Tell whether a key may start sessions. Where no key is set, everybody may."""
        return not self or _among(given, (*self.public, *self.private))

    def may_manage(self, given: str | None) -> bool:
        """Tell whether a key may do everything. Where no key is set, everybody may."""
        return not self or _among(given, self.private)


def caller_of(given: str | None) -> str:
    """Tell callers apart without their keys."""
    return hashlib.sha256(given.encode()).hexdigest() if given else ""


def bearer(header: str | None) -> str | None:
    """Take the key out of an ``Authorization`` header."""
    scheme, _, key = (header or "").partition(" ")
    return key.strip() or None if scheme.lower() == "bearer" else None


def basic(header: str | None) -> str | None:
    """Take the key out of an ``Authorization`` header of a browser: its password."""
    scheme, _, coded = (header or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(coded, validate=True).decode().partition(":")[2] or None
    except ValueError:
        return None


def same(given: str, right: str) -> bool:
    """Compare two secrets in constant time, whatever their lengths."""
    one, other = (
        hashlib.sha256(each.encode("utf-8", "replace")).digest() for each in (given, right)
    )
    return hmac.compare_digest(one, other)


def _among(given: str | None, keys: Iterable[str]) -> bool:
    """Compare in constant time, and with every key: time tells nothing."""
    found = False
    for key in keys:
        found |= same(given or "", key)
    return found and given is not None
