# SPDX-License-Identifier: BSD-2-Clause
"""React apps on local rooms: daily-react, and the console of voice-ui-kit."""

from typing import Any

import pytest

from npm import bundled, installed
from pipecat_daily_rest.local import LocalDaily
from web_app import PLAYED

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

REACT = ("react@18.3.1", "react-dom@18.3.1", "@daily-co/daily-js@0.90.0")
DAILY_REACT = ("@daily-co/daily-react@0.26.0", "jotai@2.15.0")
VOICE_UI_KIT = (
    "@pipecat-ai/voice-ui-kit@0.14.0",
    "@pipecat-ai/client-js@1.13.1",
    "@pipecat-ai/client-react@1.8.2",
    "@pipecat-ai/daily-transport@1.6.9",
)
# Which tones are in the tracks that the page plays, each with how many tracks have it.
TONES = f"""
(tones) => {{
  const played = ({PLAYED})("audio");
  const counts = tones.map((hz) => [hz, played.filter(({{ peak }}) => peak(hz) > -60).length]);
  return Object.fromEntries(counts.filter(([, count]) => count > 0));
}}
"""
HOOKS = """
import Daily from "@daily-co/daily-js";
import { createRoot } from "react-dom/client";
import {
  DailyAudio, DailyProvider, useActiveSpeakerId, useAppMessage, useDaily, useDevices, useLocalSessionId,
  useMediaTrack, useMeetingState, useNetwork, useParticipantCounts, useParticipantIds, useParticipantProperty,
  usePermissions, useRoom,
} from "@daily-co/daily-react";

const call = Daily.createCallObject();
const known = {};
function Other({ id }) {
  known[id] = `${useParticipantProperty(id, "user_name")} ${useMediaTrack(id, "audio").state}`;
  return null;
}
function Hooks() {
  const others = useParticipantIds({ filter: "remote" });
  window.hooks = {
    others: () => others.map((id) => known[id]).sort().join(),
    meeting: useMeetingState(),
    microphones: useDevices().microphones.length,
    me: useLocalSessionId(),
    speaker: useActiveSpeakerId({ ignoreLocal: true }),
    counts: useParticipantCounts().present,
    room: useRoom()?.name,
    sends: usePermissions().canSendAudio,
    topology: useNetwork().topology,
    call: useDaily() === call,
  };
  useAppMessage({ onAppMessage: ({ data }) => (window.message = data) });
  return others.map((id) => <Other key={id} id={id} />);
}
createRoot(document.body.appendChild(document.createElement("div"))).render(
  <DailyProvider callObject={call}><Hooks /><DailyAudio /></DailyProvider>,
);
window.join = async (url) => void (await call.join({ url, userName: "Ana", startVideoOff: true }));
"""
CONSOLE = """
import { createRoot } from "react-dom/client";
import { ConsoleTemplate } from "@pipecat-ai/voice-ui-kit";
import { DailyTransport } from "@pipecat-ai/daily-transport";

window.show = (url) =>
  createRoot(document.body.appendChild(document.createElement("div"))).render(
    <ConsoleTemplate transportType="daily" connectParams={{ url }} noUserVideo />,
  );
window.kept = DailyTransport;
"""


async def test_daily_react_plays_and_knows_two_others(daily: LocalDaily, web_apps: Any) -> None:
    script = bundled(installed(*REACT, *DAILY_REACT), HOOKS, jsx=True)
    app = await web_apps.open(script, tag=daily.url)
    bo, cy = daily.join("demo", user_name="Bo"), daily.join("demo", user_name="Cy")
    bo.tone(1001, 120)
    cy.tone(2003, 120)
    await app.run("(url) => join(url)", f"{daily.url}/demo")
    await app.until("() => hooks.others() === 'Bo playable,Cy playable'")
    await app.until(
        f'(tones) => JSON.stringify(({TONES})(tones)) === \'{{"1001":1,"2003":1}}\'', [1001, 2003]
    )
    await app.until("() => hooks.speaker && hooks.counts === 3 && hooks.microphones > 0")
    told = await app.until("() => hooks.room && hooks.topology && { ...hooks, others: null }")
    assert (told["meeting"], told["room"], told["sends"]) == ("joined-meeting", "demo", True)
    assert told["call"] is True
    assert told["me"] in daily.rooms["demo"].participants
    bo.send({"hello": "react"}, None)
    await app.until("() => window.message?.hello === 'react'")
    bo.leave()
    await app.until("() => hooks.others() === 'Cy playable'")
    await app.until(
        f"(tones) => JSON.stringify(({TONES})(tones)) === '{{\"2003\":1}}'", [1001, 2003]
    )
    assert app.errors == []


async def test_the_console_of_voice_ui_kit_is_ready(daily: LocalDaily, web_apps: Any) -> None:
    script = bundled(installed(*REACT, *VOICE_UI_KIT), CONSOLE, jsx=True)
    app = await web_apps.open(script, tag=daily.url)
    bot = daily.join("demo", user_name="Bot")
    bot.tone(880, 120)
    await app.run("(url) => show(url)", f"{daily.url}/demo")
    await app.page.locator("button", has_text="Connect").first.click()
    while (asked := await bot.message()).get("type") != "client-ready":
        pass
    about = {"version": "1.0.0", "about": {"library": "a test"}}
    bot.send({"label": "rtvi-ai", "type": "bot-ready", "id": asked["id"], "data": about}, None)
    await app.until("() => (document.body.innerText.match(/ready/gi) ?? []).length >= 2")
    await app.until(f"(tones) => ({TONES})(tones)[880] === 1", [880])
    await bot.hears(500)
    assert app.errors == []
