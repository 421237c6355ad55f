"""Whether the checks of a screen find planted faults, and how often they call a clean screen bad.

    python benchmarks/quality_truth.py [SEEDS] [--first SEED] [--out FILE]

Clean screens and screens with one fault each go through `check_quality`. Prints the table that docs/quality.md shows.
"""

import argparse
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
from scipy.stats import beta

import cellprofiling as cpf
from cellprofiling.quality.rules import load
from cellprofiling.simulate.faults.planted import FAULTS
from cellprofiling.simulate.faults.well_screen import simulate_wells

REFERENCE, POSITIVE = "Metadata_Role == 'negcon'", "Metadata_Role == 'poscon'"
CLEAN = "clean"
RULES = load()
NAMED = {  # the checks of which one should name the fault
    "rotated plate": ["layout.plate"],
    "swapped wells": ["controls.exchanged", "layout.swapped_wells"],
    "dead plate": ["counts.dead_plate", "counts.control_low"],
    "dispenser stripe": ["position.period", "position.worst_line", "counts.thin_line"],
    "edge effect": ["position.edge"],
    "drift": ["drift.trend", "drift.run"],
    "contaminated control column": ["controls.stray"],
    "duplicate plate": ["duplicates.exact"],
    "wrong plate map": ["layout.plate"],
    "missing controls": ["design.controls"],
}


def checked(wells: pd.DataFrame) -> pd.DataFrame:
    """Return the lines about plates and the screen."""
    quality = cpf.check_quality(wells, reference=REFERENCE, positive=POSITIVE, by="Metadata_Compound")
    checks = quality.checks
    return checks[checks["level"] != "well"]


def runs(seeds: Iterable[int], **options: int) -> Iterator[pd.DataFrame]:
    """Yield the problems of each screen, clean and with each fault; a screen without any gives one line."""
    for seed in seeds:
        wells = simulate_wells(seed=seed, **options)
        screens = {CLEAN: wells}
        screens |= {name: plant(wells, np.random.default_rng(seed)) for name, plant in FAULTS.items()}
        for name, screen in screens.items():
            checks = checked(screen)
            told = checks[["id", "scope", "status"]]
            problems = told[told["status"].isin(["fail", "warn", "inconclusive"])]
            yield (problems if len(problems) else told.head(1)).assign(fault=name, seed=seed)


def table(found: pd.DataFrame) -> pd.DataFrame:
    """Return one row per fault: how often the verdict was fail, and how often a check that names the fault spoke up."""
    rows = []
    for fault, screens in found.groupby("fault", sort=False):
        n = screens["seed"].nunique()
        bad = screens[screens["status"].isin(["fail", "warn"])]
        gates = screens["id"].map(lambda name: RULES[name].gate)
        failed = screens.loc[(screens["status"] == "fail") & gates, "seed"].nunique()
        passed = n - screens.loc[screens["status"].isin(["fail", "warn", "inconclusive"]), "seed"].nunique()
        named = bad.loc[bad["id"].isin(NAMED.get(str(fault), [])), "seed"].nunique()
        others = bad.loc[~bad["id"].isin(NAMED.get(str(fault), [])), "id"].value_counts()
        rows.append(
            {
                "fault": fault,
                "screens": n,
                "verdict fail": failed,
                "verdict pass": passed,
                "named": named if fault != CLEAN else np.nan,
                "named by": ", ".join(NAMED.get(str(fault), [])),
                "most often besides": ", ".join(others.index[:3]),
            }
        )
    return pd.DataFrame(rows)


def interval(k: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Return the exact interval of a share (Clopper and Pearson 1934)."""
    tail = (1 - level) / 2
    low = beta.ppf(tail, k, n - k + 1) if k else 0.0
    high = beta.ppf(1 - tail, k + 1, n - k) if k < n else 1.0
    return float(low), float(high)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("seeds", type=int, nargs="?", default=40)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--plates", type=int, default=8)
    given = parser.parse_args()
    parts = []
    for part in runs(range(given.first, given.first + given.seeds), plates=given.plates):
        parts.append(part)
        if given.out:
            pd.concat(parts, ignore_index=True).to_parquet(given.out)
    found = pd.concat(parts, ignore_index=True)
    result = table(found)
    print(result.to_string(index=False))
    clean = result[result["fault"] == CLEAN].iloc[0]
    low, high = interval(int(clean["verdict fail"]), int(clean["screens"]))
    print(f"\nclean screens that fail: {clean['verdict fail']} of {clean['screens']} (95 %: {low:.3f} to {high:.3f})")
    problems = found[(found["fault"] == CLEAN) & found["status"].isin(["fail", "warn", "inconclusive"])]
    print(problems.groupby(["id", "status"])["seed"].nunique().to_string())


if __name__ == "__main__":
    main()
