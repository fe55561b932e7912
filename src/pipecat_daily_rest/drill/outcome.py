# SPDX-License-Identifier: BSD-2-Clause
"""What came of a drill, and the same as JUnit XML. No I/O."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal
from xml.etree import ElementTree

State = Literal["ok", "fault", "skipped"]


class DrillError(Exception):
    """A drill cannot go on; the text says why, as a sentence."""


@dataclass
class Outcome:
    """What came of a drill.

    Parameters:
        drill: Its name.
        calls: How many calls ran in it.
        cut: How many of them ended before their callers hung up.
        left: How many rooms were left.
        seconds: From what happened to the server until all was well again, or until that was
            given up.
        faults: What the server did wrong, a sentence each.
        skipped: Why the drill was not done, or "".
        well: What the server did, where it did nothing wrong.
    """

    drill: str
    calls: int = 0
    cut: int = 0
    left: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)
    skipped: str = ""
    well: str = ""

    @property
    def state(self) -> State:
        """``ok``, ``fault`` or ``skipped``."""
        return "fault" if self.faults else "skipped" if self.skipped else "ok"

    @property
    def found(self) -> str:
        """What to read in one line."""
        return " ".join(" ".join(self.faults).split()) or self.skipped or self.well


def junit(outcomes: Sequence[Outcome]) -> str:
    """Give the outcomes as JUnit XML.

    Args:
        outcomes: The drills that were done or skipped.

    Returns:
        The text of a file.
    """
    suite = ElementTree.Element(
        "testsuite",
        name="drill",
        tests=str(len(outcomes)),
        failures=str(sum(each.state == "fault" for each in outcomes)),
        errors="0",
        skipped=str(sum(each.state == "skipped" for each in outcomes)),
        time=f"{sum(each.seconds for each in outcomes):.3f}",
    )
    for each in outcomes:
        case = ElementTree.SubElement(
            suite, "testcase", classname="drill", name=each.drill, time=f"{each.seconds:.3f}"
        )
        if each.state == "fault":
            failure = ElementTree.SubElement(case, "failure", message=_xml(each.found))
            failure.text = "\n".join(map(_xml, each.faults))
        elif each.state == "skipped":
            ElementTree.SubElement(case, "skipped", message=_xml(each.skipped))
        counts = f"calls {each.calls}, cut {each.cut}, rooms left {each.left}"
        ElementTree.SubElement(case, "system-out").text = counts
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _xml(text: str) -> str:
    """Take out what XML must not have, however it is written: a server may say anything."""
    return "".join(each if each.isprintable() or each == "\n" else "\ufffd" for each in text)
