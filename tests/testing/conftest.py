# SPDX-License-Identifier: BSD-2-Clause
from functools import partial
from pathlib import Path

import pytest

from suites import Run, run_suite
from warm import Warm


@pytest.fixture
def suite(tmp_path: Path, warm: Warm) -> Run:
    """Runs somebody's suite in a fork of a Python that has imported Pipecat; see `run_suite`."""
    return partial(run_suite, tmp_path, warm=warm)
