# SPDX-License-Identifier: BSD-2-Clause
"""Listens at the address that a command line names, or says why that cannot be."""

import errno
import os
import socket

from pipecat_daily_rest.errors import DailyConfigError


def listen(host: str, port: int) -> socket.socket:
    """Listen at the first address of a host that can be listened at.

    Raises:
        DailyConfigError: There is none.
    """
    why, other = "it is not an address of this machine", "--host"
    try:
        for family, *_ in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            try:
                return socket.create_server((host, port), family=family)
            except OSError as exc:
                if exc.errno != errno.EADDRNOTAVAIL:
                    # Its own words may repeat the address.
                    why, other = os.strerror(exc.errno or 0), "--port"
    except (OSError, UnicodeError):
        pass
    where = f"[{host}]" if ":" in host else host
    msg = f"Cannot listen on {where}{f':{port}' if port else ''}: {why}. Pass another {other}."
    raise DailyConfigError(msg)
