async def bot(runner_args):
    print("in", type(runner_args).__name__, runner_args.room_url, runner_args.session_id)


if __name__ == "__main__":
    raise AssertionError("only `python returns.py` runs this block")
