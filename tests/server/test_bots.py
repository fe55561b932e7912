# SPDX-License-Identifier: BSD-2-Clause
"""What the file of a bot may do when it is loaded."""

import os
import sys

import pytest

from pipecat_daily_rest._core import daily_module
from pipecat_daily_rest.server import bots

LOADS = """
import os
os.environ.update({"DAILY_API_URL": "https://api.daily.co/v1", "DAILY_ROOM_URL": "https://x/mine"})
async def bot(runner_args):
    pass
"""


@pytest.mark.parametrize("local", [True, False])
def test_a_bots_own_env_file_leads_out_of_no_local_run(monkeypatch, tmp_path, local):
    """As `load_dotenv(override=True)` does at the top of Pipecat's templates."""
    monkeypatch.setattr(sys, "path", sys.path.copy())
    monkeypatch.setenv("PYTHONPATH", f"{daily_module.FOLDER}{os.pathsep}more" if local else "")
    monkeypatch.setenv("DAILY_API_URL", "http://127.0.0.1:7880/v1")
    monkeypatch.setenv("DAILY_ROOM_URL", "")
    monkeypatch.delenv("DAILY_ROOM_URL")
    file = tmp_path / f"loads_{local}.py"
    file.write_text(LOADS)
    bots.load(file)
    assert (os.environ["DAILY_API_URL"] == "http://127.0.0.1:7880/v1") is local
    assert ("DAILY_ROOM_URL" in os.environ) is not local
    del sys.modules[file.stem]
