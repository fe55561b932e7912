# SPDX-License-Identifier: BSD-2-Clause
"""How fast it is, beside what a program with Pipecat alone does: ``make bench``."""
