# SPDX-License-Identifier: BSD-2-Clause
"""Whether a host is this machine itself."""

import ipaddress


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches a host name or address."""
    host = host.lower().removesuffix(".")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
