# SPDX-License-Identifier: BSD-2-Clause
import io
import json

import pytest
import typer

from pipecat_daily_rest.cli import output
from pipecat_daily_rest.cli.output import Output

ROWS = [{"room": "a[b]", "expires": None}, {"room": "longer\x1b[31m", "expires": 5}]
COLUMNS = ("room", "expires")


class Terminal(io.StringIO):
    def isatty(self):
        return True


def in_terminal(monkeypatch):
    """Make both streams a terminal's; a fixture would do it before pytest sets them itself."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(output.sys, name, Terminal())
    return output.sys


def test_a_terminal_gets_rich_and_a_pipe_plain_unless_asked(monkeypatch):
    in_terminal(monkeypatch)
    assert output.chosen(None) is Output.RICH
    assert output.chosen(Output.JSON) is Output.JSON
    monkeypatch.setattr(output.sys, "stdout", io.StringIO())
    assert output.chosen(None) is Output.PLAIN


def test_a_plain_table_is_aligned_and_controls_no_terminal(capsys):
    output.show_table(Output.PLAIN, ROWS, COLUMNS)
    assert capsys.readouterr().out.splitlines() == [
        "ROOM         EXPIRES",
        "a[b]         -",
        "longer�[31m  5",
    ]


def test_json_is_the_rows(capsys):
    output.show_table(Output.JSON, ROWS, COLUMNS)
    assert json.loads(capsys.readouterr().out) == ROWS


@pytest.mark.parametrize("no_color", ["", "1"])
def test_no_color_takes_the_colours_of_a_terminal_away(monkeypatch, no_color):
    terminal = in_terminal(monkeypatch)
    monkeypatch.setenv("NO_COLOR", no_color)
    output.show_line(Output.RICH, ["fault", "[key]"], style="red")
    output.show_table(Output.RICH, ROWS, COLUMNS)
    shown = terminal.stdout.getvalue()
    assert "[key]" in shown
    assert "a[b]" in shown
    assert ("\x1b[31mfault" in shown) == (not no_color)


def test_an_error_and_a_note_control_no_terminal(capsys):
    with pytest.raises(typer.Exit):
        output.stop("The bot said \x1b[31m\x07\nand\tleft.")
    output.note("So did\x1b c another.")
    said = "Error: The bot said �[31m�\nand\tleft.\nSo did� c another.\n"
    assert capsys.readouterr().err == said
