# SPDX-License-Identifier: BSD-2-Clause
"""DailyRESTHelper on recordings and transcripts."""

import aiohttp
import pytest

from canary import Net, leaks
from helpers import calls, helper_of
from pipecat_daily_rest import answers
from pipecat_daily_rest.answers import DailyAccessLink, DailyRecording, DailyTranscript
from pipecat_daily_rest.errors import (
    DailyConfigError,
    DailyInvalidRequestError,
    DailyNotFoundError,
    DailyResponseError,
    DailyServerError,
)
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.choices import Choices

ODD = ["a/b", "a b", "ä", "a?b=c", "a#b", "a%2Fb", "%", "...", "a;b", "\n", "a\\b", "x" * 300]
NO_IDS = ["", " ", ".", "..", None, 5]
BUCKET = {
    "bucket_name": "mine",
    "bucket_region": "eu-west-1",
    "assume_role_arn": "arn",
    "allow_api_access": True,
}


async def fetched(link):
    async with aiohttp.ClientSession() as session, session.get(link) as answer:
        return answer.status, await answer.read()


# -- Recordings --------------------------------------------------------------------------------


async def test_a_recording(local_daily, helper):
    tracks = [{"type": "audio", "size": 15620, "s3key": "local/demo/1-audio"}]
    made = local_daily.add_recording(
        "demo", start=1000.5, duration=277, max_participants=3, tracks=tracks
    )
    recording = await helper.get_recording(made.id)
    assert isinstance(recording, DailyRecording)
    assert recording.model_dump() == {
        "id": made.id,
        "room_name": "demo",
        "start_ts": 1000,
        "status": "finished",
        "max_participants": 3,
        "duration": 277,
        "share_token": made.share_token,
        "s3key": made.s3key,
        "mtgSessionId": made.meeting_id,
        "tracks": tracks,
    }
    assert recording.tracks[0].size == 15620
    assert [each async for each in helper.list_recordings()] == [recording]
    running = local_daily.add_recording("demo", status="in-progress")
    assert (await helper.get_recording(running.id)).duration is None


async def test_recordings_of_all_pages(local_daily, helper):
    made = [local_daily.add_recording("demo", start=float(n)).id for n in range(201)]
    other = local_daily.add_recording("other", start=500.0).id
    assert [r.id async for r in helper.list_recordings()] == [other, *reversed(made)]
    assert calls(local_daily) == [("GET", "/recordings")] * 4  # the last one is empty
    of_room = [r.id async for r in helper.list_recordings(room_name="demo")]
    assert of_room == list(reversed(made))
    assert [r async for r in helper.list_recordings(room_name="nobody")] == []
    with pytest.raises(DailyConfigError, match="not a room name"):
        helper.list_recordings(room_name="a b")


@pytest.mark.parametrize("unknown_cursor", ["error", "ignore"])
async def test_recordings_that_are_deleted_while_they_are_listed(unknown_cursor):
    async with LocalDaily(choices=Choices(unknown_cursor=unknown_cursor)) as daily:
        made = [daily.add_recording("demo", start=float(n)).id for n in range(150)]
        async with helper_of(daily) as helper:
            seen = []
            async for recording in helper.list_recordings():
                seen.append(recording.id)
                if len(seen) == 99:
                    await helper.delete_recording(made[50])  # the last one of the first page
        assert sorted(seen) == sorted(made)
        assert len(daily.stored.recordings) == 149


async def test_a_recording_is_deleted(local_daily, helper):
    local_daily.state.rooms.create("demo", "public", {"recordings_bucket": BUCKET})
    made = local_daily.add_recording("demo")
    deleted = await helper.delete_recording(made.id)
    assert deleted.model_dump() == {
        "id": made.id,
        "deleted": True,
        "s3_bucket": "mine",
        "s3_region": "eu-west-1",
        "s3_key": made.s3key,
    }
    for attempt in (helper.get_recording, helper.get_recording_link):
        with pytest.raises(DailyNotFoundError):
            await attempt(made.id)
    gone = await helper.delete_recording(made.id)
    assert (gone.id, gone.deleted, gone.s3_key) == (made.id, True, "")


async def test_the_response_to_a_delete_is_lost(local_daily, helper):
    recording, transcript = local_daily.add_recording("a"), local_daily.add_transcript("a")
    local_daily.fail("DELETE", "*", drop="after", times=1)
    deleted = await helper.delete_recording(recording.id)
    assert (deleted.deleted, deleted.id, deleted.s3_key) == (True, recording.id, "")
    assert not local_daily.stored.recordings
    assert calls(local_daily) == [("DELETE", f"/recordings/{recording.id}")] * 2

    del local_daily.stored.transcripts[transcript.id]
    gone = await helper.delete_transcript(transcript.id)
    assert (gone.transcriptId, gone.status, gone.outParams) == (transcript.id, "t_deleted", None)


