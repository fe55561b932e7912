# SPDX-License-Identifier: BSD-2-Clause
"""What the commands cost before they do anything: their own help, and that of Pipecat's CLI."""

import asyncio

from benchmarks.cost import cpu_and_memory
from benchmarks.local_daily import Daily
from benchmarks.processes import in_turns, median
from benchmarks.report import Check, Section, Table
from benchmarks.sizes import Size

# Pipecat's CLI with the plugins of these names only.
_PIPECAT = """
import contextlib, importlib.metadata as metadata, io, sys
find = metadata.entry_points
metadata.entry_points = lambda **given: [each for each in find(**given) if each.name in {plugins!r}]
sys.path.append({needs!r})
from pipecat.cli.main import run
sys.argv = ["pipecat", "--help"]
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    run()
"""
_TYPER = """
import contextlib, io, sys
from typer.cli import main
sys.argv = ["typer", "--help"]
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    main()
"""
_OURS = """
import contextlib, io, sys
sys.argv = ["pipecat-daily-rest", "--help"]
from pipecat_daily_rest.__main__ import main
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    main()
"""
_TEXT = """\
CPU time of fresh processes, in turns. Pipecat's CLI imports each of its plugins whatever it is asked
for, and makes their commands part of its own.
"""


async def run(daily: Daily, size: Size) -> Section:
    """Measure it."""
    from pypi import pipecats_cli  # of the tests

    needs = str(pipecats_cli())
    cases = {
        "`pipecat --help`, without plugins": _PIPECAT.format(plugins=(), needs=needs),
        "`pipecat --help`, with this one": _PIPECAT.format(plugins=("daily",), needs=needs),
        "`typer --help`": _TYPER,
        "`pipecat-daily-rest --help`": _OURS,
    }
    found: dict[str, list[float]] = {name: [] for name in cases}
    for code in cases.values() if size.fresh else ():
        await asyncio.to_thread(cpu_and_memory, code)  # compiles, and fills the disk's cache
    for name in in_turns(list(cases), size.imports):
        found[name].append((await asyncio.to_thread(cpu_and_memory, cases[name]))[0])
    seconds = [median(found[name]) for name in cases]
    alone, with_ours, typers, ours = seconds
    return Section(
        "Commands",
        _TEXT,
        [
            Table(
                ("", "time"),
                [(n, f"{s * 1e3:.0f} ms") for n, s in zip(cases, seconds, strict=True)],
            )
        ],
        [
            Check(
                "`pipecat --help`: 50 ms more at most with this plugin",
                f"{(with_ours - alone) * 1e3:.0f} ms more",
                with_ours - alone <= 0.05,
            ),
            Check(
                "`pipecat-daily-rest --help`: twice the time of `typer --help` at most",
                f"{ours / typers:.2f} times",
                ours <= 2 * typers,
            ),
        ],
    )
