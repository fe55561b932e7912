# SPDX-License-Identifier: BSD-2-Clause
"""Switches for the unconfirmed points of Daily's API.

Daily's documentation says nothing about each of these points, or contradicts itself. A program
that works with every value of a switch does not depend on a guess::

    async with LocalDaily(choices=Choices(batch_delete_missing=None)) as daily:
        ...
"""

from dataclasses import dataclass
from typing import Literal

from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.local.arguments import check_fields


@dataclass(frozen=True, kw_only=True)
class Choices:
    """The unconfirmed points, with what the local Daily does by default.

    Parameters:
        expired_name_free: Whether the name of an expired room can be used again at once. If not,
            the name is taken until the room is removed or deleted.
        collected_after: Seconds from a room's ``exp`` until Daily removes it: from then on
            ``DELETE`` gives a plain 404 without ``"deleted": true``. A room with people in it is
            not removed.
        expired_room_answers: Whether an expired room can be read and updated until it is removed;
            an update with a later ``exp`` opens it again. If not, it is a 404.
        expired_in_total_count: Whether ``total_count`` of ``GET /rooms`` counts expired rooms that
            were not removed yet.
        expired_in_presence: Whether ``GET /presence`` shows the people who stayed in an expired
            room.
        hidden_in_presence: Whether presence shows participants without ``hasPresence``.
        limit_out_of_range: A ``limit`` above 100 or below 1 is clamped to the range, or is a 400.
        unknown_cursor: A ``starting_after`` or ``ending_before`` that is not an id in the list
            (its room may have been deleted) is a 400, or is ignored. The same holds for
            ``joined_after`` and ``joined_before``.
        batch_create_wrapped: Whether ``POST /batch/rooms`` answers ``{"total_count", "data"}``
            instead of an array.
        batch_delete_missing: The status when a name of ``DELETE /batch/rooms`` has no room or an
            expired one: then nothing is deleted. None ignores the name.
        batch_delete_of_nothing: The status of ``DELETE /batch/rooms`` with an empty list; 200
            deletes nothing.
        batch_delete_duplicates: Whether ``DELETE /batch/rooms`` accepts the same name twice.
        empty_body: Whether a ``POST`` without a body counts as ``{}``; if not, it is a
            ``json-parsing-error``.
        presence_of_unknown_room: The status of presence for a room that does not exist; 200 is
            an empty list.
        eject_from_empty_room: The status of eject in an empty room; 200 is an empty list.
        update_moves_ejection: Whether an update of a room's ``exp`` or eject rules changes when
            Daily ejects those who are in it. That it does not was measured on one account, and is
            not documented.
        screenshare_in_meeting: Whether an update of ``enable_screenshare`` while a meeting runs,
            when it cannot change, is a 400 or is ignored.
        message_in_empty_room: The status of send-app-message in an empty room; 200 is success, and
            nobody receives the message.
        message_sender: The sender of an app message over REST, as its receivers see it; no
            participant has it as its session id.
        app_message_limit: The most bytes of JSON in an app message of a bot or a person; None is
            no limit. Daily documents 4 KB for messages over REST, which always holds.
        app_message_warning: The bytes of JSON above which the log warns of such a message, once in
            each room; None is never.
        session_data_of_empty_room: The status of getting and setting session data while no
            meeting runs; 200 gives empty data, and sets nothing.
        session_data_limit: The most bytes of JSON in session data, which Daily documents for its
            browser library only; None is no limit.
        permissions_in_empty_room: The status of update-permissions in an empty room.
        unknown_permission_target: Whether update-permissions ignores a session id that is not in
            the room, or is a 404.
        unknown_meeting: The status for a meeting id that does not exist.
        lonely_meeting_ends: Whether a meeting in which somebody was always alone ends after 10
            minutes, and a new one begins. A meeting in which somebody is left alone always does.
        hidden_in_meetings: Whether meetings list participants without ``hasPresence``.
        meeting_participants: Whether the list of a meeting's participants begins with the newest
            or the oldest.
        meeting_without_participants: Whether the list of meetings has those that nobody stayed in
            for 10 s, with an empty list of participants. Daily's document said earlier that this
            list is never empty, and its Ruby client still does.
        token_for_unknown_room: Whether the API creates a meeting token for a room that does not
            exist.
        long_user_id: A ``user_id`` over 36 characters is a 400, or is cut.
        validation_shows_times: Whether validating a token gives its ``exp`` and ``nbf``, too.
        unknown_claims: A self-signed token with an undocumented claim is refused, so that a
            misspelt claim is noticed, or the claim is ignored.
        knocking_without_lobby_refused: Whether a room without ``enable_knocking`` refuses a token
            with ``knocking``. If not, the token is like any other.
        knock_in_full_room: Whether somebody may knock at a full room, and is refused only if the
            room is still full when an owner lets them in. If not, they are refused at once.
        knock_refused_info: The text for somebody whom an owner did not let in.
        bots_knock: Whether a bot's join waits for an owner where everyone has to knock. If not, the
            join is refused, since daily-python has no request for access.
        replacing_in_full_room: Whether somebody may join a full room to replace a participant with
            the same user id (``enforce_unique_user_ids``).
        start_off_for_bots: Whether ``start_audio_off`` and ``start_video_off`` switch off what a
            bot asked for in its join.
        regained_right_unmutes: Whether a bot's microphone that was on is on again when the bot
            gets back the right to send. A person always has to switch it on.
        unnamed_media_received: Whether participants receive a kind of media that the object
            ``base`` of ``canReceive`` does not name.
        bots_read_lists: Whether ``canSend`` and ``canAdmin`` of daily-python's ``participants()``
            are always lists, as its documentation says; if not, they are true or false where
            everything or nothing is allowed.
        bots_read_received_as: What ``canReceive`` of daily-python's ``participants()`` calls
            pictures and voices: ``camera`` (and ``microphone``), as its methods accept, or
            ``video`` (and ``audio``), as its documentation says.
        public_room_ignores_bad_token: Whether an invalid, early or expired token lets somebody
            into a public room, without the token's rights.
        rate_window: Whether a rate tier counts the requests in a ``sliding`` window, or in
            ``fixed`` windows, one after the other.
        rate_per_endpoint: Whether each endpoint of a rate tier has a counter of its own, instead
            of one for the tier.
        batch_tier: The rate tier of the batch endpoints; None is no limit.
        refused_requests_count: Whether a request that gets a 429 counts as well, so that a client
            that does not pause is refused for ever.
        rate_limit_retry_after: Whether a 429 carries ``Retry-After``.
        max_api_rooms: How many rooms the domain may have; None is no limit.
        org_privacy: Whether ``"org"`` is a third ``privacy``, for which everyone needs a token.
        far_exp: An ``exp`` or ``nbf`` over a hundred years ahead, as in milliseconds, is a 400, or
            is accepted.
        sip_prefix: Whether ``sip_uri.endpoint`` begins with ``sip:``.
        sip_in_config: Whether a room's ``config`` has ``sip`` as it was set, as well as
            ``sip_uri``. Pipecat's model has a field for it; Daily's document has ``sip_uri`` only.
        recording_needs_property: Whether a call is recorded only if the room, or the token of who
            starts it, has ``enable_recording``.
        recording_in_empty_room: The status of starting a recording while nobody is in the room;
            200 is success, and nothing is recorded.
        second_recording: A start without an instance id while the call is recorded is an error, or
            a second recording beside the first. A bot's ``force_new`` is always a second one.
        no_recording: The status of stopping or updating a recording that does not run; 200 is
            success.
        start_recording_gives: What daily-python's ``start_recording`` completes with: the id of the
            stream, or the status of ``on_recording_started``.
        stored_not_found: The status for a recording or a transcript that does not exist.
        deleted_transcript_stays: Whether a deleted transcript stays in the lists, with the status
            ``t_deleted``.
        access_link_lifetime: Seconds that the link to a recording or a transcript works.
        link_without_file: The status of the access link of a recording or a transcript that is not
            finished; 200 gives a link that leads nowhere.
        transcript_link_name: The name of the member with the link to a transcript.
        transcript_key_name: The name of the member of ``outParams`` with a transcript's key in its
            bucket.
        card_on_file: Whether the account has a payment card; webhooks need one.
        no_card_status: The status of ``invalid-plan-type``.
        domain_shows_nulls: Whether the domain's ``config`` shows unset properties as null. One
            example in Daily's document does, another leaves them out, and the schemas have no
            null.
        max_webhooks: How many webhooks the domain may have; None is no limit.
        webhook_without_types: Which events a webhook without ``eventTypes`` gets.
        webhook_info_in_array: Whether ``GET /webhooks/:uuid`` answers an array of one webhook, as
            Daily's document says, or the webhook.
        webhook_timeout: Seconds that the endpoint of a webhook has to respond.
        webhook_pauses: Seconds between the deliveries of an event with ``retryType``
            ``exponential``.
        webhook_milliseconds: Whether ``X-Webhook-Timestamp`` is in milliseconds, not seconds.
        hidden_in_webhooks: Whether ``participant.joined`` and ``.left`` are sent for participants
            without ``hasPresence``.
        pinless_milliseconds: Whether ``X-Pinless-Timestamp`` is in milliseconds, not seconds.
        dialin_probe: The member of the body that tests a new ``room_creation_api``, with the
            value ``"test"``; None for no test.
        dialin_probe_decides: Whether a response to that test other than 200 refuses the
            configuration, as for a webhook. If not, the log has it, and the configuration is
            created. No response never refuses it.
        dialin_hold: Seconds that a caller waits for a room.
        dialin_needs_number: Whether a ``pinless_dialin`` needs a ``phone_number``; without one,
            people call it by SIP.
        dialin_update_keeps_hmac: Whether updating a dial-in configuration without ``hmac`` keeps
            the secret; if not, it gets a new one.
        sip_needs_session: Whether a room's SIP endpoint accepts calls only once somebody is in the
            room; if so, ``pinlessCallUpdate`` before that is a 400.
        dialout_to_numbers: Whether the domain may call phone numbers, not only SIP URIs.
        dialout_abroad: Whether it may call numbers outside of +1.
        dialout_starts_without_limit: Whether a call that starts an empty room waits there for
            others without limit when ``max_idle_timeout_sec`` is 0; if not, it ends at once.
        max_phone_sessions: How many calls a room may have, in and out together.
        unknown_call: The status when there is no call with that session id or call id.
        phone_timestamps_as_text: Whether ``timestamp`` of the events of calls is a string, as in
            Daily's examples, not a number, as in its schema.
        dialout_gives: What the completion of a bot's ``start_dialout`` gets: the session id, or
            the ``session`` that daily-js resolves to.
        dtmf_tone_member: The name of the member with the tone in the event of a pressed key.
        transcription_track_type: The ``trackType`` of somebody's voice in a transcription.
        network_timeout: Seconds without a network after which somebody counts as having left;
            None is never.
        interrupted_is_shown: Whether others see the tracks of somebody without a network as
            ``interrupted``.
        end_says_why: Whether the ``type`` of daily-js's ``error`` tells why a call has ended:
            ``no-room`` (the room was deleted), ``exp-room`` or ``exp-token`` (it has expired). If
            not, it is ``ejected`` each time.
        messages_without_network: Whether the app messages that somebody sent without a network
            arrive ``late``, or are ``lost``.
        may_not_dial_out_info: The text when a bot without an owner's token dials out.
        may_not_transcribe_info: The text when a bot may not transcribe.
        transcription_runs_info: The text when a transcription is started twice.
        no_transcription_info: The text when there is no transcription to update or to stop.
        app_message_too_large_info: The text when an app message is larger than
            ``app_message_limit``. Fields: ``size``, ``limit``.
        name_too_long_info: The text for a room name over 128 characters. Fields: ``name``.
        unknown_property_info: The text for an undocumented property. Fields: ``name``.
        wrong_value_info: The text for a bad type or value. Fields: ``name``, ``value``,
            ``expected``.
        too_many_rooms_info: The text when ``max_api_rooms`` is reached. Fields: ``limit``.
        rate_limit_info: The text of a 429; None leaves ``info`` out. Fields: ``requests``,
            ``seconds``.
        too_many_webhooks_info: The text when ``max_webhooks`` is reached. Fields: ``limit``.
        webhook_failed_info: The text when the endpoint of a webhook or of a dial-in configuration
            fails the test.
        empty_room_info: The text when a call would start an empty room without
            ``allow_room_start``.
        too_many_phone_sessions_info: The text when ``max_phone_sessions`` is reached. Fields:
            ``limit``.
    """

    expired_name_free: bool = True
    collected_after: float = 86_400
    expired_room_answers: bool = False
    expired_in_total_count: bool = False
    expired_in_presence: bool = True
    hidden_in_presence: bool = False
    limit_out_of_range: Literal["clamp", "error"] = "clamp"
    unknown_cursor: Literal["error", "ignore"] = "error"
    batch_create_wrapped: bool = False
    batch_delete_missing: Literal[400, 404] | None = 400
    batch_delete_of_nothing: Literal[200, 400] = 400
    batch_delete_duplicates: bool = False
    empty_body: bool = True
    presence_of_unknown_room: Literal[200, 400, 404] = 404
    eject_from_empty_room: Literal[200, 404] = 404
    update_moves_ejection: bool = False
    screenshare_in_meeting: Literal["error", "ignore"] = "error"
    message_in_empty_room: Literal[200, 400, 404] = 404
    message_sender: str = ""
    app_message_limit: int | None = 65_536
    app_message_warning: int | None = 4096
    session_data_of_empty_room: Literal[200, 400, 404] = 404
    session_data_limit: int | None = 102_400
    permissions_in_empty_room: Literal[200, 404] = 404
    unknown_permission_target: Literal["ignore", "error"] = "ignore"
    unknown_meeting: Literal[400, 404] = 404
    lonely_meeting_ends: bool = False
    hidden_in_meetings: bool = True
    meeting_participants: Literal["newest", "oldest"] = "newest"
    meeting_without_participants: bool = False
    token_for_unknown_room: bool = True
    long_user_id: Literal["error", "cut"] = "error"
    validation_shows_times: bool = False
    unknown_claims: Literal["refuse", "ignore"] = "refuse"
    knocking_without_lobby_refused: bool = True
    knock_in_full_room: bool = True
    knock_refused_info: str = "An owner of the call did not let you in."
    bots_knock: bool = False
    replacing_in_full_room: bool = True
    start_off_for_bots: bool = False
    regained_right_unmutes: bool = True
    unnamed_media_received: bool = False
    bots_read_lists: bool = True
    bots_read_received_as: Literal["camera", "video"] = "camera"
    public_room_ignores_bad_token: bool = False
    rate_window: Literal["sliding", "fixed"] = "sliding"
    rate_per_endpoint: bool = False
    batch_tier: Literal["default", "slow"] | None = "default"
    refused_requests_count: bool = False
    rate_limit_retry_after: bool = False
    max_api_rooms: int | None = None
    org_privacy: bool = False
    far_exp: Literal["error", "accept"] = "accept"
    sip_prefix: bool = False
    sip_in_config: bool = True
    recording_needs_property: bool = False
    recording_in_empty_room: Literal[200, 400, 404] = 400
    second_recording: Literal["error", "beside"] = "error"
    no_recording: Literal[200, 400, 404] = 400
    start_recording_gives: Literal["stream id", "status"] = "stream id"
    stored_not_found: Literal[400, 404] = 404
    deleted_transcript_stays: bool = True
    access_link_lifetime: float = 3600
    link_without_file: Literal[200, 400, 404] = 400
    transcript_link_name: Literal["download_link", "link"] = "download_link"
    transcript_key_name: Literal["key", "s3key"] = "s3key"
    card_on_file: bool = True
    no_card_status: Literal[400, 402, 403] = 400
    domain_shows_nulls: bool = True
    max_webhooks: int | None = 1
    webhook_without_types: Literal["all", "none"] = "all"
    webhook_info_in_array: bool = True
    webhook_timeout: float = 8.0
    webhook_pauses: tuple[float, ...] = (15.0, 60.0, 240.0, 900.0)
    webhook_milliseconds: bool = False
    hidden_in_webhooks: bool = True
    pinless_milliseconds: bool = True
    dialin_probe: Literal["Test", "test"] | None = "Test"
    dialin_probe_decides: bool = False
    dialin_hold: float = 120.0
    dialin_needs_number: bool = False
    dialin_update_keeps_hmac: bool = True
    sip_needs_session: bool = True
    dialout_to_numbers: bool = True
    dialout_abroad: bool = True
    dialout_starts_without_limit: bool = True
    max_phone_sessions: int = 5
    unknown_call: Literal[400, 404] = 404
    phone_timestamps_as_text: bool = True
    dialout_gives: Literal["session id", "session"] = "session id"
    dtmf_tone_member: Literal["tone", "digit"] = "tone"
    transcription_track_type: Literal["microphone", "cam-audio"] = "cam-audio"
    network_timeout: float | None = 30.0
    interrupted_is_shown: bool = True
    end_says_why: bool = True
    messages_without_network: Literal["late", "lost"] = "late"
    may_not_dial_out_info: str = "only an owner may dial out: join with an owner's token"
    may_not_transcribe_info: str = (
        "only an owner or an admin of transcription may transcribe: join with an owner's token"
    )
    transcription_runs_info: str = "the call is transcribed already"
    no_transcription_info: str = "the call is not transcribed"
    app_message_too_large_info: str = (
        "an app message may have {limit} bytes of JSON in a local room, and this one has {size}: "
        "send less, or in parts"
    )
    name_too_long_info: str = "{name} is too long (room names can have 128 characters)"
    unknown_property_info: str = "unknown property '{name}'"
    wrong_value_info: str = "{name} was '{value}' but should be {expected}"
    too_many_rooms_info: str = "this domain already has {limit} rooms, the most that it may have"
    rate_limit_info: str | None = "more than {requests} requests in {seconds} seconds"
    too_many_webhooks_info: str = (
        "this domain already has {limit} webhooks, the most that it may have"
    )
    webhook_failed_info: str = "the url did not answer the test request with 200 in time"
    empty_room_info: str = (
        "nobody is in the room: set dialout_config.allow_room_start to dial out nevertheless"
    )
    too_many_phone_sessions_info: str = "the room may have {limit} SIP and PSTN sessions"

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            DailyConfigError: A switch cannot have this value.
        """
        check_fields(self)
        for name, value in vars(self).items():
            if isinstance(value, int | float) and not value >= 0:
                msg = f"{name} must be 0 or more, not {value}."
                raise DailyConfigError(msg)
