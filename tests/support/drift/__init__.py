# SPDX-License-Identifier: BSD-2-Clause
"""The same questions to the local Daily and to the real one, and how the answers differ."""
