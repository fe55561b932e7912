# SPDX-License-Identifier: BSD-2-Clause
"""A local Daily on a thread of its own, and its objects in other threads."""

from collections.abc import Iterator

import pytest

from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.local.rest.faults import Chaos, Fault
from pipecat_daily_rest.local.room_handle import RoomHandle
from pipecat_daily_rest.local.scripted.person import Scripted
from pipecat_daily_rest.testing import LocalDailyFixture
from pipecat_daily_rest.testing.daily_thread import DailyThread


@pytest.fixture
def fixture() -> Iterator[LocalDailyFixture]:
    thread = DailyThread()
    thread.call(thread.daily.state.rooms.create, "demo", "public", {})
    yield LocalDailyFixture(thread, env={})
    thread.stop()


def test_objects_of_the_thread_have_the_types_that_the_fixture_declares(
    fixture: LocalDailyFixture,
) -> None:
    ana = fixture.join("demo", user_name="Ana")
    assert isinstance(ana, Scripted)
    assert isinstance(fixture.room("demo"), RoomHandle)
    assert isinstance(fixture.fail("GET", "/rooms"), Fault)
    assert isinstance(fixture.chaos(1), Chaos)
    with pytest.raises(AttributeError, match="user_name cannot be set"):
        ana.user_name = "Bo"
    assert ana.user_name == "Ana"


def test_an_object_that_is_not_a_phone_call_is_refused(fixture: LocalDailyFixture) -> None:
    room = fixture.room("demo")
    with pytest.raises(DailyConfigError, match="phone must be PhoneCall"):
        room.dtmf("1", phone=fixture.join("demo"))  # type: ignore[arg-type]
