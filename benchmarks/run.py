"""Time each case and its peer side by side and write docs/benchmarks.md.

`python benchmarks/run.py` does all topics, `python benchmarks/run.py batch sqlite` these, and leaves the others on the
page as they were. Each side runs in a process of its own, after one warm-up call on the same data; sides alternate,
and the fastest of three rounds counts. What takes long is called once. Peak memory is that of the whole process.
"""

import json
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import date
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import engine
from cases import Case
from peers import python_of_peers

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
TOPICS = {
    "Wells": "cases",
    "Normalization": "normalization_cases",
    "Selection and consensus": "selection_cases",
    "Whitening and batches": "batch_cases",
    "Comparing corrections": "comparison_cases",
    "Hits": "hits_cases",
    "Fingerprints": "fingerprint_cases",
    "Features and mechanisms": "feature_cases",
    "SQLite": "sqlite_cases",
}
FILES = "Cells in files"
ROUNDS, LONG = 3, 15.0
HEADER = (
    "| work | size | seconds (CPU) | first call | peer | seconds (CPU) | ratio (CPU) | peak MB | peer, peak MB |\n"
    "|---|---|---|---|---|---|---|---|---|\n"
)


def measure(topic: str, index: int, side: str) -> dict[str, float]:
    """Time one side of one case in this process: seconds of the fastest call, CPU seconds, peak memory in MB."""
    case = _cases(topic)[index]
    data, work = case.data(), getattr(case, side)
    wall, cpu = [], []
    while len(wall) < 2 and (not wall or wall[0] < LONG):
        start, before = time.perf_counter(), _cpu()
        work(data)
        wall.append(time.perf_counter() - start)
        cpu.append(_cpu() - before)
    return {"first": wall[0], "best": min(wall), "cpu": min(cpu), "peak": engine.peak()}


def _cpu() -> float:
    """Return the CPU seconds of this process and of those it has waited for."""
    return sum(os.times()[:4])


def _cases(topic: str) -> Sequence[Case]:
    return import_module(TOPICS[topic]).CASES


def in_process(topic: str, index: int, side: str, python: str) -> dict[str, float]:
    """Measure in a fresh process."""
    command = [python, __file__, "measure", topic, str(index), side]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{topic}, case {index}, {side}:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def compare(topic: str, index: int) -> str:
    """Return the row of one case."""
    case = _cases(topic)[index]
    python = {"ours": sys.executable}
    if case.peer is not None:
        python["peer"] = python_of_peers() if case.elsewhere else sys.executable
    found: dict[str, list[dict[str, float]]] = {side: [] for side in python}
    for _ in range(ROUNDS):
        for side, runs in found.items():
            if not runs or runs[0]["best"] < LONG:
                runs.append(in_process(topic, index, side, python[side]))
    best = {side: {key: min(run[key] for run in runs) for key in runs[0]} for side, runs in found.items()}
    print(case.name, {side: round(run["best"], 2) for side, run in best.items()}, flush=True)
    return _row(case, best["ours"], best.get("peer"))


def _row(case: Case, ours: dict[str, float], peer: dict[str, float] | None) -> str:
    mine = f"| {case.name} | {case.note} | {ours['best']:.2f} ({ours['cpu']:.2f}) | {ours['first']:.2f} | "
    if peer is None:
        return f"{mine}{case.peer_name} | | | {ours['peak']:.0f} | |"
    return (
        f"{mine}{case.peer_name} | {peer['best']:.2f} ({peer['cpu']:.2f}) | "
        f"**{peer['best'] / ours['best']:.1f}** ({peer['cpu'] / ours['cpu']:.1f}) | "
        f"{ours['peak']:.0f} | {peer['peak']:.0f} |"
    )


def section(topic: str) -> str:
    """Return what the page says of one topic."""
    body = engine.tables() if topic == FILES else HEADER + "\n".join(compare(topic, i) for i in _indices(topic))
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    threads = os.environ.get("OMP_NUM_THREADS", "unset")
    return f"## {topic}\n\nMeasured on {date.today()}: {machine}, OMP_NUM_THREADS={threads}.\n\n{body}\n"


def _indices(topic: str) -> range:
    return range(len(_cases(topic)))


def write_page(sections: dict[str, str]) -> None:
    """Write docs/benchmarks.md, with the topics not measured now as they were."""
    known = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    earlier = {part.partition("\n")[0]: f"## {part}" for part in re.split(r"^## ", known, flags=re.M)[1:]}
    names = ("cellprofiling", "pycytominer", "copairs", "polars", "duckdb", "numpy", "pandas", "pyarrow", "numba")
    top = (
        f"# Benchmarks\n\nWritten by `make bench`, with {', '.join(f'{name} {version(name)}' for name in names)}.\n\n"
        "Each side runs in a process of its own on the same data; sides alternate over three rounds, and the fastest\n"
        'call counts. "First call" includes what is compiled or loaded on first use. Ratios are of seconds and, in\n'
        "brackets, of CPU seconds. Peak memory is that of the whole process, data included.\n"
    )
    parts = [(sections | {t: s for t, s in earlier.items() if t not in sections}).get(t) for t in (*TOPICS, FILES)]
    PAGE.write_text("\n".join([top, *[part.rstrip() + "\n" for part in parts if part]]), encoding="utf-8")


def chosen(words: Sequence[str]) -> list[str]:
    """Return the topics whose name begins with one of the words; all if there are none."""
    found = [t for t in (*TOPICS, FILES) if not words or any(t.lower().startswith(w.lower()) for w in words)]
    if not found:
        raise SystemExit(f"no topic begins with {words}; topics are {', '.join([*TOPICS, FILES])}.")
    return found


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        print(json.dumps(measure(sys.argv[2], int(sys.argv[3]), sys.argv[4])))
    else:
        for topic in chosen(sys.argv[1:]):
            write_page({topic: section(topic)})
