# Logs all that it can, as bots under development do, and ends as $BOT_ENDS says.
import asyncio
import logging
import os
import sys
from pathlib import Path

from loguru import logger
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.transports.daily.transport import DailyParams, DailyTransport
from pipecat.workers.runner import WorkerRunner

logger.remove()
logger.add(sys.stderr, level=0, diagnose=True, backtrace=True)
logging.basicConfig(level=logging.DEBUG)


async def bot(runner_args):
    token, key = runner_args.token, os.environ["DAILY_API_KEY"]
    Path("key").write_text(key)
    del key
    logger.debug("Arguments: {} {!r}", runner_args, vars(runner_args))
    ends = os.environ["BOT_ENDS"]
    if ends == "logs":
        try:
            raise ZeroDivisionError(token, runner_args)
        except ZeroDivisionError:
            logger.exception("It failed")
    elif ends == "raises":
        raise ZeroDivisionError(token, runner_args)
    elif ends == "tells":
        raise ZeroDivisionError(f"no call with {token} and {os.environ['DAILY_API_KEY']}")
    elif ends == "prints":
        print(f"{token}\n{os.environ['DAILY_API_KEY']}")
    elif ends == "waits":
        print("in", flush=True)
        await asyncio.Event().wait()
    elif ends == "talks":
        transport = DailyTransport(runner_args.room_url, token, "Bot", DailyParams())
        worker = PipelineWorker(Pipeline([transport.input(), transport.output()]))

        @transport.event_handler("on_joined")
        async def joined(transport, data):
            print("in", flush=True)

        runner = WorkerRunner(handle_sigint=False)
        await runner.add_workers(worker)
        await runner.run()
