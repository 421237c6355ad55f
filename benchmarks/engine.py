"""Cells in files to wells: against reading alone, pycytominer, polars and DuckDB, and how time and memory grow.

`python benchmarks/engine.py` prints the section of docs/benchmarks.md; `--small` does so with a tenth of the data, to
see that all of it works. Each side runs in a process of its own on the same files; the second call counts.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from engine_sides import SIDES, write_plate

IMAGE = Path(__file__).parents[1] / "docs" / "images" / "engine_growth.png"
ROUNDS = 2


def measure(side: str, folder: str, calls: str) -> dict[str, float]:
    """Call one side some times in this process: seconds of the first and the fastest call, CPU, peak memory in MB."""
    wall, cpu = [], []
    for _ in range(int(calls)):
        start, before = time.perf_counter(), time.process_time()
        SIDES[side](Path(folder))
        wall.append(time.perf_counter() - start)
        cpu.append(time.process_time() - before)
    return {"first": wall[0], "best": min(wall), "cpu": min(cpu), "peak": peak()}


def peak() -> float:
    """Return the peak memory of this process in MB; `ru_maxrss` would count that of the process that started it."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return next(int(line.split()[1]) / 1024 for line in status.read_text().splitlines() if line.startswith("VmHWM"))


def in_process(side: str, folder: Path, *, calls: int = 2, **environment: str) -> dict[str, float]:
    """Measure in a fresh process; `whole` is the time of the process."""
    command = [sys.executable, __file__, "measure", side, str(folder), str(calls)]
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **environment})
    return json.loads(done.stdout.splitlines()[-1]) | {"whole": time.perf_counter() - start}


def compare(folder: Path, sides: list[str], rounds: int = ROUNDS) -> dict[str, dict[str, float]]:
    """Return the best of some rounds for each side; sides alternate."""
    runs = [{side: in_process(side, folder) for side in sides} for _ in range(rounds)]
    found = {side: {key: min(run[side][key] for run in runs) for key in runs[0][side]} for side in sides}
    for side, best in found.items():
        print(f"{folder.name}: {side}: {best['best']:.2f} s, {best['peak']:.0f} MB", flush=True)
    return found


def tables(*, small: bool = False) -> str:
    """Return what the page says of cells in files."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        parts = [_layouts(folder, small), _small_plate(folder), _start(folder), _growth(folder, small)]
    return "\n\n".join(parts)


def _layouts(folder: Path, small: bool) -> str:
    import cellprofiling as cpf

    n, features = (1, 100) if small else (4, 1000)
    made = {"in order": folder / "in order", "shuffled": folder / "shuffled", "written by `convert`": folder / "cache"}
    for rows in ("in order", "shuffled"):
        made[rows].mkdir()
        for i in range(n):
            file = made[rows] / f"P{i}.parquet"
            write_plate(file, f"P{i}", wells=384, cells=300, features=features, shuffled=rows == "shuffled")
    start = time.perf_counter()
    cpf.open_cells(made["in order"]).write(made["written by `convert`"])
    convert = time.perf_counter() - start
    few = [side for side in SIDES if side not in ("polars", "DuckDB")]
    found = {rows: compare(path, list(SIDES) if rows == "in order" else few) for rows, path in made.items()}
    lines = []
    for rows, sides in found.items():
        scan, peer = sides["scan"]["best"], sides["pycytominer"]
        lines += [
            f"| {rows} | {side} | {best['best']:.2f} | {best['first']:.2f} | {best['cpu']:.2f} | "
            f"{best['best'] / scan:.2f} | {peer['best'] / best['best']:.1f} | {best['peak']:.0f} | "
            f"{peer['peak'] / best['peak']:.1f} |"
            for side, best in sides.items()
        ]
    return (
        f"{n} plates of 384 wells, about 300 cells a well, {features} float32 features, parquet (zstd, row groups of\n"
        '16,384, 0.5 % nulls); medians of each well. "scan" reads the columns by two threads and throws them away.\n'
        f"To write the plates by `convert` took {convert / n:.1f} s a plate.\n\n"
        "| rows | side | seconds | first call | CPU seconds | times the scan | times faster than pycytominer | peak MB "
        "| times less memory |\n|---|---|---|---|---|---|---|---|---|\n" + "\n".join(lines)
    )


def _small_plate(folder: Path) -> str:
    path = folder / "small"
    path.mkdir()
    write_plate(path / "P0.parquet", "P0", wells=384, cells=20, features=300, shuffled=False)
    found = compare(path, ["cellprofiling", "polars"], rounds=3)
    ours, peer = (found[side]["best"] * 1000 for side in ("cellprofiling", "polars"))
    return f"A small plate (384 wells, about 20 cells a well, 300 features): {ours:.0f} ms, polars {peer:.0f} ms."


def _start(folder: Path) -> str:
    compiled = in_process("cellprofiling", folder / "small", calls=1)
    with tempfile.TemporaryDirectory() as empty:
        first = in_process("cellprofiling", folder / "small", calls=1, NUMBA_CACHE_DIR=empty)
    return (
        f"A process that does this small plate takes {compiled['whole']:.1f} s, most of it to load Python,\n"
        f"pandas and Numba; the very first one after installing takes {first['whole'] - compiled['whole']:.1f} s more "
        "to compile."
    )


def _growth(folder: Path, small: bool) -> str:
    most, cells = (100, 40) if small else (1000, 340)
    times: dict[str, list[tuple[float, float]]] = {"cells": [], "features": []}
    for copies in (1, 2, 4, 8):
        path = folder / f"cells x{copies}"
        path.mkdir()
        file = path / "P0.parquet"
        write_plate(file, "P0", wells=384, cells=cells, features=most, shuffled=False, copies=copies)
        found = in_process("cellprofiling", path)
        from pyarrow import parquet

        times["cells"].append((parquet.read_metadata(file).num_rows, found["best"]))
        print(f"{path.name}: {found['best']:.2f} s, {found['peak']:.0f} MB", flush=True)
        file.unlink()
    large = (times["cells"][-1][0] * most * 4 / 1e9, found["best"], found["peak"])
    for features in (most // 8, most // 4, most // 2, most):
        path = folder / f"{features} features"
        path.mkdir()
        write_plate(path / "P0.parquet", "P0", wells=384, cells=cells, features=features, shuffled=False)
        times["features"].append((features, in_process("cellprofiling", path)["best"]))
        (path / "P0.parquet").unlink()
    _plot(times)
    return (
        f"A plate of {large[0]:.1f} GB takes {large[1]:.1f} s and {large[2]:.0f} MB in all. Time grows with cells and "
        "with features:\n\n![How time grows with cells and with features](images/engine_growth.png)"
    )


def _plot(times: dict[str, list[tuple[float, float]]]) -> None:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(7, 3), layout="constrained")
    for ax, (what, points) in zip(axes, times.items(), strict=True):
        x, y = zip(*points, strict=True)
        ax.loglog(x, y, "o-", label="measured")
        ax.loglog(x, [y[-1] * value / x[-1] for value in x], "--", color="0.6", label="in proportion")
        ax.set_xticks(x, [f"{value / 1000:.3g}k" if value >= 1000 else f"{value:.0f}" for value in x])
        ax.set_yticks(y, [f"{value:.2g}" for value in y])
        ax.minorticks_off()
        ax.set(xlabel=f"{what} of a plate", ylabel="seconds")
        ax.legend(frameon=False)
    figure.savefig(IMAGE, dpi=150)


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        print(json.dumps(measure(*sys.argv[2:])))
    else:
        print(tables(small="--small" in sys.argv))
