# SPDX-License-Identifier: BSD-2-Clause
"""The local Daily against a small model of its own, in whatever order things happen.

The model counts in whole hours. What ends does so half an hour later than an hour that it names, so
that the seconds which a run takes decide nothing.
"""

import http.client
import json
import uuid
from dataclasses import dataclass, field
from typing import Any

import jwt
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from document.observe import OBSERVER
from pipecat_daily_rest.local.call.room import JoinRefused
from pipecat_daily_rest.testing.daily_thread import DailyThread
from sizes import size

HOUR = 3600
COLLECTED_AFTER = 24  # hours; Choices.collected_after
NAMES = st.sampled_from(["ada", "ada", "ada", "bob", "cyd"])
DOOMED = st.sampled_from(["cyd", "cyd", "bob", "ada"])  # a longer life finds more
USERS = st.sampled_from([None, "u1", "u1", "u2"])
SOON = st.sampled_from([None, None, 0, 1, 2, 3])  # hours from now, and half of one
ELAPSED = st.none() | st.integers(1, 3)  # hours after the join, less half of one


@dataclass
class Person:
    id: str
    user_id: str | None
    out_at: float | None  # in hours


@dataclass
class Room:
    id: str
    private: bool
    exp: float | None
    ejects: bool
    elapsed: int | None
    limit: int | None
    unique: bool
    people: list[Person] = field(default_factory=list)
    banned: set[str] = field(default_factory=set)
    perhaps_banned: set[str] = field(default_factory=set)  # if the meeting is still the same one

    def remove(self, ids: set[str]) -> None:
        self.people = [each for each in self.people if each.id not in ids]
        if not self.people:  # the meeting is over
            self.banned, self.perhaps_banned = set(), set()


@dataclass(frozen=True)
class Token:
    text: str
    room: str | None
    user_id: str | None
    exp: float | None
    nbf: int | None
    ejects: bool
    elapsed: int | None


