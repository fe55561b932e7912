# SPDX-License-Identifier: BSD-2-Clause
"""The life of a call: joined, told, heard, left."""

import asyncio
import copy
import threading
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from loguru import logger

from daily import _rights
from daily._events import PASSED_ON, EventHandler
from daily._link import CallError, Link, open_link, read_url, show
from daily._output import output
from daily._senses import Senses
from daily._threads import Worker, complete, sockets

_ENDING = 3.0  # seconds that a release waits for the room

Completion = Callable[..., None] | None
Work = Callable[[], Awaitable[Any]]


class Call(Senses):
    """What stands behind a `CallClient`.

    What the bot asks of the room is done in turn, on the thread of the sockets. Events and
    completions are called on a thread of their own, in order, and so is the sound.
    """

    def __init__(self, handler: EventHandler | None) -> None:
        """Initialize a call that is nowhere yet."""
        super().__init__()
        self._handler = handler
        self._events = Worker("daily-events")
        self._lock = threading.RLock()
        self._turn = asyncio.Lock()
        self._door: Link | None = None  # while the join is not answered
        self._url = ""
        self._released = False
        self.user_name = ""
        self._reset()

    def _reset(self) -> None:
        with self._lock:
            info = {"isLocal": True, "isOwner": False, "joinedAt": int(time.time())}
            self._local: dict[str, Any] = {"id": str(uuid.uuid4()), "info": info}
            self.others: dict[str, dict[str, Any]] = {}
            self.counts = {"hidden": 0, "present": 0}
            self._speaker: str | None = None
            self.network: dict[str, Any] = {
                "quality": 100,
                "stats": {"latest": {}},
                "threshold": "good",
            }
            self._forget()

    # -- What the bot sees -----------------------------------------------------------------

    @property
    def local(self) -> dict[str, Any]:
        """The local participant."""
        with self._lock:
            local = copy.deepcopy(self._local)
            if self.user_name:
                local["info"]["userName"] = self.user_name
            permissions = local["info"].get("permissions", {})
            local["media"] = _rights.mask(self.mouth.media, permissions)
            return local

    @property
    def joined(self) -> bool:
        """Whether it is in a room."""
        return self._link is not None

    @property
    def participants(self) -> dict[str, Any]:
        """Everybody, oneself as ``local``."""
        with self._lock:
            return {"local": self.local, **copy.deepcopy(self.others)}

    @property
    def active_speaker(self) -> dict[str, Any] | None:
        """Who spoke loudest last, or None."""
        with self._lock:
            if self._speaker == self._local["id"]:
                return self.local
            return copy.deepcopy(self.others.get(self._speaker or ""))

    def emit(self, event: str, *args: Any) -> None:
        """Tell the handler."""
        if self._handler is not None and not self._released:
            self._events.call(getattr(self._handler, event), *args)

    # -- What the bot asks -----------------------------------------------------------------

    def perform(
        self,
        name: str,
        work: Work,
        completion: Completion = None,
        *,
        pair: bool = False,
        then: Callable[[], None] | None = None,
    ) -> None:
        """Do something in turn, then call the completion.

        Args:
            name: What, as `EventHandler.on_error` names it.
            work: Does it.
            completion: Called with the error or None.
            pair: Whether the completion gets a result before it.
            then: Called after a success.
        """

        async def turn() -> None:
            result, error = None, None
            async with self._turn:
                try:
                    result = await work()
                except CallError as exc:
                    error = str(exc)
                except Exception as exc:
                    logger.error("{} failed: {!r}", name, exc)
                    error = f"the stand-in for daily-python failed: {exc!r}"
            if completion is not None:
                self._events.call(complete, completion, *([result] if pair else []), error)
            if error is not None:
                self.emit("on_error", f"Error handling {name}: {error}")
            elif then is not None:
                then()

        sockets.start(turn())

    def need(self) -> None:
        """Refuse what needs a call, outside of one.

        Raises:
            CallError: It is in none.
        """
        if self._link is None:
            msg = "not in a call"
            raise CallError(msg)

    async def ask(self, op: str, **fields: Any) -> dict[str, Any]:
        """Ask the room."""
        self.need()
        return await self._link.request(op, **fields)

    def join(self, url: str, token: str | None, completion: Completion) -> None:
        """Join a room."""

        def tell() -> None:
            for other in copy.deepcopy(list(self.others.values())):
                self.emit("on_participant_joined", other)
            self.emit("on_participant_counts_updated", dict(self.counts))

        output.joins(self)
        self.perform("join", lambda: self._join(url, token), completion, pair=True, then=tell)

    async def _join(self, url: str, token: str | None) -> dict[str, Any]:
        if self._link is not None:
            msg = "already in a call: leave it first"
            raise CallError(msg)
        room = read_url(url)
        try:
            link = await open_link(room)
            self.emit("on_call_state_updated", "joining")
            self._door = link
            try:
                welcome = await link.join(
                    token=token or room.query.get("t"),
                    user_name=self.user_name,
                    media=self._media(),
                )
                self._begin(link, url, welcome)
            except BaseException:
                await link.close()
                raise
            finally:
                self._door = None
        except CallError as exc:
            logger.error("Could not join {}: {}", show(url), exc)
            self.emit("on_call_state_updated", "leaving")
            self.emit("on_call_state_updated", "left")
            raise
        for event in self.mouth.start_off(welcome["local"]["media"]):
            self.emit(*event)
        link.start(
            self._on_event, self._on_sound, self._on_picture, self._on_track_end, self._on_end
        )
        output.joined(self)
        self.listen()
        self.look()
        self.emit("on_call_state_updated", "joined")
        meeting = {"id": welcome["meeting"]}
        return {"meetingSession": meeting, "participants": self.participants}

    def _begin(self, link: Link, url: str, welcome: dict[str, Any]) -> None:
        with self._lock:
            self._url = show(url)
            self._local = welcome["local"]
            self.user_name = self._local["info"]["userName"]
            self.others = {other["id"]: other for other in welcome["participants"]}
            self.counts = welcome["counts"]
            self._speaker = welcome["active_speaker"]
            self._link = link

    def rename(self, user_name: str) -> None:
        """Take another name."""

        async def tell() -> None:
            if self._link is not None:
                await self.ask("update", user_name=user_name)

        self.user_name = user_name
        self.emit("on_participant_updated", self.local)
        self.perform("setUserName", tell)

    def leave(self, completion: Completion = None) -> None:
        """Leave. It is over once the room has taken the bot out.

        Args:
            completion: Called with None.
        """
        self._go_away()
        self.perform("leave", self._leave, completion)

    def _go_away(self) -> None:
        """Wait no longer at the door: a join that is not answered fails."""
        if (door := self._door) is not None:
            sockets.start(door.close())

    async def _leave(self) -> None:
        self.emit("on_call_state_updated", "leaving")
        link, self._link = self._link, None
        if link is not None:
            try:
                await link.request("leave")
            except CallError as exc:
                logger.debug("Left {} without its answer: {}", self._url, exc)
            await link.close()
            self._over()
        self.emit("on_call_state_updated", "left")

    def _over(self) -> None:
        output.left(self)
        self._reset()

    def release(self) -> None:
        """Leave if need be, and end the threads. Waits for the room, but not for long."""
        self._released = True
        self._go_away()

        async def end() -> None:
            async with self._turn:
                await self._leave()

        future = sockets.start(end())
        try:
            future.result(_ENDING)
        except Exception as exc:
            logger.debug("Left {} in a hurry: {!r}", self._url, exc)
        self._close()
        self._events.finish()

    # -- What the room tells ---------------------------------------------------------------

    def _on_event(self, link: Link, event: Mapping[str, Any]) -> None:
        if link is not self._link:
            return
        what = event["event"]
        if what == "participant-joined":
            other = event["participant"]
            self.others[other["id"]] = other
            self.emit("on_participant_joined", copy.deepcopy(other))
            self.listen()
            self.look()
        elif what == "participant-updated":
            other = event["participant"]
            if other["info"]["isLocal"]:
                with self._lock:
                    self._local["info"]["permissions"] = other["info"]["permissions"]
                self.emit("on_participant_updated", self.local)
            else:
                self.others[other["id"]] = other
                self.emit("on_participant_updated", copy.deepcopy(other))
        elif what == "participant-left":
            other = event["participant"]
            with self._lock:
                self.others.pop(other["id"], None)
            self.gone.append(other["id"])
            self.ears.forget(other["id"])
            self.eyes.forget(other["id"])
            self.emit("on_participant_left", other, event["reason"])
            self.listen()
            self.look()
        elif what == "participant-counts-updated":
            self.counts = event["counts"]
            self.emit("on_participant_counts_updated", dict(self.counts))
        elif what == "active-speaker-changed":
            self._speaker = event["participant"]["id"]
            self.emit("on_active_speaker_changed", self.active_speaker)
        elif what == "app-message":
            self.emit("on_app_message", event["message"], event["sender"])
        elif what == "wanted":
            self.face.want(event["source"], event["wanted"])
        elif what == "mute":
            self._on_mute(event)
        elif what == "network-stats-updated":
            self.network = event["stats"]
            self.emit("on_network_stats_updated", copy.deepcopy(self.network))
        elif what in PASSED_ON:
            self.emit(f"on_{what.replace('-', '_')}", event[PASSED_ON[what]])
        elif what == "transcription-stopped":
            by = event["updatedBy"]
            self.emit("on_transcription_stopped", by, by is None)

    def _on_mute(self, event: Mapping[str, Any]) -> None:
        switched = {name: event.get(name) for name in ("microphone", "camera")}
        changes = {name: {"isEnabled": on} for name, on in switched.items()}
        self.update_media("updateInputs", changes)

    def _on_end(self, link: Link, reason: str) -> None:
        if link is not self._link:
            return
        self._link = None
        logger.warning("The call in {} has ended: {}", self._url, reason)
        self._over()
        self.emit("on_error", f"The call has ended: {reason}")
        self.emit("on_call_state_updated", "leaving")
        self.emit("on_call_state_updated", "left")
