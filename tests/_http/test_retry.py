# SPDX-License-Identifier: BSD-2-Clause
from datetime import UTC, datetime

import pytest

from pipecat_daily_rest import RetryPolicy, errors
from pipecat_daily_rest._http.retry import Repeat, may_repeat, never_happened, read_retry_after


def api_error(kind, status):
    return kind("x", status=status)


LOST = errors.DailyConnectionError("x")
REFUSED = errors.DailyConnectionError("x")
REFUSED.sent = False


@pytest.mark.parametrize(
    ("error", "safe", "unsent"),
    [
        (api_error(errors.DailyRateLimitError, 429), True, True),
        (REFUSED, True, True),
        (LOST, True, False),
        (errors.DailyTimeoutError("x"), True, False),
        (api_error(errors.DailyServerError, 503), True, False),
        (errors.DailyResponseError("x"), True, False),
        (api_error(errors.DailyInvalidRequestError, 400), False, False),
        (api_error(errors.DailyAuthenticationError, 401), False, False),
        (api_error(errors.DailyNotFoundError, 404), False, False),
        (errors.DailyConfigError("x"), False, False),
    ],
)
def test_which_requests_are_sent_again(error, safe, unsent):
    known = never_happened(error)
    assert may_repeat(error, Repeat.SAFE, unsent=known) is safe
    assert may_repeat(error, Repeat.UNSENT, unsent=known) is unsent


def test_pauses_grow_to_a_limit_and_obey_the_server():
    policy = RetryPolicy(backoff=1, max_backoff=4)
    for attempt, longest in ((1, 1), (2, 2), (3, 4), (9, 4), (10_000, 4)):
        drawn = [policy.pause(attempt) for _ in range(200)]
        assert 0 <= min(drawn)
        assert max(drawn) <= longest
        assert max(drawn) > longest / 2
    assert policy.pause(1, 3.0) >= 3.0
    assert policy.pause(1, 999.0) == 4


@pytest.mark.parametrize(
    "bad",
    [
        {"attempts": 0},
        {"attempts": 1.5},
        {"attempts": True},
        {"attempts": "x"},
        {"attempts": None},
        {"deadline": 0},
        {"deadline": "x"},
        {"deadline": None},
        {"timeout": -1},
        {"timeout": True},
        {"timeout": float("nan")},
        {"backoff": -1},
        {"backoff": [1]},
        {"max_backoff": {}},
    ],
)
def test_wrong_policies(bad):
    with pytest.raises(errors.DailyConfigError, match=next(iter(bad))):
        RetryPolicy(**bad)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("3", 3.0),
        ("0.5", 0.5),
        ("-1", 0.0),
        ("Wed, 21 Oct 2026 07:28:10 GMT", 10.0),
        ("Wed, 21 Oct 2020 07:28:00 GMT", 0.0),
        ("soon", None),
        ("inf", None),
        ("nan", None),
        ("Fri, 31 Dec 9999 23:59:59 -2359", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after(header, seconds):
    now = datetime(2026, 10, 21, 7, 28, tzinfo=UTC)
    assert read_retry_after(header, now=now) == seconds
