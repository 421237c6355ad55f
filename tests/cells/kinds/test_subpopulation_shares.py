"""Kinds of cells: shares that add up, a test calibrated by wells, the same whatever the order, and indices."""

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

import cellprofiling as cpf
from cellprofiling.core.errors import ColumnError, FeatureError, InputError, ReferenceRowsError

BY = "Metadata_Compound"
DMSO = f"{BY} == 'DMSO'"
SHARES = [f"Subpopulation_{i}" for i in range(1, 5)]


def screen(seed: int = 0, rare: float = 0.0, controls: int = 6, cells: int = 40) -> pd.DataFrame:
    """Two plates, two wells of each of three compounds; cells are of three kinds, of which C0 has more of the third."""
    rng = np.random.default_rng(seed)
    centers = np.array([[0, 0, 0], [5, 0, 0], [0, 6, 0]])
    rows, x = [], []
    for plate in range(2):
        for well, label in enumerate(["DMSO"] * controls + ["C0", "C1", "C2"] * 2):
            n = int(rng.integers(cells, 2 * cells))
            usual = rng.dirichlet([12, 6, 2])
            share = (1 - rare) * usual + rare * np.array([0, 0, 1]) if label == "C0" else usual
            kind = rng.choice(3, n, p=share)
            x.append(centers[kind] + rng.normal(size=(n, 3)) + 0.1 * rng.normal(size=3) + plate + 1e4)
            rows += [(f"P{plate}", f"A{well + 1:02d}", label)] * n
    keys = pd.DataFrame(rows, columns=["Metadata_Plate", "Metadata_Well", BY])
    return pd.concat([keys, pd.DataFrame(np.concatenate(x), columns=["Cells_a", "Cells_b", "Cells_c"])], axis=1)


@pytest.mark.parametrize("method", ["kmeans", "gmm"])
def test_more_of_a_kind_is_found_and_shares_add_up(method: str):
    wells = cpf.subpopulations(screen(rare=0.5), reference=DMSO, by=BY, n=4, method=method)
    assert np.allclose(wells[SHARES].sum(axis=1), 1)
    control = wells.loc[wells[BY] == "DMSO", SHARES].mean()
    assert (control.diff().dropna() <= 1e-12).all()
    found = cpf.compare_subpopulations(wells, by=BY, reference=DMSO, permutations=2000).set_index(BY)
    assert found.loc["C0", "p_value"] <= 0.005
    assert found.loc["C0", "q_value"] <= 0.02
    assert found.loc["C0", "share"] != pytest.approx(found.loc["C0", "control_share"], rel=0.5)
    assert (found["n_wells"] == 4).all()
    assert "learned from" in cpf.ledger(wells)["reason"].iloc[-1]


def test_indices_tell_two_modes_outliers_and_one_kind():
    wells = cpf.subpopulations(screen(rare=0.9), reference=DMSO, by=BY, n=4).set_index(BY)
    assert (wells["Heterogeneity_QuadraticEntropy"].between(0, 1)).all()
    of_one_kind = wells.loc["C0", "Heterogeneity_QuadraticEntropy"].mean()
    assert of_one_kind < wells.loc["DMSO", "Heterogeneity_QuadraticEntropy"].mean()
    assert wells.filter(like="Heterogeneity").notna().all(axis=None)


def test_order_of_rows_changes_nothing_and_files_give_the_same(tmp_path):
    cells = screen(rare=0.3)
    expected = cpf.subpopulations(cells, reference=DMSO, by=BY, n=3)
    assert_frame_equal(cpf.subpopulations(cells.sample(frac=1, random_state=3), reference=DMSO, by=BY, n=3), expected)
    cells.to_parquet(tmp_path / "cells.parquet")
    assert_frame_equal(cpf.subpopulations(tmp_path, reference=DMSO, by=BY, n=3), expected)
    tested = cpf.compare_subpopulations(expected, by=BY, reference=DMSO, permutations=500)
    mixed = expected.sample(frac=1, random_state=3)
    assert_frame_equal(cpf.compare_subpopulations(mixed, by=BY, reference=DMSO, permutations=500), tested)


def test_errors():
    cells = screen()
    with pytest.raises(InputError, match="method='em'"):
        cpf.subpopulations(cells, reference=DMSO, method="em")
    with pytest.raises(InputError, match="ridge=1: not an option of 'kmeans'"):
        cpf.subpopulations(cells, reference=DMSO, ridge=1)
    with pytest.raises(InputError, match="n=1: not a whole number of at least 2"):
        cpf.subpopulations(cells, reference=DMSO, n=1)
    wells = cpf.subpopulations(cells, reference=DMSO, by=BY, n=4)
    with pytest.raises(InputError, match="permutations=0"):
        cpf.compare_subpopulations(wells, by=BY, reference=DMSO, permutations=0)
    with pytest.raises(FeatureError, match="add up to 1"):
        cpf.compare_subpopulations(wells.drop(columns=SHARES), by=BY, reference=DMSO)
    with pytest.raises(ColumnError, match="Metadata_Sampled_Count"):
        cpf.compare_subpopulations(wells.drop(columns="Metadata_Sampled_Count"), by=BY, reference=DMSO)
    with pytest.raises(ReferenceRowsError, match="are controls; none is left"):
        cpf.compare_subpopulations(wells, by=BY, reference=f"{BY} != ''")
    bare = wells[~((wells[BY] == "DMSO") & (wells["Metadata_Plate"] == "P1"))]
    with pytest.raises(ReferenceRowsError, match="plates 'P1' have no control well"):
        cpf.compare_subpopulations(bare, by=BY, reference=DMSO)


@pytest.mark.slow
@pytest.mark.parametrize("controls", [3, 8])
def test_null_p_values_are_uniform(controls: int):
    found = []
    for seed in range(150):
        wells = cpf.subpopulations(
            screen(seed, controls=controls, cells=25), reference=DMSO, by=BY, n=4, seed=seed, n_starts=1
        )
        found += cpf.compare_subpopulations(wells, by=BY, reference=DMSO, permutations=300)["p_value"].tolist()
    for level in (0.05, 0.2, 0.5):
        assert np.mean(np.array(found) <= level) <= level + 4 * np.sqrt(level * (1 - level) / 150)
        assert np.mean(np.array(found) <= level) >= level - 4 * np.sqrt(level * (1 - level) / 150)
