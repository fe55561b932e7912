# SPDX-License-Identifier: BSD-2-Clause
"""Incoming calls, until they are in a room.

Reference: https://docs.daily.co/docs/guides/features/dial-in-dial-out/sip-interconnect-pinless
"""

import asyncio
import uuid
from collections.abc import Coroutine
from typing import Any

from loguru import logger

from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.local.call.domain import Domain
from pipecat_daily_rest.local.call.room import JoinRefused
from pipecat_daily_rest.local.outside.phone import DialIn, DialinConfig
from pipecat_daily_rest.local.outside.sending import Sender, as_body
from pipecat_daily_rest.local.outside.telephony import NotReady, Telephony


class Switchboard:
    """Asks an endpoint for a room for each incoming call, and holds the call until there is one."""

    def __init__(self, domain: Domain, telephony: Telephony, sender: Sender) -> None:
        self.configs: dict[str, DialinConfig] = {}
        self._domain = domain
        self._telephony = telephony
        self._sender = sender
        self._tasks: set[asyncio.Task[Any]] = set()

    def dial_in(
        self, target: str, *, from_: str, to: str | None, sip_headers: dict[str, str] | None
    ) -> DialIn:
        """Call a number that has a dial-in configuration, or the SIP URI of a room."""
        config = next((each for each in self.configs.values() if target in each.names), None)
        room = None if config is not None else self._telephony.room_of(target)
        if config is None and room is None:
            msg = (
                f"Nobody has the number {target!r}: create a domain-dialin-config with it, or call "
                "the sip_uri of a room."
            )
            raise DailyConfigError(msg)
        called = to or (config.fields.get("phone_number") if config is not None else None) or target
        call = DialIn(
            self._telephony,
            id=str(uuid.uuid4()),
            domain=str(uuid.uuid5(uuid.UUID(self._domain.id), "sip")),
            to=called,
            from_=from_,
            sip_headers=sip_headers or {},
        )
        self._telephony.dialins.append(call)
        if config is not None:
            self._start(self._ask(call, config))
            until = self._domain.clock.now() + self._domain.choices.dialin_hold
            self._domain.clock.call_at(
                until, lambda: self._give_up(call, "no pinlessCallUpdate connected it in time")
            )
        elif room is not None:
            try:
                self._telephony.connect(call, room, target)
            except (NotReady, JoinRefused) as exc:
                call.become("failed", str(exc))
        return call

    def on_hold(self, call_id: str, domain: str) -> DialIn | None:
        """Look up a call that waits for a room, by its ``callId`` and ``callDomain``."""
        waiting = (call for call in self._telephony.dialins if call.state == "on-hold")
        return next((c for c in waiting if (c.id, c.domain) == (call_id, domain)), None)

    async def passes(self, config: DialinConfig) -> bool:
        """Test the endpoint of a configuration, as Daily does."""
        choices = self._domain.choices
        member = choices.dialin_probe
        if member is None or not config.fields.get("room_creation_api"):
            return True
        status = await self._post(config, {member: "test"}, choices.webhook_timeout)
        if status in (None, 200):
            return True
        url = config.fields["room_creation_api"].partition("?")[0]
        logger.warning("Local dial-in: {} answered the test request with {}, not 200", url, status)
        return not choices.dialin_probe_decides

    async def aclose(self) -> None:
        """Stop asking for rooms."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.get_running_loop().create_task(work, name="dial-in")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _ask(self, call: DialIn, config: DialinConfig) -> None:
        body = {
            "To": call.to,
            "From": call.from_,
            "callId": call.id,
            "callDomain": call.domain,
            **({"sipHeaders": call.sip_headers} if call.sip_headers else {}),
        }
        hold = self._domain.choices.dialin_hold
        call.answer_status = await self._post(config, body, hold)
        if call.answer_status != 200:
            got = (
                "did not respond"
                if call.answer_status is None
                else f"answered {call.answer_status}"
            )
            self._give_up(call, f"room_creation_api {got}")

    async def _post(
        self,
        config: DialinConfig,
        body: dict[str, Any],
        timeout: float,  # noqa: ASYNC109
    ) -> int | None:
        return await self._sender.post(
            config.fields.get("room_creation_api") or "",
            as_body(body),
            source="Pinless",
            secret=config.hmac,
            milliseconds=self._domain.choices.pinless_milliseconds,
            timeout=timeout,
        )

    def _give_up(self, call: DialIn, reason: str) -> None:
        if call.state == "on-hold":
            call.become("failed", reason)
