"""A bot that shows what it gets of a call: in a file, and by all that it prints and raises."""

import asyncio
import json
import os
from pathlib import Path

from loguru import logger

calls = Path(os.environ.get("CALLS", "calls"))


async def bot(runner_args):
    body = runner_args.body
    (calls / runner_args.session_id).write_text(json.dumps(body))
    print(body)
    logger.info("{}", runner_args)
    if body.get("dialin_settings", {}).get("From") == "+12125550113":
        words = f"no line {body['daily_api_key']} {'.' * 200} {body['daily_api_key']}"
        raise ValueError(words)
    await asyncio.Event().wait()
