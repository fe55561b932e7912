# SPDX-License-Identifier: BSD-2-Clause
"""The pictures of the guides: ``make pictures`` draws them into `docs/images`."""

from pathlib import Path

from handbook.drawing import Drawing

IMAGES = Path(__file__).parents[1] / "docs" / "images"


def life() -> Drawing:
    """The life of a room, and where each guarantee holds."""
    picture = Drawing("The life of a room", 920, 410)
    steps = (
        ("name", "chosen here"),
        ("create", "one request"),
        ("tokens", "signed here"),
        ("join", "bot and people"),
        ("end", "of the block"),
        ("delete", "shielded"),
    )
    for number, (title, line) in enumerate(steps):
        x = 20 + number * 150
        picture.box(x, 20, 130, 54, title, line, kind="daily" if title == "join" else "ours")
        if number:
            picture.arrow((x - 20, 47), (x, 47))
    holds = (
        (100, 20, 280, "The response is lost?", "The room is looked up by name."),
        (166, 170, 280, "A token is refused?", "The room is deleted first."),
        (100, 470, 280, "Ctrl-C, SIGTERM, an exception?", "The bot leaves, the room is deleted."),
        (166, 620, 280, "The delete fails?", "It is repeated for 10 s, then logged."),
    )
    for y, x, w, title, line in holds:
        picture.box(x, y, w, 54, title, line, kind="theirs")
    picture.box(
        170,
        262,
        730,
        54,
        "exp",
        "Daily ends the room at its expiry and ejects everyone, whatever happens here.",
        kind="daily",
    )
    picture.box(
        470,
        336,
        430,
        54,
        "SIGKILL, a power failure?",
        "The next server, or `sweep`, deletes the room before that.",
        kind="theirs",
    )
    picture.arrow((685, 336), (685, 316))
    return picture


def local_daily() -> Drawing:
    """What runs on the machine in a local run."""
    picture = Drawing("The local Daily", 920, 400)
    picture.box(20, 20, 270, 360, "your program's process", kind="group")
    picture.box(40, 55, 230, 60, "your bot", "unchanged", kind="theirs")
    picture.box(40, 145, 230, 60, "Pipecat's DailyTransport", "unchanged", kind="theirs")
    picture.box(40, 235, 230, 50, "stand-in for `daily`")
    picture.box(40, 310, 230, 50, "provisioned_room(), helper")
    picture.arrow((155, 115), (155, 145), both=True)
    picture.arrow((155, 205), (155, 235), both=True)
    picture.box(400, 20, 250, 360, "the local Daily's process", kind="group")
    picture.box(420, 55, 210, 60, "rooms", "rights, lobby, clock, mixer")
    picture.box(420, 145, 210, 50, "the bots' link")
    picture.box(420, 215, 210, 50, "people: WebRTC, pages")
    picture.box(420, 310, 210, 50, "Daily's REST API")
    picture.arrow((525, 145), (525, 115), both=True)
    picture.arrow((630, 240), (640, 240), (640, 85), (630, 85), both=True)
    picture.arrow((420, 335), (410, 335), (410, 85), (420, 85), both=True)
    picture.arrow((270, 260), (345, 260), (345, 170), (420, 170), says="websocket", both=True)
    picture.arrow((270, 335), (420, 335), says="HTTP")
    picture.box(740, 55, 160, 60, "the room's page", "in a browser", kind="theirs")
    picture.box(740, 145, 160, 60, "your web app", "with daily-js", kind="theirs")
    picture.box(740, 310, 160, 50, "a test, curl", kind="theirs")
    picture.arrow((740, 85), (690, 85), (690, 230), (630, 230), both=True)
    picture.arrow(
        (740, 175), (690, 175), (690, 250), (630, 250), both=True, says="audio", at=(690, 202)
    )
    picture.arrow((740, 335), (630, 335), says="HTTP")
    return picture


def server() -> Drawing:
    """The processes of the session server."""
    picture = Drawing("The processes of the session server", 920, 400)
    picture.box(20, 60, 150, 60, "your web app", "POST /start", kind="theirs")
    picture.box(20, 270, 150, 60, "the visitor", "joins the room", kind="theirs")
    picture.box(270, 20, 330, 360, "your machine", kind="group")
    picture.box(290, 55, 290, 70, "the server", "HTTP, slots, limits, rooms")
    picture.box(290, 170, 130, 60, "template", "Pipecat imported")
    for number in range(3):
        picture.box(
            450,
            160 + number * 70,
            130,
            54,
            f"bot {number + 1}" if number < 2 else "waiting",
            "a process" if number < 2 else "for the next call",
        )
        picture.arrow((420, 200), (450, 187 + number * 70))
    picture.arrow((355, 125), (355, 170), says="starts")
    picture.box(290, 315, 130, 50, "a lock on a file", "tells who is alive", kind="theirs")
    picture.arrow((290, 105), (280, 105), (280, 340), (290, 340))
    picture.arrow((170, 90), (290, 90), says="room, token", both=True)
    picture.box(720, 55, 180, 70, "Daily's REST API", "or a local Daily's", kind="daily")
    picture.box(720, 200, 180, 110, "rooms", "one for each session", kind="daily")
    picture.arrow((580, 90), (720, 90), says="create, delete")
    picture.arrow((810, 125), (810, 200))
    picture.arrow((580, 187), (650, 187), (650, 235), (720, 235), says="media", at=(668, 187))
    picture.arrow((580, 257), (720, 257))
    picture.arrow((95, 330), (95, 392), (810, 392), (810, 310), says="media", at=(660, 391))
    return picture


def fleet() -> Drawing:
    """Several machines that share one account."""
    picture = Drawing("A fleet", 920, 380)
    picture.box(20, 160, 140, 60, "web apps", "POST /start", kind="theirs")
    picture.box(220, 160, 130, 60, "load balancer", "any replica will do", kind="theirs")
    picture.arrow((160, 190), (220, 190))
    for number, y in enumerate((30, 150, 270)):
        picture.box(430, y, 180, 80, f"replica {number + 1}", "server, its bots,", "its rooms")
        picture.arrow((350, 190), (430, y + 40))
        picture.arrow((610, y + 25), (720, 95))
        picture.arrow((610, y + 55), (720, 285), both=True)
    picture.box(720, 55, 180, 80, "Daily", "one account,", "one set of limits", kind="daily")
    picture.box(
        720, 240, 180, 90, "Redis", "slots of the limits,", "which replica is alive", kind="theirs"
    )
    return picture


PICTURES = {
    "room-life.svg": life,
    "local-daily.svg": local_daily,
    "server.svg": server,
    "fleet.svg": fleet,
}

if __name__ == "__main__":
    for name, draw in PICTURES.items():
        (IMAGES / name).write_text(draw().svg(), encoding="utf-8")
