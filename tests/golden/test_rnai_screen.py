"""A genome-wide RNAi screen read out as one number: scores equal to the authors', and what a hit rule does to the list.

Boutros et al. 2004, https://doi.org/10.1126/science.1091266; data of the package cellHTS2: 57 plates of 384
wells, two replicates.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import false_discovery_control, norm, spearmanr

import cellprofiling as cpf

pytestmark = pytest.mark.real
PLACE, SAMPLE = ["Metadata_Plate", "Metadata_Well"], "Metadata_Content == 'sample'"


@pytest.fixture(scope="module")
def folder(real_data: Callable[[str], Path]) -> Path:
    """Return the folder of the screen."""
    return real_data("kcviab_boutros2004/KcViab")


@pytest.fixture(scope="module")
def scores(folder: Path) -> pd.DataFrame:
    """Return loss of viability, log2, in robust standard deviations of the plate: one column per replicate."""
    files = pd.read_csv(folder / "Platelist.txt", sep="\t")
    parts = [
        pd.read_csv(folder / row.Filename, sep="\t", header=None, names=["file", "Metadata_Well", "light"]).assign(
            Metadata_Plate=str(row.Plate), Metadata_Replicate=row.Replicate
        )
        for row in files.itertuples()
    ]
    wells = pd.concat(parts, ignore_index=True)
    log = pd.read_csv(folder / "Screenlog.txt", sep="\t")
    spoiled = set(zip(log["Plate"].astype(str), log["Sample"], log["Well"], strict=True))
    keys = zip(wells["Metadata_Plate"], wells["Metadata_Replicate"], wells["Metadata_Well"], strict=True)
    wells["viability"] = np.log2(wells["light"]).where([key not in spoiled for key in keys])
    wells["Metadata_Content"] = wells["Metadata_Well"].map(dict.fromkeys(["A01", "A02", "B01", "B02"], "control"))
    wells = wells.fillna({"Metadata_Content": "sample"}).drop(columns=["file", "light"])
    by = ["Metadata_Plate", "Metadata_Replicate"]
    z = cpf.normalize(wells, "mad_robustize", by=by, reference=SAMPLE).query(SAMPLE)
    return -z.pivot_table(index=PLACE, columns="Metadata_Replicate", values="viability", dropna=False)


def test_scores_agree_with_the_authors(folder: Path, scores: pd.DataFrame) -> None:
    """The mean of the replicates orders 21,060 genes as the published analysis does."""
    published = pd.read_csv(folder / "Analysis2003.txt", sep="\t").astype({"Plate": str})
    published = published.set_index(["Plate", "Well"])["Score"].rename_axis(PLACE)
    both = pd.concat([scores.mean(axis=1).rename("ours"), published], axis=1).dropna()
    assert len(both) == 21_060
    assert spearmanr(both["ours"], both["Score"])[0] >= 0.98
    assert both.corr().iloc[0, 1] >= 0.92


def test_three_rules_side_by_side(scores: pd.DataFrame) -> None:
    """A threshold for both replicates, one for their mean, and a false discovery rate call 431, 513 and 534 wells."""
    mean = scores.mean(axis=1).dropna()
    center = mean.median()
    spread = 1.4826 * (mean - center).abs().median()
    called = {
        "both": set(scores.index[(scores > 3).all(axis=1)]),
        "mean": set(mean.index[mean > 3]),
        "rate": set(mean.index[false_discovery_control(norm.sf((mean - center) / spread)) <= 0.05]),
    }
    assert {name: len(wells) for name, wells in called.items()} == {
        "both": pytest.approx(431, abs=2),
        "mean": pytest.approx(513, abs=2),
        "rate": pytest.approx(534, abs=2),
    }
    assert called["both"] < called["mean"] < called["rate"]
    # Wells gain viability that strongly too, so no rule of one threshold can be trusted to 5 %
    assert (mean < -3).sum() > 0.2 * len(called["mean"])
