# SPDX-License-Identifier: BSD-2-Clause
"""``python -m handbook build`` or ``serve``."""

import sys

from handbook.site import FaultError, build, serve

if __name__ == "__main__":
    commands = {"build": build, "serve": serve}
    if len(sys.argv) != 2 or sys.argv[1] not in commands:
        sys.exit(f"Usage: python -m handbook {'|'.join(commands)}")
    try:
        commands[sys.argv[1]]()
    except FaultError as fault:
        sys.exit(str(fault))
