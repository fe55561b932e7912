# SPDX-License-Identifier: BSD-2-Clause
"""A bot that notes that it was started, and stays where it is told to."""

import asyncio
import os
from pathlib import Path
from typing import Any


async def bot(runner_args: Any) -> None:
    """Append a line, then wait for a file, or for the cancellation."""
    body = runner_args.body
    if "pid" in body:
        Path(body["pid"]).write_text(str(os.getpid()), encoding="utf-8")  # noqa: ASYNC240
    with open(body["starts"], "a", encoding="utf-8") as file:  # noqa: ASYNC230
        file.write(f"{runner_args.session_id}\n")
    if "until" in body:
        while not Path(body["until"]).exists():  # noqa: ASYNC110, ASYNC240
            await asyncio.sleep(0.1)
