# SPDX-License-Identifier: BSD-2-Clause
"""Checks of arguments before anything is sent: each gives the value, or raises DailyConfigError."""

import inspect
import json
import math
from collections.abc import Awaitable, Iterable, Mapping
from typing import Any

from pipecat_daily_rest._core.secret import masked
from pipecat_daily_rest.errors import DailyConfigError


def is_number(value: object) -> bool:
    """Tell whether a value is an int or a float; True and False are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def model(field: str, value: object, kind: type) -> None:
    """Check that an argument is of a class, and not of Pipecat's class of the same name."""
    if not isinstance(value, kind):
        given = type(value)
        name = (
            given.__name__
            if given.__module__ == "builtins"
            else f"{given.__module__}.{given.__name__}"
        )
        library = kind.__module__.partition(".")[0]
        article = "an" if library[0] in "aeiou" else "a"
        msg = f"{field} must be {article} {library}.{kind.__name__}, not {name}."
        raise DailyConfigError(msg)


def text(field: str, value: str | None) -> str | None:
    """Check a string or None."""
    if value is not None and not isinstance(value, str):
        msg = f"{field} must be a string, not {type(value).__name__}."
        raise DailyConfigError(msg)
    return value


def texts(field: str, given: Iterable[str]) -> list[str]:
    """Check strings and give them as a list. A string is a list of one, not of its letters."""
    listed = [given] if isinstance(given, str) else given
    if isinstance(listed, Iterable) and not isinstance(listed, Mapping):
        listed = list(listed)
        if all(isinstance(each, str) for each in listed):
            return listed
    msg = f"{field} must be a list of strings."  # without the values, which may be secrets
    raise DailyConfigError(msg)


def json_object(field: str, value: Any) -> dict[str, Any]:
    """Check an object that JSON can hold, and give a copy."""
    if not isinstance(value, Mapping):
        msg = f"{field} must be an object, as a dict, not {type(value).__name__}."
        raise DailyConfigError(msg)
    copied = dict(value)
    try:
        json.dumps(copied, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        pass  # the error may quote a secret
    else:
        return copied
    msg = f"{field} must be what JSON can hold."
    raise DailyConfigError(msg)


def seconds(field: str, value: float) -> float:
    """Check a finite number of seconds."""
    if not is_number(value) or not math.isfinite(value):
        msg = f"{field} must be a number of seconds, not {value!r}."
        raise DailyConfigError(masked(msg))
    return value


def user_id(value: str | None) -> str | None:
    """Check a user id of 36 characters at the most, or None."""
    if (value := text("user_id", value)) is not None and len(value) > 36:
        # https://docs.daily.co/reference/rest-api/meeting-tokens/create-meeting-token
        msg = f"user_id has {len(value)} characters; 36 are allowed."
        raise DailyConfigError(msg)
    return value


def whole(field: str, value: int | None, low: int, high: int) -> int | None:
    """Check a whole number in a range, or None."""
    if value is not None and (type(value) is not int or not low <= value <= high):
        msg = f"{field} must be a whole number from {low} to {high}, not {value!r}."
        raise DailyConfigError(msg)
    return value


def at_least(field: str, value: int, least: int) -> int:
    """Check a whole number without an upper limit."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        msg = f"{field} must be a whole number, at least {least}, not {value!r}."
        raise DailyConfigError(masked(msg))
    return value


def flag(field: str, value: bool | None) -> bool | None:
    """Check True, False or None. Strings are refused: ``bool("no")`` is True."""
    if value is not None and not isinstance(value, bool):
        msg = f"{field} must be True or False, not {type(value).__name__}."
        raise DailyConfigError(msg)
    return value


def function(field: str, value: object) -> None:
    """Check that an argument can be called."""
    if not callable(value):
        msg = f"{field} must be a function, not {type(value).__name__}."
        raise DailyConfigError(msg)


def awaitable(field: str, result: Any) -> Awaitable[Any]:
    """Check what the caller's function returned: an async function returns an awaitable."""
    if inspect.isawaitable(result):
        return result
    msg = f"{field} must be an async function, as `async def {field}(runner_args)`."
    raise DailyConfigError(msg)


def one_of(field: str, value: str | None, *choices: str) -> str | None:
    """Check one of a few words, or None."""
    if value is not None and value not in choices:
        msg = f"{field} must be one of {', '.join(choices)}, not {value!r}."
        raise DailyConfigError(msg)
    return value
