# SPDX-License-Identifier: BSD-2-Clause
"""Builds the site with Zensical, strictly, and checks that it asks no other host for anything."""

import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from handbook.pages import ROOT, FaultError, Pages
from handbook.reference import undocumented

BUILD = ROOT / "build"
SITE = BUILD / "site"
CONFIG = ROOT / "zensical.toml"
ZENSICAL = [sys.executable, "-m", "zensical"]
# What a browser loads by itself, and not only after a click.
LOADS = re.compile(
    r"<(?:script|img|iframe|source|video|audio|embed)\b[^>]*?\bsrc(?:set)?=[\"']?((?:https?:)?//[^\"'\s>]+)"
    r"|<link\b(?![^>]*\brel=[\"']?canonical)[^>]*?\bhref=[\"']?((?:https?:)?//[^\"'\s>]+)"
    r"|url\([\"']?((?:https?:)?//[^\"')]+)|@import\s+[\"']((?:https?:)?//[^\"']+)"
)
HOST = re.compile(r"https?://([\w.-]+)")
# The hosts that Zensical's script names, and why it never asks them.
NAMED = {
    "www.w3.org": "the names of XML's formats",
    "unpkg.com": "Mermaid, for diagrams in that language: no page has one",
    "cdn.jsdelivr.net": "the same",
    "api.github.com": "the stars of a repository: the configuration names none",
    "gitlab.com": "the same",
    "codeberg.org": "the same",
    "fontawesome.com": "a licence",
}


def foreign(site: Path) -> Iterator[str]:
    """Give what makes a browser ask another host, a sentence each."""
    for path in sorted(site.rglob("*")):
        name = path.relative_to(site)
        if path.suffix in (".html", ".css", ".svg"):
            for found in LOADS.finditer(path.read_text(encoding="utf-8")):
                yield f"{name} loads {next(filter(None, found.groups()))}"
        if path.suffix == ".html" and 'class="mermaid"' in path.read_text(encoding="utf-8"):
            yield f"{name} has a Mermaid diagram, for which the page loads a script of unpkg.com"
        if path.suffix == ".js":
            for host in set(HOST.findall(path.read_text(encoding="utf-8"))) - NAMED.keys():
                yield f"{name} names the host {host}"


def build() -> None:
    """Build `build/site`; raise `FaultError` if a link is broken or a name has no docstring."""
    Pages(BUILD / "docs").write()
    shutil.rmtree(SITE, ignore_errors=True)
    done = subprocess.run(
        [*ZENSICAL, "build", "--strict", "--clean", "--config-file", CONFIG],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    said = re.sub(r"\x1b\[[\d;]*m", "", done.stdout + done.stderr).partition("Traceback (most")[0]
    faults = [line for line in said.splitlines() if line.startswith(("griffe:", "mkdocstrings:"))]
    if done.returncode:
        raise FaultError(said)
    faults += [f"{name} has no docstring" for name in undocumented()]
    faults += foreign(SITE)
    if faults:
        raise FaultError("\n".join(faults))
    print(f"{SITE.relative_to(ROOT)}: {len(list(SITE.rglob('*.html')))} pages")


def serve() -> None:
    """Build the pages, serve them at http://localhost:8000, and write them anew when one is saved."""
    pages = Pages(BUILD / "docs")
    pages.write()
    done = threading.Event()

    def times() -> list[float]:
        sources = [*(ROOT / "docs").rglob("*"), *(ROOT / "examples").rglob("*"), *ROOT.glob("*.md")]
        return [path.stat().st_mtime for path in sources]

    def watch() -> None:
        seen = times()
        while not done.wait(1):
            if (now := times()) != seen:
                seen = now
                try:
                    pages.write()
                except FaultError as fault:
                    print(fault, file=sys.stderr)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        subprocess.run([*ZENSICAL, "serve", "--config-file", CONFIG], cwd=ROOT)
    except KeyboardInterrupt:
        pass
    finally:
        done.set()
        thread.join()
