"""The bot of ``pipeline.py``, which never ends by itself; tells when it has been ended."""

from pipeline import bot as pipeline_bot


async def bot(runner_args):
    try:
        await pipeline_bot(runner_args)
    finally:
        print("over", flush=True)
