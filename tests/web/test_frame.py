# SPDX-License-Identifier: BSD-2-Clause
"""The page of a local room in the frame of an app, as Daily's Prebuilt is on Daily."""

from typing import Any

import pytest

from daily_app import daily_app
from pipecat_daily_rest.local import LocalDaily
from tokens import token
from web_app import WebApp

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

CREATE = """
async (url) => {
  window.call = DailyIframe.createFrame(document.body, { showLeaveButton: true });
  window.seen = [];
  for (const name of ["loaded", "joining-meeting", "joined-meeting", "participant-joined",
    "participant-updated", "participant-left", "app-message", "left-meeting", "error"])
    call.on(name, (event) => seen.push([name, event.participant?.user_name ?? event.data?.hello ?? ""]));
  await call.join({ url, userName: "Ana" });
  const room = await call.room();
  return { state: call.meetingState(), room: room.name, src: call.iframe().src };
}
"""
WRAP = """
async ([url, token]) => {
  const frame = document.body.appendChild(document.createElement("iframe"));
  frame.allow = "microphone; camera; autoplay; display-capture";
  window.call = DailyIframe.wrap(frame);
  const joined = await call.join({ url, token });
  return [Object.values(joined).map((each) => each.user_name), call.meetingState()];
}
"""


def page_of(app: WebApp) -> Any:
    return app.page.frames[1]


async def test_an_app_shows_the_room_and_is_told(daily: LocalDaily, web_apps: Any) -> None:
    bo = daily.join("demo", user_name="Bo")
    app = await daily_app(web_apps, None)
    got = await app.run(CREATE, f"{daily.url}/demo")
    assert got["state"] == "joined-meeting"
    assert got["room"] == "demo"
    assert "&emb=" in got["src"]
    await bo.event(
        "participant-joined", lambda event: event["participant"]["info"]["userName"] == "Ana"
    )
    await app.until("() => Object.values(call.participants()).some((p) => p.user_name === 'Bo')")
    me = await app.run("() => call.participants().local")
    assert (me["user_name"], me["tracks"]["audio"]["state"]) == ("Ana", "playable")
    await bo.hears(500)  # the microphone of the frame
    bo.send({"hello": "app"}, None)
    await app.until("() => seen.some(([name, what]) => name === 'app-message' && what === 'app')")
    await app.run("() => { call.sendAppMessage({ hello: 'Bo' }); }")
    assert await bo.message() == {"hello": "Bo"}
    assert await page_of(app).inner_text("#status") != ""
    await app.run("() => { call.setLocalAudio(false); }")
    await app.until("() => call.participants().local.tracks.audio.state === 'off'")
    assert await page_of(app).inner_text("#mute") == "Unmute"
    bo.leave()
    await app.until("() => seen.some(([name, who]) => name === 'participant-left' && who === 'Bo')")

    await page_of(app).click("#leave")  # the person leaves in the page
    await app.until("() => call.meetingState() === 'left-meeting'")
    names = [name for name, _ in await app.run("() => seen")]
    wanted = ["loaded", "joining-meeting", "joined-meeting", "participant-joined", "left-meeting"]
    assert [name for name in names if name in wanted] == wanted
    assert "error" not in names
    await app.run("(url) => call.join({ url })", f"{daily.url}/demo")
    await app.run("() => call.leave()")
    assert await app.run("() => call.meetingState()") == "left-meeting"
    assert app.errors == []


# Joins, and leaves or goes before the room has answered.
HURRIES = """
async ([url, way]) => {
  const call = (window.call = DailyIframe.createFrame(document.body));
  const joining = new Promise((begun) => call.on("joining-meeting", begun));
  const outcome = call.join({ url }).then(() => "joined", (error) => error);
  await joining;
  await call[way]();
  const told = [await outcome, call.meetingState()];
  if (way === "leave") await call.destroy();
  return told;
}
"""


async def test_a_join_that_is_left_is_answered(daily: LocalDaily, web_apps: Any) -> None:
    app = await daily_app(web_apps, None)
    for way in ("leave", "destroy"):
        told = await app.run(HURRIES, [f"{daily.url}/demo", way])
        assert told == ["The call was left before this was done.", "left-meeting"], way
    assert daily.rooms["demo"].participants == {}
    assert app.errors == []


async def test_a_wrapped_frame_and_what_ends_its_call(daily: LocalDaily, web_apps: Any) -> None:
    daily.state.rooms.create("secret", "private", {})
    app = await daily_app(web_apps, None)
    url = f"{daily.url}/secret"
    named = token(daily, room_name="secret", user_name="Ana")
    assert await app.run(WRAP, [url, named]) == [["Ana"], "joined-meeting"]
    await app.run("() => { window.ended = new Promise((resolve) => call.on('error', resolve)); }")
    daily.state.rooms.delete(daily.rooms["secret"])
    ended = await app.run("() => ended")
    assert ended["error"]["type"] in ("no-room", "ejected", "exp-room")
    assert "deleted" in ended["errorMsg"]
    assert await app.run("() => call.meetingState()") == "error"
    refused = "(url) => call.join({ url }).then(() => 'joined', (error) => error.error.type)"
    assert await app.run(refused, url) == "no-room"
    assert app.errors == []
