# SPDX-License-Identifier: BSD-2-Clause
"""Kinds of JSON values: what a property may be."""

import json
import math
import re
from collections.abc import Callable
from typing import Any

Check = Callable[[str, Any], None]
"""Takes a property's name and a value that is not null; raises `Wrong`, `Unknown` or `Missing`."""


class Wrong(Exception):
    """A value of the wrong kind.

    Parameters:
        fields: ``name``, ``value`` and ``expected``, as texts.
    """

    def __init__(self, name: str, value: Any, expected: str) -> None:
        """Initialize the error."""
        super().__init__(name, value, expected)
        self.fields = {"name": name, "value": as_text(value), "expected": expected}


class Unknown(Exception):
    """A property that is not documented; its ``str`` is the property's name."""


class Missing(Exception):
    """A property that has to be there; its ``str`` is the property's name."""


def as_text(value: Any) -> str:
    """Write a JSON value as Daily's texts echo it.

    Args:
        value: The value.

    Returns:
        A string as it is, anything else as JSON; cut after 200 characters.
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 200 else f"{text[:200]}…"


def kind(expected: str, accepts: Callable[[Any], bool]) -> Check:
    """Make a kind from a test."""

    def check(name: str, value: Any) -> None:
        if not accepts(value):
            raise Wrong(name, value, expected)

    return check


def is_number(value: Any) -> bool:
    """Tell whether a value of parsed JSON is a number that time can be reckoned with.

    Args:
        value: The value.

    Returns:
        Whether it is; true and false are none.
    """
    try:
        return type(value) in (int, float) and math.isfinite(value)
    except OverflowError:
        return False


def integer(low: int, high: float = math.inf) -> Check:
    """Take whole numbers; 2.0 is one, as in JavaScript."""
    bounds = f"{low} or more" if high == math.inf else f"from {low} to {high}"
    return kind(
        f"a whole number, {bounds}",
        lambda value: is_number(value) and value == int(value) and low <= value <= high,
    )


def one_of(*values: str) -> Check:
    """Take one of some strings."""
    return kind(f"one of {', '.join(values)}", lambda value: value in values)


def text(longest: float = math.inf) -> Check:
    """Take a string.

    Args:
        longest: How many characters it may have.

    Returns:
        The check.
    """
    expected = "a string" if longest == math.inf else f"a string of up to {longest} characters"
    return kind(expected, lambda value: isinstance(value, str) and len(value) <= longest)


def url(longest: float = math.inf) -> Check:
    """Take a URL.

    Args:
        longest: How many characters it may have.

    Returns:
        The check.
    """
    return kind(
        "a URL" if longest == math.inf else f"a URL of up to {longest} characters",
        lambda value: (
            isinstance(value, str)
            and len(value) <= longest
            and re.match(r"[a-z]+://[^/\s]", value) is not None
        ),
    )


def file_template(ending: str | None = None) -> Check:
    """Take a template of stored files' names, which has to carry the time.

    Args:
        ending: The only ending that it may have; any when None.

    Returns:
        The check.
    """

    def accepts(value: Any) -> bool:
        if not isinstance(value, str) or len(value) > 1024 or "{epoch_time}" not in value:
            return False
        extension = re.search(r"\.[A-Za-z0-9]+$", value)
        right_ending = ending is None or extension is None or extension[0] == ending
        return right_ending and re.fullmatch(r"([A-Za-z0-9./_-]|\{[a-z_]+\})*", value) is not None

    expected = "up to 1024 of the characters A-Z, a-z, 0-9, ., /, -, _ with {epoch_time}"
    return kind(expected if ending is None else f"{expected}, ending in {ending}", accepts)


def an_object(*required: str, **fields: Check) -> Check:
    """Take an object.

    Args:
        *required: The members that it must have.
        **fields: The members that it may have; any when there are none.

    Returns:
        The check.
    """

    def check(name: str, value: Any) -> None:
        if not isinstance(value, dict):
            raise Wrong(name, value, "an object")
        for field in required:
            if value.get(field) is None:
                raise Missing(f"{name}.{field}")
        for field, inner in value.items():
            if fields and field not in fields:
                raise Unknown(f"{name}.{field}")
            if fields and inner is not None:
                fields[field](f"{name}.{field}", inner)

    return check


def map_of(item: Check) -> Check:
    """Take an object whose members may have any names."""

    def check(name: str, value: Any) -> None:
        if not isinstance(value, dict):
            raise Wrong(name, value, "an object")
        for field, inner in value.items():
            item(f"{name}.{field}", inner)

    return check


def array_of(item: Check, *, most: float = math.inf, unique: bool = False) -> Check:
    """Take an array."""

    def check(name: str, value: Any) -> None:
        if not isinstance(value, list):
            raise Wrong(name, value, "an array")
        if len(value) > most:
            raise Wrong(name, f"{len(value)} entries", f"{most} at most")
        for index, inner in enumerate(value):
            item(f"{name}[{index}]", inner)
        if unique and len(set(value)) < len(value):
            raise Wrong(name, value, "an array of unique values")

    return check


def either(alternative: type, first: Check, otherwise: Check) -> Check:
    """Take one of two kinds, which the type of the value tells apart."""

    def check(name: str, value: Any) -> None:
        (first if isinstance(value, alternative) else otherwise)(name, value)

    return check
