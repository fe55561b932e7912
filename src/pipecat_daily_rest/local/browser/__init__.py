# SPDX-License-Identifier: BSD-2-Clause
"""People in browsers: the page, its routes, and WebRTC.

Imports `call` and what that imports.
"""
