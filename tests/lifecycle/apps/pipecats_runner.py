"""A bot under Pipecat's own development runner, which never deletes a room."""

import asyncio

from pipecat_daily_rest import deletes_room, drain_on_exit


@deletes_room
async def bot(runner_args):
    print("in", runner_args.room_url, flush=True)
    match (runner_args.body or {}).get("do"):
        case "raise":
            raise ZeroDivisionError
        case "wait":
            await asyncio.Event().wait()


if __name__ == "__main__":
    from pipecat.runner.run import app, main

    app.router.lifespan_context = lambda app: drain_on_exit()
    main()
