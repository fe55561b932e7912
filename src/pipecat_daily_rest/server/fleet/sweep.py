# SPDX-License-Identifier: BSD-2-Clause
"""Which rooms of servers that are gone may be deleted. Pure: it asks nobody and has no clock."""

from collections.abc import Collection, Iterable, Mapping, Set


class Sweep:
    """What the lookout has seen, look by look.

    A server is gone when two looks in a row miss it. Its rooms are found once, since it makes no
    more. Each is deleted when it is old enough, and no bot was in it at two looks in a row.
    """

    def __init__(self, young: float) -> None:
        """Initialize; rooms younger than ``young`` seconds stay."""
        self._young = young
        self._missing: dict[str, int] = {}  # at how many looks in a row, by owner tag
        self._found: dict[str, dict[str, float]] = {}  # when each room was made, by tag
        self._with_bot: tuple[Set[str], Set[str]] = (frozenset(), frozenset())  # rooms, last looks

    def look(self, owners: Mapping[str, bool], with_bot: Set[str], *, calm: bool) -> set[str]:
        """Note a look, and give the gone servers whose rooms are to be found.

        Args:
            owners: The servers that are known, and whether each is alive.
            with_bot: The rooms that hold a bot.
            calm: Whether Redis has just come back, so that servers may only seem to be gone.

        Returns:
            Their tags.
        """
        missing = [] if calm else [tag for tag, alive in owners.items() if not alive]
        self._missing = {tag: self._missing.get(tag, 0) + 1 for tag in missing}
        gone = {tag for tag, looks in self._missing.items() if looks > 1}
        self._found = {tag: rooms for tag, rooms in self._found.items() if tag in gone}
        self._with_bot = (self._with_bot[1], with_bot)
        return gone - self._found.keys()

    def found(self, rooms: Mapping[str, Mapping[str, float | None]], now: float) -> set[str]:
        """Note the rooms of gone servers, and when each was made; give the tags of those without.

        A room that is not older than this by the host's clock, which may be slow, is as old as this.

        Args:
            rooms: When each room was made, in unix seconds, by the tag of its server; None where
                Daily does not say it.
            now: This time, in unix seconds.

        Returns:
            The tags of servers that have no room.
        """
        for tag, of in rooms.items():
            if of:
                self._found[tag] = {
                    name: now if made is None else min(made, now) for name, made in of.items()
                }
        return {tag for tag, of in rooms.items() if not of}

    def deletable(self, now: float) -> list[str]:
        """Give the rooms that may be deleted at this time, in unix seconds."""
        return sorted(
            name
            for rooms in self._found.values()
            for name, made in rooms.items()
            if now - made >= self._young
            if not any(name in each for each in self._with_bot)
        )

    def deleted(self, names: Iterable[str]) -> None:
        """Note rooms that no longer exist.

        Where a server has no more, its rooms are to be found once more: it may have been slow, not
        dead, when they were found first.
        """
        for name in names:
            for rooms in self._found.values():
                rooms.pop(name, None)
        self._found = {tag: rooms for tag, rooms in self._found.items() if rooms}


def alone(look: float, servers: Collection[str]) -> float:
    """Give the seconds between two looks of a server that has to look for itself.

    All servers together send two requests a second at the most: a tenth of Daily's limit.
    """
    return max(look, len(servers) / 2)
