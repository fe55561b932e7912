# SPDX-License-Identifier: BSD-2-Clause
"""What a session costs the client's process: CPU, memory, imports."""

import asyncio
import math
import os
import re
import resource
import subprocess
import sys

from benchmarks.contenders import LABELS, PIPECATS
from benchmarks.local_daily import Daily
from benchmarks.processes import answer, in_turns, median
from benchmarks.report import Check, Section, Table
from benchmarks.sizes import Size

_SESSION_TEXT = """\
CPU time of the client's process for a session, from its start to the deletion of its room, without
latency and limits. For *CPU* the sessions run one after the other. For *20 at once* so many run
together, and this package deletes their rooms with few requests. Each contender takes turns with
bare aiohttp in the same process. Bare aiohttp sends the two requests that this package sends when
sessions follow one another, with the same bodies, and reads both answers as JSON. It makes no
tokens: this package signs them without a request, and Pipecat's helper sends two more requests for
them. Ratios are medians over the processes. Memory is what Python's allocator holds for each open
session.
"""
_IMPORT_TEXT = """\
CPU time and peak memory of fresh processes, in turns, minus those of a Python that imports nothing.
The package loads its names when they are used. `import pydantic` loads little: pydantic loads the
rest of itself when a program makes its first model. *Over the three* counts that rest as a cost of
the import. *Over them with one model* is what an import costs a program that uses pydantic already;
the target is about this.
"""
_PRINTS_PEAK = sys.platform == "linux"
_BASE = "import aiohttp, pydantic, loguru"
_IMPORTS = {
    "nothing": "pass",
    "aiohttp + pydantic + loguru": _BASE,
    "the same, with one model": f"{_BASE}\nclass M(pydantic.BaseModel):\n    x: int = 0",
    "`pipecat_daily_rest` with `provisioned_room`": (
        f"{_BASE}; from pipecat_daily_rest import provisioned_room"
    ),
    "`pipecat_daily_rest`, none of its names used": f"{_BASE}; import pipecat_daily_rest",
    "`pipecat.transports.daily.utils`": f"{_BASE}; import pipecat.transports.daily.utils",
    "`pipecat.runner.daily`": f"{_BASE}; import pipecat.runner.daily",
}


async def session(daily: Daily, size: Size) -> Section:
    """CPU and memory for each session."""
    await daily.reset(latency=0)
    contenders = ("package", *PIPECATS)
    cpu: dict[tuple[str, int], list[tuple[float, float]]] = {}
    cases = [(name, at_once) for name in contenders for at_once in (1, size.together)]
    for name, at_once in in_turns(cases, size.processes):
        options = {"contender": name, "count": size.cpu, "at_once": at_once}
        found = await answer(daily.account, "cpu", **options)
        cpu.setdefault((name, at_once), []).append((found["seconds"], found["bare"]))
    memory = {
        name: (await answer(daily.account, "memory", contender=name, count=size.cpu))["bytes"]
        for name in (*contenders, "bare")
    }
    ratios = {case: median(own / bare for own, bare in cpu[case]) for case in cases}
    rows = [
        (
            LABELS[name],
            f"{median(own for own, _ in cpu[name, 1]) * 1e6:.0f} µs",
            f"{ratios[name, 1]:.2f} ×",
            f"{ratios[name, size.together]:.2f} ×",
            f"{memory[name] / 1024:.1f} KiB",
        )
        for name in contenders
    ]
    bare = median(bare for name in contenders for _, bare in cpu[name, 1])
    kept = f"{memory['bare'] / 1024:.1f} KiB"
    rows.append((LABELS["bare"], f"{bare * 1e6:.0f} µs", "1 ×", "1 ×", kept))
    ours, theirs = ratios["package", 1], ratios["sequence", 1]
    together = ratios["package", size.together]
    return Section(
        "CPU and memory of a session",
        _SESSION_TEXT,
        [Table(("", "CPU", "ratio", "20 at once, ratio", "memory while open"), rows)],
        [
            Check(
                "CPU of a session: 1.5 times bare aiohttp at most",
                f"{ours:.2f} times, {together:.2f} with 20 at once (Pipecat in sequence: {theirs:.2f})",
                ours <= 1.5,
            )
        ],
    )


async def imports(daily: Daily, size: Size) -> Section:
    """Time and memory of imports."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in _IMPORTS}
    for code in _IMPORTS.values() if size.fresh else ():
        await asyncio.to_thread(cpu_and_memory, code)  # compiles, and fills the disk's cache
    for name in in_turns(list(_IMPORTS), size.imports):
        found[name].append(await asyncio.to_thread(cpu_and_memory, _IMPORTS[name]))
    seconds = {name: median(each for each, _ in all_) for name, all_ in found.items()}
    memory = {name: median(each for _, each in all_) for name, all_ in found.items()}
    nothing, base, model, package, unused, *_ = _IMPORTS
    rows = [
        (
            name,
            f"{(seconds[name] - seconds[nothing]) * 1e3:.0f} ms",
            f"{(seconds[name] - seconds[base]) * 1e3:+.0f} ms",
            f"{(seconds[name] - seconds[model]) * 1e3:+.0f} ms",
            f"{(memory[name] - memory[nothing]) / 1024:.0f} MiB",
        )
        for name in list(_IMPORTS)[1:]
    ]
    over, first_use, alone = (seconds[each] - seconds[base] for each in (package, model, unused))
    beyond = over - first_use
    return Section(
        "Imports",
        _IMPORT_TEXT,
        [Table(("", "time", "over the three", "over them with one model", "memory"), rows)],
        [
            Check(
                "`import pipecat_daily_rest`: 30 ms at most over aiohttp, pydantic and loguru",
                f"{alone * 1e3:.0f} ms; {beyond * 1e3:.0f} with `provisioned_room` in a program that uses "
                f"pydantic; {over * 1e3:.0f} in one that does not, {first_use * 1e3:.0f} of them "
                "pydantic's own",
                beyond <= 0.03,
            )
        ],
    )


def cpu_and_memory(code: str) -> tuple[float, float]:
    """Run code in a fresh Python; give the seconds of CPU and the peak memory in KiB."""
    # Its rusage also counts what it used before it became this Python, so it prints its own peak.
    code = f"{code}\nprint(open('/proc/self/status').read())" if _PRINTS_PEAK else code
    began = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Without written bytecode, each import of an uninstalled program would compile it again.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = ended.ru_utime - began.ru_utime + ended.ru_stime - began.ru_stime
    peak = re.search(r"VmHWM:\s+(\d+) kB", done.stdout)
    return seconds, int(peak[1]) if peak else math.nan
