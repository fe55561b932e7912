# SPDX-License-Identifier: BSD-2-Clause
import pytest

from pipecat_daily_rest.local import LocalDaily


@pytest.fixture
def daily(local_daily: LocalDaily, monkeypatch: pytest.MonkeyPatch) -> LocalDaily:
    """A local Daily that the environment names."""
    for name, value in local_daily.env().items():
        monkeypatch.setenv(name, value)
    return local_daily
