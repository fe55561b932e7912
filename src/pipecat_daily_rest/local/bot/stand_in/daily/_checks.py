# SPDX-License-Identifier: BSD-2-Clause
"""Arguments, refused with the words of daily-python."""

import math
import operator
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Self

_PIXEL = {"RGBA": 4, "BGRA": 4, "ARGB": 4, "ABGR": 4, "RGB": 3}  # bytes


class MadeByModule:
    """What only the module makes."""

    __slots__ = ()

    def __new__(cls, *args: Any) -> Self:
        """Refuse."""
        msg = f"cannot create 'daily.{cls.__name__}' instances"
        raise TypeError(msg)


def need(value: Any, kind: type) -> None:
    """Refuse a value of another type."""
    if not isinstance(value, kind):
        msg = f"{type(value).__name__!r} object is not an instance of {kind.__name__!r}"
        raise TypeError(msg)


def need_texts(*values: Any) -> None:
    """Refuse what is neither a string nor None."""
    for value in values:
        if value is not None:
            need(value, str)


def need_flag(value: Any) -> None:
    """Refuse what is neither a boolean nor None."""
    if value is not None:
        need(value, bool)


def need_count(*values: Any, bits: int = 32) -> None:
    """Refuse what is no whole number of a size."""
    for value in values:
        if operator.index(value) < 0:
            msg = "can't convert negative int to unsigned"
            raise OverflowError(msg)
        if value >> bits:
            msg = "out of range integral type conversion attempted"
            raise OverflowError(msg)


def listed(value: Any) -> list[Any]:
    """Copy a sequence as JSON can hold it.

    Args:
        value: The sequence; a string is one of its characters.

    Returns:
        The copy.

    Raises:
        TypeError: It is none.
    """
    if not isinstance(value, Sequence):
        msg = f"unexpected type: {type(value).__name__!r} is not an instance of 'Sequence'"
        raise TypeError(msg)
    return [plain(item) for item in value]


def need_participant(value: Any) -> None:
    """Refuse what is no session id.

    Args:
        value: The value.

    Raises:
        TypeError: It is no string.
        ValueError: It is no UUID.
    """
    need(value, str)
    try:
        uuid.UUID(value)
    except ValueError as exc:
        msg = f"invalid participant ID {value!r}"
        raise ValueError(msg) from exc


def need_color_format(color_format: Any) -> None:
    """Refuse what is no color format.

    Args:
        color_format: The value.

    Raises:
        ValueError: It is none.
    """
    need(color_format, str)
    if color_format not in (*_PIXEL, "I420"):
        valid = ", ".join([*_PIXEL, "I420"])
        msg = f"invalid color format {color_format!r}. Valid formats: {valid}"
        raise ValueError(msg)


def frame_size(width: int, height: int, color_format: str) -> int:
    """Tell how large a picture is.

    Args:
        width: In pixels.
        height: In pixels.
        color_format: How a pixel is written.

    Returns:
        Bytes.

    Raises:
        ValueError: There is no such format.
    """
    need_color_format(color_format)
    if color_format == "I420":
        return width * height + 2 * ((width + 1) // 2) * ((height + 1) // 2)
    return width * height * _PIXEL[color_format]


def plain(value: Any) -> Any:
    """Copy a value as JSON can hold it.

    Args:
        value: The value; what is not finite becomes None, a tuple or a set a list.

    Returns:
        The copy.

    Raises:
        TypeError: JSON cannot hold it.
        Exception: It is bytes, or a number of more than 64 bits.
    """
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 64:
        msg = "number out of range"
        raise Exception(msg)
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bytes):
        msg = "invalid type: byte array, expected any valid JSON value"
        raise Exception(msg)
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                msg = f"unexpected type: {type(key).__name__!r} object is not an instance of 'str'"
                raise TypeError(msg)
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    msg = f"unsupported type {type(value).__name__}"
    raise TypeError(msg)
