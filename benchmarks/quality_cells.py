"""Flags of single cells beside coSMicQC's: cells that people judged, and planted faults.

    python benchmarks/quality_cells.py --peer PYTHON

PYTHON is the interpreter of an environment with coSMicQC 1.1.2, which cannot be installed beside this package (it wants
an older pandas). Hill and others (2007), https://doi.org/10.1186/1471-2105-8-340: 2,019 cells.
"""

import argparse
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

import cellprofiling as cpf

HILL = Path(__file__).parents[2] / "shared/data/hill2007_segmentation_qc/cells.parquet"
AREA, FORM, ECCENTRICITY = (f"Nuclei_AreaShape_{name}" for name in ("Area", "FormFactor", "Eccentricity"))
SOLIDITY, STAIN = "Nuclei_AreaShape_Solidity", "Nuclei_Intensity_MeanIntensity_DNA"
CONDITIONS = {  # the defaults of coSMicQC 1.1.2
    "small_and_low_formfactor_nuclei": {AREA: -1, FORM: -1},
    "elongated_nuclei": {ECCENTRICITY: 2},
    "large_nuclei": {AREA: 2, FORM: -2},
}
PEER = """
import sys, pandas as pd, contextlib, io
from cosmicqc.analyze import label_outliers
cells = pd.read_parquet(sys.argv[1])
with contextlib.redirect_stdout(io.StringIO()):
    flagged = pd.DataFrame(label_outliers(df=cells, include_threshold_scores=True))
flagged.columns = flagged.columns.map(str)
flagged.to_parquet(sys.argv[2])
"""


def hill() -> tuple[pd.DataFrame, np.ndarray]:
    """Return the cells under CellProfiler's names, and which of them people called poorly segmented."""
    cells = pd.read_parquet(HILL)
    table = {
        "Metadata_Plate": "P1",
        "Metadata_Well": "A01",
        AREA: cells["area_ch_1"],
        FORM: 1 / cells["shape_p_2_a_ch_1"],
        ECCENTRICITY: np.sqrt(1 - np.minimum(1 / cells["shape_lwr_ch_1"] ** 2, 1)),
        SOLIDITY: 1 / cells["convex_hull_area_ratio_ch_1"],
        STAIN: cells["avg_inten_ch_1"],
    }
    return pd.DataFrame(table), (cells["class"] == "PS").to_numpy()


def planted(share: float, missing: bool = False, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Return 6,000 nuclei of which a share is debris, small and ragged; one value missing if asked."""
    rng = np.random.default_rng(seed)
    n = 6000
    bad = np.arange(n) < share * n
    area = np.exp(np.log(1000) + 0.25 * rng.normal(size=n)) * np.where(bad, 0.2, 1.0)
    form = np.clip(0.85 + 0.05 * rng.normal(size=n) - 0.25 * bad, 0.05, 1.0)
    table = {
        "Metadata_Plate": "P1",
        "Metadata_Well": "A01",
        AREA: area,
        FORM: form,
        ECCENTRICITY: np.clip(0.5 + 0.12 * rng.normal(size=n), 0, 1),
        STAIN: np.exp(-2 + 0.2 * rng.normal(size=n)),
    }
    cells = pd.DataFrame(table)
    if missing:
        cells.loc[n - 1, AREA] = np.nan
    return cells, bad


def ours(cells: pd.DataFrame, rules: object = None) -> tuple[np.ndarray, np.ndarray]:
    """Return flags, and how far beyond a limit each cell lies: the most of the rules, of a rule the least."""
    flagged = cpf.flag_cells(cells, rules)
    limits = pd.DataFrame(flagged.attrs["limits"])
    score = np.full(len(cells), -np.inf)
    for _, parts in limits[limits["scale"].notna()].groupby("rule"):
        each = [_beyond(cells[row["feature"]], row) for _, row in parts.iterrows()]
        score = np.maximum(score, np.min(each, axis=0))
    return flagged["Metadata_QC_Flagged"].to_numpy(), score


def _beyond(values: pd.Series, limit: pd.Series) -> np.ndarray:
    x = values.to_numpy(dtype=np.float64)
    low, high = limit["low"], limit["high"]
    if limit["log"]:
        x, low, high = np.log(x), np.log(low), np.log(high)
    center = limit["center"] if not limit["log"] else np.log(limit["center"])
    parts = [(x - center) / (edge - center) for edge in (low, high) if np.isfinite(edge)]
    return np.nan_to_num(np.max(parts, axis=0), nan=-np.inf)


def theirs(cells: pd.DataFrame, python: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the flags of coSMicQC with its defaults, and the same kind of score from its z-scores."""
    with tempfile.TemporaryDirectory() as folder:
        given, got = Path(folder) / "cells.parquet", Path(folder) / "flagged.parquet"
        cells.to_parquet(given)
        subprocess.run([python, "-W", "ignore", "-c", PEER, str(given), str(got)], check=True)
        flagged = pd.read_parquet(got)
    flags = flagged.filter(regex=r"is_outlier$").to_numpy().any(axis=1)
    score = np.full(len(cells), -np.inf)
    for condition in CONDITIONS.values():
        z = {name: (cells[name] - cells[name].mean()) / cells[name].std(ddof=0) for name in condition}
        each = [z[name].to_numpy() / threshold for name, threshold in condition.items()]
        score = np.maximum(score, np.nan_to_num(np.min(each, axis=0), nan=-np.inf))
    return flags, score


def auc(score: np.ndarray, bad: np.ndarray) -> float:
    """Return the chance that a bad cell scores higher than a good one, ties counting half."""
    ranks = pd.Series(score).rank().to_numpy()
    n_bad, n_good = bad.sum(), (~bad).sum()
    return float((ranks[bad].sum() - n_bad * (n_bad + 1) / 2) / (n_bad * n_good))


def row(name: str, method: str, flags: np.ndarray, score: np.ndarray, bad: np.ndarray) -> dict[str, object]:
    """Return one row of the table."""
    caught, wrong = flags[bad].mean() if bad.any() else np.nan, flags[~bad].mean()
    area = auc(score, bad) if bad.any() else np.nan
    return {"cells": name, "flags of": method, "bad caught": caught, "good flagged": wrong, "ROC AUC": area}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", help="a Python with coSMicQC 1.1.2")
    python = parser.parse_args().peer
    sets = {
        "Hill 2007": hill(),
        "5 % debris": planted(0.05),
        "30 % debris": planted(0.30),
        "5 % debris, one value missing": planted(0.05, missing=True),
        "no debris": planted(0.0),
    }
    rows = []
    for name, (cells, bad) in sets.items():
        rows.append(row(name, "flag_cells", *ours(cells), bad))
        if name == "Hill 2007":
            asked = ["small", "large", "merged", "bright", "irregular", "missing"]
            rows.append(row(name, "flag_cells, with irregular", *ours(cells, asked), bad))
        if python:
            rows.append(row(name, "coSMicQC 1.1.2", *theirs(cells, python), bad))
    print(pd.DataFrame(rows).round(3).to_string(index=False))


if __name__ == "__main__":
    main()
