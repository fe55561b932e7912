# SPDX-License-Identifier: BSD-2-Clause
"""What the bot hears and sees: the part of `CallClient` for renderers and subscriptions."""

import copy
from collections.abc import Mapping
from typing import Any

from daily import _audio_in, _default_settings, _video_in
from daily._checks import need, need_color_format, need_count, need_participant, plain
from daily._events import EventHandler
from daily._handle import Handle, nothing
from daily._link import CallError
from daily._operations import Completion
from daily._settings_shapes import PROFILES, subscriptions
from daily._shapes import DEFAULTS, Misfit


class Receiving(Handle):
    """The bot's renderers and subscriptions."""

    def __init__(self, event_handler: EventHandler | None) -> None:
        """Initialize a client that is subscribed to everything."""
        super().__init__(event_handler)
        self._profiles = {"base": _default_settings.subscription()}
        self._subscriptions: dict[str, dict[str, Any]] = {}

    def set_audio_renderer(
        self,
        participant_id: str,
        callback: _audio_in.Callback,
        audio_source: str = "microphone",
        sample_rate: int = 16000,
        callback_interval_ms: int = 20,
        logging_interval_ms: int = 10000,
    ) -> None:
        """Hear a track while it is published: without gaps, silence included.

        `logging_interval_ms` has no effect.
        """
        call = self._call
        need(participant_id, str)
        need(audio_source, str)
        need_count(sample_rate, callback_interval_ms, logging_interval_ms)
        try:
            need_participant(participant_id)
        except ValueError as exc:
            self._refuse("setParticipantAudioRenderer", str(exc))
            return
        call.media.render_audio(
            participant_id, callback, audio_source, sample_rate, callback_interval_ms
        )

    def set_video_renderer(
        self,
        participant_id: str,
        callback: _video_in.Callback,
        video_source: str = "camera",
        color_format: str = "RGBA",
        logging_interval_ms: int = 10000,
    ) -> None:
        """See a camera or a screen, whenever it shows something new, up to 15 times a second.

        `logging_interval_ms` has no effect.
        """
        call = self._call
        need(participant_id, str)
        need(video_source, str)
        need_color_format(color_format)
        need_count(logging_interval_ms)
        try:
            need_participant(participant_id)
        except ValueError as exc:
            self._refuse("setParticipantVideoRenderer", str(exc))
            return
        if video_source not in ("camera", "screenVideo"):
            error = f"a local room has no video track {video_source!r}, only camera and screenVideo"

            async def refuse() -> None:
                if call.operations.link is not None:
                    raise CallError(error)

            call.operations.perform("setParticipantVideoRenderer", refuse)
            return
        call.media.render_video(participant_id, callback, video_source, color_format)

    def subscriptions(self) -> dict[str, Any]:
        """Tell what the bot has subscribed to, by session id."""
        base = self._profiles["base"]
        ids = [*self._call.others, *self._subscriptions]
        standard = {"media": base, "profile": "base"}
        return copy.deepcopy({id: self._subscriptions.get(id, standard) for id in ids})

    def update_subscriptions(
        self,
        participant_settings: Mapping[str, Any] | None = None,
        profile_settings: Mapping[str, Any] | None = None,
        completion: Completion = None,
    ) -> None:
        """Change subscriptions, by session id or for all who have a profile.

        Without effect on what the bot gets: in a local room a renderer is enough.
        """
        call = self._call
        given = {} if participant_settings is None else plain(participant_settings)
        overrides = {} if profile_settings is None else plain(profile_settings)
        try:
            changes = subscriptions(self._profiles)(given)
            for_all = subscriptions(self._profiles, by_profile=True)(overrides)
        except Misfit as exc:
            self._refuse("updateSubscriptions", str(exc), completion)
            return
        for id, mine in self.subscriptions().items():
            if mine["profile"] in for_all:
                self._update_subscription(id, for_all[mine["profile"]])
        for id, change in changes.items():
            self._update_subscription(id, change)
        self._forget_who_left()
        call.operations.perform("updateSubscriptions", nothing, completion)
        call.operations.emit("on_subscriptions_updated", self.subscriptions())

    def _forget_who_left(self) -> None:
        """Drop the settings of those who have left; those who have yet to join keep theirs."""
        for id in list(self._call.media.gone):
            self._subscriptions.pop(id, None)

    def _update_subscription(self, id: str, change: Any) -> None:
        if change == DEFAULTS:
            self._subscriptions.pop(id, None)
            return
        profile = (change or {}).get("profile")
        name = "base" if profile in (None, DEFAULTS) else profile
        standard = self._profiles[name]
        mine = self._subscriptions.setdefault(
            id, {"media": copy.deepcopy(standard), "profile": name}
        )
        if profile is not None:
            mine["profile"] = name
        _default_settings.merge(mine["media"], (change or {}).get("media"), standard)

    def subscription_profiles(self) -> dict[str, Any]:
        """Tell what the profiles subscribe to."""
        self._call  # noqa: B018 - raises once released
        return copy.deepcopy(self._profiles)

    def update_subscription_profiles(
        self, profile_settings: Mapping[str, Any], completion: Completion = None
    ) -> None:
        """Change subscription profiles, by name.

        Without effect on what the bot gets: in a local room a renderer is enough.
        """
        call, given = self._call, plain(profile_settings)
        try:
            changes = PROFILES(given)
        except Misfit as exc:
            self._refuse("updateSubscriptionProfiles", str(exc), completion)
            return
        self._update_profiles(changes)
        call.operations.perform("updateSubscriptionProfiles", nothing, completion)
        call.operations.emit("on_subscription_profiles_updated", self.subscription_profiles())

    def _update_profiles(self, profile_settings: Mapping[str, Any]) -> None:
        for name, change in profile_settings.items():
            profile = self._profiles.setdefault(name, _default_settings.subscription())
            _default_settings.merge(profile, change, _default_settings.subscription())
