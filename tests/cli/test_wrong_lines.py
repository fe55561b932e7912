# SPDX-License-Identifier: BSD-2-Clause
"""Wrong command lines: each ends with one sentence that says what to do, and no traceback."""

import json
import os
import shlex
import socket
import subprocess
import sys

import pytest

KEY = "k" * 40
AWAY = {"DAILY_API_KEY": KEY, "DAILY_API_URL": "http://127.0.0.1:1/v1"}
KEYLESS = {"DAILY_API_KEY": "", "DAILY_API_URL": ""}
# A command line, its exit code, and what the error says.
LINES = [
    ("nothing", 2, "No such command 'nothing'"),
    ("--nothing", 2, "No such option: --nothing"),
    ("rooms nothing", 2, "No such command 'nothing'"),
    ("run", 2, "Missing argument 'bot'"),
    (
        "run nothere.py --local",
        2,
        "There is no file 'nothere.py': pass the Python file that defines bot(). "
        "`pipecat-daily-rest demo --copy bots` copies examples.",
    ),
    ("run data.txt --local", 2, "'data.txt' is not a Python file"),
    (
        "run bots --local",
        2,
        "'bots' is a folder: pass the Python file in it that defines bot(), as bots/bot.py.",
    ),
    ("run bots --local --reload", 2, "'bots' is a folder"),
    ("run . --local", 2, "'.' is a folder: pass the Python file in it that defines bot()."),
    ("run loud.py --lifetime 0", 2, "'--lifetime': must be a number of seconds, at least 1, not 0"),
    ("run loud.py --lifetime nan --reload", 2, "'--lifetime': must be a number of seconds"),
    ("run loud.py --name-prefix 'a b'", 2, "'--name-prefix': the prefix 'a b' makes no valid"),
    ("run loud.py --port 70000 --local", 2, "'--port': must be a port from 0 to 65535, not 70000"),
    ("run loud.py --port {taken} --local", 2, "Cannot listen on 127.0.0.1:{taken}: "),
    ("run loud.py --host '' --local", 2, "'--host': must be an address of this machine"),
    (
        "run loud.py --host 192.0.2.1 --local",
        2,
        "not an address of this machine. Pass another --host",
    ),
    ("run loud.py --room-url nothing", 2, "'--room-url': 'nothing' is not a room's URL"),
    ("run loud.py --room-url http://x/y --sip", 2, "--sip makes a room, and --room-url uses one"),
    ("run nobot.py --local", 2, "defines no bot()"),
    ("run nobot.py --port x", 2, "Invalid value for '--port'"),
    ("run nobot.py --lifetime abc", 2, "Invalid value for '--lifetime'"),
    ("run nobot.py --log-level LOUD", 2, "'--log-level': must be one of TRACE"),
    ("run nobot.py --local --room-url http://x/y", 2, "--local makes its own room"),
    ("run nobot.py --local --daily", 2, "contradict each other"),
    ("run nobot.py --daily", 2, "DAILY_API_KEY is not set"),
    ("run nobot.py --local --body @nothere.json", 2, "'nothere.json' cannot be read"),
    ("run a b c", 2, "come after `--`: -- b c"),
    ("demo --copy data.txt", 2, "data.txt has something in it"),
    ("demo x", 2, "unexpected extra argument"),
    ("serve", 2, "Missing argument 'bot'"),
    ("serve nothere.py --local", 2, "There is no file"),
    ("serve nobot.py --local --launcher x:y", 2, "launcher 'x:y' cannot be imported"),
    ("serve nobot.py --local --log-format xml", 2, "'--log-format'"),
    ("serve nobot.py --local --drain nan", 2, "'--drain'"),
    ("serve bots --local", 2, "is a folder"),
    ("serve nobot.py --max-sessions 0", 2, "'--max-sessions'"),
    ("load", 2, "Missing argument 'bot'"),
    ("load nothere.py", 2, "There is no file"),
    ("load nobot.py --max-latency 0", 2, "'--max-latency'"),
    ("load nobot.py --max-lag inf", 2, "are numbers of seconds"),
    ("load nobot.py --most 0", 2, "'--most'"),
    ("load nobot.py --plot no/where.svg", 2, "there is no folder 'no'"),
    ("load nobot.py --plot bots", 2, "is a folder: name a file in it"),
    ("load nobot.py --body {", 2, "--body must be JSON"),
    ("load nobot.py --question data.txt", 2, "'data.txt' cannot be read as a WAV file"),
    ("load nobot.py", 2, "defines no bot()"),
    ("local --port 70000", 2, "'--port': must be a port from 0 to 65535, not 70000"),
    ("local --latency -1", 2, "'--latency': must be a number of seconds, at least 0, not -1"),
    ("local --nothing", 2, "No such option: --nothing"),
    ("local --port 0 -- nothere", 127, "cannot run 'nothere'"),
    ("sweep --min-age -1", 2, "'--min-age': must be a number of seconds, at least 0, not -1"),
    ("sweep --pause nan", 2, "'--pause': must be a number of seconds, at least 0, not nan"),
    ("sweep --prefix ///", 2, "'--prefix': the prefix '///' makes no valid room name"),
    ("sweep --output xml", 2, "'rich', 'plain', 'json'"),
    ("sweep", 1, "no answer from http://127.0.0.1:1/v1"),
    ("audit", 2, "no answer from http://127.0.0.1:1/v1"),
    ("audit --min-age inf", 2, "'--min-age': must be a number of seconds"),
    ("audit --ignore", 2, "requires an argument"),
    ("doctor x", 2, "unexpected extra argument"),
    ("rooms list x", 2, "unexpected extra argument"),
    ("rooms show a/b", 2, "is not a room's URL"),
    ("rooms show http://[bad/x", 2, "is not a room's URL"),
    ("rooms show ''", 2, "is not a room name"),
    ("rooms create --name 'a b'", 2, "is not a room name"),
    ("rooms create --lifetime 1e400", 2, "'--lifetime': must be a number of seconds"),
    ("rooms create --property =", 2, "write it as name=value"),
    ("rooms create --property exp=1", 2, "--property exp: the command sets that itself"),
    ("rooms create --property eject_at_room_exp=false", 2, "the command sets that itself"),
    ("rooms create --property max_participants=[]", 2, "max_participants does not fit"),
    ("rooms create --property nbf=99999999999", 2, "nbf"),
    ("rooms delete", 2, "Missing argument 'rooms'"),
    ("rooms delete a/b --yes", 2, "is not a room's URL"),
    ("rooms open x --no-browser", 1, "no answer from http://127.0.0.1:1/v1"),
    ("token create x --property user_id={}", 2, "user_id does not fit"),
    ("rooms create --lifetime 0", 2, "'--lifetime': must be a number of seconds"),
    ("token create x --lifetime 0", 2, "'--lifetime': must be a number of seconds"),
    ("token read x", 1, "This is not a meeting token"),
    ("token read http://x/?t=", 2, "There is no token"),
    ("token read http://[x", 2, "This is not a link"),
    ("token read a.b.c", 1, "This is not a meeting token"),
    ("version x", 2, "unexpected extra argument"),
]
# Names of Python's: a user of a command knows its options.
NAMES = ("min_age", "name_prefix", "room_url", "max_duration", "timedelta", "params")
# Each line in a fork of one Python, which has imported the commands.
RUN_ALL = """
import gc, json, os, sys, tempfile
import typer.rich_utils
from pipecat_daily_rest import DailyRESTHelper, runner, sweep_rooms, tokens
from pipecat_daily_rest.__main__ import main
from pipecat_daily_rest.cli import app, audit_command, local_command

gc.freeze()
for words in json.load(sys.stdin):
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        if not (child := os.fork()):
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            sys.argv = ["pipecat-daily-rest", *words]
            main()
            sys.exit()
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode())
        print(json.dumps([code, *texts]), flush=True)
"""


