# SPDX-License-Identifier: BSD-2-Clause
"""Recordings and transcripts, as Daily answers them."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from pipecat_daily_rest._core.secret import Secret
from pipecat_daily_rest.answers.answer import Answer, Id


class DailyRecordingTrack(Answer):
    """One file of a recording of raw tracks.

    Parameters:
        type: ``audio`` or ``video``.
        size: Bytes.
        s3key: Its key in the bucket.
    """

    type: str = ""
    size: int | None = None
    s3key: str = ""


class DailyRecording(Answer):
    """A recording.

    Reference: https://docs.daily.co/reference/rest-api/recordings

    Parameters:
        id: Unique id.
        room_name: The room's name.
        start_ts: When it began, in unix seconds.
        status: ``finished``, ``in-progress`` or ``canceled``.
        max_participants: How many were in the call at the same time, at most.
        duration: About how many seconds; None while it is in progress.
        share_token: Deprecated.
        s3key: Its key in the bucket.
        mtgSessionId: The meeting's id.
        tracks: The files of a recording of raw tracks.
    """

    id: Id
    room_name: str = ""
    start_ts: float | None = None
    status: str = ""
    max_participants: int | None = None
    duration: float | None = None
    share_token: str = ""
    s3key: str = ""
    mtgSessionId: str = ""
    tracks: list[DailyRecordingTrack] = Field(default_factory=list)


class DailyDeletedRecording(Answer):
    """A recording that was deleted, and where its file was.

    Reference: https://docs.daily.co/reference/rest-api/recordings/delete-recording

    Parameters:
        id: Its id.
        deleted: Whether it is gone.
        s3_bucket: The bucket; like the next two, "" when Daily did not say.
        s3_region: The bucket's AWS region.
        s3_key: Its key in the bucket.
    """

    id: str = ""
    deleted: bool = True
    s3_bucket: str = ""
    s3_region: str = ""
    s3_key: str = ""


class DailyStorage(Answer):
    """Where a transcript is in a bucket of your own.

    Parameters:
        bucket: The bucket.
        region: Its AWS region.
        s3key: Its key there; Daily's documents also call it ``key``.
    """

    bucket: str = ""
    region: str = ""
    s3key: str = ""

    @model_validator(mode="before")
    @classmethod
    def _one_name(cls, data: Any) -> Any:
        return _renamed(data, "key", "s3key")


class DailyTranscript(Answer):
    """A stored transcript.

    Reference: https://docs.daily.co/reference/rest-api/transcript

    Parameters:
        transcriptId: Unique id.
        domainId: The domain.
        roomId: The room's id.
        mtgSessionId: The meeting's id.
        status: ``t_finished``, ``t_in_progress``, ``t_error`` or ``t_deleted``.
        isVttAvailable: Whether it is stored as WebVTT.
        duration: About how many seconds.
        outParams: Where it is, with a ``transcription_bucket``.
        error: What failed, with ``t_error``.
        created_at: When it began, as ``2024-01-15T10:30:00.000Z``.
        updated_at: When it last changed.
    """

    transcriptId: Id
    domainId: str = ""
    roomId: str = ""
    mtgSessionId: str = ""
    status: str = ""
    isVttAvailable: bool | None = None
    duration: float | None = None
    outParams: DailyStorage | None = None
    error: str = ""
    created_at: str = ""
    updated_at: str = ""


class DailyAccessLink(Answer):
    """A link to a stored file. It gives access to the file, so its ``repr`` is masked.

    Reference: https://docs.daily.co/docs/rest-api/access-links

    Parameters:
        download_link: The URL, to be used exactly as it is; Daily's documents also call it ``link``
            for a transcript.
        expires: When it stops working, in unix seconds; None when Daily did not say.
    """

    download_link: Annotated[str, Field(min_length=1), AfterValidator(Secret)]
    expires: float | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_name(cls, data: Any) -> Any:
        return _renamed(data, "link", "download_link")


def _renamed(data: Any, other: str, name: str) -> Any:
    if not isinstance(data, dict) or other not in data:
        return data
    rest = {member: value for member, value in data.items() if member not in (name, other)}
    return {**rest, name: data[other] if data.get(name) is None else data[name]}
