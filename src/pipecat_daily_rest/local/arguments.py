# SPDX-License-Identifier: BSD-2-Clause
"""Checks that what a test passes has the documented type. No I/O.

The client has its own, since the local Daily imports nothing of the client.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pipecat_daily_rest.errors import DailyConfigError

# numpy's numbers count, too.
_NUMBERS: dict[Any, type] = {int: Integral, float: Real}
_WORDS: dict[Any, str] = {
    bool: "True or False",
    int: "a whole number",
    float: "a number",
    str: "a string",
    tuple: "a tuple",
    list: "a list",
    dict: "a dict",
    Mapping: "a dict",
    Iterable: "a list",
    Callable: "a function",
    tuple[float, ...]: "a tuple of numbers",
    list[Mapping[str, Any]]: "a list of dicts",
    tuple[Mapping[str, Any], ...]: "a tuple of dicts",
    dict[str, str]: "a dict of strings",
    Mapping[str, str]: "a dict of strings",
}


def must_be(kind: Any, **given: Any) -> None:
    """Check that arguments, given by name, are of a type; else raise `DailyConfigError`."""
    for name, value in given.items():
        if not fits(kind, value):
            plain = value is None or isinstance(value, bool | int | float)
            told = value if plain else type(value).__name__
            but = "" if isinstance(value, str) else f", not {told}"
            msg = f"{name} must be {' or '.join(_words(kind))}{but}."
            raise DailyConfigError(msg)


def check_fields(given: Any) -> None:
    """Check that the fields of a dataclass have their types."""
    for field in dataclasses.fields(given):
        must_be(field.type, **{field.name: getattr(given, field.name)})


def fits(kind: Any, value: Any) -> bool:
    """Tell whether a value is of a type, down to the items of lists and dicts."""
    origin, inner = get_origin(kind) or kind, get_args(kind)
    if origin in (Union, UnionType):
        return any(fits(each, value) for each in inner)
    if origin is Literal:
        return value in inner
    if kind is Any:
        return True
    if kind in _NUMBERS:
        return isinstance(value, _NUMBERS[kind]) and not isinstance(value, bool)
    if not isinstance(value, origin):
        return False
    if origin is tuple and inner and inner[-1] is not ...:
        return len(value) == len(inner) and all(map(fits, inner, value))
    if origin in (tuple, list) and inner:
        return all(fits(inner[0], each) for each in value)
    if origin in (dict, Mapping) and inner:
        return all(fits(inner[0], name) and fits(inner[1], each) for name, each in value.items())
    return True


def _words(kind: Any) -> list[str]:
    """Give a type's alternatives in words, without None."""
    origin, inner = get_origin(kind) or kind, get_args(kind)
    if origin in (Union, UnionType):
        return [word for each in inner if each is not NoneType for word in _words(each)]
    if origin is Literal:
        return [repr(each) for each in inner]
    return [_WORDS.get(kind) or _WORDS.get(origin) or origin.__name__]
