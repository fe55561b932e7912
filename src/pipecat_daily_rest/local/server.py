# SPDX-License-Identifier: BSD-2-Clause
"""LocalDaily: builds the parts of a local Daily, starts and stops them."""

import errno
import math
import os
import secrets
import socket
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web, web_app
from aiohttp.typedefs import Handler
from loguru import logger

from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.local.arguments import must_be
from pipecat_daily_rest.local.bot.link import routes as bot_routes
from pipecat_daily_rest.local.bot.services import Services
from pipecat_daily_rest.local.bot.speech import Speech
from pipecat_daily_rest.local.bot.transcriber import Transcriber
from pipecat_daily_rest.local.browser.routes import routes as browser_routes
from pipecat_daily_rest.local.call.clock import Clock
from pipecat_daily_rest.local.call.mixer import Mixer
from pipecat_daily_rest.local.call.network import Network
from pipecat_daily_rest.local.call.room import Room
from pipecat_daily_rest.local.call.state import State
from pipecat_daily_rest.local.choices import Choices
from pipecat_daily_rest.local.face.routes import routes as face_routes
from pipecat_daily_rest.local.face.timelines import Timelines
from pipecat_daily_rest.local.for_tests import ForTests
from pipecat_daily_rest.local.guard import WILDCARDS, bracketed, guard, headers, is_loopback
from pipecat_daily_rest.local.outside.dialing import Dialing
from pipecat_daily_rest.local.outside.room_webhooks import RoomWebhooks
from pipecat_daily_rest.local.outside.sending import Sender
from pipecat_daily_rest.local.outside.switchboard import Switchboard
from pipecat_daily_rest.local.outside.telephony import Telephony
from pipecat_daily_rest.local.outside.webhooks import Webhooks
from pipecat_daily_rest.local.recording.private_folder import remove_dead
from pipecat_daily_rest.local.recording.recorder import Recorder
from pipecat_daily_rest.local.recording.stored import Stored
from pipecat_daily_rest.local.rest.control import routes as control_routes
from pipecat_daily_rest.local.rest.faults import Faults
from pipecat_daily_rest.local.rest.files import routes as file_routes
from pipecat_daily_rest.local.rest.journal import Journal, Request
from pipecat_daily_rest.local.rest.limits import Limiter, Limits
from pipecat_daily_rest.local.rest.parts import Parts
from pipecat_daily_rest.local.rest.routes import routes as rest_routes
from pipecat_daily_rest.local.secret import Secret, masked_log, secret, trace

MARK = "X-Local-Daily"
MARK_VALUE = "1"
STAND_IN = Path(__file__).parent / "bot" / "stand_in"


