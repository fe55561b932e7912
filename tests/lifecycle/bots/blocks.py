"""Never gives the event loop back."""

import time


async def bot(runner_args):
    print("in", flush=True)
    while True:
        time.sleep(0.05)  # noqa: ASYNC251 - the fault under test
