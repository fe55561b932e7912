# SPDX-License-Identifier: BSD-2-Clause
"""What it costs the client: CPU, memory, imports."""

import asyncio
import math
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
CPU time of the client's process for a session from its start to the deletion of its room, one after
the other, without latency and limits. Each contender takes turns with bare aiohttp in the same
process, which sends the requests that this package sends (make, delete) and makes no tokens; the
ratio is the median over the processes. Pipecat's helper sends two requests more. Memory is what
Python's allocator holds for each open session.
"""
_IMPORT_TEXT = """\
CPU time and peak memory of fresh processes, in turns, less those of a Python that imports nothing.
pydantic loads most of itself only when it is used: *with one model* is what every program with a
pydantic model has loaded anyhow.
"""
_PEAK_IS_TOLD = sys.platform == "linux"
_BASE = "import aiohttp, pydantic, loguru"
_IMPORTS = {
    "nothing": "pass",
    "aiohttp + pydantic + loguru": _BASE,
    "the same, with one model": f"{_BASE}\nclass M(pydantic.BaseModel):\n    x: int = 0",
    "`pipecat_daily_rest`": f"{_BASE}; import pipecat_daily_rest",
    "`pipecat.transports.daily.utils`": f"{_BASE}; import pipecat.transports.daily.utils",
    "`pipecat.runner.daily`": f"{_BASE}; import pipecat.runner.daily",
}


async def session(daily: Daily, size: Size) -> Section:
    """CPU and memory for each session."""
    await daily.reset(latency=0)
    contenders = ("package", *PIPECATS)
    cpu: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
    for name in in_turns(contenders, size.processes):
        found = await answer(daily.account, "cpu", contender=name, count=size.cpu)
        cpu[name].append((found["seconds"], found["bare"]))
    memory = {
        name: (await answer(daily.account, "memory", contender=name, count=size.cpu))["bytes"]
        for name in (*contenders, "bare")
    }
    ratios = {name: median(own / bare for own, bare in cpu[name]) for name in contenders}
    bare = median(bare for each in cpu.values() for _, bare in each)
    rows = [
        (
            LABELS[name],
            f"{median(own for own, _ in cpu[name]) * 1e6:.0f} µs",
            f"{ratios[name]:.2f} ×",
            f"{memory[name] / 1024:.1f} KiB",
        )
        for name in contenders
    ]
    rows.append((LABELS["bare"], f"{bare * 1e6:.0f} µs", "1 ×", f"{memory['bare'] / 1024:.1f} KiB"))
    return Section(
        "CPU and memory of a session",
        _SESSION_TEXT,
        [Table(("", "CPU", "beside bare aiohttp", "memory while open"), rows)],
        [
            Check(
                "CPU of a session: 1.5 times bare aiohttp at most",
                f"{ratios['package']:.2f} times (Pipecat in sequence: {ratios['sequence']:.2f})",
                ratios["package"] <= 1.5,
            )
        ],
    )


async def imports(daily: Daily, size: Size) -> Section:
    """Time and memory of imports."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in _IMPORTS}
    for code in _IMPORTS.values():
        await _import(code)  # compiles, and fills the disk's cache
    for name in in_turns(list(_IMPORTS), size.imports):
        found[name].append(await _import(_IMPORTS[name]))
    seconds = {name: median(each for each, _ in all_) for name, all_ in found.items()}
    memory = {name: median(each for _, each in all_) for name, all_ in found.items()}
    nothing, base, model, package, *_ = _IMPORTS
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
    over, beyond = (seconds[package] - seconds[each] for each in (base, model))
    return Section(
        "Imports",
        _IMPORT_TEXT,
        [Table(("", "time", "over the three", "over them with one model", "memory"), rows)],
        [
            Check(
                "`import pipecat_daily_rest`: 30 ms at most over aiohttp, pydantic and loguru",
                f"{over * 1e3:.0f} ms ({beyond * 1e3:.0f} ms where a pydantic model is in use)",
                over <= 0.03,
            )
        ],
    )


async def _import(code: str) -> tuple[float, float]:
    """Seconds of CPU, and KiB at the peak."""
    return await asyncio.to_thread(_run, code)


def _run(code: str) -> tuple[float, float]:
    # What the process had before it became this Python counts in its rusage, so it tells by itself.
    code = f"{code}\nprint(open('/proc/self/status').read())" if _PEAK_IS_TOLD else code
    began = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = ended.ru_utime - began.ru_utime + ended.ru_stime - began.ru_stime
    peak = re.search(r"VmHWM:\s+(\d+) kB", done.stdout)
    return seconds, int(peak[1]) if peak else math.nan
