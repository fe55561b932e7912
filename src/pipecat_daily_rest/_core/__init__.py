# SPDX-License-Identifier: BSD-2-Clause
"""What every other part stands on: settings, secrets, checks of arguments, deadlines, room names.

No network. Imports `errors` only.
"""
