# SPDX-License-Identifier: BSD-2-Clause
"""docs/commands.md has every option of `load`, with its default."""

import re
from pathlib import Path

import typer

from pipecat_daily_rest.cli import app

PAGE = (Path(__file__).parents[2] / "docs" / "commands.md").read_text()


def test_every_option_is_in_the_table_with_its_default():
    command = typer.main.get_command(app).commands["load"]
    options = {
        each.opts[0]: each for each in command.params if each.opts[0] not in ("bot", "--output")
    }
    section = PAGE.partition("## load\n")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| `(--[\w-]+)` \| (.*?) \|", section, re.MULTILINE))
    assert list(rows) == list(options)
    for name, default in rows.items():
        shown = options[name].show_default
        if isinstance(shown, str):
            assert default == shown
        elif options[name].default is None:
            assert default == "none"
        else:
            assert default.strip("`") == f"{options[name].default}".removesuffix(".0")
