# SPDX-License-Identifier: BSD-2-Clause
"""The proxy that the environment names for a URL: ``HTTPS_PROXY``, ``HTTP_PROXY``, ``NO_PROXY``."""

import os
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from pipecat_daily_rest._core.loopback import is_loopback

_YES = ("1", "true", "yes", "on")


@dataclass(frozen=True, kw_only=True)
class Proxy:
    """A proxy.

    Parameters:
        variable: The environment variable that names it.
        url: Its URL, which may hold a password.
    """

    variable: str
    url: str = field(repr=False)

    @property
    def address(self) -> str:
        """Its host and port, without a password."""
        return urlsplit(self.url).netloc.rpartition("@")[2]

    @property
    def password(self) -> str:
        """Its password, or ""."""
        return urlsplit(self.url).password or ""


def trusted() -> bool:
    """Tell whether ``DAILY_TRUST_ENV`` says that proxies are used."""
    return os.environ.get("DAILY_TRUST_ENV", "").strip().lower() in _YES


def proxy_for(url: str) -> Proxy | None:
    """Give the proxy that the environment names for a URL; never one for this machine."""
    from urllib.request import getproxies_environment, proxy_bypass

    parts = urlsplit(url)
    proxies = getproxies_environment()
    proxy = proxies.get(parts.scheme)
    host = parts.hostname or ""
    if not proxy or is_loopback(host) or host.endswith(".localhost"):
        return None
    if proxy_bypass(parts.netloc):
        return None
    name = f"{parts.scheme}_proxy"
    variable = name if os.environ.get(name) else name.upper()
    return Proxy(variable=variable, url=proxy if "://" in proxy else f"http://{proxy}")


def variables() -> list[str]:
    """Name the variables of proxies that are set."""
    names = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")
    return [each for name in names for each in (name.lower(), name) if os.environ.get(each)]
