# SPDX-License-Identifier: BSD-2-Clause
"""What happened in each room, in order: who came and went, spoke and wrote, how fast bots answered.

It is bounded: in each room the oldest entries go, and so do the rooms that ended longest ago.
"""

import json
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from pipecat_daily_rest.local.call.domain import Domain
from pipecat_daily_rest.local.call.log import Log, LogEntry
from pipecat_daily_rest.local.call.mixer import QUIET, TICK, Mixer
from pipecat_daily_rest.local.call.room import Participant, Room
from pipecat_daily_rest.local.secret import masked

_MOST_EVENTS = 200  # entries of a room that are neither speech nor messages
_MOST_TALK = 300  # entries of a room that are
_MOST_ENDED = 500  # rooms that have ended
_MOST = 50_000  # entries of all rooms
_MOST_TEXT = 300  # characters
_MOST_READ = 2_000  # characters of a message's JSON that are looked at

# A voice: loud for 60 ms, until it was quiet for 0.8 s. Ticks that did not come, since the process
# was busy, are no silence.
_LOUD = 3  # ticks
_PAUSE = 40  # ticks
_TURN = 2 * TICK  # seconds; an answer that begins sooner began before the question's end


@dataclass(slots=True)
class Entry:
    """One thing that happened in a room.

    Parameters:
        number: Its place among all entries.
        version: Higher than that of everything that changed before it.
        at: Unix seconds of the local Daily's clock.
        what: As in `LogEntry.what`, or ``token``, ``spoke``, ``message``.
        who: The participant's display name, or "".
        kind: The participant's kind, or "".
        text: More about it; masked.
        until: When the speech ended; None while it goes on, and for all else.
        latency: Seconds from a person's last sound to this speech of a bot, where it is an answer.
        count: How many messages of one type, one after the other, this stands for.
    """

    number: int
    version: int
    at: float
    what: str
    who: str = ""
    kind: str = ""
    text: str = ""
    until: float | None = None
    latency: float | None = None
    count: int = 1


@dataclass(eq=False)
class Life:
    """A room's life.

    Parameters:
        number: Its place among the rooms, those that have ended too.
        room: The room; once it has ended a copy without people.
        ended: Whether it does not exist any more.
        version: Of its last change.
        added: How many entries there have been.
        turns: The latest latencies, in seconds.
    """

    number: int
    room: Room
    ended: bool = False
    version: int = 0
    added: int = 0
    turns: deque[float] = field(default_factory=lambda: deque(maxlen=200))
    events: deque[Entry] = field(default_factory=lambda: deque(maxlen=_MOST_EVENTS))
    talk: deque[Entry] = field(default_factory=lambda: deque(maxlen=_MOST_TALK))
    asked: float | None = None  # the last sound of a person, until a bot answers it
    answered: float = 0.0  # the last sound of a bot

    def __len__(self) -> int:
        return len(self.events) + len(self.talk)

    def entries(self) -> list[Entry]:
        """Give the entries in order."""
        return sorted((*self.events, *self.talk), key=lambda entry: (entry.at, entry.number))


@dataclass(eq=False, slots=True)
class _Voice:
    """Somebody who is loud."""

    participant: Participant
    life: Life
    first: float
    asked: float | None
    last: float = 0.0
    ticks: int = 0  # that it was loud
    heard: int = 0  # the last of these
    entry: Entry | None = None


