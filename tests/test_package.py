# SPDX-License-Identifier: BSD-2-Clause
"""The wheel and the sdist hold what they should, and work where this repository is not.

`make proof ONLY=installing` installs them with all that they need. Here the environment is new, and
finds what they need in that of the tests.
"""

import re
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest
from hatch_build import absolute
from proof.package import ROOT, build, tried


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    return build(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def names(packages):
    """The files of the wheel and of the sdist."""
    wheel, sdist = packages
    with zipfile.ZipFile(wheel) as file, tarfile.open(sdist) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
        return set(file.namelist()), inside


@pytest.fixture(scope="module")
def metadata(packages):
    with zipfile.ZipFile(packages[0]) as file:
        (name,) = (each for each in file.namelist() if each.endswith("/METADATA"))
        return message_from_bytes(file.read(name))


def tracked(*folders):
    done = subprocess.run(
        ["git", "ls-files", *folders], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode or not done.stdout:
        pytest.skip("needs the repository's git")
    return done.stdout.splitlines()


def test_they_work_in_an_empty_folder(packages, tmp_path):
    wheel, _ = packages
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    python = venv / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet"]
    subprocess.run([*pip, "--no-deps", "--no-index", "--no-compile", wheel], check=True)
    here = next(venv.glob("lib/*/site-packages"))
    # Behind it, so that ours is the installed one.
    (here / "needs.pth").write_text(sysconfig.get_path("purelib"))
    said = tried(python, tmp_path / "empty")
    assert re.search(r"^room pipecat-\w+$", said, re.MULTILINE)


def test_the_wheel_has_the_package_and_the_examples_and_nothing_else(names):
    wheel = {name for name in names[0] if ".dist-info/" not in name}
    package = {name.removeprefix("src/") for name in tracked("src")}
    examples = {f"pipecat_daily_rest/{name}" for name in tracked("examples")}
    assert wheel == package | examples


def test_the_sdist_has_all_that_a_clone_needs(names):
    folders = ("src", "tests", "docs", "examples", "proof", "benchmarks", "handbook")
    missing = {*tracked(*folders), "Makefile", "zensical.toml", "hatch_build.py"} - names[1]
    assert missing == set()


def test_the_readme_of_an_index_has_no_relative_link(metadata):
    text = metadata.get_payload()
    assert metadata["Description-Content-Type"] == "text/markdown"
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    assert len(links) > 20
    assert [link for link in links if not link.startswith(("https://", "#"))] == []
    pictures = re.findall(r"!\[[^\]]*\]\(([^)\s]+)\)", text)
    assert all("/raw/HEAD/" in picture for picture in pictures)
    assert absolute("[a](b.md#c) ![d](e.png) [f](#g) [h](https://i.j)", "https://r/") == (
        "[a](https://r/blob/HEAD/b.md#c) ![d](https://r/raw/HEAD/e.png) [f](#g) [h](https://i.j)"
    )


def test_what_is_not_known_is_a_placeholder_in_one_place(metadata):
    text = (ROOT / "pyproject.toml").read_text()
    assert ("repository.invalid" in text) == ("# PLACEHOLDER" in text)  # until it is published
    assert text.count("# PLACEHOLDER") in (0, 2)  # the authors, the URLs
    me = Path(__file__).relative_to(ROOT).as_posix()
    others = [name for name in tracked() if (ROOT / name).suffix in (".py", ".md", ".yml")]
    named = [name for name in others if "repository.invalid" in (ROOT / name).read_text()]
    assert set(named) <= {me, "CONTRIBUTING.md"}
    assert metadata["License-Expression"] == "BSD-2-Clause"


def test_the_classifiers_name_the_pythons_that_are_supported():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found = re.findall(r"Python :: (3\.\d+)", " ".join(project["classifiers"]))
    assert found == ["3.11", "3.12", "3.13"]
    assert project["requires-python"] == f">={found[0]}"
