"""Plan and run a screen of 200 small plates, and say what a large one would take; writes into docs/large_screens.md.

    python benchmarks/large_screen.py [FOLDER]

The small plates show what a plate costs beside its bytes (starting, opening, writing, sending), a large one how fast
the bytes go through one core. Both have just been written, so they come from memory: a slower disk adds to it.
"""

import re
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

import cellprofiling as cpf
from cellprofiling.core.threads import cores, granted

PAGE = Path(__file__).parents[1] / "docs" / "large_screens.md"
STATISTICS = ["median", "mad"]
PLATES, TARGET, GIGABYTES = 200, 2000, 15


def write_plate(path: Path, wells: int, cells: int, features: int, seed: int) -> Path:
    """Write a plate of single-precision features, zstd."""
    rng = np.random.default_rng(seed)
    n = wells * cells
    names = [f"{chr(65 + i // 24)}{i % 24 + 1:02d}" for i in range(wells)]
    columns = {"Metadata_Plate": pa.array([path.stem] * n), "Metadata_Well": pa.array(np.repeat(names, cells))}
    columns |= {f"Cells_Texture_Contrast_DNA_{i}": pa.array(rng.normal(size=n).astype("f4")) for i in range(features)}
    parquet.write_table(pa.table(columns), path, compression="zstd", use_dictionary=False, row_group_size=1 << 17)
    return path


def run(cells: Path, out: Path, **where: object) -> tuple[float, int]:
    """Return seconds and bytes of a run."""
    start = time.perf_counter()
    plates = cpf.aggregate_plates(cells, out, statistics=STATISTICS, **where)
    assert set(plates["status"]) == {"done"}
    return time.perf_counter() - start, int(plates["size"].sum())


def measure(folder: Path) -> list[str]:
    """Return the measured numbers as sentences."""
    small, large = folder / "small", folder / "large"
    small.mkdir()
    large.mkdir()
    for i in range(PLATES):
        write_plate(small / f"plate{i:03d}.parquet", 96, 30, 200, i)
    write_plate(large / "plate.parquet", 384, 300, 1000, 0)
    plan = cpf.aggregate_plates(small, folder / "none", statistics=STATISTICS, executor="dask", workers=2, dry_run=True)
    expected = plan.attrs["forecast"]
    dask, size = run(small, folder / "dask", executor="dask", workers=2)
    here, _ = run(small, folder / "here", workers=2)
    cpf.aggregate(large, statistics=STATISTICS)  # compiles
    with granted(1):
        plate, plate_size = min(run(large, folder / "one") for _ in range(3))
    each = 2 * here / PLATES - size / PLATES / (plate_size / plate)
    rate = plate_size / plate
    seconds = TARGET * (GIGABYTES * 1e9 / rate + max(0.0, each))
    return [
        f"Measured with `benchmarks/large_screen.py` on {cores()} cores; median and MAD of every feature.",
        "",
        f"- {PLATES} plates, {expected['cells']:,} cells, 200 features, {size / 1e9:.2f} GB, two local Dask workers: "
        f"planned {expected['seconds']:.0f} s, took {dask:.0f} s ({PLATES / dask:.1f} plates/s, "
        f"{size / dask / 1e6:.0f} MB/s); two processes of its own: {here:.0f} s.",
        f"- One plate of 115,200 cells and 1,000 features ({plate_size / 1e9:.2f} GB): {plate:.2f} s on one core, "
        f"{rate / 1e6:.0f} MB/s.",
        f"- So {TARGET:,} plates of {GIGABYTES} GB, read at that rate, are {seconds / 3600:.0f} core hours: "
        f"{seconds / 3600 / 64:.1f} hours on 64 workers of one core. Together these would read "
        f"{64 * rate / 1e9:.0f} GB/s: the file server, not the cores, will set the pace. At 2 GB/s from the server it "
        f"is {TARGET * GIGABYTES / 2 / 3600:.1f} hours, whatever the number of workers.",
    ]


def main() -> None:
    """Measure, print, and put the numbers on the page."""
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as folder:
        text = "\n".join(measure(Path(folder)))
    print(text)
    marks = r"(?s)(<!-- measured -->\n).*(<!-- end -->)"
    PAGE.write_text(re.sub(marks, lambda found: f"{found[1]}{text}\n{found[2]}", PAGE.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