async def test_the_link_to_a_recording(local_daily, helper):
    made = local_daily.add_recording("demo", b"\0film")
    link = await helper.get_recording_link(made.id)
    assert isinstance(link, DailyAccessLink)
    assert abs(link.expires - local_daily.state.clock.now() - 3600) < 600
    assert await fetched(link.download_link) == (200, b"\0film")
    local_daily.advance(3601)
    assert (await fetched(link.download_link))[0] == 403
    again = await helper.get_recording_link(made.id)
    assert (await fetched(again.download_link))[0] == 200
    running = local_daily.add_recording("demo", status="in-progress")
    with pytest.raises(DailyInvalidRequestError, match="has no file"):
        await helper.get_recording_link(running.id)


# -- Transcripts -------------------------------------------------------------------------------


async def test_a_transcript(local_daily, helper):
    room = local_daily.state.rooms.create("demo", "public", {"transcription_bucket": BUCKET})
    made = local_daily.add_transcript("demo", start=1705314600.0, duration=300)
    transcript = await helper.get_transcript(made.id)
    assert isinstance(transcript, DailyTranscript)
    assert transcript.model_dump() == {
        "transcriptId": made.id,
        "domainId": local_daily.state.domain.id,
        "roomId": room.id,
        "mtgSessionId": made.meeting_id,
        "status": "t_finished",
        "isVttAvailable": True,
        "duration": 300,
        "outParams": {"bucket": "mine", "region": "eu-west-1", "s3key": made.s3key},
        "error": "",
        "created_at": "2024-01-15T10:30:00.000Z",
        "updated_at": "2024-01-15T10:35:00.000Z",
    }
    failed = local_daily.add_transcript("demo", None, status="t_error", error="Failed to upload")
    assert (await helper.get_transcript(failed.id)).error == "Failed to upload"


async def test_transcripts_of_all_pages(local_daily, helper):
    room = local_daily.state.rooms.create("demo", "public", {})
    made = [
        local_daily.add_transcript("demo", start=float(n), meeting_id=f"m{n % 2}").id
        for n in range(120)
    ]
    other = local_daily.add_transcript("other", start=500.0, meeting_id="m0").id
    newest_first = [other, *reversed(made)]
    assert [t.transcriptId async for t in helper.list_transcripts()] == newest_first
    of_room = [t.transcriptId async for t in helper.list_transcripts(room_id=room.id)]
    assert of_room == newest_first[1:]
    of_meeting = [t.transcriptId async for t in helper.list_transcripts(meeting_id="m0")]
    assert of_meeting == [other, *reversed(made[::2])]
    both = helper.list_transcripts(room_id=room.id, meeting_id="m1")
    assert [t.transcriptId async for t in both] == list(reversed(made[1::2]))


async def test_a_transcript_is_deleted(local_daily, helper):
    made = local_daily.add_transcript("demo")
    deleted = await helper.delete_transcript(made.id)
    assert (deleted.transcriptId, deleted.status) == (made.id, "t_deleted")
    assert (await helper.get_transcript(made.id)).status == "t_deleted"


@pytest.mark.parametrize("name", ["link", "download_link"])
@pytest.mark.parametrize("key", ["key", "s3key"])
async def test_the_link_to_a_transcript_by_either_name(name, key):
    choices = Choices(transcript_link_name=name, transcript_key_name=key)
    async with LocalDaily(choices=choices) as daily, helper_of(daily) as helper:
        daily.state.rooms.create("demo", "public", {"transcription_bucket": BUCKET})
        made = daily.add_transcript("demo", "WEBVTT\n\nmine")
        link = await helper.get_transcript_link(made.id)
        assert await fetched(link.download_link) == (200, b"WEBVTT\n\nmine")
        assert link.expires is None
        assert (await helper.get_transcript(made.id)).outParams.s3key == made.s3key


# -- Ids and answers ---------------------------------------------------------------------------


@pytest.mark.parametrize("id", ODD)
async def test_an_id_with_odd_characters_reaches_its_endpoint(local_daily, helper, id):
    local_daily.stored.recordings[id] = local_daily.add_recording("demo", b"mine")
    local_daily.stored.transcripts[id] = local_daily.add_transcript("demo")
    assert (await helper.get_recording(id)).room_name == "demo"
    assert (await helper.get_transcript(id)).status == "t_finished"
    assert (await helper.get_transcript_link(id)).download_link
    for attempt in (helper.get_recording, helper.get_transcript_link):
        with pytest.raises(DailyNotFoundError):
            await attempt(f"{id}?")
    assert all(path.count("/") <= 3 for _, path in calls(local_daily))


@pytest.mark.parametrize("id", NO_IDS)
async def test_a_wrong_id_is_not_sent(local_daily, helper, id):
    for attempt in (
        helper.get_recording,
        helper.delete_recording,
        helper.get_recording_link,
        helper.get_transcript,
        helper.delete_transcript,
        helper.get_transcript_link,
    ):
        with pytest.raises(DailyConfigError, match="is not an id"):
            await attempt(id)
    with pytest.raises(DailyConfigError, match="unpaired surrogate"):
        await helper.get_recording("\ud800")
    assert not local_daily.requests


