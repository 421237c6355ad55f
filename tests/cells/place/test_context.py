"""What crowding explains is taken from features, and nothing else; cells in files are measured as tables are."""

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from scipy.stats import kstest

import cellprofiling as cpf
from cellprofiling.cells.place.context import correct_context
from cellprofiling.cells.place.neighborhood import measure_neighborhood
from cellprofiling.cells.place.spatial import measure_clustering
from cellprofiling.core.errors import ColumnError, InputError, ReferenceRowsError
from cellprofiling.core.ledgers import ledger
from cellprofiling.io.cells import open_cells
from cellprofiling.io.tables import write_profiles
from cellprofiling.kernels.cells.surroundings import surroundings
from tests.chance import ERROR, allowed

SIZE = 1000.0
X, Y = "Nuclei_Location_Center_X", "Nuclei_Location_Center_Y"
NEGATIVE = "Metadata_Role == 'negcon'"


def crowded(seed=0, plates=2, wells=24, controls=8, n=150, features=6, thin=0.35, effect=0.0):
    """Cells in clusters; features bend with the local density; "thin" kills most cells, "real" moves one feature."""
    rng = np.random.default_rng(seed)
    strength = rng.uniform(0.5, 1, features)
    tables = []
    for plate in range(plates):
        for well in range(wells):
            role = "negcon" if well < controls else "treatment"
            compound = "none" if well < controls else ("thin", "real", "inert", "inert2")[(well - controls) // 4]
            count = int(rng.normal(n, 0.1 * n) * (thin if compound == "thin" else 1))
            centers = SIZE * rng.random((12, 2))
            places = (centers[rng.integers(12, size=count)] + rng.normal(0, 90, (count, 2))) % SIZE
            density = surroundings(places, np.zeros(count, np.intp), 100.0, np.zeros(2), np.full(2, SIZE)).density
            crowding = np.tanh(density * SIZE**2 / n - 1)
            x = crowding[:, None] * strength + rng.normal(0, 1, (count, features)) + rng.normal(0, 0.1, features)
            x[:, 0] += effect * (compound == "real")
            table = pd.DataFrame(x, columns=[f"Cells_Texture_T{i}_DNA" for i in range(features)])
            labels = {
                "Metadata_Plate": f"P{plate}",
                "Metadata_Well": f"{'ABCD'[well // 6]}{well % 6 + 1:02d}",
                "Metadata_Site": 1,
                "Metadata_Role": role,
                "Metadata_Compound": compound,
            }
            tables.append(
                pd.concat([pd.DataFrame(labels, index=table.index), table], axis=1).assign(
                    **{X: places[:, 0], Y: places[:, 1]}
                )
            )
    return pd.concat(tables, ignore_index=True)


def hits(cells):
    wells = cpf.aggregate(cells, statistics="mean")
    tests = cpf.activity(wells, by="Metadata_Compound", reference=NEGATIVE, method="mahalanobis", permutations=999)
    return tests.set_index("Metadata_Compound")["p_value"]


def test_a_compound_that_only_thins_cells_out_is_a_hit_before_and_not_after():
    cells = measure_neighborhood(crowded(effect=0.8), radius=100)
    before, after = hits(cells), hits(correct_context(cells, reference=NEGATIVE))
    assert before["thin"] < 0.01
    assert after["thin"] > 0.05
    assert after["real"] < 0.01
    assert after[["inert", "inert2"]].min() > 0.01


@pytest.mark.slow
def test_what_is_tested_after_the_correction_is_calibrated():
    """A thinned well has a noisier mean, which a distance sees: it stays a hit a little too often."""
    tested = []
    for seed in range(40):
        cells = measure_neighborhood(crowded(seed, n=60), radius=100)
        tested.append([hits(cells), hits(correct_context(cells, reference=NEGATIVE))])
    before, after = (pd.DataFrame(p) for p in zip(*tested, strict=True))
    inert = after[["inert", "inert2", "real"]].to_numpy().ravel()
    low, high = allowed(len(inert))
    assert low <= (inert <= 0.05).mean() <= high
    assert kstest(inert, "uniform").pvalue > ERROR
    assert (after["thin"] <= 0.05).mean() < 0.25
    assert (before["thin"] <= 0.05).mean() > 0.9  # the check would see a correction that does nothing


def test_the_planted_curve_is_removed_and_the_mean_of_controls_stays():
    cells = measure_neighborhood(crowded(), radius=100)
    corrected = correct_context(cells, reference=NEGATIVE)
    controls = cells["Metadata_Role"] == "negcon"
    features = [name for name in cells if name.startswith("Cells_")]
    before = cells.loc[controls, features].corrwith(cells.loc[controls, "Metadata_Local_Density"])
    after = corrected.loc[controls, features].corrwith(corrected.loc[controls, "Metadata_Local_Density"])
    assert before.min() > 0.2
    assert after.abs().max() < 0.05
    means = cells[controls].groupby("Metadata_Plate")[features].mean()
    assert_frame_equal(corrected[controls].groupby("Metadata_Plate")[features].mean(), means, atol=1e-10)


def test_control_means_are_not_used_to_fit():
    """Moving all cells of a control well moves no other well: the curve comes from within wells."""
    cells = measure_neighborhood(crowded(plates=1), radius=100)
    moved = cells.copy()
    features = [name for name in cells if name.startswith("Cells_")]
    first = moved["Metadata_Well"] == "A01"
    moved.loc[first, features] += 5
    difference = (
        correct_context(moved, reference=NEGATIVE)[features] - correct_context(cells, reference=NEGATIVE)[features]
    )
    np.testing.assert_allclose(difference, np.where(first, 5.0, 0.0)[:, None] * np.ones(len(features)), atol=1e-9)


def test_files_are_measured_and_corrected_as_tables_are(tmp_path):
    cells = crowded(plates=2, n=80)
    platemap = cells[["Metadata_Plate", "Metadata_Well", "Metadata_Role", "Metadata_Compound"]].drop_duplicates()
    bare = cells.drop(columns=["Metadata_Role", "Metadata_Compound"])
    for plate, part in bare.groupby("Metadata_Plate"):
        write_profiles(part, tmp_path / f"{plate}.parquet")
    opened = cpf.annotate(measure_neighborhood(open_cells(tmp_path)), platemap)
    in_files = correct_context(opened, reference=NEGATIVE)
    in_memory = correct_context(measure_neighborhood(cells), reference=NEGATIVE)
    wells = cpf.aggregate(in_files, statistics=["mean", "median"])
    expected = cpf.aggregate(in_memory, statistics=["mean", "median"])
    assert wells["Metadata_Role"].tolist() == expected["Metadata_Role"].tolist()
    assert_frame_equal(wells[expected.columns], expected)
    assert_frame_equal(in_files.to_frame()[list(in_memory)], in_memory)


def test_rows_in_any_order_give_the_same_cells():
    cells = crowded(plates=1, n=60)
    order = np.random.default_rng(1).permutation(len(cells))
    shuffled = correct_context(measure_neighborhood(cells.iloc[order]), reference=NEGATIVE)
    assert_frame_equal(
        shuffled.sort_index(), correct_context(measure_neighborhood(cells), reference=NEGATIVE), rtol=1e-9
    )


def test_a_cell_without_a_place_is_corrected_as_a_usual_one_and_counted():
    cells = crowded(plates=1, n=60)
    cells.loc[3, X] = np.nan
    measured = measure_neighborhood(cells)
    assert np.isnan(measured.loc[3, "Metadata_Local_Density"])
    corrected = correct_context(measured, "Metadata_Local_Density", reference=NEGATIVE)
    assert corrected.loc[3, "Cells_Texture_T0_DNA"] == cells.loc[3, "Cells_Texture_T0_DNA"]
    assert ledger(corrected).iloc[-1][["step", "item", "n"]].tolist() == ["correct_context", "cell", 1]


def test_a_feature_may_be_a_covariate_and_stays_as_it_is():
    cells = crowded(plates=1, n=60)
    corrected = correct_context(cells, "Cells_Texture_T0_DNA", reference=NEGATIVE)
    assert corrected["Cells_Texture_T0_DNA"].equals(cells["Cells_Texture_T0_DNA"])
    assert corrected.dtypes.equals(cells.dtypes)


def test_clustering_tells_cells_that_lie_together():
    cells = crowded(plates=1, wells=8)
    cells["Cells_Texture_Here_DNA"] = cells[X] + np.random.default_rng(0).normal(0, 50, len(cells))
    found = measure_clustering(cells, radius=100).set_index("Metadata_Well")
    assert found["Cells_Texture_Here_DNA__moran"].min() > 0.6
    assert found["Cells_Texture_T0_DNA__moran"].max() < 0.5
    assert found["Metadata_Object_Count"].sum() == len(cells)


def test_bad_input_is_one_sentence():
    cells = crowded(plates=1, wells=10, n=30)
    measured = measure_neighborhood(cells)
    with pytest.raises(InputError, match="radius=-1: not a finite number above 0"):
        measure_neighborhood(cells, radius=-1)
    with pytest.raises(ColumnError, match=r"'Metadata_Local_Density', .* are there already"):
        measure_neighborhood(measured)
    with pytest.raises(ColumnError, match="x=None: no columns such as"):
        measure_neighborhood(cells.drop(columns=X))
    with pytest.raises(InputError, match="name both columns of the position"):
        measure_neighborhood(cells, x=X)
    with pytest.raises(InputError, match=r"none of .* cells has a position"):
        measure_neighborhood(cells.assign(**{X: np.nan}))
    with pytest.raises(ColumnError, match="image=None: none of"):
        measure_neighborhood(cells.drop(columns=["Metadata_Plate", "Metadata_Well", "Metadata_Site"]))
    with pytest.raises(InputError, match=r"covariates=\[\]: name at least one"):
        correct_context(measured, [], reference=NEGATIVE)
    with pytest.raises(ColumnError, match=r"no such column; measure_neighborhood\(cells\) adds it"):
        correct_context(cells, reference=NEGATIVE)
    with pytest.raises(ColumnError, match="'Metadata_Role': neither numbers nor true and false"):
        correct_context(measured, "Metadata_Role", reference=NEGATIVE)
    with pytest.raises(InputError, match="one value in all reference cells of 'P0'"):
        correct_context(measured.assign(Metadata_One=1.0), "Metadata_One", reference=NEGATIVE)
    with pytest.raises(ReferenceRowsError, match=r"matches .* cells of 'P0', and 40 are needed"):
        correct_context(measured.iloc[:20], reference=NEGATIVE)
    halves = cells.assign(Metadata_Half=np.arange(len(cells)) // (len(cells) - 1))
    with pytest.raises(InputError, match="1 images lie in several groups"):
        measure_clustering(halves, "Metadata_Half", radius=10)


def test_files_need_a_query_and_a_plate(tmp_path):
    cells = crowded(plates=1, wells=10, n=30)
    write_profiles(cells, tmp_path / "P0.parquet")
    opened = measure_neighborhood(tmp_path)
    with pytest.raises(InputError, match="reference: a ndarray fits a table only"):
        correct_context(opened, reference=np.ones(len(cells), bool))
    with pytest.raises(InputError, match="by='Metadata_Well': cells in files are corrected plate by plate"):
        correct_context(opened, by="Metadata_Well", reference=NEGATIVE)
