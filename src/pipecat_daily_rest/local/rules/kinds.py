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
    """A value of the wrong kind; ``fields`` has ``name``, ``value`` and ``expected``, as texts."""

    def __init__(self, name: str, value: Any, expected: str) -> None:
        super().__init__(name, value, expected)
        self.fields = {"name": name, "value": as_text(value), "expected": expected}


class Unknown(Exception):
    """An undocumented property; its ``str`` is the property's name."""


class Missing(Exception):
    """A required property is missing; its ``str`` is the property's name."""


def as_text(value: Any) -> str:
    """Write a value as Daily's messages quote it: a string as it is, else JSON; 200 characters."""
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
    """Tell whether a JSON value is a finite number that a float can hold; a boolean is not."""
    try:
        return type(value) in (int, float) and math.isfinite(value)
    except OverflowError:
        return False


BOOLEAN = kind("a boolean", lambda value: isinstance(value, bool))
NUMBER = kind("a number", is_number)


def integer(low: int, high: float = math.inf) -> Check:
    """Accept whole numbers; 2.0 is one, as in JavaScript."""
    bounds = f"{low} or more" if high == math.inf else f"from {low} to {high}"
    return kind(
        f"a whole number, {bounds}",
        lambda value: is_number(value) and value == int(value) and low <= value <= high,
    )


def one_of(*values: str) -> Check:
    """Accept one of some strings."""
    return kind(f"one of {', '.join(values)}", lambda value: value in values)


def matching(pattern: str, expected: str) -> Check:
    """Accept a string that the whole pattern matches."""
    compiled = re.compile(pattern)
    return kind(
        expected,
        lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None,
    )


def text(longest: float = math.inf) -> Check:
    """Accept a string of up to so many characters."""
    expected = "a string" if longest == math.inf else f"a string of up to {longest} characters"
    return kind(expected, lambda value: isinstance(value, str) and len(value) <= longest)


def url(longest: float = math.inf) -> Check:
    """Accept a URL of up to so many characters."""
    return kind(
        "a URL" if longest == math.inf else f"a URL of up to {longest} characters",
        lambda value: (
            isinstance(value, str)
            and len(value) <= longest
            and re.match(r"[a-z]+://[^/\s]", value) is not None
        ),
    )


def file_template(ending: str | None = None) -> Check:
    """Accept a template of stored files' names, with the time and with no other ending than this."""

    def accepts(value: Any) -> bool:
        if not isinstance(value, str) or len(value) > 1024 or "{epoch_time}" not in value:
            return False
        extension = re.search(r"\.[A-Za-z0-9]+$", value)
        right_ending = ending is None or extension is None or extension[0] == ending
        return right_ending and re.fullmatch(r"([A-Za-z0-9./_-]|\{[a-z_]+\})*", value) is not None

    expected = "up to 1024 of the characters A-Z, a-z, 0-9, ., /, -, _ with {epoch_time}"
    return kind(expected if ending is None else f"{expected}, ending in {ending}", accepts)


def an_object(*required: str, **fields: Check) -> Check:
    """Accept an object with the required members and no others than the fields; any without fields."""

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
    """Accept an object whose members may have any names."""

    def check(name: str, value: Any) -> None:
        if not isinstance(value, dict):
            raise Wrong(name, value, "an object")
        for field, inner in value.items():
            item(f"{name}.{field}", inner)

    return check


def array_of(item: Check, *, most: float = math.inf, unique: bool = False) -> Check:
    """Accept an array."""

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
    """Accept one of two kinds; the value's type decides which."""

    def check(name: str, value: Any) -> None:
        (first if isinstance(value, alternative) else otherwise)(name, value)

    return check
