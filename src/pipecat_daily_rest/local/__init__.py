# SPDX-License-Identifier: BSD-2-Clause
"""A Daily that runs on this machine.

Imports nothing of the package but `errors` and the masking in `_core/secret.py`.
"""

from pipecat_daily_rest.local.call.room import JoinRefused
from pipecat_daily_rest.local.choices import Choices
from pipecat_daily_rest.local.rest.limits import Limits
from pipecat_daily_rest.local.server import LocalDaily

__all__ = ["Choices", "JoinRefused", "Limits", "LocalDaily"]
