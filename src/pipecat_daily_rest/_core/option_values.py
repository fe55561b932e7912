# SPDX-License-Identifier: BSD-2-Clause
"""What may stand behind an option: each check gives the value, or a ValueError says what may.

Whoever parses the command line names the option as the user typed it.
"""

from collections.abc import Callable

from pipecat_daily_rest._core import settings


def seconds(least: float) -> Callable[[float], float]:
    """Make a check of seconds; neither nan nor infinity passes."""

    def check(value: float) -> float:
        if not least <= value < settings.LONGEST:
            msg = f"must be a number of seconds, at least {least:g}, not {value:g}"
            raise ValueError(msg)
        return value

    return check


def prefix(text: str) -> str:
    """Check how rooms' names begin."""
    from pipecat_daily_rest._core import room_names

    return room_names.check_prefix(text, field="the prefix")


def room_url(text: str) -> str:
    """Check the URL of a room."""
    from pipecat_daily_rest._core import room_names

    room_names.from_url(text)
    return text


def host(text: str) -> str:
    """Check an address to listen on."""
    if not text:
        msg = "must be an address of this machine, as 127.0.0.1"
        raise ValueError(msg)
    return text


def port(number: int) -> int:
    """Check a TCP port."""
    if not 0 <= number <= 65535:
        msg = f"must be a port from 0 to 65535, not {number}"
        raise ValueError(msg)
    return number
