# SPDX-License-Identifier: BSD-2-Clause
"""What the families of endpoints have in common."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import quote

from pipecat_daily_rest._core.secret import MASK, hide_secrets, masked
from pipecat_daily_rest._http.api import API
from pipecat_daily_rest.answers.answer import Answer
from pipecat_daily_rest.errors import DailyAPIError, DailyConfigError, DailyNotFoundError

A = TypeVar("A", bound=Answer)


class Methods:
    """A family of endpoints; `DailyRESTHelper` has them all."""

    api: API

    async def _ask(self, kind: type[A], method: str, path: str, what: str, **options: Any) -> A:
        """Send a request and read the answer. The options are those of `API.request`."""
        return kind.read(await self.api.request(method, path, what=what, **options), what=what)


def segment(name: str, value: str, *, key: str = "") -> str:
    """Quote an id for a path."""
    value = hide_secrets(value, key)
    if not isinstance(value, str) or value.strip(" ") in ("", ".", ".."):
        msg = f"{name} {masked(repr(value), key)} is not an id: pass it as Daily gave it."
        raise DailyConfigError(msg)
    try:
        return quote(value, safe="")
    except UnicodeError:
        msg = f"{name} is not an id: it contains an unpaired surrogate."
    raise DailyConfigError(msg)


@contextmanager
def unquoted(*secrets: str | None) -> Iterator[None]:
    """Mask secrets in an error of Daily's that quotes what was sent."""
    try:
        yield
    except DailyAPIError as exc:
        for each in filter(None, secrets):
            exc.args = tuple(str(arg).replace(each, MASK) for arg in exc.args)
            exc.info = exc.info.replace(each, MASK)
        raise


async def delete(api: API, path: str, *, what: str) -> bool:
    """Delete something; that it is gone already is a success."""
    try:
        await api.request("DELETE", path, what=what)
    except DailyNotFoundError:
        pass
    return True
