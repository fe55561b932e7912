# SPDX-License-Identifier: BSD-2-Clause
"""A token is masked in a `repr` only: whatever passes it on gets the token."""

import copy
import json
import pickle
import shlex
import subprocess
import sys

import pytest

from pipecat_daily_rest import provisioned_room
from pipecat_daily_rest._core.secret import Secret

TOKEN = Secret("eyJhbGciOi.eyJpYXQ: #.x")
PASSED_ON = {
    "str": str,
    "format": "{}".format,
    "padding": "{:>30}".format,
    "%s": lambda token: "%s" % token,  # noqa: UP031
    "join": lambda token: " ".join([token, token]),
    "JSON": lambda token: json.dumps({token: [token]}),
    "shell": lambda token: shlex.join(["bot", "-t", token]),
    "pickle": lambda token: pickle.loads(pickle.dumps(token)),  # noqa: S301
    "copy": lambda token: copy.deepcopy(copy.copy(token)),
    "bytes": str.encode,
    "argument": lambda token: (
        subprocess.run(
            [sys.executable, "-c", "import sys; print(sys.argv[1])", token],
            capture_output=True,
            check=True,
        ).stdout
    ),
}
YAML = """
import sys
{before}
from pipecat_daily_rest._core.secret import Secret
token = Secret("eyJhbGciOi.eyJpYXQ: #.x")
assert ("yaml" in sys.modules) == {loaded}
import yaml
dumpers = [yaml.SafeDumper, yaml.Dumper]
if yaml.__with_libyaml__:
    dumpers += [yaml.CSafeDumper, yaml.CDumper]
for dumper in dumpers:
    text = yaml.dump({{"t": token, "l": [token, token]}}, Dumper=dumper)
    assert yaml.safe_load(text) == {{"t": str(token), "l": [str(token)] * 2}}, text
"""


@pytest.mark.parametrize("how", PASSED_ON)
def test_a_token_can_be_passed_on(how):
    assert PASSED_ON[how](TOKEN) == PASSED_ON[how](str(TOKEN))


def test_copies_pickles_and_parts_of_a_token_are_masked():
    for kept in (copy.copy(TOKEN), pickle.loads(pickle.dumps(TOKEN)), TOKEN[:10]):  # noqa: S301
        assert repr(kept) == f"{kept!r}" == "'***'"
    assert str([TOKEN]) == "['***']"


@pytest.mark.parametrize(
    "before", ["", "import yaml", "import yaml\nyaml.SafeDumper.add_representer(complex, None)"]
)
def test_yaml_writes_a_token_whenever_yaml_is_imported(before):
    code = YAML.format(before=before, loaded=bool(before))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


async def test_a_room_says_how(local_daily):
    async with provisioned_room(api_key=local_daily.api_key, api_url=local_daily.api_url) as room:
        assert "str(room.bot_token)" in type(room).__doc__
        for secret in (room.bot_token, room.user_token, room.join_url):
            assert repr(secret) == "'***'"
            assert type(str(secret)) is str
            assert "eyJ" in f"{secret}"
