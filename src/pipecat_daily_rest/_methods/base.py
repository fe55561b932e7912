# SPDX-License-Identifier: BSD-2-Clause
"""What the methods of the helper have in common."""

from pipecat_daily_rest._http import API


class Methods:
    """Some methods of `DailyRESTHelper` that belong together.

    Parameters:
        api: What sends their requests.
    """

    api: API
