# SPDX-License-Identifier: BSD-2-Clause
"""Shapes of settings: functions that read a value as daily-python does.

A shape returns the value as daily-python understands it, without the members that it ignores, and
raises `Misfit` for what it refuses.
"""

import math
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from daily._link import CallError

Shape = Callable[[Any], Any]

DEFAULTS = "fromDefaults"  # in place of a setting: its default
U32 = (1 << 32) - 1


class Misfit(CallError):
    """A value that daily-python refuses; the text begins with the path of the value."""


def _quoted(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:100]}…"


def _test(expected: str, fits: Callable[[Any], bool]) -> Shape:
    def read(value: Any) -> Any:
        if not fits(value):
            msg = f"{_quoted(value)} should be {expected}"
            raise Misfit(msg)
        return value

    return read


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_id(value: Any) -> bool:
    try:
        return bool(uuid.UUID(value))
    except (ValueError, AttributeError, TypeError):
        return False


anything: Shape = _test("anything", lambda value: True)
flag: Shape = _test("a boolean", lambda value: isinstance(value, bool))
text: Shape = _test("a string", lambda value: isinstance(value, str))
an_id: Shape = _test("a participant's id, a UUID", _is_id)
any_object: Shape = _test("an object", lambda value: isinstance(value, dict))


def _within(what: str, fits: Callable[[Any], bool], low: float, high: float) -> Shape:
    return _test(
        what if low == -math.inf else f"{what} from {low} to {high}",
        lambda value: fits(value) and low <= value <= high,
    )


def number(low: float = -math.inf, high: float = math.inf) -> Shape:
    """Accept numbers."""
    return _within("a number", _is_number, low, high)


def whole(low: float = -math.inf, high: float = math.inf) -> Shape:
    """Accept whole numbers."""
    return _within(
        "a whole number", lambda value: _is_number(value) and isinstance(value, int), low, high
    )


def word(*words: str) -> Shape:
    """Accept one of some strings."""
    return _test(f"one of {', '.join(words)}", lambda value: value in words)


def maybe(shape: Shape) -> Shape:
    """Accept null, too."""
    return lambda value: None if value is None else shape(value)


def either(first: type, shape: Shape, other: Shape) -> Shape:
    """Accept one shape for values of a type, and the other for all other values."""
    return lambda value: shape(value) if isinstance(value, first) else other(value)


def a_list(shape: Shape) -> Shape:
    """Accept a list whose elements have a shape."""

    def read(value: Any) -> Any:
        if not isinstance(value, list):
            msg = f"{_quoted(value)} should be a list"
            raise Misfit(msg)
        return [_inner(index, shape, element) for index, element in enumerate(value)]

    return read


def a_map(shape: Shape, key: Shape = text) -> Shape:
    """Accept an object with any keys; its values have a shape."""

    def read(value: Any) -> Any:
        return {key(name): _inner(name, shape, each) for name, each in any_object(value).items()}

    return read


def struct(*required: str, **fields: Shape) -> Shape:
    """Accept an object, or a list of all its values; ignore other keys."""

    def read(value: Any) -> Any:
        if isinstance(value, list) and 0 < len(value) == len(fields):
            value = dict(zip(fields, value, strict=True))
        any_object(value)
        if missing := [name for name in required if name not in value]:
            msg = f"{missing[0]} is missing"
            raise Misfit(msg)
        return {
            name: _inner(name, shape, value[name])
            for name, shape in fields.items()
            if name in value
        }

    return read


def exact(*required: str, **fields: Shape) -> Shape:
    """Accept what `struct` accepts, without other keys."""
    shape = struct(*required, **fields)

    def read(value: Any) -> Any:
        is_object = isinstance(value, dict) and all(name in value for name in required)
        if is_object and (unknown := value.keys() - fields.keys()):
            msg = f"{sorted(unknown)} is unknown; it may have {', '.join(fields) or 'nothing'}"
            raise Misfit(msg)
        return shape(value)

    return read


def setting(shape: Shape, *, null: bool = True) -> Shape:
    """Accept a setting, or `DEFAULTS`, or null, which leaves the setting as it is."""
    none = (None, DEFAULTS) if null else (DEFAULTS,)
    return lambda value: value if value in none else shape(value)


def short(switch: str, fits: Shape, shape: Shape) -> Shape:
    """Accept a setting, or only its switch, which becomes the whole setting."""
    return setting(either(dict, shape, lambda value: {switch: fits(value)}))


def one_kind(tag: str, kinds: Mapping[str, Shape]) -> Shape:
    """Accept an object whose member `tag` names its kind, and so its shape."""
    tagged = struct(tag, **{tag: word(*kinds)})
    return lambda value: kinds[tagged(any_object(value))[tag]](value)


def _inner(name: object, shape: Shape, value: Any) -> Any:
    try:
        return shape(value)
    except Misfit as exc:
        msg = f"{name}: {exc}"
        raise Misfit(msg) from None
