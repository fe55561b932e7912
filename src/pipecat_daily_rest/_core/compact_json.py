# SPDX-License-Identifier: BSD-2-Clause
"""JSON, by the fast code that pydantic brings."""

import json
from typing import Any

from pydantic_core import from_json, to_json


def dumps(value: Any) -> bytes:
    """Write JSON."""
    try:
        return to_json(value)
    except ValueError:  # half of a character, which has an escape in JSON but no UTF-8
        return json.dumps(value, separators=(",", ":")).encode()


def loads(raw: bytes) -> Any:
    """Read JSON."""
    try:
        return from_json(raw)
    except ValueError:  # half of a character, another encoding, or indeed no JSON
        return json.loads(raw)
