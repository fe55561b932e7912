# SPDX-License-Identifier: BSD-2-Clause
"""Web apps on a port of their own, in a Chromium that no name resolves in.

::

    async def test_something(web_apps: WebApps, daily: LocalDaily) -> None:
        app = await web_apps.open(script, tag=daily.url)
        assert await app.page.evaluate("1 + 1") == 2

What would leave the machine goes to a proxy, which notes and refuses it; when the test ends, the
fixture fails it for each. That also sees what Playwright does not, as requests of removed frames.
"""

import asyncio
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any, Self

from aiohttp import web

from chromium import WAIT, Browsers

NO_NAMES = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"
# Gives what the page plays by such elements: of each track how loud a tone is, and the loudest, in
# dB. Chromium gives the sound of a track only to who plays it.
PLAYED = """
(elements) => {
  window.ears ??= new Map();
  const found = [...document.querySelectorAll(elements)];
  const tracks = found.flatMap(({ srcObject }) => srcObject?.getAudioTracks() ?? []);
  return tracks.filter(({ readyState }) => readyState !== "ended").map((track) => {
    if (!ears.has(track.id)) {
      const context = new AudioContext();
      const ear = new AnalyserNode(context, { fftSize: 8192 });
      context.createMediaStreamSource(new MediaStream([track])).connect(ear);
      ears.set(track.id, ear);
    }
    const ear = ears.get(track.id);
    const levels = new Float32Array(ear.frequencyBinCount);
    ear.getFloatFrequencyData(levels);
    const bin = (hz) => Math.round((hz * ear.fftSize) / ear.context.sampleRate);
    const peak = (hz) => Math.max(...levels.subarray(bin(hz) - 2, bin(hz) + 3));
    return { peak, loudest: Math.max(...levels) };
  });
}
"""
_PAGE = '<!doctype html><html><head><meta charset="utf-8"><title>App</title>{head}</head><body>{body}</body></html>'


class WebApp:
    """One page, and what a test wants to know about it.

    Parameters:
        page: Playwright's page.
        context: Playwright's browser context.
        requests: The URL of each request, those to this machine too.
        console: The texts of the console, each with its kind before it.
        errors: Exceptions that nobody caught.
    """

    def __init__(self, context: Any, page: Any) -> None:
        self.context = context
        self.page = page
        self.requests: list[str] = []
        self.console: list[str] = []
        self.errors: list[str] = []
        context.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda m: self.console.append(f"{m.type}: {m.text}"))
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    async def run(self, function: str, argument: Any = None) -> Any:
        """Call a JavaScript function in the page and wait for its result, but not for ever."""
        return await asyncio.wait_for(self.page.evaluate(function, argument), WAIT)

    async def until(self, function: str, argument: Any = None) -> Any:
        """Wait until a JavaScript function gives something true in the page, and give that."""
        try:
            async with asyncio.timeout(WAIT):
                while not (given := await self.page.evaluate(function, argument)):  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
        except TimeoutError as exc:
            said = "\n".join([*self.console[-20:], *self.errors])
            msg = f"not within {WAIT} s: {function} {argument or ''}\n{said}"
            raise AssertionError(msg) from exc
        return given


class WebApps:
    """The web apps of a test, and what they sent to other machines (`outside`)."""

    def __init__(self, browsers: Browsers) -> None:
        self._browsers = browsers
        self._pages: dict[str, tuple[str, str]] = {}
        self._stack = AsyncExitStack()
        self._apps: list[WebApp] = []
        self.outside: list[str] = []
        self.url = ""

    async def __aenter__(self) -> Self:
        site = web.Application()
        site.router.add_get("/{path:.*}", self._serve)
        runner = web.AppRunner(site, shutdown_timeout=1)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://localhost:{runner.addresses[0][1]}"
        proxy = await asyncio.start_server(self._refuse, "127.0.0.1", 0)
        self._stack.callback(proxy.close)
        port = proxy.sockets[0].getsockname()[1]
        self._proxy = {"server": f"http://127.0.0.1:{port}", "bypass": "localhost,127.0.0.1"}
        return self

    async def __aexit__(self, *_: object) -> None:
        for app in self._apps:
            with suppress(Exception):  # its browser was killed
                await app.context.close()
        await self._stack.aclose()

    async def open(
        self,
        script: str = "",
        *,
        tag: str | None = None,
        head: str = "",
        body: str = "",
        **options: Any,
    ) -> WebApp:
        """Open a page with a script.

        Args:
            script: The app.
            tag: The URL of the local Daily whose script tag the page has before the app.
            head: HTML for the page's head.
            body: HTML before the script.
            options: Of `visit`.
        """
        return await self.visit(self.add(script, tag=tag, head=head, body=body), **options)

    def add(
        self, script: str = "", *, tag: str | None = None, head: str = "", body: str = ""
    ) -> str:
        """Serve a page with a script, as `open` does, and give its URL."""
        name = f"app-{len(self._pages)}"
        before = f'<script src="{tag}/.daily-js/reroute.js"></script>' if tag else ""
        body += f'<script src="/{name}.js"></script>'
        self.serve(f"/{name}.js", script, "text/javascript")
        self.serve(f"/{name}", _PAGE.format(head=before + head, body=body))
        return f"{self.url}/{name}"

    async def visit(
        self,
        url: str,
        *,
        tone_hz: float | None = 500,
        says: bytes | None = None,
        profile: Path | None = None,
    ) -> WebApp:
        """Open any page in a context of its own.

        Args:
            url: The page.
            tone_hz: What the fake microphone hears; silence when None.
            says: What it hears instead of a tone: 48 kHz, 16 bit.
            profile: The folder of a Chromium of its own; a shared one when None.
        """
        sound = (None if says else tone_hz, says)
        # A Chromium of its own would send its own requests through the proxy, as for updates.
        proxy = None if profile else self._proxy
        context = await self._browsers.context(sound, asks=False, profile=profile, proxy=proxy)
        page = context.pages[0] if context.pages else await context.new_page()
        app = WebApp(context, page)
        self._apps.append(app)
        await page.goto(url, timeout=WAIT * 1000)
        return app

    def serve(self, path: str, text: str, content_type: str = "text/html") -> None:
        """Have the site answer a path."""
        self._pages[path] = (text, content_type)

    async def _serve(self, request: web.Request) -> web.Response:
        if request.path not in self._pages:
            raise web.HTTPNotFound
        text, content_type = self._pages[request.path]
        return web.Response(text=text, content_type=content_type)

    async def _refuse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            line = await reader.readline()
            self.outside.append(line.decode("latin-1").strip())
            writer.write(b"HTTP/1.1 502 Not here\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
        writer.close()
