# SPDX-License-Identifier: BSD-2-Clause
"""The pages of the site, from the files of the repository.

The site's generator knows one folder. So the pages are copied there, and what they link to outside of
`docs/` comes along: an example becomes a section of the page of examples, any other file a plain
text.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from posixpath import relpath

from handbook.reference import reference

ROOT = Path(__file__).parents[1]
# The files at the top of the repository that are pages.
TOP = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "LICENSE": "license.txt",
}
LINK = re.compile(r"(\]\(|\bsrc=\"|\bhref=\")([^)\s\"]+)")
FENCE = re.compile(r"^(````?\w*$.*?^````?$)", re.DOTALL | re.MULTILINE)
LANGUAGES = {".py": "python", ".html": "html", ".ini": "ini", ".yaml": "yaml", ".json": "json"}


class FaultError(Exception):
    """The pages are not right; the message says what to mend."""


def links(text: str, change: Callable[[str], str]) -> str:
    """Change the links of a page, but not what looks like one in a block of code."""
    parts = FENCE.split(text)
    parts[::2] = [LINK.sub(lambda found: found[1] + change(found[2]), part) for part in parts[::2]]
    return "".join(parts)


def inside(target: str) -> bool:
    """Whether a link's target is a file of the repository."""
    return not re.match(r"[a-z][a-z+.-]*:|#|//", target)


def examples() -> Iterator[Path]:
    """Give the example files that are text."""
    for path in sorted((ROOT / "examples").rglob("*")):
        if (
            path.is_file()
            and "__pycache__" not in path.parts
            and path.suffix not in (".wav", ".md")
        ):
            yield path


def anchor(path: PurePosixPath) -> str:
    """Give the id of an example's heading."""
    return re.sub(r"[^a-z0-9]+", "-", str(path).lower())


def page_of_examples() -> str:
    """Give the page with all examples."""
    text, folder = "", None
    for path in examples():
        name = PurePosixPath(path.relative_to(ROOT).as_posix())
        if name.parent != folder and (folder := name.parent).name != "examples":
            text += f"## {folder} {{ #{anchor(folder)} }}\n\n"
        level = "##" if folder.name == "examples" else "###"
        language = LANGUAGES.get(path.suffix, "text")
        text += f"{level} {name} {{ #{anchor(name)} }}\n\n"
        text += f"````{language}\n{path.read_text(encoding='utf-8').rstrip()}\n````\n\n"
    return text


class Pages:
    """The folder from which the site is made."""

    def __init__(self, folder: Path) -> None:
        """Say where the pages are to be."""
        self._target = folder
        self.folder = folder.with_name(folder.name + ".new")

    def write(self) -> None:
        """Write them, and touch no file that stays as it is: a server looks for changes."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(ROOT / "docs", self.folder)
        for path in sorted((ROOT / "docs").rglob("*.md")):
            page = path.relative_to(ROOT / "docs").as_posix()
            self._page(path, page, path.read_text(encoding="utf-8"))
        for name, page in TOP.items():
            if (ROOT / name).exists():
                self._page(ROOT / name, page, (ROOT / name).read_text(encoding="utf-8"))
        intro = ROOT / "examples" / "README.md"
        text = intro.read_text(encoding="utf-8") + "\n"
        self._page(intro, "examples.md", text + page_of_examples())
        for page, text in reference().items():
            (self.folder / page).parent.mkdir(exist_ok=True)
            (self.folder / page).write_text(text, encoding="utf-8")
        self._replace()

    def _replace(self) -> None:
        files = {path.relative_to(self.folder) for path in self.folder.rglob("*") if path.is_file()}
        for path in [*self._target.rglob("*")]:
            if path.is_file() and path.relative_to(self._target) not in files:
                path.unlink()
        for name in files:
            new, old = self.folder / name, self._target / name
            if not old.exists() or old.read_bytes() != new.read_bytes():
                old.parent.mkdir(parents=True, exist_ok=True)
                new.replace(old)
        shutil.rmtree(self.folder)

    def _page(self, source: Path, page: str, text: str) -> None:
        def change(target: str) -> str:
            if not inside(target):
                return target
            path, _, part = target.partition("#")
            there = (source.parent / path).resolve()
            if not there.is_relative_to(ROOT) or not there.exists():
                if there.is_relative_to(ROOT / "docs" / "reference"):
                    return target  # made with the site
                msg = f"{source.relative_to(ROOT)} links to {target}, which does not exist."
                raise FaultError(msg)
            name = PurePosixPath(there.relative_to(ROOT).as_posix())
            return relpath(self._place(there, name, part), PurePosixPath(page).parent)

        (self.folder / page).write_text(links(text, change), encoding="utf-8")

    def _place(self, there: Path, name: PurePosixPath, part: str) -> str:
        end = f"#{part}" if part else ""
        if str(name) in TOP:
            return TOP[str(name)] + end
        if name.parts[0] == "docs":
            return "/".join(name.parts[1:]) + end
        if name.parts[0] == "examples":
            return "examples.md" + ("" if name.name == "README.md" else f"#{anchor(name)}")
        if not there.is_file():
            msg = f"A page links to the folder {name}: link to a file in it."
            raise FaultError(msg)
        copy = self.folder / "files" / f"{name}.txt"
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(there, copy)
        return f"files/{name}.txt"
