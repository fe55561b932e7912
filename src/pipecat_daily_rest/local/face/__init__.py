# SPDX-License-Identifier: BSD-2-Clause
"""The page that shows the rooms of a local Daily, what happens in them, and the requests.

Imports `for_tests`, `rest`, `outside`, `call` and what those import.
"""
