# SPDX-License-Identifier: BSD-2-Clause
"""What the local Daily was tried with, beside what pip installs."""

# The versions of daily-js that tests run in a local room.
DAILY_JS = ("0.80.0", "0.87.0", "0.90.0", "0.92.2")
