# SPDX-License-Identifier: BSD-2-Clause
"""What the README shows runs, and what it names is there."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
SNIPPETS = re.findall(r"(?:<!-- run: (\w+) -->\n)?```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize(
    ("how", "code"), [snippet for snippet in SNIPPETS if snippet[0]], ids=lambda text: text[:5]
)
def test_the_snippets_run(tmp_path, how, code):
    program = tmp_path / "program.py"
    program.write_text(code)
    command = [sys.executable, str(program)]
    if how == "local":
        command = [sys.executable, "-m", "pipecat_daily_rest", "local", "--", *command]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=250)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_other_snippets_are_python():
    assert len(SNIPPETS) >= 5
    for _, code in SNIPPETS:
        ast.parse(code)


def test_the_files_that_the_documents_name_exist():
    documents = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    for document in documents:
        text = document.read_text()
        named = re.findall(r"`((?:tests|examples|docs|src)/[\w./-]+)`", text)
        named += [
            str((document.parent / link).resolve().relative_to(ROOT))
            for link in re.findall(r"\]\((?!http|#)([^)#]+)\)", text)
        ]
        for name in named:
            assert (ROOT / name).exists(), f"{document.name} names {name}"


def test_every_option_of_the_runner_is_in_the_readme():
    command = [sys.executable, "-m", "pipecat_daily_rest", "run", "--help"]
    shown = subprocess.run(
        command, capture_output=True, text=True, env={"COLUMNS": "200", "NO_COLOR": "1"}
    )
    options = set(re.findall(r"--[a-z][a-z-]+", shown.stdout)) - {"--help"}
    assert {"--local", "--room-url", "--lifetime", "--open", "--sip"} <= options
    for option in options:
        assert f"`{option}" in README, option
