# SPDX-License-Identifier: BSD-2-Clause
"""What the methods of the helper have in common."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

from pipecat_daily_rest._core.secret import MASK, hide_secrets, masked
from pipecat_daily_rest._http.api import API
from pipecat_daily_rest.errors import DailyAPIError, DailyConfigError, DailyNotFoundError


class Methods:
    """Some methods of `DailyRESTHelper` that belong together.

    Parameters:
        api: What sends their requests.
    """

    api: API


def segment(name: str, value: str, *, key: str = "") -> str:
    """Quote an id for a path."""
    value = hide_secrets(value, key)
    if not isinstance(value, str) or value.strip(" ") in ("", ".", ".."):
        msg = f"{name} {masked(repr(value), key)} is no id: pass it as Daily gave it."
        raise DailyConfigError(msg)
    try:
        return quote(value, safe="")
    except UnicodeError:
        msg = f"{name} is no id: it holds half of a character."
    raise DailyConfigError(msg)


@contextmanager
def unquoted(*secrets: str | None) -> Iterator[None]:
    """Take secrets that were sent out of an error of Daily's that quotes them.

    Args:
        *secrets: The secrets; None is none.

    Yields:
        While the request runs.

    Raises:
        DailyAPIError: The same, without the secrets.
    """
    try:
        yield
    except DailyAPIError as exc:
        for each in filter(None, secrets):
            exc.args = tuple(str(arg).replace(each, MASK) for arg in exc.args)
            exc.info = exc.info.replace(each, MASK)
        raise


async def delete(api: API, path: str, *, what: str) -> bool:
    """Delete something. What is gone already is a success."""
    try:
        await api.request("DELETE", path, what=what)
    except DailyNotFoundError:
        pass
    return True
