# SPDX-License-Identifier: BSD-2-Clause
"""Checks of what `DailyRESTHelper.request` was given, before anything is sent. No I/O."""

import json as jsonlib
import math
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from pipecat_daily_rest._core.secret import hide_secrets, masked
from pipecat_daily_rest.errors import DailyConfigError

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# RFC 3986, section 3.3; all else has to be quoted, a "%" that quotes nothing included.
_PATH = re.compile(r"(?:/(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*)+")


def hide_request_secrets(
    method: str, path: str, json: Any, query: Mapping[str, Any] | None, *, key: str
) -> tuple[str, str, Any, Mapping[str, Any]]:
    """Give the same for the caller's own variables, so that no traceback shows a secret in them."""
    try:
        return (
            hide_secrets(method, key),
            hide_secrets(path, key),
            hide_secrets(json, key),
            hide_secrets(query or {}, key),
        )
    except RecursionError:
        pass
    msg = "json must be what JSON can hold: it contains itself, or is nested too deeply."
    raise DailyConfigError(msg)


def checked(
    method: str, path: str, json: Any, query: Mapping[str, Any], *, key: str
) -> tuple[str, dict[str, str]]:
    """Check a request; give the method in capitals, and the query as texts."""
    if not isinstance(method, str) or method.upper() not in _METHODS:
        msg = f"method {masked(repr(method), key)} must be one of {', '.join(_METHODS)}."
        raise DailyConfigError(msg)
    _check_path(path, key)
    _check_json(json)
    return method.upper(), hide_secrets(_texts(query, key), key)


def _check_path(path: Any, key: str) -> None:
    if not isinstance(path, str) or not path.startswith("/") or "?" in path or "#" in path:
        msg = (
            f"path {masked(repr(path), key)} must begin with a slash and have no query: "
            "pass that as query=…."
        )
        raise DailyConfigError(msg)
    if not _PATH.fullmatch(path):
        msg = (
            f"path {masked(repr(path), key)} has characters that a path cannot have: "
            'put urllib.parse.quote(id, safe="") in it.'
        )
        raise DailyConfigError(msg)
    if any(unquote(part) in (".", "..") for part in path.split("/")):
        msg = f'path {masked(repr(path), key)} leads to another endpoint: leave out "." and "..".'
        raise DailyConfigError(msg)


def _check_json(json: Any) -> None:
    try:
        jsonlib.dumps(json, allow_nan=False)
        return
    except (TypeError, ValueError) as exc:
        reason = str(exc)
    msg = f"json must be what JSON can hold: {reason}."
    raise DailyConfigError(msg)


def _texts(query: Any, key: str) -> dict[str, str]:
    if not isinstance(query, Mapping):
        msg = "query must be a mapping of names and values."
        raise DailyConfigError(msg)
    return {
        str(name): _text(name, value, key) for name, value in query.items() if value is not None
    }


def _text(name: Any, value: Any, key: str) -> str:
    if isinstance(value, str) and value.encode(errors="ignore").decode() == value:
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return str(value)
    msg = f"query[{masked(repr(name), key)}] must be a string, a number or a boolean, not {type(value).__name__}."
    raise DailyConfigError(msg)
