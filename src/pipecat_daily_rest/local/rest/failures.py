# SPDX-License-Identifier: BSD-2-Clause
"""The ways in which a request to the local Daily can fail. No I/O."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import hdrs, web

from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.local.arguments import check_fields

_CODES = {
    400: "invalid-request-error",
    401: "authentication-error",
    403: "forbidden-error",
    404: "not-found",
    429: "rate-limit-error",
}
_HTML = "<!DOCTYPE html>\n<html><body><h1>{status}</h1><p>This is not JSON.</p></body></html>\n"
_NEEDED = ("name", "url", "token", "domain_id")  # what a client cannot do without
_OWN: Any = object()


@dataclass(frozen=True, kw_only=True)
class Failure:
    """How a request fails; without arguments it is a plain 500.

    The local Daily does not carry out a request whose response is an error, that hangs, or that
    is dropped before the commit. It carries out any other, unless ``commit`` says otherwise.

    Parameters:
        status: The status of the response, from 200 to 599; from 300 on it is an error.
        code: The error's ``error``; Daily's code for the status when None.
        info: The error's ``info``.
        commit: Whether the request is carried out; None is as described above.
        delay: Seconds from the request to the commit, even if the client disconnects.
        delay_after: Seconds from the commit to the response.
        hang: Whether the local Daily never responds.
        drop: Close the connection without a response, ``before`` or ``after`` the commit.
        truncate: Whether the connection closes in the middle of the response's body.
        html: Whether the body is a web page; the status is 200 when None.
        nulls: Whether all values of a good response are null, except names, URLs, tokens and the
            domain's id.
        unknown: Whether a good response has members and values that are new to the client.
        body: The body: a string or bytes as they are, anything else as JSON; the status is 200
            when None.
        headers: More headers of the response.
        retry_after: The ``Retry-After`` header, seconds or a date; the status is 429 when None.
    """

    status: int | None = None
    code: str | None = None
    info: str | None = None
    commit: bool | None = None
    delay: float = 0.0
    delay_after: float = 0.0
    hang: bool = False
    drop: Literal["before", "after"] | None = None
    truncate: bool = False
    html: bool = False
    nulls: bool = False
    unknown: bool = False
    body: Any = _OWN
    headers: Mapping[str, str] = field(default_factory=dict)
    retry_after: float | str | None = None

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            DailyConfigError: A value has the wrong type or range, or two contradict each other.
        """
        check_fields(self)
        if self.status is not None and not 200 <= self.status <= 599:
            msg = f"status must be from 200 to 599, not {self.status}."
            raise DailyConfigError(msg)
        if self.drop is not None and self.commit is not None:
            msg = "drop already decides whether the request is carried out: leave out commit."
            raise DailyConfigError(msg)
        if not (self.delay >= 0 and self.delay_after >= 0):
            msg = "delay and delay_after must be seconds, 0 or more."
            raise DailyConfigError(msg)
        if not all(map(str.isprintable, (*self.headers, *self.headers.values()))):
            msg = "headers must be printable and on one line each."
            raise DailyConfigError(msg)
        if isinstance(self.retry_after, str) and not self.retry_after.isprintable():
            msg = "retry_after must be seconds or a date."
            raise DailyConfigError(msg)
        if self.body is not _OWN:
            try:
                _as_bytes(self.body)
            except (TypeError, ValueError, RecursionError) as exc:
                msg = "body must be a string, bytes or a JSON value."
                raise DailyConfigError(msg) from exc

    @property
    def answers(self) -> bool:
        """Whether the local Daily responds."""
        return not self.hang and self.drop is None

    @property
    def commits(self) -> bool:
        """Whether the local Daily carries the request out."""
        if self.drop is not None:
            return self.drop == "after"
        if self.commit is not None:
            return self.commit
        return not self.hang and (self._status is None or self._status < 300)

    @property
    def _status(self) -> int | None:
        """The status; None for that of the endpoint's own response."""
        if self.status is not None:
            return self.status
        if self.retry_after is not None:
            return 429
        if self.html or self.body is not _OWN:
            return 200
        if self.code is not None or self.info is not None:
            return 400
        says_nothing = self.describe().keys() <= {"commit", "headers"}
        return 500 if says_nothing or self.commit is False else None

    def describe(self) -> dict[str, Any]:
        """Describe it.

        Returns:
            The fields that differ from their defaults, as JSON.
        """
        plain = Failure()
        return {name: value for name, value in vars(self).items() if value != getattr(plain, name)}

    def respond(self, own: web.Response | None) -> web.Response:
        """Make the response.

        Args:
            own: The endpoint's own response; None when the request was not carried out.

        Returns:
            The response to send instead.
        """
        status = self._status or (500 if own is None else own.status)
        kind = "application/json"
        if self.html:
            body, kind = _HTML.format(status=status).encode(), "text/html"
        elif self.body is not _OWN:
            body = _as_bytes(self.body)
        elif own is not None and (self._status is None or self._status < 300):
            body = self._changed(own)
        else:
            code = self.code or _CODES.get(status, "server-error")
            body = _as_bytes({"error": code, "info": self.info or "an injected fault"})
        response = web.Response(status=status, body=body, content_type=kind)
        response.headers.update(self.headers)
        if self.retry_after is not None:
            response.headers[hdrs.RETRY_AFTER] = str(self.retry_after)
        return response

    def _changed(self, own: web.Response) -> bytes:
        value = json.loads(own.text or "null")
        if own.status == 200:
            value = _each(value, lambda _: None) if self.nulls else value
            value = _each(value, _from_tomorrow) if self.unknown else value
        return _as_bytes(value)


KINDS: Mapping[str, Failure] = {
    "rate-limit": Failure(status=429),
    "server-error": Failure(status=500),
    "server-error-after": Failure(status=500, commit=True),
    "delay": Failure(delay=0.1),
    "delay-after": Failure(delay_after=0.1),
    "hang": Failure(hang=True),
    "hang-after": Failure(hang=True, commit=True),
    "drop": Failure(drop="before"),
    "drop-after": Failure(drop="after"),
    "truncate": Failure(truncate=True),
    "html": Failure(html=True),
    "html-error": Failure(html=True, status=502),
    "nulls": Failure(nulls=True),
    "unknown": Failure(unknown=True),
}
"""The kinds of failures that `LocalDaily.chaos` draws from, by name."""


def _as_bytes(body: Any) -> bytes:
    if isinstance(body, bytes):
        return body
    return (body if isinstance(body, str) else json.dumps(body)).encode()


def _each(value: Any, change: Callable[[Any], Any], name: str = "") -> Any:
    """Change every value of a JSON value, except those that a client cannot do without."""
    if isinstance(value, dict):
        changed = {member: _each(of, change, member) for member, of in value.items()}
        return change(changed) or changed
    if isinstance(value, list):
        return [_each(item, change) for item in value]
    return value if name in _NEEDED else change(value)


def _from_tomorrow(value: Any) -> Any:
    if isinstance(value, dict):
        return {**value, "from_tomorrow": {"new": [None, 1.5, "x"]}}
    return f"{value} from tomorrow" if isinstance(value, str) else value
