"""Phases: planted ones come back, of tables and of files, by whatever column tells the DNA."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal, assert_series_equal

import cellprofiling as cpf
from cellprofiling.core.errors import ColumnError, FeatureError, InputError

DNA, MEAN, AREA = (
    "Nuclei_Intensity_IntegratedIntensity_DNA",
    "Nuclei_Intensity_MeanIntensity_DNA",
    "Nuclei_AreaShape_Area",
)
SHARES = ["CellCycle_SubG1", "CellCycle_G1", "CellCycle_S", "CellCycle_G2M", "CellCycle_Over4N"]
ARRESTED = [0.15, 0.1, 0.75]
USUAL = [0.55, 0.2, 0.25]


def screen(seed: int = 0, n: int = 300, background: float = 0.0) -> pd.DataFrame:
    """Two plates, stained unlike, of ten wells; A03 is arrested in G2."""
    rng = np.random.default_rng(seed)
    parts = []
    for plate, unit in (("P1", 100.0), ("P2", 3e6)):
        for well in range(10):
            phase = rng.choice(3, n, p=ARRESTED if well == 2 else USUAL)
            dna = np.select([phase == 0, phase == 2], [1.0, 2.0], 1 + rng.random(n)) * np.exp(0.06 * rng.normal(size=n))
            area = 500 * dna**0.7 * np.exp(0.1 * rng.normal(size=n))
            amount = unit * dna + background * unit / 500 * area
            keys = {"Metadata_Plate": plate, "Metadata_Well": f"A{well + 1:02d}", "Metadata_True": phase}
            parts.append(pd.DataFrame({**keys, DNA: amount, MEAN: amount / area, AREA: area}))
    return pd.concat(parts, ignore_index=True)


def test_planted_phases_come_back_within_five_points():
    cells = screen()
    shares = cpf.cell_cycle_shares(cells)
    assert len(shares) == 20
    assert np.allclose(shares[SHARES].sum(axis=1), 1)
    arrested = shares["Metadata_Well"] == "A03"
    # Both planted as they are, and as drawn: 300 cells have a sampling error of three points
    truth = pd.crosstab([cells["Metadata_Plate"], cells["Metadata_Well"]], cells["Metadata_True"], normalize="index")
    error = np.abs(shares[SHARES[1:4]].to_numpy() - truth.to_numpy())
    assert error.mean(axis=0).max() < 0.03
    assert np.abs(shares.loc[~arrested, SHARES[1:4]].mean().to_numpy() - USUAL).max() < 0.05
    assert np.abs(shares.loc[arrested, SHARES[1:4]].mean().to_numpy() - ARRESTED).max() < 0.05


def test_simulated_screens_have_their_cells_in_two_phases():
    cells = cpf.simulate_screen("easy", plates=1, compounds=20, features=20).cells
    found = cpf.cell_cycle(cells)["Metadata_CellCycle"].value_counts(normalize=True)
    assert found["G2/M"] == pytest.approx(0.35, abs=0.05)
    assert found["G1"] == pytest.approx(0.65, abs=0.05)


def test_labels_of_cells_agree_with_the_truth_and_content_is_in_units_of_n():
    cells = cpf.cell_cycle(screen())
    sure = cells["Metadata_True"] != 1
    expected = cells["Metadata_True"].map({0: "G1", 2: "G2/M"})
    assert (cells.loc[sure, "Metadata_CellCycle"].astype(str) == expected[sure]).mean() > 0.95
    content = cells.groupby("Metadata_True")["Metadata_DNA_Content"].median()
    assert content[[0, 2]].tolist() == pytest.approx([2, 4], rel=0.03)
    fits = pd.DataFrame(cells.attrs["cell_cycle"])
    assert fits["two_n"].tolist() == pytest.approx([100, 3e6], rel=0.02)
    assert fits["ratio"].tolist() == pytest.approx([2, 2], rel=0.02)


def test_files_give_what_the_table_gives(tmp_path: Path):
    cells = screen(n=60)
    expected = cpf.cell_cycle(cells)
    for plate, part in cells.groupby("Metadata_Plate"):
        part.to_parquet(tmp_path / f"{plate}.parquet")
    opened = cpf.cell_cycle(tmp_path)
    found = opened.to_frame()
    assert_series_equal(found["Metadata_CellCycle"], expected["Metadata_CellCycle"])
    assert np.allclose(found["Metadata_DNA_Content"], expected["Metadata_DNA_Content"])
    assert pd.DataFrame(opened.schema.attrs["cell_cycle"]).equals(pd.DataFrame(expected.attrs["cell_cycle"]))
    assert opened.to_frame(["Metadata_CellCycle"]).shape == (1200, 1)
    assert_frame_equal(cpf.cell_cycle_shares(tmp_path), cpf.cell_cycle_shares(cells))


def test_mean_times_area_and_named_columns_give_the_same():
    cells = screen()
    expected = cpf.cell_cycle(cells)["Metadata_CellCycle"]
    assert (cpf.cell_cycle(cells.drop(columns=DNA))["Metadata_CellCycle"] == expected).mean() > 0.999
    renamed = cells[["Metadata_Plate", "Metadata_Well", DNA]].rename(columns={DNA: "total"})
    assert (cpf.cell_cycle(renamed, dna="total")["Metadata_CellCycle"] == expected).all()


def test_background_is_taken_off_and_left_on_brings_the_peaks_together():
    cells = screen(background=1.0)
    level = cells["Metadata_Plate"].map({"P1": 100 / 500, "P2": 3e6 / 500})
    as_column = cpf.cell_cycle(cells.assign(Background=level), background="Background")
    ratios = [pd.DataFrame(c.attrs["cell_cycle"])["ratio"].mean() for c in (as_column, cpf.cell_cycle(cells))]
    assert ratios[0] == pytest.approx(2, abs=0.02)
    assert ratios[1] < 1.9
    first = cells[cells["Metadata_Plate"] == "P1"]
    assert pd.DataFrame(cpf.cell_cycle(first, background=0.2).attrs["cell_cycle"])["ratio"][0] == pytest.approx(2, 0.02)


def test_controls_alone_can_tell_the_peaks():
    cells = screen()
    mostly = cells[(cells["Metadata_Well"] == "A03") | (cells.index % 10 == 0)]
    found = cpf.cell_cycle(mostly, reference="Metadata_Well != 'A03'")
    assert pd.DataFrame(found.attrs["cell_cycle"])["g1"].mean() == pytest.approx(0.55, abs=0.06)
    mask = (mostly["Metadata_Well"] != "A03").to_numpy()
    assert_series_equal(cpf.cell_cycle(mostly, reference=mask)["Metadata_CellCycle"], found["Metadata_CellCycle"])


def test_what_has_no_peaks_has_no_phase_and_the_ledger_says_so():
    cells = screen(n=60)
    rng = np.random.default_rng(0)
    second = cells["Metadata_Plate"] == "P2"
    cells.loc[second, DNA] = np.exp(rng.normal(scale=1.5, size=second.sum()))
    cells.loc[0, DNA] = np.nan
    cells.loc[1, DNA] = -3.0
    found = cpf.cell_cycle(cells)
    assert found.loc[second, "Metadata_CellCycle"].isna().all()
    assert found.loc[[0, 1], "Metadata_CellCycle"].isna().all()
    assert found["Metadata_CellCycle"].notna().sum() == (~second).sum() - 2
    assert cpf.ledger(found)["reason"].tolist() == [
        "no phases: no two peaks of DNA in 600 cells",
        "no phase: no DNA value above the background",
    ]
    shares = cpf.cell_cycle_shares(cells)
    assert shares.loc[shares["Metadata_Plate"] == "P2", SHARES].isna().all(axis=None)
    assert shares["Metadata_Object_Count"].sum() == len(cells) - 2


def test_a_ratio_at_the_limit_is_in_the_ledger():
    cells = screen()
    squeezed = cells.assign(**{DNA: cells[DNA] ** 0.8})
    assert "at the limit" in " ".join(cpf.ledger(cpf.cell_cycle(squeezed))["reason"])


def test_errors(tmp_path: Path):
    cells = screen(n=30)
    with pytest.raises(ColumnError, match="are there already"):
        cpf.cell_cycle(cells.assign(Metadata_CellCycle="G1"))
    with pytest.raises(ColumnError, match="dna='DNAx': no such column"):
        cpf.cell_cycle(cells, dna="DNAx")
    with pytest.raises(FeatureError, match="dna='Metadata_Well': its values are not numbers"):
        cpf.cell_cycle(cells, dna="Metadata_Well")
    with pytest.raises(ColumnError, match="no column is known for the amount of DNA"):
        cpf.cell_cycle(cells.drop(columns=[DNA, MEAN]))
    with pytest.raises(InputError, match="background=None: give a number"):
        cpf.cell_cycle(cells, background=None)
    with pytest.raises(InputError, match="of 0 rows"):
        cpf.cell_cycle(cells.iloc[:0])
    cells.to_parquet(tmp_path / "cells.parquet")
    with pytest.raises(InputError, match="a ndarray fits a table only"):
        cpf.cell_cycle(tmp_path, reference=np.ones(3, bool))
