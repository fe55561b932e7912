# SPDX-License-Identifier: BSD-2-Clause
"""Whom the benchmarks ask. Apart from `local_daily`, which no worker has to import."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Account:
    """Where a client sends its requests, and with which key."""

    url: str
    key: str
