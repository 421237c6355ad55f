"""Position effects on the cell counts of a public screen: 136 plates of 384 wells, 24 DMSO wells each."""

import numpy as np
import pandas as pd
import pytest

import cellprofiling as cpf
from cellprofiling.core.errors import PlateLayoutError
from cellprofiling.core.plates import parse_wells
from tests.builders import NEGCON

pytestmark = pytest.mark.real

COUNT = "Cells_LogCount"


@pytest.fixture(scope="module")
def wells(real_data):
    folder = real_data("lincs_cell_counts")
    counts = pd.read_parquet(folder / "2016_04_01_a549_48hr_batch1_cell_counts.parquet")
    return pd.DataFrame(
        {
            "Metadata_Plate": counts["Plate"],
            "Metadata_Well": counts["Well"],
            "Metadata_Batch": counts["Batch_Number"].astype(str),
            "Metadata_Compound": counts["broad_sample"].fillna("DMSO"),
            "Metadata_Dose": counts["mmoles_per_liter"].fillna(0).round(8),
            "Metadata_Role": np.where(counts["broad_sample"].isna(), "negcon", "treatment"),
            COUNT: np.log2(counts["cell_count"].clip(lower=1)),
        }
    )


def held_out_spread(wells, **options):
    """Return the spread of controls that were not fitted on, around the others of their plate."""
    is_control = (wells["Metadata_Role"] == "negcon").to_numpy()
    names = sorted(wells.loc[is_control, "Metadata_Well"].unique())
    fold = dict(zip(names, np.random.default_rng(0).permutation(len(names)) % 4, strict=True))
    folds = wells["Metadata_Well"].map(fold).fillna(-1).to_numpy()
    rest = []
    for k in range(4):
        fitted, held_out = is_control & (folds != k), is_control & (folds == k)
        corrected = (
            wells
            if options.get("ridge") == "none"
            else cpf.correct_position(wells, features=[COUNT], reference=fitted, **options)
        )
        level = corrected[fitted].groupby("Metadata_Plate")[COUNT].mean()
        rest.append(corrected.loc[held_out, COUNT] - level.loc[corrected.loc[held_out, "Metadata_Plate"]].to_numpy())
    return float(np.sqrt((pd.concat(rest) ** 2).mean()))


def test_position_explains_most_of_the_variance_of_dmso_wells(wells):
    audit = cpf.audit_position(wells, reference=NEGCON, features=[COUNT], permutations=99).set_index("test")
    surface = audit.loc["surface within plates"]
    assert surface["score"] > 0.6 > 0.3 > surface["expected"]
    assert audit["position_matters"].all()


def test_the_control_surface_halves_the_variance_of_controls_it_has_not_seen(wells):
    before = held_out_spread(wells, ridge="none")
    plain, ours = held_out_spread(wells, ridge=0), held_out_spread(wells)
    assert before == pytest.approx(0.259, abs=0.005)
    assert ours**2 < 0.5 * before**2
    assert ours < 0.9 * plain  # least squares with seven coefficients for 18 wells
    assert held_out_spread(wells, pool_by="Metadata_Batch") < ours


def test_edge_wells_come_closer_to_the_others(wells):
    at = parse_wells(wells["Metadata_Well"])
    treated = (wells["Metadata_Role"] == "treatment").to_numpy()

    def edge(table):
        level = table[COUNT] - table.groupby("Metadata_Plate")[COUNT].transform("median")
        return level[treated & (at.edge_distance() == 0)].median() - level[treated & (at.edge_distance() > 2)].median()

    assert edge(wells) < -0.3
    for options in ({"reference": NEGCON}, {"method": "median_polish"}, {"method": "loess"}):
        assert abs(edge(cpf.correct_position(wells, features=[COUNT], **options))) < 0.62 * abs(edge(wells))


def test_the_layout_is_fixed_and_well_mean_refuses(wells):
    with pytest.raises(
        PlateLayoutError, match=r"9408 of 9411 perturbations of the table \(100%\) lie in one position on all"
    ):
        cpf.correct_position(wells, "well_mean", features=[COUNT], perturbation=["Metadata_Compound", "Metadata_Dose"])
