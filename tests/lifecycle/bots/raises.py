async def bot(runner_args):
    raise ZeroDivisionError("the bot's own fault")
