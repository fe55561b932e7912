# SPDX-License-Identifier: BSD-2-Clause
"""What a bot is given on the command line: a body, and arguments of its own."""

import json
import re
import sys

import pytest

from pipecat_daily_rest import DailyConfigError
from pipecat_daily_rest.runner.options import read_body

BOT = """
import json, sys

async def bot(runner_args):
    print("got", json.dumps([sys.argv[1:], runner_args.body]))

if __name__ == "__main__":
    from pipecat_daily_rest.runner import main
    main()
"""
BOTH = pytest.mark.parametrize(
    "how", [("-m", "pipecat_daily_rest", "run", "mine.py"), ("mine.py",)]
)


@pytest.fixture
def run(start, tmp_path, local_daily):
    """Starts a bot that says what it got; by the command, or by `main()` in its file."""
    (tmp_path / "mine.py").write_text(BOT)

    async def run(*arguments):
        return await start(sys.executable, *arguments, env=local_daily.env())

    return run


@BOTH
@pytest.mark.parametrize(
    ("arguments", "own", "body"),
    [
        ((), [], {}),
        (("--body", '{"name": "Ana"}'), None, {"name": "Ana"}),
        (("--body", "@body.json"), None, [1, None]),
        (("--", "--own", "x"), ["--own", "x"], {}),
        (("--body", "7", "--", "--body", "--", "--serve"), ["--body", "--", "--serve"], 7),
    ],
)
async def test_a_bot_gets_its_body_and_its_arguments(run, tmp_path, how, arguments, own, body):
    (tmp_path / "body.json").write_text("[1, null]", encoding="utf-8-sig")
    program = await run(*how, *arguments)
    assert await program.ended() == 0, program.err
    argv, got = json.loads(await program.says("^got (.*)$"))
    assert got == body
    if own is None:  # without `--` a script finds its command line as it was
        own = list(arguments) if how == ("mine.py",) else []
    assert argv == own


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("{", "Expecting property name"),
        ("", "Expecting value"),
        ("NaN", "JSON has no NaN"),
        ("[" * 100_000, "nested too deeply"),
        ("@missing.json", "'missing.json' cannot be read: No such file"),
        ("@", "'' cannot be read"),
        ("@binary", "can't decode"),
    ],
)
def test_a_body_that_is_not_json_is_refused(tmp_path, monkeypatch, body, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "binary").write_bytes(b'"\xff"')
    with pytest.raises(DailyConfigError, match="^--body.*" + re.escape(says)):
        read_body(body)


@BOTH
async def test_a_wrong_body_is_one_sentence(run, local_daily, how):
    program = await run(*how, "--body", "{")
    assert await program.ended() == 2
    assert program.err.startswith("Error: --body must be JSON")
    assert program.err.count("\n") == 1
    assert local_daily.requests == []


@BOTH
@pytest.mark.parametrize("argument", ["--own", "own"])
async def test_what_does_not_stand_behind_the_two_dashes_is_an_error(
    run, local_daily, how, argument
):
    program = await run(*how, argument)
    assert await program.ended() == 2
    assert "own" in program.err
    assert "Traceback" not in program.err
    assert local_daily.requests == []


async def test_a_bots_file_may_stand_behind_the_two_dashes(run):
    program = await run("-m", "pipecat_daily_rest", "run", "--", "mine.py", "--own")
    assert await program.ended() == 0, program.err
    assert 'got [["--own"], {}]' in program.out