@pytest.mark.parametrize("kind", ["unknown", "nulls"])
async def test_answers_with_unknown_members(local_daily, helper, kind):
    recording, transcript = local_daily.add_recording("demo"), local_daily.add_transcript("demo")
    local_daily.fail("*", "*", times=None, **{kind: True})
    if kind == "unknown":
        assert (await helper.get_recording(recording.id)).room_name == "demo from tomorrow"
        assert (await helper.get_recording(recording.id)).from_tomorrow
        [listed] = [t async for t in helper.list_transcripts()]
        assert listed.status == "t_finished from tomorrow"
        assert (await helper.get_recording_link(recording.id)).download_link
    else:
        for attempt in (
            helper.get_recording(recording.id),
            helper.get_recording_link(recording.id),
            helper.get_transcript(transcript.id),
            helper.get_transcript_link(transcript.id),
        ):
            with pytest.raises(DailyResponseError, match="is missing"):
                await attempt
    # What was deleted is deleted, whatever the answer lacks.
    assert (await helper.delete_recording(recording.id)).deleted
    assert (await helper.delete_transcript(transcript.id)).transcriptId.startswith(transcript.id)
    assert not local_daily.stored.recordings


async def test_values_of_unknown_kinds_are_kept(local_daily, helper):
    body = {"id": "x", "start_ts": "soon", "tracks": "none", "max_participants": [2], "new": 1}
    local_daily.fail("GET", "/recordings/x", body=body, times=None)
    recording = await helper.get_recording("x")
    assert (recording.start_ts, recording.tracks, recording.max_participants) == (
        "soon",
        "none",
        [2],
    )
    assert recording.new == 1


@pytest.mark.parametrize(
    "body", [[], {}, {"id": ""}, {"id": 5}, "x", None, {"data": [{"id": "x"}]}]
)
async def test_an_answer_that_is_not_a_recording(local_daily, helper, body):
    local_daily.fail("GET", "/recordings/x", body=body, times=None)
    with pytest.raises(DailyResponseError, match="Unable to get the recording: Invalid response"):
        await helper.get_recording("x")


@pytest.mark.parametrize("body", [[], {}, {"data": None}, {"data": {}}, {"data": [{"no": "id"}]}])
async def test_an_answer_that_is_not_a_list(local_daily, helper, body):
    local_daily.fail("GET", "/recordings", body=body, times=None)
    with pytest.raises(DailyResponseError, match="Unable to list the recordings: Invalid"):
        [each async for each in helper.list_recordings()]


async def test_a_page_that_cannot_be_read(local_daily, helper):
    for n in range(150):
        local_daily.add_recording("demo", start=float(n))
    local_daily.fail("GET", "/recordings", status=500, times=2)
    assert len([each async for each in helper.list_recordings()]) == 150
    seen = []

    async def read():
        async for recording in helper.list_recordings():
            seen.append(recording)
            if len(seen) == 100:
                local_daily.fail("GET", "/recordings", status=500, times=None)

    with pytest.raises(DailyServerError):
        await read()
    assert len(seen) == 100


async def test_a_link_is_masked_everywhere(local_daily, helper):
    made = local_daily.add_recording("demo"), local_daily.add_transcript("demo")
    net = Net()
    with net:
        links = [
            await helper.get_recording_link(made[0].id),
            await helper.get_transcript_link(made[1].id),
            await helper.request("GET", f"/recordings/{made[0].id}/access-link"),
        ]
        net.show(*links)
        local_daily.fail("GET", "*", body={"download_link": [links[0].download_link]}, times=None)
        for attempt in (helper.get_recording_link, helper.get_transcript):
            try:
                await attempt("x")
            except DailyResponseError as exc:
                net.tell(exc)
        local_daily.fail("GET", "*", status=400, info=f"see {links[0].download_link}")
        net.show(local_daily.requests, local_daily.stored)
    signatures = [str(each.download_link).partition("Signature=")[2] for each in links[:2]]
    signatures.append(links[2]["download_link"].partition("Signature=")[2])
    assert all(len(signature) > 40 for signature in signatures)
    assert not leaks(net.said, *signatures)
    assert "'***'" in net.said


async def test_an_error_that_quotes_a_link_does_not_show_its_signature(local_daily, helper):
    for link in (
        "https://x.s3.amazonaws.com/a?X-Amz-Credential=c&X-Amz-Signature=0123456789abcdef&b=1",
        "https://b.daily.co/a?Expires=1&Signature=0123456789abcdef~_&Key-Pair-Id=K",
    ):
        local_daily.fail("GET", "*", status=400, info=f"see {link}", times=1)
        with pytest.raises(DailyInvalidRequestError) as caught:
            await helper.get_recording("x")
        assert "0123456789abcdef" not in f"{caught.value} {caught.value.info}"
        assert "Signature=***" in caught.value.info


def test_every_answer_is_public():
    assert answers.__all__ == sorted(answers.__all__)
    public = {name for name, value in vars(answers).items() if isinstance(value, type)}
    assert public == set(answers.__all__)