class LocalDaily(ForTests):
    """A Daily on this machine: the REST API, and rooms with people and bots in them.

    It is not made or endorsed by Daily, and has nothing of Daily's media server::

        async with LocalDaily() as daily:
            helper = DailyRESTHelper(daily_api_key=daily.api_key, daily_api_url=daily.api_url)
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        api_key: str | None = None,
        choices: Choices | None = None,
        limits: Limits | None = None,
        latency: float = 0.0,
        control: bool = False,
        speech_model: str | None = None,
        recordings: str | Path | None = None,
    ) -> None:
        """Initialize a local Daily; ``async with`` or `start` starts it.

        Args:
            host: The address to listen on. Other machines can connect unless it is a loopback
                address.
            port: The TCP port; a free one when 0.
            api_key: The key that it accepts, of 32 characters or more; a random one when None.
            choices: What to do where Daily's behaviour is unconfirmed.
            limits: Rate limits for the REST API, as ``Limits()``; None is no limits.
            latency: Seconds that every request to the REST API takes at least: half of them pass
                before the request is handled, half after.
            control: Whether other processes with the key may inject faults over HTTP, and the page
                at `face_url` may change things.
            speech_model: The Whisper model that transcribes for bots, if faster-whisper is
                installed: the name of one that is on this machine, or its folder. None leaves
                transcription to the test, see `RoomHandle.transcribe`.
            recordings: The folder in which recordings are kept, one folder for each room. None is a
                private one, which is removed when the local Daily stops.

        Raises:
            DailyConfigError: An argument has the wrong type or value.
        """
        api_key = secret(api_key)
        must_be(str, host=host)
        must_be(int, port=port)
        must_be(str | None, api_key=api_key, speech_model=speech_model)
        must_be(str | Path | None, recordings=recordings)
        must_be(Choices | None, choices=choices)
        must_be(Limits | None, limits=limits)
        must_be(float, latency=latency)
        must_be(bool, control=control)
        if not 0 <= port <= 65535:
            msg = f"port must be from 1 to 65535, or 0 for a free one, not {port}."
            raise DailyConfigError(msg)
        if api_key is not None and len(api_key) < 32:
            msg = (
                "The local Daily's api_key must have 32 characters or more, since it signs tokens. "
                "Leave it out for a random one."
            )
            raise DailyConfigError(msg)
        if not 0 <= latency < math.inf:
            msg = f"latency must be seconds, 0 or more, as 0.05, not {latency}."
            raise DailyConfigError(msg)
        # One socket only: localhost would open two, with port 0 on different ports.
        self.host = "127.0.0.1" if host == "localhost" else host.strip("[]")
        self.port = port
        self.api_key = Secret(api_key or secrets.token_hex(32))
        choices = choices or Choices()
        self.state = state = State(api_key=self.api_key, clock=Clock(), choices=choices)
        self.stored = Stored(state.domain, state.log)  # recordings and transcripts
        self.faults = Faults()
        self.mixer = Mixer(state.domain, state.calls)
        self._sender = Sender()
        self.webhooks = Webhooks(state.clock, choices, self._sender)
        RoomWebhooks(state.log, choices, self.webhooks)
        self.telephony = Telephony(state.domain, state.calls, self.webhooks, self.join)
        self.switchboard = Switchboard(state.domain, self.telephony, self._sender)
        self.dialing = Dialing(state.calls, self.telephony)
        self.transcriber = Transcriber(state.calls)
        self.recorder = Recorder(state.domain, state.calls, self.mixer, self.stored, recordings)
        self.services = Services(choices, self.dialing, self.transcriber, self.recorder)
        self.network = Network(state.calls)
        self._timelines = Timelines(state.log, state.domain, self.mixer)
        self._face_secret = Secret(secrets.token_urlsafe(24))
        self.closers: list[Callable[[], Awaitable[None]]] = []  # called when it stops
        model = speech_model or os.environ.get("LOCAL_DAILY_SPEECH_MODEL") or "tiny.en"
        self.speech = Speech(self.transcriber, model)
        self.closers.append(self.speech.aclose)
        if speech_model is not None:
            self.mixer.listeners.append(self.speech.hear)
            self.transcriber.watchers.append(self.speech.start)
        self.parts = Parts(
            url=lambda: self.url,
            domain=state.domain,
            log=state.log,
            meetings=state.meetings,
            calls=state.calls,
            messages=state.messages,
            rooms=state.rooms,
            requests=Journal(),
            limits=Limiter(limits, choices, state.clock),
            faults=self.faults,
            stored=self.stored,
            recorder=self.recorder,
            webhooks=self.webhooks,
            telephony=self.telephony,
            switchboard=self.switchboard,
            dialing=self.dialing,
            latency=latency,
        )
        self._control = control
        self.more_routes: list[web.RouteDef] = []  # beside its own, from before it starts
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Where people find the rooms, as ``http://localhost:<port>``."""
        host = WILDCARDS.get(self.host, self.host)
        return f"http://{'localhost' if host == '127.0.0.1' else bracketed(host)}:{self.port}"

    @property
    def api_url(self) -> str:
        """The base of the REST API; ends in ``/v1``."""
        return f"http://{bracketed(WILDCARDS.get(self.host, self.host))}:{self.port}/v1"

    @property
    def script_tag(self) -> str:
        """The line of HTML with which a web app's page joins these rooms, unchanged otherwise."""
        return f'<script src="{self.url}/.daily-js/reroute.js"></script>'

    @property
    def face_url(self) -> str:
        """The link to the page with the rooms, their timelines and the requests; it holds a secret."""
        return Secret(f"{self.url}/#{self._face_secret}")

    @property
    def rooms(self) -> dict[str, Room]:
        """The rooms that exist, by name; expired ones do not."""
        return self.state.domain.existing()

    @property
    def requests(self) -> list[Request]:
        """The latest requests to the REST API, in order: up to 10,000, and 8 MiB of bodies."""
        return self.parts.requests

    @property
    def limits(self) -> Limiter:
        """The rate limits, and what they have let through and refused."""
        return self.parts.limits

    @property
    def latency(self) -> float:
        """Seconds that every request to the REST API takes at least."""
        return self.parts.latency

    @latency.setter
    def latency(self, seconds: float) -> None:
        self.parts.latency = seconds

    @property
    def late_ticks(self) -> int:
        """How many 20 ms frames of sound were more than 20 ms late or missing since the start."""
        return self.mixer.late

    def env(self) -> dict[str, str]:
        """Give the environment in which programs use this Daily instead of the real one.

        Returns:
            ``DAILY_API_URL``, ``DAILY_API_KEY``, an empty ``DAILY_ROOM_URL``, and a
            ``PYTHONPATH`` that begins with the folder of the stand-in for ``daily``.
        """
        before = os.environ.get("PYTHONPATH")
        return {
            "DAILY_API_URL": self.api_url,
            "DAILY_API_KEY": self.api_key,
            "DAILY_ROOM_URL": "",
            "PYTHONPATH": os.pathsep.join([str(STAND_IN), *([before] if before else [])]),
        }

    async def start(self) -> None:
        """Listen.

        Raises:
            DailyConfigError: The port is taken, or the address does not belong to this machine.
        """
        app = web.Application(
            middlewares=[self._no_traceback, guard(self)], client_max_size=1024 * 1024
        )
        app.on_response_prepare.append(self._mark)
        state = self.state
        participants = (state.lobby, state.calls, state.messages)
        for routes in (
            rest_routes(self.parts),
            file_routes(self.parts),
            bot_routes(*participants, self.services),
            browser_routes(*participants, self.mixer, self.host, self.closers),
            face_routes(
                self,
                self.parts,
                self._timelines,
                self._face_secret,
                control=self._control,
                closers=self.closers,
            ),
        ):
            app.add_routes(routes)
        if self._control:
            app.add_routes(control_routes(self.api_key, self.faults))
        app.add_routes(self.more_routes)
        self._runner = web.AppRunner(
            app,
            access_log=None,
            logger=masked_log(self.api_key, self._face_secret),
            shutdown_timeout=1,
        )
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self.host, self.port).start()
        except (OSError, ValueError) as exc:
            await self._runner.cleanup()
            self._runner = None
            raise DailyConfigError(self._why_not(exc)) from exc
        self.port = self._runner.addresses[0][1]
        remove_dead()
        self.mixer.start()
        if not is_loopback(self.host):
            logger.warning(
                "The local Daily listens on {}, port {}: other machines can connect, and nothing "
                "is encrypted.",
                self.host,
                self.port,
            )

    def _why_not(self, exc: Exception) -> str:
        reason = getattr(exc, "errno", None)
        if reason == errno.EADDRINUSE:
            return (
                f"Port {self.port} is taken by another program: end that program, or choose "
                "another port (0 is any free one)."
            )
        if reason == errno.EACCES:
            return f"You may not listen on port {self.port}: choose one above 1023."
        # asyncio of Python 3.13 skips such an address and then raises without an errno.
        absent = reason in (errno.EADDRNOTAVAIL, None)
        if isinstance(exc, socket.gaierror | ValueError) or absent:
            return (
                f"The local Daily cannot listen on {self.host!r}, which is not an address of this "
                "machine: use 127.0.0.1, or 0.0.0.0 for all of its addresses."
            )
        return f"The local Daily cannot listen on {self.host!r}, port {self.port}: {exc}."

    @web.middleware
    async def _no_traceback(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException:
            raise
        except ConnectionError:  # the client has disconnected
            if request.writer.output_size:
                raise
            return web.Response()
        except Exception as exc:
            logger.error("A request to the local Daily failed:\n{}", trace(exc, self.api_key))
            if request.writer.output_size:  # too late for a response: a websocket
                raise
            text = "The local Daily failed; its log says why."
            return web.Response(text=text, status=500)

    async def aclose(self) -> None:
        """Eject everyone and stop listening."""
        self.faults.stop()
        self.state.close()
        await self.switchboard.aclose()
        await self.webhooks.aclose()
        await self._sender.aclose()
        await self.mixer.stop()
        await self.recorder.aclose()
        for close in self.closers:
            await close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
            # aiohttp caches the middlewares of 1,024 routes, and with them all of this local Daily.
            if cached := getattr(web_app, "_cached_build_middleware", None):
                cached.cache_clear()

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop."""
        await self.aclose()

    async def _mark(self, request: web.Request, response: web.StreamResponse) -> None:
        response.headers[MARK] = MARK_VALUE
        response.headers["Date"] = formatdate(self.state.clock.now(), usegmt=True)
        response.headers.update(headers(request))
