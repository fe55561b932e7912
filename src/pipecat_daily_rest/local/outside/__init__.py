# SPDX-License-Identifier: BSD-2-Clause
"""What leaves a local Daily, and what comes in from outside: webhooks and telephones.

Imports `call` and what that imports.
"""
