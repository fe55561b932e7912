# SPDX-License-Identifier: BSD-2-Clause
"""``pipecat-daily-rest rooms``: the rooms of an account."""

from typing import Annotated, Any

import typer

from pipecat_daily_rest._core import option_values
from pipecat_daily_rest.cli import given, progress
from pipecat_daily_rest.cli.output import (
    Output,
    OutputOption,
    chosen,
    instant,
    note,
    run,
    show_json,
    show_line,
    show_table,
)

app = typer.Typer(help="List, show, create, delete and open rooms.", no_args_is_help=True)

Room = Annotated[str, typer.Argument(help=given.ROOM)]

_COLUMNS = ("name", "privacy", "created", "expires", "url")


@app.command("list")
def list_rooms(output: OutputOption = None) -> None:
    """List the rooms that exist, newest first."""
    from pipecat_daily_rest._rest.helper import DailyRESTHelper

    async def work() -> list[Any]:
        async with DailyRESTHelper.from_env() as daily:
            return [room async for room in daily.list_rooms()]

    rooms = run(work())
    if chosen(output) is Output.JSON:
        show_json([_json(room) for room in rooms])
    elif rooms:
        show_table(chosen(output), [_row(room) for room in rooms], _COLUMNS)
    note(f"{len(rooms)} rooms" if len(rooms) != 1 else "1 room")


@app.command()
def show(room: Room, output: OutputOption = None) -> None:
    """Show a room: its properties, and who is in it (10 to 25 seconds late)."""
    from pipecat_daily_rest._rest.helper import DailyRESTHelper

    async def work() -> tuple[Any, list[Any]]:
        name = given.room_name(room)
        async with DailyRESTHelper.from_env() as daily:
            found = await daily.get_room(name)
            return found, (await daily.presence()).get(name, [])

    found, people = run(work())
    if chosen(output) is Output.JSON:
        show_json({**_json(found), "people": [each.model_dump(mode="json") for each in people]})
        return
    names = [each.user_name or "without a name" for each in people]
    row = {**_row(found), **_json(found)["config"], "people": ", ".join(names) or "nobody"}
    row.pop("exp", None)  # it is told as a date
    lines = [{"what": what, "is": value} for what, value in row.items()]
    show_table(chosen(output), lines, ("what", "is"))


@app.command()
def create(
    name: Annotated[str | None, typer.Option(help="Its name; a new one by default.")] = None,
    public: Annotated[
        bool, typer.Option("--public", help="Whoever has the URL may join, without a token.")
    ] = False,
    lifetime: Annotated[
        float,
        typer.Option(
            help="Seconds after which the room ends, with everyone ejected.",
            callback=given.checked(option_values.seconds(1)),
        ),
    ] = 3600,
    properties: Annotated[
        list[str] | None, typer.Option("--property", help=given.property_help("max_participants=2"))
    ] = None,
    dry_run: given.DryRun = False,
    output: OutputOption = None,
) -> None:
    """Create a room and print its URL. It is private, and ends by itself.

    Nothing deletes it before it ends: `rooms delete` does.
    """
    import time

    from pipecat_daily_rest._core import room_names
    from pipecat_daily_rest._rest.helper import DailyRESTHelper
    from pipecat_daily_rest.models import DailyRoomParams, DailyRoomProperties

    async def work() -> Any:
        wanted = given.properties(
            DailyRoomProperties,
            properties or (),
            exp=int(time.time() + lifetime),
            eject_at_room_exp=True,
        )
        params = DailyRoomParams(
            name=room_names.check(name) if name is not None else room_names.make_name("room"),
            privacy="public" if public else "private",
            properties=wanted,
        )
        if dry_run:
            return params
        async with DailyRESTHelper.from_env() as daily:
            return await daily.create_room(params)

    room = run(work())
    if dry_run:
        note("This would be sent:")
        show_json(room.model_dump(mode="json", exclude_none=True))
    elif chosen(output) is Output.JSON:
        show_json(_json(room))
    else:
        show_line(chosen(output), [room.url])
        note(f"{room.name} lives until {instant(room.config.exp)}.")


@app.command()
def delete(
    rooms: Annotated[list[str], typer.Argument(help="Names or URLs of rooms.")],
    yes: given.Yes = False,
    dry_run: given.DryRun = False,
    output: OutputOption = None,
) -> None:
    """Delete rooms. Everyone in them is ejected."""
    from pipecat_daily_rest._rest.helper import DailyRESTHelper

    async def look() -> tuple[list[str], int]:
        names = list(dict.fromkeys(map(given.room_name, rooms)))
        async with DailyRESTHelper.from_env() as daily:
            for name in progress.steps("Looking for the rooms", names):
                await daily.get_room(name)  # one with a typing error must not delete the others
            presence = await daily.presence()
        return names, sum(len(presence.get(name, ())) for name in names)

    async def work() -> None:
        async with DailyRESTHelper.from_env() as daily:
            for name in progress.steps("Deleting rooms", names):
                await daily.delete_room_by_name(name)
                note(f"{name} deleted")

    names, people = run(look())
    if dry_run:
        for name in names:
            note(f"{name} would be deleted")
    else:
        inside = f", with {people} people in them" if people else ""
        given.confirm(f"Delete {', '.join(names)}{inside}?", yes=yes)
        run(work())
    if chosen(output) is Output.JSON:
        show_json([{"room": name, "deleted": not dry_run} for name in names])


@app.command("open")
def open_room(
    room: Room,
    owner: Annotated[bool, typer.Option("--owner", help="Join as an owner.")] = False,
    user_name: Annotated[str | None, typer.Option(help="Your name in the room.")] = None,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the link, or only print it.")
    ] = True,
    output: OutputOption = None,
) -> None:
    """Print a link with a token to a room, and open it in the browser."""
    import webbrowser

    from pipecat_daily_rest.cli import token_command

    made = run(token_command.new_token(room, owner=owner, user_name=user_name))
    link = f"{made['url']}?t={made['token']}"
    if chosen(output) is Output.JSON:
        show_json({"link": link})
    else:
        print(link, flush=True)
    if browser and not webbrowser.open(link):
        note("There is no browser here: open the link yourself.")


def _row(room: Any) -> dict[str, Any]:
    return {
        "name": room.name,
        "privacy": room.privacy,
        "created": room.created_at,
        "expires": instant(room.config.exp) or "never",
        "url": room.url,
    }


def _json(room: Any) -> dict[str, Any]:
    """Give a room as Daily told it."""
    told: dict[str, Any] = room.model_dump(mode="json", exclude_unset=True, warnings=False)
    return {"config": {}, **told}
