# SPDX-License-Identifier: BSD-2-Clause
"""Whether a request comes from this machine: what nobody has signed is believed from there only."""

import re

from starlette.requests import Request

from pipecat_daily_rest._core.loopback import is_loopback

# What proxies and tunnels add, by the beginning of its name.
_FORWARDED = (
    *("forwarded", "via", "x-forwarded", "x-original-forwarded", "x-real-ip", "x-client-ip"),
    *("cf-", "fly-", "true-client-ip", "ngrok-", "tailscale-"),
)


def from_this_machine(request: Request) -> bool:
    """Tell whether a program or a page of this machine sent a request, and no proxy or tunnel."""
    headers = request.headers
    if request.client is None or any(name.startswith(_FORWARDED) for name in headers):
        return False
    hosts = [request.client.host, hostname(headers.get("host", ""))]
    if (origin := headers.get("origin")) is not None:
        hosts.append(hostname(origin.partition("://")[2]))
    return all(map(is_loopback, hosts))


def hostname(host: str) -> str:
    """Give the host of a ``Host`` header without its port."""
    return re.sub(r":\d*$", "", host).lower().removesuffix(".")
