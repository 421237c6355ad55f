"""Time each case and its peer side by side and write docs/benchmarks.md.

Each side runs in a process of its own, after one warm-up call on the same data; sides alternate, and the fastest of
three calls counts. Peak memory is that of the whole process, data included.
"""

import json
import os
import platform
import resource
import subprocess
import sys
import time
from datetime import date
from importlib.metadata import version
from pathlib import Path

import engine
from cases import CASES

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
ROUNDS = 3


def measure(index: int, side: str) -> dict[str, float]:
    """Time one side of one case in this process: seconds of the fastest call, peak memory in MB."""
    case = CASES[index]
    data, work = case.data(), getattr(case, side)
    seconds = []
    for _ in range(2):
        start = time.perf_counter()
        work(data)
        seconds.append(time.perf_counter() - start)
    return {
        "first": seconds[0],
        "best": min(seconds),
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def in_process(index: int, side: str) -> dict[str, float]:
    """Measure in a fresh process."""
    command = [sys.executable, __file__, str(index), side]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def compare(index: int) -> str:
    """Return the row of one case."""
    case, found = CASES[index], {"ours": [], "peer": []}
    for _ in range(ROUNDS):
        for side, runs in found.items():
            runs.append(in_process(index, side))
    best = {side: min(run["best"] for run in runs) for side, runs in found.items()}
    peak = {side: min(run["peak"] for run in runs) for side, runs in found.items()}
    first = min(run["first"] for run in found["ours"])
    print(f"{case.name}: {best['ours']:.2f} s, {case.peer_name} {best['peer']:.2f} s", flush=True)
    return (
        f"| {case.name} | {case.note} | {best['ours']:.2f} | {first:.2f} | {best['peer']:.2f} ({case.peer_name}) | "
        f"**{best['peer'] / best['ours']:.1f}** | {peak['ours']:.0f} | {peak['peer']:.0f} |"
    )


def write_page(rows: list[str], more: str) -> None:
    """Write docs/benchmarks.md."""
    names = ("cellprofiling", "pycytominer", "copairs", "polars", "duckdb", "numpy", "pandas", "pyarrow", "numba")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    threads = os.environ.get("OMP_NUM_THREADS", "unset")
    header = (
        f"# Benchmarks\n\nWritten by `make bench` on {date.today()}: {machine}, {versions}, "
        f"OMP_NUM_THREADS={threads}.\n\n"
        "Each side runs in a process of its own on the same data; sides alternate over three rounds, and the fastest\n"
        'call counts. "First call" includes what is compiled or loaded on first use. Peak memory is that of the whole\n'
        "process, data included.\n\n"
        "| work | size | seconds | first call | peer, seconds | ratio | peak MB | peer, peak MB |\n"
        "|---|---|---|---|---|---|---|---|\n"
    )
    PAGE.write_text(header + "\n".join(rows) + "\n\n" + more, encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps(measure(int(sys.argv[1]), sys.argv[2])))
    else:
        write_page([compare(index) for index in range(len(CASES))], engine.section())
