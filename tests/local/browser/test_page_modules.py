# SPDX-License-Identifier: BSD-2-Clause
"""The modules of the page and of the call machine, which the server also joins into one script."""

import re
from pathlib import Path

import pytest

import pipecat_daily_rest.local.browser

PAGE = Path(pipecat_daily_rest.local.browser.__file__).parent / "page"
MODULES = sorted(PAGE.rglob("*.js"))
IMPORT = re.compile(r'^import \{ (.*) \} from "(.*)";$', re.MULTILINE)
EXPORT = re.compile(r"^export (?:async )?(?:const|function|class) ([\w$]+)", re.MULTILINE)
TEXT = re.compile(r'//[^\n]*|"[^"\n]*"')


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_module_imports_what_it_uses_and_no_more(path: Path) -> None:
    script = path.read_text(encoding="utf-8")
    imported = {
        name: (path.parent / file).resolve()
        for names, file in IMPORT.findall(script)
        for name in names.split(", ")
    }
    for name, file in imported.items():
        assert name in EXPORT.findall(file.read_text(encoding="utf-8"))
    exported = {
        name for file in MODULES for name in EXPORT.findall(file.read_text(encoding="utf-8"))
    }
    code = TEXT.sub("", IMPORT.sub("", script))
    used = set(re.findall(r"(?<![.\w$#])[\w$]+", code))
    own = set(re.findall(r"(?:function|const|let|class)(?: \{)? ([\w$]+)", code))
    for name in exported - own:
        constant = name.isupper() or name[0].isupper()
        if constant or name in imported:
            assert (name in used) is (name in imported), name
