# SPDX-License-Identifier: BSD-2-Clause
"""The workflow files, ours and those that the pages show, fit the schema of workflow files."""

import subprocess
import sys

import pytest

from snippets import ROOT, blocks

SHOWN = [
    block.text
    for page in sorted((ROOT / "docs").glob("*.md"))
    for block in blocks(page)
    if block.language == "yaml" and "\njobs:" in block.text
]


def faults(*files):
    command = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        "vendor.github-workflows",
    ]
    done = subprocess.run([*command, *files], capture_output=True, text=True)
    return done.stdout + done.stderr if done.returncode else ""


def test_they_fit_the_schema(tmp_path):
    files = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
    for number, text in enumerate(SHOWN):
        files.append(tmp_path / f"{number}.yml")
        files[-1].write_text(text)
    assert len(files) > len(SHOWN) > 0
    assert faults(*files) == ""


def test_the_schema_finds_a_wrong_one(tmp_path):
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(
        (ROOT / ".github" / "workflows" / "ci.yml").read_text().replace("runs-on", "on")
    )
    assert "runs-on" in faults(wrong)


@pytest.mark.parametrize("name", ["ci.yml"])
def test_ours_runs_what_must_pass(name):
    text = (ROOT / ".github" / "workflows" / name).read_text()
    assert "- run: sudo --preserve-env=PATH,PYTHON .ci/run" in text
