# SPDX-License-Identifier: BSD-2-Clause
"""The README of a package: its links lead to the repository, since a package index has no files."""

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

LINK = re.compile(r"(!?)(\[[^\]\n]*\]\()(?![a-z][a-z+.-]*:|#)([^)\s]+)")


def absolute(text: str, repository: str) -> str:
    """Make a README's links absolute: pages as they are shown, pictures as files."""
    repository = repository.rstrip("/")

    def change(found: re.Match[str]) -> str:
        kind = "raw" if found[1] else "blob"
        return f"{found[1]}{found[2]}{repository}/{kind}/HEAD/{found[3]}"

    return LINK.sub(change, text)


class ReadmeHook(MetadataHookInterface):
    """Gives the package its README."""

    PLUGIN_NAME = "custom"

    def update(self, metadata: dict[str, Any]) -> None:
        """Add the README to the metadata."""
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {
            "content-type": "text/markdown",
            "text": absolute(text, metadata["urls"]["Repository"]),
        }
