# SPDX-License-Identifier: BSD-2-Clause
"""Checks of arguments, with daily-python's error messages."""

import math
import operator
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Self

_PIXEL = {"RGBA": 4, "BGRA": 4, "ARGB": 4, "ABGR": 4, "RGB": 3}  # bytes


class MadeByModule:
    """What only the module creates, with `object.__new__`."""

    __slots__ = ()

    def __new__(cls, *args: Any) -> Self:
        """Refuse."""
        msg = f"cannot create 'daily.{cls.__name__}' instances"
        raise TypeError(msg)


def need(value: object, kind: type) -> None:
    """Refuse a value of another type."""
    if not isinstance(value, kind):
        msg = f"{type(value).__name__!r} object is not an instance of {kind.__name__!r}"
        raise TypeError(msg)


def need_texts(*values: object) -> None:
    """Refuse what is neither a string nor None."""
    for value in values:
        if value is not None:
            need(value, str)


def need_flag(value: object) -> None:
    """Refuse what is neither a boolean nor None."""
    if value is not None:
        need(value, bool)


def need_count(*values: Any, bits: int = 32) -> None:
    """Refuse what is not an unsigned integer of that many bits."""
    for value in values:
        if operator.index(value) < 0:
            msg = "can't convert negative int to unsigned"
            raise OverflowError(msg)
        if value >> bits:
            msg = "out of range integral type conversion attempted"
            raise OverflowError(msg)


def need_participant(value: str) -> None:
    """Refuse what is not a session id: a TypeError, or a ValueError for a string."""
    need(value, str)
    try:
        uuid.UUID(value)
    except ValueError as exc:
        msg = f"invalid participant ID {value!r}"
        raise ValueError(msg) from exc


def need_color_format(color_format: object) -> None:
    """Refuse an unknown color format."""
    need(color_format, str)
    if color_format not in (*_PIXEL, "I420"):
        valid = ", ".join([*_PIXEL, "I420"])
        msg = f"invalid color format {color_format!r}. Valid formats: {valid}"
        raise ValueError(msg)


def need_samples(frames: bytes, channels: int) -> int:
    """Refuse what is not 16-bit samples of so many channels; give the number of frames."""
    if not channels or len(frames) % (2 * channels):
        msg = "frames bytestring should contain 16-bit samples"
        raise ValueError(msg)
    return len(frames) // (2 * channels)


def frame_size(width: int, height: int, color_format: str) -> int:
    """Give the size of a picture in bytes."""
    need_color_format(color_format)
    if color_format == "I420":
        return width * height + 2 * ((width + 1) // 2) * ((height + 1) // 2)
    return width * height * _PIXEL[color_format]


def plain_list(value: object) -> list[Any]:
    """Copy a sequence as JSON; a string is a sequence of characters."""
    if not isinstance(value, Sequence):
        msg = f"unexpected type: {type(value).__name__!r} is not an instance of 'Sequence'"
        raise TypeError(msg)
    return [plain(item) for item in value]


def plain(value: object) -> Any:
    """Copy a value as JSON: infinite numbers become None, tuples and sets become lists."""
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
