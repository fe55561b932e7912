# SPDX-License-Identifier: BSD-2-Clause
"""What the pages name is there. What they show is run by tests/test_guides.py."""

import re
import subprocess
import sys
from pathlib import Path

from handbook.pages import FENCE

from pipecat_daily_rest import errors

ROOT = Path(__file__).parents[1]


def test_the_files_that_the_documents_name_exist():
    documents = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
    documents.append(ROOT / "examples" / "README.md")
    for document in documents:
        text = "".join(FENCE.split(document.read_text())[::2])
        named = re.findall(r"`((?:tests|examples|docs|src)/[\w./-]+)`", text)
        named += [
            str((document.parent / link).resolve().relative_to(ROOT))
            for link in re.findall(r"\]\((?!http|#)([^)#]+)\)", text)
        ]
        for name in named:
            assert (ROOT / name).exists(), f"{document.name} names {name}"


def test_every_option_of_the_runner_is_on_its_page():
    page = (ROOT / "docs" / "running.md").read_text()
    command = [sys.executable, "-m", "pipecat_daily_rest", "run", "--help"]
    shown = subprocess.run(
        command, capture_output=True, text=True, env={"COLUMNS": "200", "NO_COLOR": "1"}
    )
    options = set(re.findall(r"--[a-z][a-z-]+", shown.stdout)) - {"--help"}
    assert {"--local", "--room-url", "--lifetime", "--open", "--sip"} <= options
    for option in options:
        assert f"`{option}" in page, option


def test_every_error_is_on_the_page_of_errors_with_what_to_do():
    page = (ROOT / "docs" / "errors.md").read_text()
    rows = dict(re.findall(r"^\| `(?:\w+\.)?(\w+)` \| .+ \| (.+) \|$", page, re.MULTILINE))
    kinds = {name: kind for name, kind in vars(errors).items() if isinstance(kind, type)}
    raised = {name for name, kind in kinds.items() if issubclass(kind, Exception)} - {"DailyError"}
    others = {"BotStillRunningError", "WebhookVerificationError", "TokenVerificationError"}
    assert rows.keys() == raised | others
    tree = re.search(r"^DailyError$\n(.*?)```", page, re.MULTILINE | re.DOTALL)[1]
    drawn = re.findall(r"^([ │├└─]*)(\w+Error)\b", tree, re.MULTILINE)
    above = {0: "DailyError"}
    for lead, name in drawn:
        depth = len(lead) // 4
        above[depth] = name
        if name in kinds:
            assert kinds[name].__bases__[0].__name__ == above[depth - 1], name
    assert {name for _, name in drawn} == raised | {"BotStillRunningError"}


def test_every_variable_is_on_a_page():
    pages = "".join(
        (ROOT / "docs" / f"{name}.md").read_text() for name in ("configuration", "server")
    )
    found = set()
    for path in (ROOT / "src").rglob("*.py"):
        text = path.read_text()
        found |= set(re.findall(r"\"((?:PIPECAT_DAILY|LOCAL_DAILY|DAILY)_[A-Z_]*[A-Z])\"", text))
    assert {"DAILY_API_KEY", "DAILY_TRUST_ENV", "PIPECAT_DAILY_STATE"} <= found
    inner = {"LOCAL_DAILY_API_KEY", "DAILY_JS"}  # between our own processes; no variable
    assert {name for name in found - inner if f"`{name}`" not in pages} == set()


def test_the_readme_is_short():
    text = (ROOT / "README.md").read_text()
    assert len(text.split()) < 1600
