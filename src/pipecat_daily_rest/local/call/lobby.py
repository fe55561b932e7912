# SPDX-License-Identifier: BSD-2-Clause
"""The door of a private room: who knocks, and who lets them in.

Reference: https://docs.daily.co/docs/daily-js/guides/waiting-room
"""

from collections.abc import Mapping
from typing import Any

from pipecat_daily_rest.local.call.calls import Calls
from pipecat_daily_rest.local.call.room import JoinRefused, Knock, Participant, Room
from pipecat_daily_rest.local.call.seat import Seat


class Lobby(Calls):
    """The doors of the rooms."""

    def admit(self, name: str, token: str | None) -> tuple[Room, dict[str, Any]]:
        """Decide whether somebody may come in, as `Arrivals` says."""
        raise NotImplementedError

    def _come_in(
        self,
        room: Room,
        rights: Mapping[str, Any],
        seat: Seat,
        *,
        kind: str,
        user_name: str,
        media: Mapping[str, str],
        custom_audio: Mapping[str, str] | None,
        id: str | None = None,
    ) -> Participant:
        """Let somebody in, or raise `JoinRefused` if there is no place."""
        raise NotImplementedError

    def waiting(self, participant: Participant) -> list[dict[str, Any]]:
        """Tell somebody who waits at the door."""
        room = participant.room
        return (
            [each.describe() for each in room.waiting.values()] if participant.administers else []
        )

    def decide(self, room: Room, id: str, *, by: Participant, let_in: bool) -> None:
        """Let somebody in who waits, or turn it away.

        Reference:
        https://docs.daily.co/reference/daily-js/instance-methods/update-waiting-participant
        """
        if not by.administers:
            msg = "only an owner may let others in: join with an owner's token"
            raise PermissionError(msg)
        if id != "*" and id not in room.waiting:
            msg = f"nobody waits at the door with the session id {id!r}"
            raise LookupError(msg)
        for knock in [each for each in room.waiting.values() if id in ("*", each.id)]:
            if let_in:
                self._let_in(knock)
            else:
                refused = JoinRefused("not-allowed", self.choices.knock_refused_info)
                self._turn_away(knock, refused)

    def stop_waiting(self, knock: Knock, what: str = "went away") -> bool:
        """Take somebody from the door. A second time does nothing."""
        room = knock.room
        if room.waiting.pop(knock.id, None) is None:
            return False
        self.record(room.name, f"{knock.kind} {what}", knock.id)
        self._tell_admins(room, "waiting-participant-removed", knock)
        if what != "let in":
            self.notify("waiting no more", knock)
        return True

    def _wait(self, knock: Knock) -> None:
        room = knock.room
        room.waiting[knock.id] = knock
        self.record(room.name, f"{knock.kind} knocked", knock.id)
        self._tell_admins(room, "waiting-participant-added", knock)
        self.notify("waiting", knock)

    def _let_in(self, knock: Knock) -> None:
        """Much may have happened since it knocked: the room and the token are looked at again."""
        try:
            room, rights = self.admit(knock.room.name, knock.token)
            participant = self._come_in(
                room,
                rights,
                knock.seat,
                kind=knock.kind,
                user_name=knock.user_name,
                media=knock.media,
                custom_audio=knock.custom_audio,
                id=knock.id,
            )
        except JoinRefused as exc:
            self._turn_away(knock, exc)
        else:
            self.stop_waiting(knock, "let in")
            try:
                knock.caller.let_in(participant)
            except Exception as exc:
                self.fail(participant, exc)

    def _turn_away(self, knock: Knock, refused: JoinRefused) -> None:
        if self.stop_waiting(knock, "turned away"):
            knock.caller.turned_away(refused)

    def _turn_all_away(self, room: Room, kind: str, message: str) -> None:
        """Nobody will be let in any more."""
        for knock in list(room.waiting.values()):
            self._turn_away(knock, JoinRefused(kind, message))

    def _tell_admins(self, room: Room, event: str, knock: Knock) -> None:
        admins = [each for each in room.participants.values() if each.administers]
        self.reach(admins, {"event": event, "participant": knock.describe()})

    def _admins_changed(self, participant: Participant, could: bool) -> None:
        """Somebody may let others in from now on, or no longer."""
        if participant.administers != could:
            what = "removed" if could else "added"
            for knock in list(participant.room.waiting.values()):
                event = {"event": f"waiting-participant-{what}", "participant": knock.describe()}
                self.reach([participant], event)
