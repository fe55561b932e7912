# SPDX-License-Identifier: BSD-2-Clause
"""The life of a call: the bot joins, gets the room's events, and leaves."""

import copy
import threading
import time
import uuid
from collections.abc import Mapping
from typing import Any

from loguru import logger

from daily import _permissions
from daily._events import PASSED_ON, EventHandler
from daily._link import CallError, Link, open_link, read_url, show
from daily._media import Media
from daily._operations import Completion, Operations
from daily._speaker import speaker
from daily._threads import sockets


class Call:
    """What is behind a `CallClient`.

    Parameters:
        operations: What the bot asks of the room, and what it is told.
        media: What the bot says, shows, hears and sees.
        others: Who else is in the room, by session id.
        counts: How many are in the room: ``present`` and ``hidden``.
        network: The statistics of the network.
        user_name: The bot's name.
    """

    def __init__(self, handler: EventHandler | None) -> None:
        """Initialize a call that is in no room."""
        self.operations = Operations(handler)
        self.media = Media(self.operations, lambda: self.others)
        self._lock = threading.RLock()
        self._joining: Link | None = None  # while the room has not answered the join
        self._url = ""
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
            self.media.reset()

    # -- What the bot sees -----------------------------------------------------------------

    @property
    def local(self) -> dict[str, Any]:
        """The local participant."""
        with self._lock:
            local = copy.deepcopy(self._local)
            if self.user_name:
                local["info"]["userName"] = self.user_name
            permissions = local["info"].get("permissions", {})
            local["media"] = _permissions.mask(self.media.tracks, permissions)
            return local

    @property
    def participants(self) -> dict[str, Any]:
        """Everybody by session id, the bot as ``local``."""
        with self._lock:
            return {"local": self.local, **copy.deepcopy(self.others)}

    @property
    def active_speaker(self) -> dict[str, Any] | None:
        """Who spoke loudest last, or None."""
        with self._lock:
            if self._speaker == self._local["id"]:
                return self.local
            return copy.deepcopy(self.others.get(self._speaker or ""))

    # -- What the bot asks -----------------------------------------------------------------

    def join(self, url: str, token: str | None, completion: Completion) -> None:
        """Join a room; the completion gets the call's data and the error, one of them None."""

        def tell() -> None:
            for other in copy.deepcopy(list(self.others.values())):
                self.operations.emit("on_participant_joined", other)
            self.operations.emit("on_participant_counts_updated", dict(self.counts))

        speaker.joins(self.media)
        work = lambda: self._join(url, token)
        self.operations.perform("join", work, completion, pair=True, then=tell)

    async def _join(self, url: str, token: str | None) -> dict[str, Any]:
        if self.operations.link is not None:
            msg = "already in a call: leave it first"
            raise CallError(msg)
        room = read_url(url)
        try:
            link = await open_link(room)
            self._tell_state("joining")
            self._joining = link
            try:
                welcome = await link.join(
                    token=token or room.query.get("t"),
                    user_name=self.user_name,
                    media=self.media.states,
                )
                self._begin(link, url, welcome)
            except BaseException:
                await link.close()
                raise
            finally:
                self._joining = None
        except CallError as exc:
            logger.error("Could not join {}: {}", show(url), exc)
            self._tell_state("leaving", "left")
            raise
        media = self.media
        media.switch_off(welcome["local"]["media"])
        link.start(
            self._on_event, media.on_sound, media.on_picture, media.on_track_end, self._on_end
        )
        speaker.joined(media)
        media.listen()
        media.look()
        self._tell_state("joined")
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
            self.operations.link = link

    def _tell_state(self, *states: str) -> None:
        for state in states:
            self.operations.emit("on_call_state_updated", state)

    def rename(self, user_name: str) -> None:
        """Take another name."""

        async def tell() -> None:
            if self.operations.link is not None:
                await self.operations.ask("update", user_name=user_name)

        self.user_name = user_name
        self.operations.emit("on_participant_updated", self.local)
        self.operations.perform("setUserName", tell)

    def update_media(
        self, name: str, changes: Mapping[str, Any], completion: Completion = None
    ) -> None:
        """Do ``updateInputs`` or ``updatePublishing``, and tell everybody."""
        before = self.local
        self.media.update(name, changes)
        if self.local != before:
            self.operations.emit("on_participant_updated", self.local)

        async def tell() -> None:
            if self.operations.link is not None:
                await self.operations.ask("update", media=self.media.states)

        self.operations.perform(name, tell, completion)

    def leave(self, completion: Completion = None) -> None:
        """Leave; complete once the room has let the bot go."""
        self._stop_joining()
        self.operations.perform("leave", self._leave, completion)

    def _stop_joining(self) -> None:
        """Let a join that the room has not answered fail."""
        if (link := self._joining) is not None:
            sockets.start(link.close())

    async def _leave(self) -> None:
        self._tell_state("leaving")
        link, self.operations.link = self.operations.link, None
        if link is not None:
            try:
                await link.request("leave")
            except CallError as exc:
                logger.debug("Left {} without its answer: {}", self._url, exc)
            await link.close()
            self._over()
        self._tell_state("left")

    def _over(self) -> None:
        speaker.left(self.media)
        self._reset()

    def release(self) -> None:
        """Leave if need be, and end the threads. Waits for the room, but not for long."""
        self.operations.released = True
        self._stop_joining()
        self.operations.finish(self._leave, self._url)
        self.media.close()

    # -- What the room tells ---------------------------------------------------------------

    def _on_event(self, link: Link, event: Mapping[str, Any]) -> None:
        if link is not self.operations.link:
            return
        emit, what = self.operations.emit, event["event"]
        if what == "participant-joined":
            other = event["participant"]
            self.others[other["id"]] = other
            emit("on_participant_joined", copy.deepcopy(other))
            self.media.listen()
            self.media.look()
        elif what == "participant-updated":
            other = event["participant"]
            if other["info"]["isLocal"]:
                with self._lock:
                    self._local["info"]["permissions"] = other["info"]["permissions"]
                emit("on_participant_updated", self.local)
            else:
                self.others[other["id"]] = other
                emit("on_participant_updated", copy.deepcopy(other))
        elif what == "participant-left":
            other = event["participant"]
            with self._lock:
                self.others.pop(other["id"], None)
            self.media.forget(other["id"])
            emit("on_participant_left", other, event["reason"])
            self.media.listen()
            self.media.look()
        elif what == "participant-counts-updated":
            self.counts = event["counts"]
            emit("on_participant_counts_updated", dict(self.counts))
        elif what == "active-speaker-changed":
            self._speaker = event["participant"]["id"]
            emit("on_active_speaker_changed", self.active_speaker)
        elif what == "app-message":
            emit("on_app_message", event["message"], event["sender"])
        elif what == "wanted":
            self.media.want(event["source"], event["wanted"])
        elif what == "mute":
            switched = {name: event.get(name) for name in ("microphone", "camera")}
            changes = {name: {"isEnabled": on} for name, on in switched.items()}
            self.update_media("updateInputs", changes)
        elif what == "network-stats-updated":
            self.network = event["stats"]
            emit("on_network_stats_updated", copy.deepcopy(self.network))
        elif what in PASSED_ON:
            emit(f"on_{what.replace('-', '_')}", event[PASSED_ON[what]])
        elif what == "recording-error":
            emit("on_recording_error", event["streamId"], event["message"])
        elif what == "transcription-stopped":
            by = event["updatedBy"]
            emit("on_transcription_stopped", by, by is None)

    def _on_end(self, link: Link, reason: str) -> None:
        if link is not self.operations.link:
            return
        self.operations.link = None
        logger.warning("The call in {} has ended: {}", self._url, reason)
        self._over()
        self.operations.emit("on_error", f"The call has ended: {reason}")
        self._tell_state("leaving", "left")