class Machine(RuleBasedStateMachine):
    tokens = Bundle("tokens")
    people = Bundle("people")

    def __init__(self) -> None:
        super().__init__()
        self.thread = DailyThread()
        self.daily = self.thread.daily
        self.start = self.thread.call(self.daily.state.clock.now)
        self.hour = 0
        self.rooms: dict[str, Room] = {}
        self.connection = http.client.HTTPConnection("127.0.0.1", self.daily.port)

    def teardown(self) -> None:
        self.connection.close()
        self.thread.stop()
        assert OBSERVER.take() == []

    # -- What both sides are asked -------------------------------------------------------------

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Ask the local Daily, which removes old rooms before it responds."""
        for name, room in list(self.rooms.items()):
            old = room.exp is not None and room.exp + COLLECTED_AFTER <= self.hour
            if old and not room.people:
                del self.rooms[name]
        headers = {"Authorization": f"Bearer {self.daily.api_key}"}
        self.connection.request(
            method, f"/v1{path}", None if body is None else json.dumps(body), headers
        )
        answer = self.connection.getresponse()
        return answer.status, json.loads(answer.read())

    def instant(self, hour: float) -> int:
        return int(self.start + hour * HOUR)

    def live(self, name: str) -> Room | None:
        room = self.rooms.get(name)
        return None if room is None or self.over(room.exp) else room

    def over(self, exp: float | None) -> bool:
        return exp is not None and exp <= self.hour

    def later(self, hours: int | None) -> float | None:
        return None if hours is None else self.hour + hours + 0.5

    # -- Rooms ---------------------------------------------------------------------------------

    def properties(self, **given: Any) -> dict[str, Any]:
        exp = self.later(given["soon"])
        return {
            "exp": None if exp is None else self.instant(exp),
            "eject_at_room_exp": given["ejects"],
            "eject_after_elapsed": given["elapsed"] and (given["elapsed"] * HOUR - HOUR // 2),
            "max_participants": given["limit"],
            "enforce_unique_user_ids": given["unique"],
        }

    def body(self, name: str, private: bool, given: dict[str, Any]) -> dict[str, Any]:
        properties = {
            key: each for key, each in self.properties(**given).items() if each is not None
        }
        privacy = "private" if private else "public"
        return {"name": name, "privacy": privacy, "properties": properties}

    def model(self, id: str, private: bool, given: dict[str, Any]) -> Room:
        rest = {key: given[key] for key in ("ejects", "elapsed", "limit", "unique")}
        return Room(id, private, self.later(given["soon"]), **rest)

    PROPERTIES = st.fixed_dictionaries(
        {
            "soon": SOON,
            "ejects": st.booleans(),
            "elapsed": ELAPSED,
            "limit": st.sampled_from([None, None, 2, 3]),
            "unique": st.booleans(),
        }
    )

    @initialize(given=PROPERTIES)
    def begin(self, given: dict[str, Any]) -> None:
        self.create_some(["ada", "bob"], False, {**given, "limit": None})

    @rule(name=NAMES, private=st.booleans(), given=PROPERTIES)
    def create(self, name: str, private: bool, given: dict[str, Any]) -> None:
        status, answer = self.ask("POST", "/rooms", self.body(name, private, given))
        if self.live(name):
            assert (status, answer["info"]) == (400, f"a room named {name} already exists")
            return
        assert (status, answer["name"]) == (200, name)
        self.rooms[name] = self.model(answer["id"], private, given)

    @rule(names=st.lists(NAMES, max_size=3), private=st.booleans(), given=PROPERTIES)
    def create_some(self, names: list[str], private: bool, given: dict[str, Any]) -> None:
        bodies = [self.body(name, private, given) for name in names]
        status, answer = self.ask("POST", "/batch/rooms", {"rooms": bodies})
        if not names or len(set(names)) < len(names) or any(self.live(name) for name in names):
            assert (status, answer["error"]) == (400, "invalid-request-error")
            return
        assert status == 200
        for name, room in zip(names, answer, strict=True):
            assert room["name"] == name
            self.rooms[name] = self.model(room["id"], private, given)

    @rule(name=NAMES, private=st.booleans(), given=PROPERTIES)
    def update(self, name: str, private: bool, given: dict[str, Any]) -> None:
        """Update a room; when participants are ejected was fixed at their join."""
        privacy = "private" if private else "public"
        body = {"privacy": privacy, "properties": self.properties(**given)}
        status, answer = self.ask("POST", f"/rooms/{name}", body)
        if (room := self.live(name)) is None:
            assert (status, answer["error"]) == (404, "not-found")
            return
        assert (status, answer["privacy"], answer["id"]) == (200, privacy, room.id)
        new = self.model(room.id, private, given)
        new.people, new.banned, new.perhaps_banned = room.people, room.banned, room.perhaps_banned
        self.rooms[name] = new

    @rule(name=NAMES)
    def get(self, name: str) -> None:
        status, answer = self.ask("GET", f"/rooms/{name}")
        if (room := self.live(name)) is None:
            assert (status, answer["info"]) == (404, f"room {name} not found")
            return
        expected = {
            "exp": None if room.exp is None else self.instant(room.exp),
            "eject_at_room_exp": room.ejects or None,
            "eject_after_elapsed": room.elapsed and room.elapsed * HOUR - HOUR // 2,
            "max_participants": room.limit,
            "enforce_unique_user_ids": room.unique or None,
        }
        assert answer["config"] == {
            key: each for key, each in expected.items() if each is not None
        }  # no defaults, no nulls

    @rule(name=DOOMED)
    def delete(self, name: str) -> None:
        status, answer = self.ask("DELETE", f"/rooms/{name}")
        if self.live(name):
            assert (status, answer) == (200, {"deleted": True, "name": name})
        else:
            assert (status, answer["error"]) == (404, "not-found")
            assert answer.get("deleted", False) is (name in self.rooms)
        self.rooms.pop(name, None)

    @rule(names=st.lists(DOOMED, max_size=3))
    def delete_some(self, names: list[str]) -> None:
        status, answer = self.ask("DELETE", "/batch/rooms", {"room_names": names})
        if not names or len(set(names)) < len(names) or not all(map(self.live, names)):
            assert (status, answer["error"]) == (400, "invalid-request-error")
            return
        assert (status, answer) == (200, {"deleted_count": len(names)})
        for name in names:
            del self.rooms[name]

    @rule(limit=st.integers(1, 4))
    def list_all(self, limit: int) -> None:
        listed: list[dict[str, Any]] = []
        cursor = ""
        while True:
            status, page = self.ask("GET", f"/rooms?limit={limit}{cursor}")
            assert status == 200
            assert len(page["data"]) <= limit
            expected = {name: room.id for name in self.rooms if (room := self.live(name))}
            assert page["total_count"] == len(expected)
            if not page["data"]:
                break
            listed += page["data"]
            assert len(listed) <= len(expected)
            cursor = f"&starting_after={listed[-1]['id']}"
        assert {room["name"]: room["id"] for room in listed} == expected
        assert len(listed) == len(expected)
        order = [(room["created_at"], room["id"]) for room in listed]
        assert order == sorted(order, reverse=True)
        if listed:
            _, last = self.ask("GET", f"/rooms?limit={limit}&ending_before={listed[-1]['id']}")
            assert last["data"] == listed[:-1][-limit:]

    # -- Tokens --------------------------------------------------------------------------------

    @rule(
        target=tokens,
        room=st.none() | NAMES,
        user_id=USERS,
        soon=SOON,
        nbf=st.sampled_from([None, None, None, 1, 2]),
        ejects=st.booleans(),
        elapsed=ELAPSED,
        signed=st.booleans(),
    )
    def make_token(
        self,
        room: str | None,
        user_id: str | None,
        soon: int | None,
        nbf: int | None,
        ejects: bool,
        elapsed: int | None,
        signed: bool,
    ) -> Token:
        exp = self.later(soon)
        start = None if nbf is None else self.hour + nbf
        values = {
            ("room_name", "r"): room,
            ("user_id", "ud"): user_id,
            ("exp", "exp"): None if exp is None else self.instant(exp),
            ("nbf", "nbf"): None if start is None else self.instant(start - 0.5),
            ("eject_at_token_exp", "ejt"): ejects,
            ("eject_after_elapsed", "eje"): elapsed and elapsed * HOUR - HOUR // 2,
        }
        given = {names: each for names, each in values.items() if each is not None}
        if signed:
            claims = {claim: each for (_, claim), each in given.items()}
            now = self.instant(self.hour)
            claims |= {"d": self.daily.state.domain.id, "iat": now}
            text = jwt.encode(claims, str(self.daily.api_key), algorithm="HS256")
        else:
            properties = {name: each for (name, _), each in given.items()}
            status, answer = self.ask("POST", "/meeting-tokens", {"properties": properties})
            assert status == 200
            text = answer["token"]
        return Token(text, room, user_id, exp, start, ejects, elapsed)

    @rule(token=tokens, ignore=st.booleans())
    def validate(self, token: Token, ignore: bool) -> None:
        path = f"/meeting-tokens/{token.text}{'?ignoreNbf=true' if ignore else ''}"
        status, answer = self.ask("GET", path)
        early = token.nbf is not None and token.nbf > self.hour
        if self.over(token.exp) or (early and not ignore):
            assert status == 400
            return
        assert status == 200
        assert (answer.get("room_name"), answer.get("user_id")) == (token.room, token.user_id)

    # -- People --------------------------------------------------------------------------------

    def refusals(self, name: str, token: Token | None) -> set[str]:
        """Give every reason to refuse a join."""
        if (room := self.rooms.get(name)) is None:
            return {"no-room"}
        reasons = {"exp-room"} if self.over(room.exp) else set()
        if token is None:
            reasons |= {"not-allowed"} if room.private else set()
        else:
            reasons |= {"exp-token"} if self.over(token.exp) else set()
            reasons |= {"nbf-token"} if token.nbf is not None and token.nbf > self.hour else set()
            reasons |= {"not-allowed"} if token.room not in (None, name) else set()
            reasons |= {"ejected"} if token.user_id in room.banned else set()
        full = room.limit is not None and len(room.people) >= room.limit
        return reasons | ({"meeting-full"} if full else set())

    @rule(
        target=people,
        name=NAMES,
        user_id=USERS,
        soon=SOON,
        ejects=st.booleans(),
        elapsed=ELAPSED,
    )
    def join_with_a_new_token(self, name: str, **given: Any) -> Any:
        return self.join(name, self.make_token(room=name, nbf=None, signed=True, **given))

    @rule(target=people, name=NAMES, token=st.none() | tokens)
    def join(self, name: str, token: Token | None) -> Any:
        reasons = self.refusals(name, token)
        room = self.rooms.get(name)
        perhaps = room is not None and token is not None and token.user_id in room.perhaps_banned
        try:
            scripted = self.thread.call(self.daily.join, name, token and token.text)
        except JoinRefused as exc:
            refused = exc.kind
        else:
            refused = None
        if refused is not None:
            assert refused in reasons | ({"ejected"} if perhaps else set())
            return multiple()
        assert not reasons
        assert room is not None
        user_id = token and token.user_id
        if room.unique and user_id is not None:
            room.remove({each.id for each in room.people if each.user_id == user_id})
        room.people.append(Person(scripted.id, user_id, self.out_at(room, token)))
        return name, scripted.id, scripted

    def out_at(self, room: Room, token: Token | None) -> float | None:
        """Fixed at the join; a rule in the token switches off both rules of the room."""
        rules: Any = room
        if token is not None and (token.ejects or token.elapsed is not None):
            rules = token
        instants = [rules.exp] if rules.ejects and rules.exp is not None else []
        instants += [self.hour + rules.elapsed - 0.5] if rules.elapsed is not None else []
        return min(instants, default=None)

    @rule(person=people)
    def leave(self, person: Any) -> None:
        name, id, scripted = person
        self.thread.call(scripted.leave)
        if name in self.rooms:
            self.rooms[name].remove({id})

    @rule(
        name=NAMES,
        some=st.lists(people, max_size=1),
        user_ids=st.lists(st.sampled_from(["u1", "u2"]), max_size=1),
        ban=st.sampled_from([True, True, False]),
    )
    def eject(self, name: str, some: list[Any], user_ids: list[str], ban: bool) -> None:
        ids = [id for _, id, _ in some] + [str(uuid.UUID(int=1))]
        body = {"ids": ids, "user_ids": user_ids, "ban": ban}
        status, answer = self.ask("POST", f"/rooms/{name}/eject", body)
        room = self.live(name)
        if room is None or not room.people:
            assert (status, answer["error"]) == (404, "not-found")
            return
        out = {each.id for each in room.people if each.id in ids or each.user_id in user_ids}
        assert status == 200
        assert set(answer["ejectedIds"]) == out
        before = len(room.people)
        room.remove(out)
        if ban and room.people:
            # Somebody who was alone may have no meeting yet that could record the ban.
            (room.banned if before > 1 else room.perhaps_banned).update(user_ids)

    @rule(target=people, name=NAMES, user_id=st.sampled_from(["u1", "u2"]), ban=st.booleans())
    def come_back(self, name: str, user_id: str, ban: bool) -> Any:
        self.eject(name, [], [user_id], ban)
        return self.join_with_a_new_token(
            name, user_id=user_id, soon=None, ejects=False, elapsed=None
        )

    @rule(name=DOOMED, hours=st.sampled_from([COLLECTED_AFTER, COLLECTED_AFTER + 1]))
    def expire_and_delete(self, name: str, hours: int) -> None:
        given = {"soon": 0, "ejects": True, "elapsed": None, "limit": None, "unique": False}
        self.create(name, False, given)
        self.advance(hours)
        self.delete(name)

    @rule(name=NAMES, user_id=USERS)
    def room_presence(self, name: str, user_id: str | None) -> None:
        query = "" if user_id is None else f"?userId={user_id}"
        status, answer = self.ask("GET", f"/rooms/{name}/presence{query}")
        if (room := self.live(name)) is None:
            assert status == 404
            return
        present = {each.id for each in room.people if user_id in (None, each.user_id)}
        assert {each["id"] for each in answer["data"]} == present
        assert answer["total_count"] == len(present)

    # -- Time ----------------------------------------------------------------------------------

    @rule(hours=st.sampled_from([1, 1, 2, 3, 30]))
    def advance(self, hours: int) -> None:
        self.thread.call(self.daily.advance, hours * HOUR)
        self.hour += hours
        for room in self.rooms.values():
            if len(room.people) <= 1:  # a meeting ends when somebody was alone too long
                room.perhaps_banned |= room.banned
                room.banned = set()
            room.remove({each.id for each in room.people if self.over(each.out_at)})
            if len(room.people) == 1:
                room.perhaps_banned |= room.banned
                room.banned = set()

    @invariant()
    def the_same_people_are_in(self) -> None:
        status, answer = self.ask("GET", "/presence")
        assert status == 200
        told = {name: {each["id"]: each["userId"] for each in answer[name]} for name in answer}
        assert told == {
            name: {each.id: each.user_id for each in room.people}
            for name, room in self.rooms.items()
            if room.people
        }


@pytest.mark.large
def test_it_does_as_the_model() -> None:
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=size(30, 1000),
            stateful_step_count=50,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink],
        ),
    )
