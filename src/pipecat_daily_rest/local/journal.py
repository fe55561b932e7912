# SPDX-License-Identifier: BSD-2-Clause
"""The requests that the REST API got, without their secrets."""

import json
import re
from dataclasses import dataclass
from typing import Any

_JWT = re.compile(r"eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
_TOKEN_PATH = re.compile(r"^(/meeting-tokens/).+", re.DOTALL)
_MASK = "***"


@dataclass(frozen=True)
class Request:
    """One request to the REST API. Keys and tokens in it are masked.

    Parameters:
        method: The HTTP method.
        path: The path below ``/v1``, without the query.
        body: The parsed JSON body; None when there was none, or none that can be read.
        status: The status of the answer; None while there is no answer.
        at: When it came, in unix seconds of the local Daily's clock.
    """

    method: str
    path: str
    body: Any
    status: int | None
    at: float

    def __str__(self) -> str:
        body = "" if self.body is None else f" {json.dumps(self.body)}"
        return f"{self.method} {self.path}{body} -> {self.status or 'no answer yet'}"


def masked(value: Any, api_key: str) -> Any:
    """Take the API key and meeting tokens out of a text, or out of every text of a JSON value.

    Args:
        value: The text or value; it stays as it is.
        api_key: The key.

    Returns:
        The value with ``***`` in their place.
    """
    if isinstance(value, str):
        return _JWT.sub(_MASK, value.replace(api_key, _MASK))
    if isinstance(value, list):
        return [masked(item, api_key) for item in value]
    if isinstance(value, dict):
        return {masked(name, api_key): masked(item, api_key) for name, item in value.items()}
    return value


def masked_path(path: str, api_key: str) -> str:
    """Take the API key and meeting tokens out of a path.

    Args:
        path: The path below ``/v1``.
        api_key: The key.

    Returns:
        The path with ``***`` in their place.
    """
    text: str = masked(path, api_key)
    return _TOKEN_PATH.sub(rf"\1{_MASK}", text)
