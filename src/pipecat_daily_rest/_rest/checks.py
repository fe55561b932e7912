# SPDX-License-Identifier: BSD-2-Clause
"""Checks of rooms and tokens before anything is sent. No I/O: the present is an argument."""

import math

from pipecat_daily_rest._core import room_names
from pipecat_daily_rest._core.arguments import at_least, model, user_id
from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.models import DailyMeetingTokenProperties, DailyRoomParams

_MILLISECONDS = 1e11  # in seconds that would be the year 5138


def check_room(params: DailyRoomParams, *, now: float) -> None:
    """Check the parameters of a room; ``now`` is in unix seconds."""
    model("params", params, DailyRoomParams)
    properties = params.properties
    if params.name is not None:
        room_names.check(params.name)
    _check_instant("properties.exp", properties.exp, now=now)
    _check_instant("properties.nbf", properties.nbf)
    check_order("properties", properties.nbf, properties.exp)
    for field in ("max_participants", "eject_after_elapsed"):
        _check_count(f"properties.{field}", getattr(properties, field))
    for field, template in (
        ("recordings_template", properties.recordings_template),
        ("transcription_template", properties.transcription_template),
    ):
        if template is not None and (len(template) > 1024 or "{epoch_time}" not in template):
            msg = (
                f"properties.{field} must contain {{epoch_time}} and have 1024 characters at most."
            )
            raise DailyConfigError(msg)
    hook = properties.meeting_join_hook
    if hook is not None and len(hook) > 255:
        msg = f"properties.meeting_join_hook has {len(hook)} characters; 255 are allowed."
        raise DailyConfigError(msg)


def check_token(properties: DailyMeetingTokenProperties, *, now: float) -> None:
    """Check the properties of a meeting token; ``now`` is in unix seconds."""
    model("properties", properties, DailyMeetingTokenProperties)
    if properties.room_name is not None:
        room_names.check(properties.room_name)
    _check_instant("exp", properties.exp, now=now)
    _check_instant("nbf", properties.nbf)
    check_order("the token", properties.nbf, properties.exp)
    _check_count("eject_after_elapsed", properties.eject_after_elapsed)
    user_id(properties.user_id)


def _check_instant(field: str, instant: float | None, *, now: float | None = None) -> None:
    if instant is None:
        return
    if not math.isfinite(instant) or instant < 0:
        msg = f"{field} must be unix seconds, not {instant!r}."
        raise DailyConfigError(msg)
    if instant > _MILLISECONDS:
        msg = f"{field} {instant!r} looks like milliseconds: Daily takes unix seconds."
        raise DailyConfigError(msg)
    if now is not None and instant <= now:
        msg = (
            f"{field} {instant!r} is in the past: it must be later than now, "
            "in unix seconds (time.time() + 3600 for an hour)."
        )
        raise DailyConfigError(msg)


def check_order(what: str, nbf: float | None, exp: float | None) -> None:
    """Check that ``what``, for the error, begins before it expires."""
    if nbf is not None and exp is not None and nbf >= exp:
        msg = f"{what}: nbf {nbf!r} must be before exp {exp!r}."
        raise DailyConfigError(msg)


def _check_count(field: str, count: int | None) -> None:
    if count is not None:
        at_least(field, count, 1)
