# SPDX-License-Identifier: BSD-2-Clause
"""The account that the benchmarks use. A file of its own, so that no worker imports `local_daily`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Account:
    """Where a client sends its requests, and with which key."""

    url: str
    key: str
