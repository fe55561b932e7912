# SPDX-License-Identifier: BSD-2-Clause
"""Reads the JSON that clients send strictly, and tells how large JSON is."""

import json
import math
from typing import Any, NoReturn

MOST_DEPTH = 100  # lists and objects in each other


class NotJSON(ValueError):
    """Something is not JSON; the text says why where that is not obvious, else it is empty."""


def parse(text: str | bytes) -> Any:
    """Read JSON strictly: no NaN, no infinity, no more than `MOST_DEPTH` levels."""
    try:
        value = json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except NotJSON:
        raise
    except RecursionError:
        raise NotJSON(_TOO_DEEP) from None
    except ValueError:
        raise NotJSON from None
    brackets = ("[", "{") if isinstance(text, str) else (b"[", b"{")
    if sum(map(text.count, brackets)) > MOST_DEPTH:  # type: ignore[arg-type]
        _check_depth(value)
    return value


def size_of(value: Any) -> int:
    """Give a JSON value's size in bytes of UTF-8, without spaces."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return len(text.encode(errors="surrogatepass"))  # JSON may hold unpaired surrogates


_TOO_DEEP = f"it is nested more than {MOST_DEPTH} levels deep"


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(MOST_DEPTH + 1):
        inner: list[Any] = []
        for each in level:
            if isinstance(each, list | dict):
                inner += each if isinstance(each, list) else each.values()
        if not inner:
            return
        level = inner
    raise NotJSON(_TOO_DEEP)


def _refuse(constant: str) -> NoReturn:
    """Refuse NaN and Infinity: Python reads them, JSON does not have them."""
    raise NotJSON(f"JSON has no {constant}")


def _finite(digits: str) -> float:
    """Refuse 1e999: it would become an infinity, which JSON cannot hold."""
    number = float(digits)
    if not math.isfinite(number):
        raise NotJSON(f"{digits[:20]} is too large a number")
    return number
