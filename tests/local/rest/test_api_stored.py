# SPDX-License-Identifier: BSD-2-Clause
"""The recordings and transcripts that a test added, and the links to their files."""

import re
import uuid

import aiohttp
import pytest

from helpers import calling
from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.choices import Choices

BUCKET = {
    "bucket_name": "mine",
    "bucket_region": "eu-west-1",
    "assume_role_arn": "arn",
    "allow_api_access": True,
}
VTT = "WEBVTT\n\n00:00:00.500 --> 00:00:02.000\n<v>Good morning, Zoë.\n"


@pytest.fixture
async def get():
    """Gets a file by its link, without a key."""
    async with aiohttp.ClientSession() as http:

        async def get(link: str):
            async with http.get(link) as response:
                return response.status, await response.read(), response.headers

        yield get


def choosing(**choices):
    return LocalDaily(choices=Choices(**choices))


# -- Recordings --------------------------------------------------------------------------------


async def test_a_recording(call, local_daily) -> None:
    made = local_daily.add_recording(
        f"{local_daily.url}/demo", b"film", start=1548789650.7, duration=277.4, max_participants=3,
        meeting_id="257764e6-c74e-4c30-944a-a887a03173a3",
    )  # fmt: skip
    status, recording = await call("GET", f"/recordings/{made.id}")
    assert status == 200
    assert str(uuid.UUID(made.id)) == made.id
    assert recording == {
        "id": made.id,
        "room_name": "demo",
        "start_ts": 1548789650,
        "status": "finished",
        "max_participants": 3,
        "duration": 277,
        "share_token": made.share_token,
        "s3key": "local/demo/1548789650700",
        "mtgSessionId": "257764e6-c74e-4c30-944a-a887a03173a3",
    }
    listed = {"total_count": 1, "data": [recording]}
    assert await call("GET", "/recordings") == (200, listed)


async def test_a_recording_has_the_documented_kinds_of_status(call, local_daily) -> None:
    for status in ("finished", "in-progress", "canceled"):
        made = local_daily.add_recording("demo", status=status)
        _, recording = await call("GET", f"/recordings/{made.id}")
        assert recording["status"] == status
        assert ("duration" in recording) == (status != "in-progress")


async def test_a_recording_of_raw_tracks(call, local_daily) -> None:
    tracks = [{"type": "audio", "size": 15620, "s3key": "local/demo/1-audio"}]
    made = local_daily.add_recording("demo", tracks=tracks)
    _, recording = await call("GET", f"/recordings/{made.id}")
    assert recording["tracks"] == tracks


async def test_members_that_a_recording_may_lack(call, local_daily) -> None:
    await call("POST", "/rooms", {"name": "demo"})
    ana = local_daily.join("demo")
    before = local_daily.state.clock.now()
    made = local_daily.add_recording("demo", duration=90)
    after = local_daily.state.clock.now()
    _, recording = await call("GET", f"/recordings/{made.id}")
    assert recording["mtgSessionId"] == local_daily.rooms["demo"].meeting_id
    assert int(before - 90) <= recording["start_ts"] <= after - 90
    ana.leave()
    later = local_daily.add_recording("demo")
    assert later.meeting_id != made.meeting_id
    assert [entry.what for entry in local_daily.state.log.entries].count("recording added") == 2


@pytest.mark.parametrize("kind", ["recording", "transcript"])
@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"status": "done"}, r"status must be '(t_)?finished' or"),
        ({"duration": -1}, "neither is negative"),
        ({"duration": float("nan")}, "neither is negative"),
        ({"start": -1}, "neither is negative"),
        ({"start": float("inf")}, "neither is negative"),
        ({"room": ""}, "name or URL"),
        ({"room": "a b"}, "name or URL"),
        ({"room": "https://x.daily.co/"}, "name or URL"),
    ],
)
async def test_wrong_arguments_of_a_recording_or_transcript(
    local_daily, kind, options, match
) -> None:
    add = getattr(local_daily, f"add_{kind}")
    with pytest.raises(DailyConfigError, match=match):
        add(**{"room": "demo", **options})
    assert local_daily.stored.recordings == local_daily.stored.transcripts == {}


