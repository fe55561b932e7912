import sys


async def bot(runner_args):
    sys.exit(7)
