# SPDX-License-Identifier: BSD-2-Clause
"""Lets PyYAML write a `Secret`, once a program imports PyYAML.

PyYAML refuses subclasses of `str` that are not registered; this package does not import it.
"""

import sys
from collections.abc import Iterator
from typing import Any


class Watch:
    """An import finder that finds nothing; it notices when PyYAML's last module is imported.

    Parameters:
        kind: The subclass of `str` to register.
    """

    def __init__(self, kind: type[str]) -> None:
        self._kind = kind
        self._register()  # PyYAML may be imported already

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        """Give None. PyYAML imports ``yaml.cyaml`` after all of its representers."""
        if name == "yaml.cyaml":
            self._register()

    def _register(self) -> None:
        representer = getattr(sys.modules.get("yaml.representer"), "SafeRepresenter", None)
        for each in _family(representer):
            if "yaml_representers" in vars(each):  # others inherit it
                each.add_representer(self._kind, _represent)


def _represent(dumper: Any, value: str) -> Any:
    return dumper.represent_str(str(value))


def _family(base: Any) -> Iterator[Any]:
    if base is not None:
        yield base
        for each in base.__subclasses__():
            yield from _family(each)