async def test_recordings_come_in_pages_newest_first(call, local_daily) -> None:
    made = [local_daily.add_recording("demo", start=1000.0 + n).id for n in range(5)]
    other = local_daily.add_recording("other", start=9000.0).id
    newest_first = [other, *reversed(made)]

    async def page(query: str) -> list[str]:
        status, answer = await call("GET", f"/recordings{query}")
        assert status == 200
        assert answer["total_count"] == (5 if "room_name=demo" in query else 6)
        return [each["id"] for each in answer["data"]]

    assert await page("") == newest_first
    assert await page("?limit=2") == newest_first[:2]
    assert await page(f"?limit=2&starting_after={newest_first[1]}") == newest_first[2:4]
    assert await page(f"?starting_after={newest_first[5]}") == []
    assert await page(f"?limit=2&ending_before={newest_first[5]}") == newest_first[3:5]
    assert await page("?limit=2&ending_before=OLDEST") == newest_first[4:]
    assert await page("?room_name=demo&limit=1") == [made[-1]]
    status, answer = await call("GET", "/recordings?room_name=nobody")
    assert (status, answer) == (200, {"total_count": 0, "data": []})
    status, answer = await call("GET", "/recordings?starting_after=nothing")
    assert (status, answer["error"]) == (400, "invalid-request-error")


async def test_recordings_of_one_second_have_a_stable_order(call, local_daily) -> None:
    made = [local_daily.add_recording("demo", start=1000.0 + n / 10).id for n in range(8)]
    _, answer = await call("GET", "/recordings")
    assert [each["id"] for each in answer["data"]] == sorted(made, reverse=True)


async def test_a_recording_is_deleted(call, local_daily) -> None:
    local_daily.state.rooms.create("bucketed", "public", {"recordings_bucket": BUCKET})
    made = local_daily.add_recording("bucketed", start=5.0)
    plain = local_daily.add_recording("plain", start=6.0)
    assert await call("DELETE", f"/recordings/{made.id}") == (
        200,
        {
            "deleted": True,
            "id": made.id,
            "s3_bucket": "mine",
            "s3_region": "eu-west-1",
            "s3_key": "local/bucketed/5000",
        },
    )
    assert list(local_daily.stored.recordings) == [plain.id]
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/access-link")):
        assert await call(method, f"/recordings/{made.id}{path}") == (
            404,
            {"error": "not-found", "info": f"recording {made.id} not found"},
        )
    _, deleted = await call("DELETE", f"/recordings/{plain.id}")
    assert (deleted["s3_bucket"], deleted["s3_region"]) == (
        "daily-meeting-recordings",
        "us-west-2",
    )


async def test_the_status_for_an_unknown_recording_or_transcript_is_a_choice() -> None:
    async with choosing(stored_not_found=400) as daily, calling(daily) as call:
        for path in ("/recordings/none", "/transcript/none", "/transcript/none/access-link"):
            status, answer = await call("GET", path)
            assert (status, answer["error"]) == (400, "invalid-request-error")


# -- Links -------------------------------------------------------------------------------------


async def test_a_recordings_link_works_for_a_while(call, local_daily, get) -> None:
    made = local_daily.add_recording("demo", b"\x00film\xff", start=7.0)
    before = int(local_daily.state.clock.now())
    status, answer = await call("GET", f"/recordings/{made.id}/access-link")
    assert status == 200
    assert sorted(answer) == ["download_link", "expires"]
    assert before <= answer["expires"] - 3600 <= local_daily.state.clock.now()
    link = answer["download_link"]
    assert link.startswith(f"{local_daily.url}/")
    assert f"Expires={answer['expires']}&" in link
    status, content, headers = await get(link)
    assert (status, content) == (200, b"\x00film\xff")
    assert headers["Content-Type"] == "video/mp4"
    assert headers["Content-Disposition"] == 'attachment; filename="7000.mp4"'
    assert all(local_daily.api_key not in str(header) for header in headers.items())

    left = answer["expires"] - local_daily.state.clock.now()
    local_daily.advance(left - 60)
    assert (await get(link))[0] == 200
    local_daily.advance(61)
    status, content, _ = await get(link)
    assert status == 403
    assert b"expired" in content
    _, answer = await call("GET", f"/recordings/{made.id}/access-link")
    assert (await get(answer["download_link"]))[0] == 200


