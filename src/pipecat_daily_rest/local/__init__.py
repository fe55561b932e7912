# SPDX-License-Identifier: BSD-2-Clause
"""A Daily that runs on this machine."""

from pipecat_daily_rest.local.server import LocalDaily

__all__ = ["LocalDaily"]
