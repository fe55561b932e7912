# SPDX-License-Identifier: BSD-2-Clause
"""Daily's OpenAPI document as a table of the project's own, and checks against it."""
