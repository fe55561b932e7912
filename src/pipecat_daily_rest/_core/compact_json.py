# SPDX-License-Identifier: BSD-2-Clause
"""JSON, by the fast code that pydantic brings."""

import json
from typing import Any

from pydantic_core import from_json, to_json


def dumps(value: Any) -> bytes:
    """Write JSON."""
    try:
        return to_json(value)
    except ValueError:  # an unpaired surrogate: JSON has an escape for it, UTF-8 has not
        return json.dumps(value, separators=(",", ":")).encode()


def loads(raw: bytes) -> Any:
    """Read JSON."""
    try:
        return from_json(raw)
    except ValueError:  # an unpaired surrogate, another encoding, or not JSON
        return json.loads(raw)