async def test_a_link_that_was_changed_does_not_work(call, local_daily, get) -> None:
    made, other = (local_daily.add_recording("demo", content) for content in (b"mine", b"other"))
    _, answer = await call("GET", f"/recordings/{made.id}/access-link")
    link = answer["download_link"]
    where, _, query = link.partition("?")
    expires, signature = query.split("&")
    flipped = "B" if link[-5] == "A" else "A"
    for changed in (
        where,
        f"{where}?{expires}",
        f"{where}?{signature}",
        f"{where}?{signature}&{expires}",
        f"{link}&dl=1",
        link.replace(made.id, other.id),
        link.replace(made.id, "nothing"),
        link.replace("Expires=", "Expires=1"),
        link.replace("Expires=", "Expires=-"),
        link.replace("Expires=", "Expires=٣"),
        f"{link[:-5]}{flipped}{link[-4:]}",
        f"{where}?{expires}&Signature=%FF",
    ):
        status, content, _ = await get(changed)
        assert status == 403, changed
        assert b"has expired or was changed" in content
    assert (await get(link))[:2] == (200, b"mine")


async def test_a_link_of_another_local_daily_does_not_work(call, local_daily, get) -> None:
    made = local_daily.add_recording("demo", b"mine")
    _, answer = await call("GET", f"/recordings/{made.id}/access-link")
    async with LocalDaily() as other:
        other.stored.recordings[made.id] = made
        link = answer["download_link"].replace(str(local_daily.port), str(other.port))
        assert (await get(link))[0] == 403


async def test_a_link_ends_with_its_file(call, local_daily, get) -> None:
    recording, transcript = local_daily.add_recording("a", b"x"), local_daily.add_transcript("a")
    for path in (f"/recordings/{recording.id}", f"/transcript/{transcript.id}"):
        _, answer = await call("GET", f"{path}/access-link")
        assert (await get(answer["download_link"]))[0] == 200
        await call("DELETE", path)
        status, content, _ = await get(answer["download_link"])
        assert (status, content) == (404, b"This link's file was deleted.")


@pytest.mark.parametrize("choice", [200, 400, 404])
async def test_without_a_file_there_is_no_link(choice) -> None:
    async with choosing(link_without_file=choice) as daily, calling(daily) as call:
        paths = [
            f"/recordings/{daily.add_recording('demo', status='in-progress').id}",
            f"/recordings/{daily.add_recording('demo', status='canceled').id}",
            f"/transcript/{daily.add_transcript('demo', status='t_in_progress').id}",
            f"/transcript/{daily.add_transcript('demo', None).id}",
        ]
        for path in paths:
            status, answer = await call("GET", f"{path}/access-link")
            assert (status, "download_link" in answer) == (choice, choice == 200)


async def test_how_long_a_link_works_is_a_choice(get) -> None:
    async with choosing(access_link_lifetime=20) as daily, calling(daily) as call:
        made = daily.add_recording("demo", b"x")
        _, answer = await call("GET", f"/recordings/{made.id}/access-link")
        daily.advance(21)
        assert (await get(answer["download_link"]))[0] == 403


# -- Transcripts -------------------------------------------------------------------------------


async def test_a_transcript(call, local_daily) -> None:
    _, room = await call("POST", "/rooms", {"name": "demo"})
    made = local_daily.add_transcript("demo", VTT, start=1705314600.0, duration=300)
    described = {
        "transcriptId": made.id,
        "domainId": local_daily.state.domain.id,
        "roomId": room["id"],
        "mtgSessionId": made.meeting_id,
        "status": "t_finished",
        "isVttAvailable": True,
        "duration": 300,
        "created_at": "2024-01-15T10:30:00.000Z",
        "updated_at": "2024-01-15T10:35:00.000Z",
    }
    assert await call("GET", "/transcript") == (200, {"total_count": 1, "data": [described]})
    assert await call("GET", f"/transcript/{made.id}") == (200, {**described, "error": None})


async def test_a_transcript_has_a_place_where_the_room_has_a_bucket(call, local_daily) -> None:
    local_daily.state.rooms.create("demo", "public", {"transcription_bucket": BUCKET})
    made = local_daily.add_transcript("demo", start=5.0)
    place = {"s3key": "local/demo/5000.vtt", "bucket": "mine", "region": "eu-west-1"}
    for method, path in (("GET", ""), ("GET", "/access-link"), ("DELETE", "")):
        _, answer = await call(method, f"/transcript/{made.id}{path}")
        assert answer["outParams"] == place


