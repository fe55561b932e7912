# SPDX-License-Identifier: BSD-2-Clause
import pytest

from programs import processes


@pytest.fixture
async def start(tmp_path, warm):
    async with processes(tmp_path, warm) as start:
        yield start
