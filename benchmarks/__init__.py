# SPDX-License-Identifier: BSD-2-Clause
"""How fast the package is, beside a program with Pipecat's helper alone: ``make bench``."""
