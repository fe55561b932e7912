# SPDX-License-Identifier: BSD-2-Clause
"""The lobby of a private room: who knocks, and who lets them in.

Reference: https://docs.daily.co/docs/daily-js/guides/waiting-room
"""

from dataclasses import replace
from typing import Any

from pipecat_daily_rest.local.call.admission import Admission
from pipecat_daily_rest.local.call.calls import Calls
from pipecat_daily_rest.local.call.room import (
    Caller,
    JoinRefused,
    Knock,
    Newcomer,
    Participant,
    Room,
)


class Lobby:
    """The lobbies of the rooms. Those who wait are in `Room.waiting`."""

    def __init__(self, admission: Admission, calls: Calls) -> None:
        self.admission = admission
        self._calls = calls
        self._log = calls.log

    def join(self, name: str, token: str | None, newcomer: Newcomer) -> Participant:
        """Have a newcomer join who cannot knock; where it has to, it is refused."""
        room, rights = self.admission.admit(name, token)
        if self.admission.must_knock(room, token, rights):
            msg = "Without a token, or with one that has knocking, an owner has to let you into this room: use a link with a token."
            raise JoinRefused("not-allowed", msg)
        return self.admission.let_in(self.admission.participant(room, rights, newcomer))

    def join_or_knock(
        self, name: str, token: str | None, newcomer: Newcomer, caller: Caller
    ) -> Participant | Knock:
        """Have a newcomer join, or wait where it has to; ``caller`` is told what comes of that."""
        room, rights = self.admission.admit(name, token)
        participant = self.admission.participant(room, rights, newcomer)
        if not self.admission.must_knock(room, token, rights):
            return self.admission.let_in(participant)
        knock = Knock(participant, token, newcomer, caller)
        room.waiting[knock.id] = knock
        self._log.record(room.name, f"{newcomer.kind} knocked", knock.id)
        self._calls.tell_of_knock(_admins(room), knock, "added")
        self._log.notify("waiting", participant)
        return knock

    def waiting(self, participant: Participant) -> list[dict[str, Any]]:
        """Describe those who wait to a participant; nobody, if it may not let them in."""
        knocks = participant.room.waiting.values() if participant.administers else ()
        return [knock.describe() for knock in knocks]

    def decide(self, room: Room, id: str, *, by: Participant, let_in: bool) -> None:
        """Let in who waits, or refuse it; the session id ``*`` is everybody."""
        # https://docs.daily.co/reference/daily-js/instance-methods/update-waiting-participant
        if not by.administers:
            msg = "only an owner may let others in: join with an owner's token"
            raise PermissionError(msg)
        if id != "*" and id not in room.waiting:
            msg = f"nobody waits in the lobby with the session id {id!r}"
            raise LookupError(msg)
        for knock in [each for each in room.waiting.values() if id in ("*", each.id)]:
            if let_in:
                self._let_in(knock)
            else:
                info = self._calls.choices.knock_refused_info
                self._refuse(knock, JoinRefused("not-allowed", info))

    def refuse_all(self, room: Room, kind: str, message: str) -> None:
        """Refuse everybody who waits."""
        for knock in list(room.waiting.values()):
            self._refuse(knock, JoinRefused(kind, message))

    def stop_waiting(self, knock: Knock, what: str = "went away") -> bool:
        """Take a knock out of the lobby. A second time does nothing."""
        room = knock.participant.room
        if room.waiting.pop(knock.id, None) is None:
            return False
        self._log.record(room.name, f"{knock.participant.kind} {what}", knock.id)
        self._calls.tell_of_knock(_admins(room), knock, "removed")
        if what != "let in":
            self._log.notify("waiting no more", knock.participant)
        return True

    def _let_in(self, knock: Knock) -> None:
        """Look at the room and the token again, since both may have changed; then let it in."""
        try:
            room, rights = self.admission.admit(knock.participant.room.name, knock.token)
            newcomer = replace(knock.newcomer, user_name=knock.user_name)
            participant = self.admission.participant(room, rights, newcomer, knock.id)
            self.admission.let_in(participant)
        except JoinRefused as exc:
            self._refuse(knock, exc)
        else:
            self.stop_waiting(knock, "let in")
            try:
                knock.caller.let_in(participant)
            except Exception as exc:
                self._calls.fail(participant, exc)

    def _refuse(self, knock: Knock, refused: JoinRefused) -> None:
        if self.stop_waiting(knock, "turned away"):
            knock.caller.turned_away(refused)


def _admins(room: Room) -> list[Participant]:
    return [each for each in room.participants.values() if each.administers]
