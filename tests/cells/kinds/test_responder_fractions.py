"""Responders: the planted share comes back, nothing is claimed of inert wells, and wells are the units."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from scipy.stats import binomtest

import cellprofiling as cpf
from cellprofiling.cells.kinds.responder_fractions import _row, _tails
from cellprofiling.cells.sampling.sampling import Sample, sample_cells
from cellprofiling.core.errors import ColumnError, InputError, KeyMatchError, ReferenceRowsError

DMSO = "Metadata_Compound == 'DMSO'"
BY = "Metadata_Compound"


def screen(
    seed: int = 0,
    share: float = 0.0,
    *,
    plates: int = 2,
    controls: int = 8,
    compounds: int = 2,
    cells: int = 60,
    features: int = 8,
) -> pd.DataFrame:
    """Plates of control wells and a well or two of each compound; a share of the cells of compound C0 responds.

    Features are correlated, at 1e4, with heavy tails; wells differ, in level and in spread.
    """
    rng = np.random.default_rng(seed)
    mix = rng.normal(size=(features, features)) * 0.4 + np.eye(features)
    rows, x = [], []
    for plate in range(plates):
        moved = rng.normal(size=features)
        labels = ["DMSO"] * controls + [f"C{i}" for i in range(compounds)] * 2
        for well, label in enumerate(labels):
            n = int(rng.integers(cells // 2, 2 * cells))
            u = rng.standard_t(5, (n, features)) * np.exp(0.1 * rng.normal())
            responds = rng.random(n) < (share if label == "C0" else 0.0)
            u[responds, :3] += 4.0
            x.append((u + 0.15 * rng.normal(size=features)) @ mix + moved + 1e4)
            rows += [(f"P{plate}", f"{'ABCDEFGH'[well // 12]}{well % 12 + 1:02d}", label, r) for r in responds]
    keys = pd.DataFrame(rows, columns=["Metadata_Plate", "Metadata_Well", BY, "Metadata_Responds"])
    values = pd.DataFrame(np.concatenate(x), columns=[f"Cells_Texture_{i}" for i in range(features)])
    keys["Metadata_ObjectNumber"] = np.arange(len(keys))
    return pd.concat([keys, values], axis=1)


def sampled(cells: pd.DataFrame, *, max_cells: int = 300, seed: int = 0) -> Sample:
    return sample_cells(
        cells,
        by=BY,
        reference=DMSO,
        treated=None,
        plate="Metadata_Plate",
        well="Metadata_Well",
        platemap=None,
        features=None,
        max_cells=max_cells,
        seed=seed,
        step="test",
    )


def test_planted_share_comes_back_and_the_inert_has_none():
    found = cpf.responders(screen(share=0.5), by=BY, reference=DMSO).set_index(BY)
    assert found.loc["C0", "responder_fraction"] == pytest.approx(0.5, abs=0.1)
    assert 0 < found.loc["C0", "fraction_low"] <= 0.5
    assert found.loc["C1", ["responder_fraction", "fraction_low"]].tolist() == [0, 0]
    assert found.loc["C0", "tail_p_value"] <= 0.01
    assert found.loc["C0", "tail_share"] > found.loc["C0", "control_tail_share"]
    assert found["n_wells"].tolist() == [4, 4]
    assert found["n_controls"].tolist() == [16, 16]
    assert found.loc["C0", "sentence"].startswith("About ")
    assert found.loc["C1", "sentence"].startswith("No responding share can be shown")


def test_order_of_rows_names_and_shifts_of_plates_change_nothing():
    cells = screen(share=0.4)
    expected = cpf.responders(cells, by=BY, reference=DMSO)
    shuffled = cells.sample(frac=1, random_state=1)
    assert_frame_equal(cpf.responders(shuffled, by=BY, reference=DMSO), expected)
    renamed = cells.replace({BY: {"C0": "Z9"}, "Metadata_Plate": {"P0": "Q"}})
    found = cpf.responders(renamed, by=BY, reference=DMSO).set_index(BY).loc[["Z9", "C1"]]
    pd.testing.assert_frame_equal(
        found.drop(columns="sentence").reset_index(drop=True), expected.drop(columns=[BY, "sentence"])
    )
    assert cells.equals(screen(share=0.4))


def test_files_and_platemap_give_what_the_table_gives(tmp_path: Path):
    cells = screen(share=0.4)
    platemap = cells[["Metadata_Plate", "Metadata_Well", BY]].drop_duplicates(ignore_index=True)
    bare = cells.drop(columns=BY)
    expected = cpf.responders(bare, by=BY, reference=DMSO, platemap=platemap)
    assert_frame_equal(expected, cpf.responders(cells, by=BY, reference=DMSO))
    for plate, part in bare.groupby("Metadata_Plate"):
        part.to_parquet(tmp_path / f"{plate}.parquet")
    seen = []
    found = cpf.responders(tmp_path, by=BY, reference=DMSO, platemap=platemap, progress=seen.append)
    assert_frame_equal(found, expected)
    assert len(seen) == 2
    spelled = platemap.assign(Metadata_Well=[w[0] + str(int(w[1:])) for w in platemap["Metadata_Well"]])
    assert_frame_equal(cpf.responders(tmp_path, by=BY, reference=DMSO, platemap=spelled), expected)


def test_masks_mappings_and_queries_mean_the_same():
    cells = screen(share=0.4)
    expected = cpf.responders(cells, by=BY, reference=DMSO)
    assert_frame_equal(cpf.responders(cells, by=BY, reference={BY: "DMSO"}), expected)
    assert_frame_equal(cpf.responders(cells, by=BY, reference=(cells[BY] == "DMSO").to_numpy()), expected)
    only = cpf.responders(cells, by=BY, reference=DMSO, treated={BY: "C0"})
    assert only[BY].tolist() == ["C0"]


def test_a_lone_well_has_no_fraction_and_the_ledger_says_so():
    cells = screen()
    lone = (cells[BY] == "C1") & ~((cells["Metadata_Plate"] == "P0") & (cells["Metadata_Well"] == "A10"))
    found = cpf.responders(cells[~lone], by=BY, reference=DMSO).set_index(BY)
    assert np.isnan(found.loc["C1", "responder_fraction"])
    assert 0 < found.loc["C1", "tail_p_value"] <= 1
    assert found.loc["C1", "sentence"].startswith("No share can be told")
    assert "one well: no fraction, which takes two" in set(cpf.ledger(found)["reason"])


def test_few_controls_have_no_null_and_say_their_floor():
    found = cpf.responders(screen(controls=2), by=BY, reference=DMSO).set_index(BY)
    assert found["responder_fraction"].isna().all()
    single = cpf.responders(screen(controls=2, plates=1), by=BY, reference=DMSO)
    assert (single["p_floor"] > 0.05).all()
    assert single["sentence"].str.contains("the smallest p these few wells can have").any()


def test_sample_is_equal_scaled_and_told(tmp_path: Path):
    cells = screen(cells=60)
    cells.loc[cells.index[5], "Cells_Texture_1"] = np.nan
    cells["Cells_Texture_9"] = np.float32(3)
    cells = cells.drop(cells.index[(cells["Metadata_Well"] == "A09") & (cells["Metadata_Plate"] == "P1")][5:])
    found = sampled(cells, max_cells=20)
    assert (np.diff(found.starts) == 20).all()
    assert np.abs(found.z).max() <= 10
    control = found.z[found.is_control[found.well]]
    assert np.abs(np.median(control, axis=0)).max() < 0.2
    assert (found.z[:, -1] == 0).all()
    reasons = pd.DataFrame(found.new)["reason"].tolist()
    assert "left out: fewer than 10 cells" in reasons
    assert any("no spread in the control cells" in reason for reason in reasons)
    assert (found.n_cells >= 20).all()
    other = sampled(cells, max_cells=20, seed=1)
    assert not np.array_equal(other.z, found.z)


def test_wells_that_the_platemap_lacks_are_in_the_ledger():
    cells = screen()
    platemap = cells[["Metadata_Plate", "Metadata_Well", BY]].drop_duplicates(ignore_index=True).iloc[:-1]
    found = cpf.responders(cells.drop(columns=BY), by=BY, reference=DMSO, platemap=platemap)
    assert cpf.ledger(found).iloc[0][["name", "reason"]].tolist() == ["P1 A12", "left out: not in the platemap"]
    alone = cells.assign(Metadata_Plate=np.where(cells[BY] == "DMSO", cells["Metadata_Plate"], "P1"))
    left = cpf.ledger(cpf.responders(alone, by=BY, reference=DMSO))
    assert "left out: no treated well" in left["reason"].tolist()


def test_errors():
    cells = screen()
    with pytest.raises(InputError, match="permutations=0: not a whole number of at least 1"):
        cpf.responders(cells, by=BY, reference=DMSO, permutations=0)
    with pytest.raises(InputError, match="max_cells=3"):
        cpf.responders(cells, by=BY, reference=DMSO, max_cells=3)
    with pytest.raises(InputError, match="reference=None"):
        cpf.responders(cells, by=BY, reference=None)
    with pytest.raises(InputError, match="by=None: not the name of a column"):
        cpf.responders(cells, by=None, reference=DMSO)
    with pytest.raises(InputError, match="of 0 rows"):
        cpf.responders(cells.iloc[:0], by=BY, reference=DMSO)
    with pytest.raises(ColumnError, match="no such column"):
        cpf.responders(cells, by="Metadata_Drug", reference=DMSO)
    with pytest.raises(ReferenceRowsError, match="plate 'P0' has 0 control wells"):
        cpf.responders(cells, by=BY, reference=f"{BY} == 'none'")
    with pytest.raises(InputError, match="no plate has a treated well"):
        cpf.responders(cells, by=BY, reference=DMSO, treated={BY: "none"})
    with pytest.raises(ColumnError, match="'Metadata_Dose': has several values in a well"):
        cpf.responders(cells.assign(Metadata_Dose=range(len(cells))), by="Metadata_Dose", reference=DMSO)
    platemap = cells[["Metadata_Plate", "Metadata_Well", BY]].drop_duplicates(ignore_index=True)
    bare = cells.drop(columns=BY)
    with pytest.raises(ColumnError, match="has none of the columns"):
        cpf.responders(bare, by=BY, reference=DMSO, platemap=platemap[[BY]])
    with pytest.raises(KeyMatchError, match="occurs more than once"):
        cpf.responders(bare, by=BY, reference=DMSO, platemap=pd.concat([platemap, platemap]))
    with pytest.raises(KeyMatchError, match="no row for any of the wells"):
        cpf.responders(
            bare, by=BY, reference=DMSO, platemap=platemap.replace({"Metadata_Plate": {"P0": "Q0", "P1": "Q1"}})
        )


def test_a_mask_does_not_fit_files(tmp_path: Path):
    screen().to_parquet(tmp_path / "cells.parquet")
    with pytest.raises(InputError, match="a ndarray fits a table only"):
        cpf.responders(tmp_path, by=BY, reference=np.ones(3, bool))


@pytest.mark.slow
@pytest.mark.parametrize(("controls", "seeds"), [(3, 120), (6, 120)])
def test_tail_test_is_calibrated_and_pooled_cells_are_not(controls: int, seeds: int):
    by_wells, pooled = [], []
    for seed in range(seeds):
        sample = sampled(screen(seed, controls=controls, plates=3, cells=40), seed=seed)
        tails = _tails(sample, seed)
        for group in range(len(sample.keys)):
            row = _row(sample, group, (0.0, 0.0), tails, 200, seed)
            by_wells.append(row["tail_p_value"])
            hits = round(row["tail_share"] * row["n_cells"])
            pooled.append(binomtest(hits, row["n_cells"], row["control_tail_share"], "greater").pvalue)
    assert np.mean(np.array(by_wells) <= 0.05) <= 0.08
    assert np.mean(np.array(by_wells) <= 0.2) <= 0.26
    assert np.mean(np.array(pooled) <= 0.05) > 0.15


@pytest.mark.slow
def test_simulated_screens_meet_what_is_promised():
    """Seeds 0 and 1, effects of 2 and of 1 SD: errors of .08 at most on average, bounds below the truth in 90 %."""
    parts = []
    for seed in (0, 1):
        for effect in (None, 1.0):
            made = cpf.simulate_screen("hetero", seed=seed, effect=effect)
            found = cpf.responders(
                made.cells, by=BY, reference="Metadata_Role == 'negcon'", platemap=made.platemap, permutations=1000
            )
            parts.append(found.merge(made.truth.compounds[[BY, "type", "fraction"]]))
    table = pd.concat(parts)
    inert, active = table[table["type"] == "inert"], table[table["type"] == "active"]
    assert inert["responder_fraction"].median() == 0
    assert inert["responder_fraction"].quantile(0.9) <= 0.02
    error = (active["responder_fraction"] - active["fraction"]).abs().groupby(active["fraction"]).mean()
    assert error.loc[[0.25, 0.5, 1.0]].max() <= 0.08
    assert (table["fraction_low"] <= table["fraction"]).mean() >= 0.9
    assert (inert["tail_p_value"] <= 0.05).mean() <= 0.1


@pytest.mark.slow
@pytest.mark.real
def test_knocked_down_lamins_respond_and_their_exemplars_lack_them(real_data):
    """Against siRNAs without a target; against the negative controls of one column such an siRNA "responds" itself."""
    folder = real_data("nucleus_columbus_screen")
    file = folder / "single_cell/secondary_screen_single_cells.parquet"
    cells = cpf.open_cells(file, columns={"plate": "PlateName", "well": "WellName"})
    roles = pd.read_csv(folder / "published_secondary/validation_LMNA_LMNB_normalized_results.txt", sep="\t")
    gene = roles["gene_symbol"].where(roles["treatment"] == "sample", roles["treatment"])
    platemap = roles[["PlateName", "WellName"]].set_axis(["Metadata_Plate", "Metadata_Well"], axis=1)
    platemap = platemap.assign(Metadata_Gene=gene.fillna("none"))
    treated = {"Metadata_Gene": ["LMNA", "LMNB1", "siNEG", "negative"]}
    options = {"by": "Metadata_Gene", "platemap": platemap, "treated": treated}
    found = cpf.responders(cells, reference={"Metadata_Gene": "siNEG"}, **options).set_index("Metadata_Gene")
    assert found.loc["LMNA", "fraction_low"] > 0.6
    assert found.loc["LMNB1", "fraction_low"] > 0.4
    assert found.loc["negative", "fraction_low"] == 0
    column = cpf.responders(cells, reference={"Metadata_Gene": "negative"}, **options).set_index("Metadata_Gene")
    assert column.loc["siNEG", "tail_p_value"] < 0.01
    names = ["Metadata_Plate", "Metadata_Well", "Field", "Object Number"]
    stains = {end: f"Nuclei Selected - Intensity Nucleus Region {end} Mean" for end in ("Exp3Cam2", "Exp2Cam1")}
    shown = cpf.exemplars(cells, reference={"Metadata_Gene": "siNEG"}, k=5, **options)
    shown = shown.merge(cells.to_frame([*names, *stains.values()]), on=names)
    medians = shown.groupby(["Metadata_Gene", "role"])[list(stains.values())].median()
    lamin_a, lamin_b = stains.values()
    assert medians.loc[("LMNA", "changed"), lamin_a] < 0.6 * medians.loc[("LMNA", "control"), lamin_a]
    assert medians.loc[("LMNB1", "changed"), lamin_b] < 0.7 * medians.loc[("LMNB1", "control"), lamin_b]
