# SPDX-License-Identifier: BSD-2-Clause
"""Tells PyYAML, once a program imports it, that a secret is a string.

It refuses a subclass of `str` that it was not told of. It is not imported for that.
"""

import sys
from collections.abc import Iterator
from typing import Any


class Watch:
    """A finder that finds nothing: it notes that the last of PyYAML's modules is imported.

    Parameters:
        kind: The subclass of `str`.
    """

    def __init__(self, kind: type[str]) -> None:
        """Initialize; PyYAML may be there already."""
        self._kind = kind
        self._tell()

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        """Give None. ``yaml.cyaml`` comes after all that represents."""
        if name == "yaml.cyaml":
            self._tell()

    def _tell(self) -> None:
        representer = getattr(sys.modules.get("yaml.representer"), "SafeRepresenter", None)
        for each in _family(representer):
            if "yaml_representers" in vars(each):  # the others inherit it
                each.add_representer(self._kind, _represent)


def _represent(dumper: Any, value: str) -> Any:
    return dumper.represent_str(str(value))


def _family(base: Any) -> Iterator[Any]:
    if base is not None:
        yield base
        for each in base.__subclasses__():
            yield from _family(each)