class Timelines:
    """The lives of the rooms. It watches the log, the app messages and the mixer.

    Parameters:
        lives: By number, oldest first.
        viewers: Each gets the numbers of the rooms that change.
    """

    def __init__(self, log: Log, domain: Domain, mixer: Mixer) -> None:
        """Watch."""
        self.lives: dict[int, Life] = {}
        self.viewers: list[dict[int, None]] = []
        self._clock = log.clock
        self._domain = domain
        self._key = domain.api_key
        self._by_name: dict[str, Life] = {}  # the latest of each name
        self._ended: deque[Life] = deque()
        self._people: dict[str, Participant] = {}  # inside or in the lobby, by session id
        self._voices: dict[str, _Voice] = {}
        self._rooms = self._version = self._entries = self._ticks = 0
        log.watchers.append(self._recorded)
        log.observers.append(self._observe)
        mixer.watchers.append(self._hear)

    def newest(self) -> Iterator[Life]:
        """Give the lives, newest first."""
        return reversed(self.lives.values())

    def speaks(self, id: str) -> bool:
        """Tell whether a participant speaks."""
        voice = self._voices.get(id)
        return voice is not None and voice.entry is not None

    # -- What happens ----------------------------------------------------------------------

    def _recorded(self, logged: LogEntry) -> None:
        if logged.what == "created":
            self._begin(self._domain.rooms[logged.room])
        if (life := self._by_name.get(logged.room)) is None:
            return
        first, _, rest = logged.detail.partition(": ")
        id = logged.participant or first
        who = life.room.participants.get(id) or self._people.get(id)
        if who is None and id in life.room.waiting:
            who = life.room.waiting[id].participant
        text = logged.detail if who is None else rest
        if logged.what.endswith(" joined") and who is not None and who.is_owner:
            text = "owner"
        self._add(life, logged.what, who, text)

    def _observe(self, what: str, subject: Any) -> None:
        if what in ("joined", "waiting"):
            self._people[subject.id] = subject
        elif what in ("left", "waiting no more"):
            self._people.pop(subject.id, None)
            self._fall_silent(subject.id)
        elif what == "app-message":
            self._message(*subject)
        elif what == "token created":
            self._token(subject)
        elif what in ("changed", "room changed"):
            room = subject if isinstance(subject, Room) else subject.room
            if (life := self._life(room)) is not None:
                self._changed(life)
        elif what == "room ended" and (life := self._life(subject)) is not None:
            self._end(life)

    def _life(self, room: Room) -> Life | None:
        life = self._by_name.get(room.name)
        return life if life is not None and life.room is room else None

    def _begin(self, room: Room) -> None:
        self._rooms += 1
        life = Life(self._rooms, room)
        self.lives[life.number] = self._by_name[room.name] = life

    def _end(self, life: Life) -> None:
        room = life.room  # it remembers much more than is shown
        life.room = Room(
            room.name, room.privacy, room.config, room.created_at, room.id, made_by=room.made_by
        )
        life.ended = True
        self._changed(life)
        self._ended.append(life)
        if len(self._ended) > _MOST_ENDED:
            self._forget()

    def _token(self, properties: Mapping[str, Any]) -> None:
        room = self._domain.find(str(properties.get("room_name")))
        if room is not None and (life := self._life(room)) is not None:
            name = properties.get("user_name")
            words = [f"for {name}"] if name else []
            words += ["owner"] if properties.get("is_owner") else []
            self._add(life, "token", None, ", ".join(words))

    def _message(self, room: Room, event: Mapping[str, Any]) -> None:
        if (life := self._life(room)) is None:
            return
        message, who = event["message"], room.participants.get(event["sender"])
        kind = message.get("type") if isinstance(message, dict) else None
        rtvi = isinstance(kind, str) and message.get("label") == "rtvi-ai"
        said = message.get("data") if rtvi else message
        text = f"{kind} " if rtvi else ""
        text += said if isinstance(said, str) else "" if said is None else _json(said)
        text, last = self._readable(text), life.talk[-1] if life.talk else None
        name = "" if who is None else self._who(who)
        again = last is not None and last.what == "message" and (last.who, rtvi) == (name, True)
        # A bot sends a message for each word: those of one type in a row are one entry.
        if last is not None and again and last.text.partition(" ")[0] == kind:
            last.text, last.count = text, last.count + 1
            self._changed(life, last)
        else:
            self._add(life, "message", who, text)

    def name(self, participant: Participant) -> str:
        """Give its name; masked, since people choose it."""
        return masked(participant.user_name, self._key)

    def _who(self, participant: Participant) -> str:
        return self.name(participant) or participant.kind

    def _readable(self, text: str) -> str:
        """Mask secrets and cut; one that begins where the text is cut is not shown either."""
        shown = masked(text[:_MOST_READ], self._key)
        if len(text) > _MOST_READ:
            shown = shown[: -len(self._key)]
        return shown if len(shown) <= _MOST_TEXT else f"{shown[:_MOST_TEXT]}…"

    # -- Speech ----------------------------------------------------------------------------

    def _hear(self, loudness: Mapping[str, float]) -> None:
        """Take 20 ms of all rooms."""
        if not loudness and not self._voices:
            return
        now = self._clock.now()
        self._ticks += 1
        for id, loud in loudness.items():
            if loud > QUIET:
                self._is_loud(id, now)
        for id, voice in list(self._voices.items()):
            if self._ticks - voice.heard > _PAUSE:
                self._fall_silent(id)

    def _is_loud(self, id: str, now: float) -> None:
        voice = self._voices.get(id)
        if voice is None:
            participant = self._people.get(id)
            life = None if participant is None else self._life(participant.room)
            if participant is None or life is None:
                return
            voice = self._voices[id] = _Voice(participant, life, now, life.asked)
        voice.last, voice.heard = now, self._ticks
        voice.ticks += 1
        is_bot = voice.participant.kind == "bot"
        if voice.ticks == _LOUD:
            voice.entry = self._add(voice.life, "spoke", voice.participant, "", voice.first)
            if is_bot:
                self._answer(voice, voice.entry)
        if voice.entry is not None and is_bot:
            voice.life.answered = now
        elif voice.entry is not None:
            voice.life.asked = now

    def _answer(self, voice: _Voice, entry: Entry) -> None:
        """Note how long the bot took, if it answers somebody who spoke after any bot."""
        life, asked = voice.life, voice.asked
        if asked is not None and asked > life.answered and voice.first - asked >= _TURN:
            entry.latency = voice.first - asked
            life.turns.append(entry.latency)
            life.asked = None

    def _fall_silent(self, id: str) -> None:
        voice = self._voices.pop(id, None)
        if voice is not None and voice.entry is not None:
            voice.entry.until = voice.last
            self._changed(voice.life, voice.entry)

    # -- Keeping ---------------------------------------------------------------------------

    def _add(
        self, life: Life, what: str, who: Participant | None, text: str, at: float | None = None
    ) -> Entry:
        self._version += 1
        entry = Entry(
            life.added,
            self._version,
            self._clock.now() if at is None else at,
            what,
            "" if who is None else self._who(who),
            "" if who is None else who.kind,
            text if what == "message" else self._readable(text),
        )
        before = len(life)
        (life.talk if what in ("spoke", "message") else life.events).append(entry)
        life.added += 1
        self._entries += len(life) - before
        self._changed(life, entry)
        while self._entries > _MOST:
            self._forget()
        return entry

    def _changed(self, life: Life, entry: Entry | None = None) -> None:
        self._version += 1
        life.version = self._version
        if entry is not None:
            entry.version = self._version
        for changes in self.viewers:
            changes[life.number] = None

    def _forget(self) -> None:
        """Forget the room that ended first; if none has, much of the longest life."""
        if self._ended:
            life = self._ended.popleft()
            self._entries -= len(life)
            self.lives.pop(life.number, None)
            if self._by_name.get(life.room.name) is life:
                del self._by_name[life.room.name]
            return
        life = max(self.lives.values(), key=len)
        before = len(life)
        for kept in (life.talk, life.events):
            for _ in range((len(kept) + 1) // 2):
                kept.popleft()
        self._entries -= before - len(life)


def _json(value: Any) -> str:
    """Write the beginning of a value's JSON, however large the value is."""
    text, encoder = "", json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
    try:
        for part in islice(encoder.iterencode(value), _MOST_READ):
            text += part
            if len(text) > _MOST_READ:
                break
    except (TypeError, ValueError, RecursionError):  # a test may send what is no JSON
        text += "…"
    return text
