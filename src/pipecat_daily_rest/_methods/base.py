# SPDX-License-Identifier: BSD-2-Clause
"""What the methods of the helper have in common."""

from urllib.parse import quote

from pipecat_daily_rest._http import API
from pipecat_daily_rest._secret import hidden, masked
from pipecat_daily_rest.errors import DailyConfigError


class Methods:
    """Some methods of `DailyRESTHelper` that belong together.

    Parameters:
        api: What sends their requests.
    """

    api: API


def segment(name: str, value: str, *, key: str = "") -> str:
    """Quote an id for a path.

    Args:
        name: What it is, for the error.
        value: The id.
        key: The API key, which no error shows.

    Returns:
        It, as one segment of a path.

    Raises:
        DailyConfigError: It cannot be an id: another endpoint would be asked.
    """
    value = hidden(value, key)
    if not isinstance(value, str) or value.strip(" ") in ("", ".", ".."):
        msg = f"{name} {masked(repr(value), key)} is no id: pass it as Daily gave it."
        raise DailyConfigError(msg)
    try:
        return quote(value, safe="")
    except UnicodeError:
        msg = f"{name} is no id: it holds half of a character."
    raise DailyConfigError(msg)
