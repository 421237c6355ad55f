"""Published average precision of every well of two JUMP-MOA plates, both questions, both kinds of profiles.

Plates of the CDoT dye test (broadinstitute/2022_09_07_New_phenotypic_dye_testing_CDoT_Broad_Analysis, commit 9436deff).
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cellprofiling as cpf

pytestmark = pytest.mark.real

PLATES = ("BR00122247", "BR00122250")
PROFILES = ("normalized_feature_select_negcon_batch", "normalized_negcon_pc")
NEGATIVES = {"Control": "Metadata_Type", "Treatment": "Metadata_Compound"}

# Published from similarities in single precision. In one of 3,072 lists a positive lies 3e-8 below a negative, which is
# less than single precision can tell; the published order has the positive first.
TIED = ("BR00122250", "normalized_feature_select_negcon_batch", "Treatment", "D12")


def read_plate(path: Path) -> pd.DataFrame:
    """Return a plate with the columns that name what is compared; features without missing values."""
    raw = pd.read_csv(path)
    x = raw[[name for name in raw if not name.startswith("Metadata_")]].dropna(axis=1)
    metadata = pd.DataFrame(
        {
            "Metadata_Well": raw["Metadata_Well"],
            "Metadata_Compound": raw["Metadata_broad_sample"].fillna("DMSO"),
            "Metadata_Type": np.where(raw["Metadata_control_type"] == "negcon", "negcon", "treatment"),
        }
    )
    return pd.concat([metadata, x.set_axis([f"f{i}" for i in range(x.shape[1])], axis=1)], axis=1)


def in_single_precision(wells: pd.DataFrame, well: str) -> float:
    """Return the average precision of a well, a positive first where it ties to single precision."""
    x = wells.filter(regex="^f").to_numpy()
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    query = int(np.flatnonzero(wells["Metadata_Well"] == well)[0])
    others = np.arange(len(wells)) != query
    alike = unit @ unit[query]
    positive = others & (wells["Metadata_Compound"] == wells["Metadata_Compound"][query]).to_numpy()
    found, negative = np.sort(alike[positive])[::-1], alike[others & ~positive]
    return float(np.mean([r / (r + (negative > s + 6e-8).sum()) for r, s in enumerate(found, start=1)]))


@pytest.mark.parametrize("negatives", NEGATIVES)
@pytest.mark.parametrize("kind", PROFILES)
@pytest.mark.parametrize("plate", PLATES)
def test_every_well_and_every_compound(real_data: Callable[[str], Path], plate: str, kind: str, negatives: str) -> None:
    """To 1e-9, DMSO wells among them, and so the mean of each compound.

    Against controls: the negatives of a well are those of the other type, so that treatments are the negatives of
    DMSO. Against treatments: all wells that hold something else, DMSO counting as one more compound.
    """
    folder = "cdot_dyes_jumpmoa/paper"
    wells = read_plate(real_data(f"{folder}/profiles/{plate}_{kind}.csv.gz"))
    file = f"{folder}/results/{plate}_{kind}_{{}}_NegconNorm_mAP_wrt_{negatives}_woNAN.csv"
    published = pd.read_csv(real_data(file.format("Result")))
    ours = cpf.average_precision(
        wells, positives={"same": "Metadata_Compound"}, negatives={"different": NEGATIVES[negatives]}
    )
    both = ours.merge(published, on="Metadata_Well", validate="one_to_one", suffixes=("", "_published"))
    assert len(both) == 384
    tied = both["Metadata_Well"].eq(TIED[3]) & ((plate, kind, negatives) == TIED[:3])
    untied = both[~tied]
    np.testing.assert_allclose(untied["average_precision"], untied["average_precision_published"], atol=1e-9)
    for row in both[tied].itertuples():
        assert row.average_precision_published == pytest.approx(in_single_precision(wells, row.Metadata_Well), abs=1e-9)
    np.testing.assert_array_equal(both["n_positives"], both["n_pos_pairs"])
    np.testing.assert_array_equal(both["n_total"], both["n_total_pairs"])
    ours.loc[ours["Metadata_Well"].isin(both.loc[tied, "Metadata_Well"]), "average_precision"] = np.nan
    means = (
        ours.groupby("Metadata_Compound")["average_precision"]
        .mean()
        .where(
            ours.groupby("Metadata_Compound")["average_precision"].count() == ours.groupby("Metadata_Compound").size()
        )
    )
    aggregate = pd.read_csv(real_data(file.format("Aggregate_result")))
    name = aggregate["Metadata_broad_sample"].replace("control", "DMSO")
    known = means[name].notna().to_numpy()
    assert known.sum() == len(name) - tied.sum()
    np.testing.assert_allclose(means[name][known], aggregate["mean_average_precision"][known], atol=1e-9)
