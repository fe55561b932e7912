# SPDX-License-Identifier: BSD-2-Clause
"""What TAB gives: commands, options and words to choose from; the shell adds file names."""

import pytest

from pipecat_daily_rest.cli import app
from pipecat_daily_rest.drill import DRILLS, drills

PROGRAM = "pipecat-daily-rest"


@pytest.mark.parametrize(
    ("words", "given"),
    [
        (("de",), ["demo"]),
        (("rooms", "d"), ["delete"]),
        (("audit", "--out"), ["--output"]),
        (("rooms", "list", "--output", ""), ["rich", "plain", "json"]),
        (("run", "bot.py", "--log-level", "WA"), ["WARNING"]),
        (("run", "bot.py", "--log-level", "wa"), ["warning"]),
        (("serve", "bot.py", "--log-format", ""), ["text", "json"]),
        (("serve", "bot.py", "--launcher", "p"), ["process"]),
        (("drill", "--only", ""), list(DRILLS)),
        (("rooms", "show", ""), []),  # no name is asked for over the network
        (("run", "bo"), []),
    ],
)
def test_tab(monkeypatch, capsys, words, given):
    monkeypatch.setenv("_PIPECAT_DAILY_REST_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", " ".join((PROGRAM, *words)))
    monkeypatch.setenv("COMP_CWORD", str(len(words)))
    with pytest.raises(SystemExit) as ended:
        app([], prog_name=PROGRAM)
    assert not ended.value.code
    assert capsys.readouterr().out.split() == given


def test_other_words_than_those_of_the_completion_are_taken(capsys):
    with pytest.raises(SystemExit):
        app(["serve", "bot.py", "--launcher", "mine:Launcher", "--help"], prog_name=PROGRAM)
    assert "Usage" in capsys.readouterr().out


def test_the_completion_can_be_installed(capsys):
    with pytest.raises(SystemExit):
        app(["--help"], prog_name=PROGRAM)
    said = capsys.readouterr().out
    assert "--install-completion" in said
    assert "--show-completion" in said


def test_the_drills_that_are_named_are_those_that_there_are():
    assert tuple(drills.DRILLS) == DRILLS