@pytest.mark.parametrize("env", [AWAY, KEYLESS], ids=["key", "keyless"])
def test_each_ends_with_a_sentence(tmp_path, env):
    (tmp_path / "nobot.py").write_text("x = 1\n")
    (tmp_path / "data.txt").write_text("hello\n")
    # A wrong option is told before the bot is imported, and what that prints.
    (tmp_path / "loud.py").write_text("print('imported')\n")
    (tmp_path / "bots").mkdir()
    (tmp_path / "bots" / "bot.py").write_text("import nothing\nasync def bot(runner_args): ...\n")
    (tmp_path / "bots" / "other.py").write_text("# def bot(\n")
    taken = socket.create_server(("127.0.0.1", 0))
    port = str(taken.getsockname()[1])
    lines = [
        (line.replace("{taken}", port), code, says.replace("{taken}", port))
        for line, code, says in LINES
        if says.startswith("DAILY_API") == (env is KEYLESS)
    ]
    process = subprocess.run(
        [sys.executable, "-c", RUN_ALL],
        input=json.dumps([shlex.split(line) for line, *_ in lines]),
        env={**os.environ, **env, "COLUMNS": "200", "TERM": "dumb", "PIPECAT_OUTPUT": ""},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    taken.close()
    assert process.returncode == 0, process.stderr
    answers = map(json.loads, process.stdout.splitlines())
    never = ("Traceback", KEY, *NAMES)
    wrong = [
        (line, found, out, err)
        for (line, code, says), (found, out, err) in zip(lines, answers, strict=True)
        if (found, out) != (code, "") or says not in err or any(each in err for each in never)
    ]
    assert wrong == []
