# SPDX-License-Identifier: BSD-2-Clause
"""``pipecat-daily-rest token``: meeting tokens."""

import sys
import time
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from pipecat_daily_rest._core import option_values
from pipecat_daily_rest.cli import given
from pipecat_daily_rest.cli.output import (
    Output,
    OutputOption,
    chosen,
    instant,
    note,
    run,
    show_json,
    show_table,
    stop,
)

app = typer.Typer(help="Create and read meeting tokens.", no_args_is_help=True)

_LIFETIME = 3600  # seconds


@app.command()
def create(
    room: Annotated[str, typer.Argument(help=given.ROOM)],
    owner: Annotated[bool, typer.Option("--owner", help="With an owner's rights.")] = False,
    user_name: Annotated[str | None, typer.Option(help="The participant's name.")] = None,
    lifetime: Annotated[
        float,
        typer.Option(
            help="Seconds for which it is valid; the room's at most.",
            callback=given.checked(option_values.seconds(1)),
        ),
    ] = _LIFETIME,
    properties: Annotated[
        list[str] | None,
        typer.Option("--property", help=given.property_help("start_audio_off=true")),
    ] = None,
    dry_run: given.DryRun = False,
    output: OutputOption = None,
) -> None:
    """Create a token for a room and print it."""
    made = run(
        new_token(
            room,
            owner=owner,
            user_name=user_name,
            lifetime=lifetime,
            properties=properties or (),
            dry_run=dry_run,
        )
    )
    if dry_run:
        note("This would be signed:")
        show_json(made)
    elif chosen(output) is Output.JSON:
        show_json(made)
    else:
        print(made["token"])
        note(f"It is valid until {made['expires']}: {made['url']}?t=<token>")


@app.command()
def read(
    text: Annotated[
        str,
        typer.Argument(
            metavar="TOKEN", help="The token, or a link with it; `-` reads it from stdin."
        ),
    ] = "-",
    room: Annotated[
        str | None, typer.Option(help="The room that it has to be for, or its URL.")
    ] = None,
    output: OutputOption = None,
) -> None:
    """Verify a token with the key, without asking Daily, and print what it says.

    Other users of this machine see the arguments of a command: pass a token on stdin.
    """
    from pipecat_daily_rest.tokens import read_token

    async def work() -> Any:
        name = given.room_name(room) if room is not None else None
        return read_token(_token(text), room_name=name)

    found = run(work()).model_dump(mode="json", exclude_none=True, warnings=False)
    if chosen(output) is Output.JSON:
        show_json(found)
        return
    for name in found.keys() & {"exp", "nbf"}:
        found[name] = instant(found[name])
    rows = [{"what": name, "is": value} for name, value in found.items()]
    show_table(chosen(output), rows, ("what", "is"))


async def new_token(
    room: str,
    *,
    owner: bool,
    user_name: str | None = None,
    lifetime: float = _LIFETIME,
    properties: Sequence[str] = (),
    dry_run: bool = False,
) -> dict[str, Any]:
    """Create a token for a room that exists, and give it with the room's URL and its expiry.

    A dry run gives the token's properties.
    """
    from pipecat_daily_rest._rest.helper import DailyRESTHelper
    from pipecat_daily_rest._rooms.room_tokens import RoomTokens
    from pipecat_daily_rest.errors import DailyConfigError
    from pipecat_daily_rest.models import DailyMeetingTokenProperties

    name = given.room_name(room)
    more = {"user_name": user_name} if user_name is not None else {}
    wanted = given.properties(DailyMeetingTokenProperties, properties, **more)
    until = time.time() + lifetime
    async with DailyRESTHelper.from_env() as daily:
        found = await daily.get_room(name)
        if found.config.exp is not None:
            until = min(until, found.config.exp)
        if until <= time.time():
            msg = f"The room {name!r} expired at {instant(found.config.exp)}: make a new one."
            raise DailyConfigError(msg)
        tokens = RoomTokens(
            api=daily.api,
            source="local",
            room_name=name,
            expires_at=until,
            room_ejects=found.config.eject_at_room_exp is True,
        )
        spec = tokens.spec(wanted, owner=owner)
        if dry_run:
            return spec.properties
        token = await tokens.create(spec)
    return {"token": token, "url": found.url, "expires": instant(until)}


def _token(text: str) -> Any:
    """Take the token from what was given: itself, a link's query, or stdin."""
    from urllib.parse import parse_qs, urlsplit

    from pipecat_daily_rest._core.secret import Secret

    if text == "-":
        if sys.stdin.isatty():
            note("Paste the token, then Enter:")
        text = sys.stdin.readline().strip()
    if "://" in text:
        try:
            query = urlsplit(text).query
        except ValueError:
            stop("This is not a link: pass one with ?t=, or the token itself.")
        text = "".join(parse_qs(query).get("t", [""]))
    if not text:
        stop("There is no token: pass it, a link with ?t=, or pipe it in.")
    return Secret(text)