async def test_a_transcript_that_failed(call, local_daily) -> None:
    made = local_daily.add_transcript("demo", None, status="t_error", error="Failed to upload Vtt")
    _, transcript = await call("GET", f"/transcript/{made.id}")
    assert transcript["status"] == "t_error"
    assert transcript["error"] == "Failed to upload Vtt"
    assert transcript["isVttAvailable"] is False
    for options in ({"status": "t_error"}, {"error": "it"}, {"content": "hello"}):
        with pytest.raises(DailyConfigError):
            local_daily.add_transcript("demo", **options)


async def test_transcripts_are_found_by_room_and_meeting(call, local_daily) -> None:
    _, room = await call("POST", "/rooms", {"name": "demo"})
    first = local_daily.add_transcript("demo", start=1.0, meeting_id="m1")
    second = local_daily.add_transcript("demo", start=2.0, meeting_id="m2")
    gone = [local_daily.add_transcript("gone", start=3.0 + n, meeting_id="m3") for n in (0, 1)]
    assert gone[0].room_id == gone[1].room_id != room["id"]

    async def found(query: str) -> list[str]:
        _, answer = await call("GET", f"/transcript{query}")
        assert answer["total_count"] == (len(answer["data"]) if "limit" not in query else 4)
        return [each["transcriptId"] for each in answer["data"]]

    assert await found("") == [gone[1].id, gone[0].id, second.id, first.id]
    assert await found(f"?roomId={room['id']}") == [second.id, first.id]
    assert await found(f"?roomId={room['id']}&mtgSessionId=m1") == [first.id]
    assert await found("?mtgSessionId=m3") == [gone[1].id, gone[0].id]
    assert await found("?roomId=demo") == []
    assert await found(f"?limit=1&starting_after={gone[0].id}") == [second.id]


async def test_a_transcripts_link(call, local_daily, get) -> None:
    made = local_daily.add_transcript("demo", VTT, start=5.0)
    _, answer = await call("GET", f"/transcript/{made.id}/access-link")
    assert sorted(answer) == ["download_link", "transcriptId"]
    assert answer["transcriptId"] == made.id
    status, content, headers = await get(answer["download_link"])
    assert (status, content.decode()) == (200, VTT)
    assert headers["Content-Type"] == "text/vtt; charset=utf-8"
    assert headers["Content-Disposition"] == 'attachment; filename="5000.vtt"'
    local_daily.advance(3700)
    assert (await get(answer["download_link"]))[0] == 403


async def test_the_names_of_a_transcripts_link_and_place_are_choices(get) -> None:
    choices = {"transcript_link_name": "link", "transcript_key_name": "key"}
    async with choosing(**choices) as daily, calling(daily) as call:
        daily.state.rooms.create("demo", "public", {"transcription_bucket": BUCKET})
        made = daily.add_transcript("demo", VTT)
        _, answer = await call("GET", f"/transcript/{made.id}/access-link")
        assert sorted(answer) == ["link", "outParams", "transcriptId"]
        assert sorted(answer["outParams"]) == ["bucket", "key", "region"]
        assert (await get(answer["link"]))[1].decode() == VTT


@pytest.mark.parametrize("stays", [True, False])
async def test_a_transcript_is_deleted(stays) -> None:
    async with choosing(deleted_transcript_stays=stays) as daily, calling(daily) as call:
        made = daily.add_transcript("demo", start=5.0)
        path = f"/transcript/{made.id}"
        status, deleted = await call("DELETE", path)
        assert status == 200
        assert (deleted["transcriptId"], deleted["status"]) == (made.id, "t_deleted")
        assert deleted["isVttAvailable"] is False
        assert "updated_at" not in deleted
        status, answer = await call("GET", path)
        assert status == (200 if stays else 404)
        assert answer.get("status") == ("t_deleted" if stays else None)
        assert (await call("GET", f"{path}/access-link"))[0] == (400 if stays else 404)


async def test_ids_with_odd_characters_are_not_found(call) -> None:
    for id in ("a%2Fb", "%C3%A4", "a%20b", "%3Froom_name=x", "x" * 300):
        for family in ("recordings", "transcript"):
            for path in ("", "/access-link"):
                status, answer = await call("GET", f"/{family}/{id}{path}")
                assert status == 404
                assert re.fullmatch(r"(recording|transcript) .+ not found", answer["info"])
