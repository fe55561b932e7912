"""A bot that comes and says nothing; or leaves at once, or after its first answer."""

import asyncio

from delayed_bot import delayed


async def bot(runner_args):
    if runner_args.body == "raises":
        raise ValueError("no key eyJhbGciOiJIUzI1NiJ9.eyJyIjoieCJ9.c2lnbmF0dXJl")
    if runner_args.body == "leaves":
        return
    if runner_args.body == "says goodbye":
        answers = delayed(0.1, seconds=0.1)
        running = asyncio.create_task(answers(runner_args))
        while not answers.answerers or not answers.answerers[0].delays:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)
        running.cancel()
        return
    await delayed(600)(runner_args)
