"""Mechanisms of 103 treatments of BBBC021 from per-well means: not same compound, and not same compound or batch.

Ljosa et al., J. Biomol. Screen. 18, 1321 (2013), https://doi.org/10.1177/1087057113503553; 92 treatments under the
second rule as in Ando et al., https://doi.org/10.1101/161422.
"""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import cellprofiling as cpf

pytestmark = pytest.mark.real

TREATMENT = ["Metadata_Compound", "Metadata_Concentration"]


@pytest.fixture(scope="module")
def treated(real_data: Callable[[str], Path]) -> pd.DataFrame:
    """Return treated wells, all 516 numbers of the file standardized to the DMSO wells of their plate."""
    means = pd.read_csv(real_data("bbbc021_ljosa/ljosa_jbiomolscreen_2013_per_well_mean.csv.gz"))
    fields = pd.read_csv(real_data("bbbc021_ljosa/BBBC021_v1_image.csv.gz"))
    mechanisms = pd.read_csv(real_data("bbbc021_ljosa/BBBC021_v1_moa.csv"))
    place = ["Metadata_Plate", "Metadata_Well"]
    features = [name for name in means if not name.startswith("Image_")]
    means = means.set_axis([name.removeprefix("Image_") for name in means], axis=1)
    means = means.rename(columns={name: f"f{i}" for i, name in enumerate(features)})
    layout = fields.filter(regex="Plate_DAPI|Well_DAPI|Compound|Concentration").drop_duplicates()
    layout = layout.set_axis([*place, *TREATMENT], axis=1)
    mechanisms = mechanisms.set_axis([*TREATMENT, "Metadata_Mechanism"], axis=1)
    wells = means.merge(layout, on=place, validate="1:1").merge(mechanisms, on=TREATMENT, validate="m:1")
    batch = wells["Metadata_Plate"].str.split("_").str[0].rename("Metadata_Batch")
    scores = cpf.normalize(pd.concat([wells, batch], axis=1), "standardize", reference="Metadata_Compound == 'DMSO'")
    return scores[scores["Metadata_Compound"] != "DMSO"]


@pytest.mark.parametrize(("not_same", "right", "n"), [("compound", 84, 103), (("compound", "batch"), 67, 92)])
def test_published_accuracy(treated: pd.DataFrame, not_same: tuple[str, ...], right: int, n: int) -> None:
    """84 of 103 (0.816), and 67 of 92 (0.728), far above the most frequent mechanism and above chance."""
    found = cpf.predict_mechanism(treated, by=TREATMENT, label="Metadata_Mechanism", not_same=not_same)
    scores = found.attrs["scores"]
    assert len(found) == 103
    assert (scores["right"], scores["n"]) == (right, n)
    assert found.attrs["accuracy"] == right / n
    assert scores["p_value"] == scores["p_floor"]
    assert scores["majority"] < 0.16
    assert scores["ci_low"] < right / n < scores["ci_high"]
    assert sum(sum(row.values()) for row in found.attrs["confusion"].values()) == n
    lost = found.loc[found["correct"].isna(), "Metadata_Mechanism"].unique()
    assert set(lost) == (set() if n == 103 else {"Cholesterol-lowering", "Kinase inhibitors"})
