"""Fingerprints: level, spread and dependence of the cells of each well, against a slow twin."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp, median_abs_deviation, wasserstein_distance

import cellprofiling as cpf
from cellprofiling.core.errors import ColumnError, FeatureError, InputError, ReferenceRowsError
from cellprofiling.core.threads import granted
from cellprofiling.simulate.screen import SimulatedScreen
from tests.builders import NEGCON

KEYS = ["Metadata_Plate", "Metadata_Well"]
FEATURES = [f"Cells_Texture_Contrast_DNA_{i}_00_256" for i in range(6)]
ALL = ("level", "spread", "dependence", "quantiles", "ks", "w1", "w2")


@pytest.fixture(scope="module")
def screen() -> SimulatedScreen:
    """Return a small screen of two plates."""
    return cpf.simulate_screen("hetero", plates=2, compounds=10, controls=6, cells_per_well=40, features=30)


@pytest.fixture
def cells() -> pd.DataFrame:
    """Return cells of two plates of four wells, two of them controls; means of 1e6, missing and infinite values."""
    rng = np.random.default_rng(0)
    n = 240
    x = 1e6 + 1e-1 * rng.standard_t(3, size=(n, 6)) @ rng.normal(size=(6, 6))
    table = pd.DataFrame(x, columns=FEATURES)
    table.iloc[rng.integers(0, n, 8), 2] = np.nan
    table.iloc[:2, 3] = np.inf, -np.inf
    table.insert(0, "Metadata_Plate", np.repeat(["P1", "P2"], n // 2))
    table.insert(1, "Metadata_Well", rng.choice(["A01", "A02", "B01", "B02"], n))
    table.insert(2, "Metadata_Role", np.where(table["Metadata_Well"].str.startswith("A"), "negcon", "treatment"))
    return table


def scores(cells: pd.DataFrame) -> pd.DataFrame:
    """Return robust z-scores within 10 by the control cells of each plate, slowly."""
    parts = []
    for _, plate in cells.groupby("Metadata_Plate"):
        controls = plate.loc[plate["Metadata_Role"] == "negcon", FEATURES]
        mad = median_abs_deviation(controls, nan_policy="omit")
        parts.append(((plate[FEATURES] - controls.median()) / (1.4826 * mad)).clip(-10, 10))
    return pd.concat(parts)


def test_level_and_spread(cells: pd.DataFrame) -> None:
    """Mean or median of the scores, and the logarithm of their MAD."""
    z = scores(cells).groupby([cells["Metadata_Plate"], cells["Metadata_Well"]])
    found = cpf.fingerprint(cells, reference=NEGCON, blocks=["level", "spread"])
    assert found[KEYS].to_numpy().tolist() == [list(key) for key in z.groups]
    assert found["Metadata_Object_Count"].tolist() == z.size().tolist()
    np.testing.assert_allclose(found[[f"{name}__level" for name in FEATURES]], z.mean(), rtol=1e-6, atol=1e-8)
    spread = np.log(z.agg(lambda column: median_abs_deviation(column, nan_policy="omit")) + 0.05) + 1.4 / z.count()
    np.testing.assert_allclose(found[[f"{name}__spread" for name in FEATURES]], spread, rtol=1e-5, atol=1e-7)
    middle = cpf.fingerprint(cells, reference=NEGCON, blocks="level", level="median")
    np.testing.assert_allclose(middle[[f"{name}__level" for name in FEATURES]], z.median(), rtol=1e-5, atol=1e-7)


def test_few_cells_are_not_less_spread() -> None:
    """Wells of 12 cells have the mean spread of wells of 400 cells, within 2 %; uncorrected it is 12 % less."""
    rng = np.random.default_rng(0)
    well = np.repeat(np.arange(320), np.r_[np.full(300, 12), np.full(20, 400)])
    x = rng.normal(size=(len(well), 8))
    cells = pd.DataFrame(x, columns=[f"Cells_Texture_Contrast_DNA_{i}_00_256" for i in range(8)])
    cells["Metadata_Well"] = well
    told = {"reference": {"Metadata_Well": list(range(300, 320))}, "blocks": ["spread"]}
    spread = cpf.fingerprint(cells, "Metadata_Well", **told).filter(like="__spread").to_numpy().mean(axis=1)
    assert abs(spread[:300].mean() - spread[300:].mean()) < 0.02


def test_dependence(cells: pd.DataFrame) -> None:
    """All cells are few enough to be the sample: covariances in each well of the whitened components of all."""
    z = scores(cells).fillna(0)
    values, vectors = np.linalg.eigh(np.cov(z.T))
    vectors = vectors[:, ::-1][:, :3] / np.sqrt(values[::-1][:3])
    vectors *= np.sign(vectors[np.abs(vectors).argmax(axis=0), range(3)])
    pc = z @ vectors
    found = cpf.fingerprint(cells, reference=NEGCON, blocks=["dependence"], components=3)
    names = [name for name in found if name.startswith("Dependence")]
    assert names == [f"Dependence_PC0{i}_PC0{j}" for i, j in ((1, 1), (1, 2), (1, 3), (2, 2), (2, 3), (3, 3))]
    for row, (_, well) in enumerate(pc.groupby([cells["Metadata_Plate"], cells["Metadata_Well"]])):
        np.testing.assert_allclose(found.loc[row, names], np.cov(well.T)[np.triu_indices(3)], rtol=1e-4, atol=1e-5)


def test_distributions(cells: pd.DataFrame) -> None:
    """KS equals SciPy to 1e-12 and W1 to 1e-9; W2 splits; a control well is compared with the other control wells."""
    z = scores(cells)
    blocks = ["quantiles", "ks", "w1", "w2"]
    found = cpf.fingerprint(cells, reference=NEGCON, blocks=blocks).set_index(KEYS)
    for (plate, well), row in found.iterrows():
        here = cells["Metadata_Plate"] == plate
        others = here & (cells["Metadata_Role"] == "negcon") & (cells["Metadata_Well"] != well)
        own = here & (cells["Metadata_Well"] == well)
        for name in FEATURES:
            treated, controls = z.loc[own, name].dropna(), z.loc[others, name].dropna()
            test = ks_2samp(treated, controls, method="asymp")
            assert abs(row[f"{name}__ks"]) == pytest.approx(test.statistic, abs=1e-12)
            if abs(row[f"{name}__ks"]) > 0.3:  # SciPy's sign says where the first distribution lies below the second
                assert np.sign(row[f"{name}__ks"]) == -test.statistic_sign
            assert abs(row[f"{name}__w1"]) == pytest.approx(wasserstein_distance(treated, controls), rel=1e-6)
            parts = row[[f"{name}__w2_location", f"{name}__w2_size", f"{name}__w2_shape"]].to_numpy(float)
            n, m = len(treated), len(controls)
            apart = np.repeat(np.sort(treated), m) - np.repeat(np.sort(controls), n)
            assert parts.sum() == pytest.approx((apart**2).mean(), rel=1e-6)
            assert row[f"{name}__q25"] == pytest.approx(treated.quantile(0.25), rel=1e-5, abs=1e-7)


def test_files_threads_and_order_change_nothing(screen: SimulatedScreen, tmp_path: Path) -> None:
    """In memory, from files, on one core, in any order of rows: the same but for the last digits."""
    told = {"reference": NEGCON, "platemap": screen.platemap, "blocks": ALL}
    usual = cpf.fingerprint(screen.cells, **told)
    screen.write(tmp_path / "screen")
    from_files = cpf.fingerprint(tmp_path / "screen" / "cells", **told)
    with granted(1):
        alone = cpf.fingerprint(tmp_path / "screen" / "cells", **told)
    pd.testing.assert_frame_equal(alone, from_files, check_exact=True)
    shuffled = cpf.fingerprint(screen.cells.sample(frac=1, random_state=0), **told)
    for other in (from_files, shuffled):
        pd.testing.assert_frame_equal(other, usual, rtol=1e-9, atol=1e-12)


def test_where_the_reference_is(screen: SimulatedScreen) -> None:
    """In the platemap, in columns of the cells, or a mask: the same."""
    few = screen.cells.drop(columns=screen.cells.columns[30:])
    marked = cpf.annotate(few, screen.platemap)
    told = {"blocks": ["level", "dependence"], "components": 4}
    by_map = cpf.fingerprint(few, reference=NEGCON, platemap=screen.platemap, **told)
    by_columns = cpf.fingerprint(marked, reference=NEGCON, **told)
    assert (by_columns["Metadata_Role"] == "negcon").sum() == 12
    pd.testing.assert_frame_equal(by_map, by_columns[list(by_map)])
    mask = (marked["Metadata_Role"] == "negcon").to_numpy()
    assert not any(str(name).startswith("Metadata__") for name in cpf.fingerprint(few, reference=mask, **told))
    pd.testing.assert_frame_equal(by_map, cpf.fingerprint(few, reference=mask, **told))


def test_the_components_know_nothing_of_labels(screen: SimulatedScreen) -> None:
    """Other wells as controls: the covariances are almost the same, for only centers and scales differ."""
    wells = screen.platemap.drop_duplicates(KEYS)
    others = wells.assign(Metadata_Role=wells["Metadata_Role"].sample(frac=1, random_state=1).to_numpy())
    one, two = (
        cpf.fingerprint(screen.cells, reference=NEGCON, platemap=table, components=5).filter(like="Dependence")
        for table in (wells, others)
    )
    assert np.corrcoef(one.to_numpy().ravel(), two.to_numpy().ravel())[0, 1] > 0.97


def test_an_equal_sample_of_all_wells(monkeypatch: pytest.MonkeyPatch) -> None:
    """A well with many cells weighs no more: components come from as many cells of each."""
    rng = np.random.default_rng(0)
    well = np.repeat(["A01", "A02", "A03", "A04"], [4000, 40, 40, 40])
    x = rng.normal(size=(len(well), 3))
    x[:4000, 2] = x[:4000, 0]  # the widest direction of the large well, and then that of the others
    x[4000:, 1] *= 3
    cells = pd.DataFrame(x, columns=FEATURES[:3]).assign(Metadata_Well=well, Metadata_Role="negcon")
    for sample, large_decides in ((4 * 20, False), (100_000, True)):
        monkeypatch.setattr("cellprofiling.cells.fingerprint.sample.SAMPLE", sample)
        told = {"reference": NEGCON, "blocks": ["dependence"], "components": 1, "clip": 100}
        found = cpf.fingerprint(cells, "Metadata_Well", **told)["Dependence_PC01_PC01"]
        assert (found[0] > found[1:].max()) == large_decides


def test_more_wells_than_the_sample(screen: SimulatedScreen, monkeypatch: pytest.MonkeyPatch) -> None:
    """With more wells than sampled cells, cells of some wells do."""
    monkeypatch.setattr("cellprofiling.cells.fingerprint.sample.SAMPLE", 20)
    found = cpf.fingerprint(screen.cells, reference=NEGCON, platemap=screen.platemap, components=25)
    assert "Dependence_PC19_PC19" in found
    assert "Dependence_PC20_PC20" not in found  # 20 cells spread in 19 directions


def test_wells_with_few_cells() -> None:
    """One cell has a level, and neither spread nor dependence; wells with fewer than min_cells go to the ledger."""
    rng = np.random.default_rng(0)
    cells = pd.DataFrame(rng.normal(size=(41, 6)), columns=FEATURES)
    cells["Metadata_Well"] = ["A01"] * 20 + ["A02"] * 20 + ["A03"]
    found = cpf.fingerprint(cells, "Metadata_Well", reference={"Metadata_Well": "A01"}, components=2)
    alone = found.iloc[2].drop(["Metadata_Well", "Metadata_Object_Count"]).astype(float)
    assert alone.filter(like="__level").notna().all()
    assert alone.drop(alone.filter(like="__level").index).isna().all()
    fewer = cpf.fingerprint(cells, "Metadata_Well", reference={"Metadata_Well": "A01"}, min_cells=2)
    line = cpf.ledger(fewer).query("item == 'well'").iloc[0]
    assert (line["step"], line["name"], line["reason"]) == ("fingerprint", "A03", "fewer than 2 cells")
    with pytest.raises(InputError, match="min_cells=50: no group has so many cells; the largest has 20"):
        cpf.fingerprint(cells.iloc[:40], "Metadata_Well", reference={"Metadata_Well": "A01"}, min_cells=50)


def test_a_plate_with_too_few_cells_has_no_say(cells: pd.DataFrame) -> None:
    """Its wells are left out, and no feature with them for want of control cells."""
    few = cells.iloc[:6].assign(Metadata_Plate="P0", Metadata_Well="A01", Metadata_Role="negcon")
    both = pd.concat([few, cells], ignore_index=True)
    told = {"reference": NEGCON, "blocks": ["level", "spread"], "min_cells": 10}
    pd.testing.assert_frame_equal(cpf.fingerprint(both, **told), cpf.fingerprint(cells, **told))


def test_features_without_spread(cells: pd.DataFrame) -> None:
    """Constant among the control cells of one plate: left out and named; half of them tied: the deviation stands in."""
    controls = (cells["Metadata_Role"] == "negcon") & (cells["Metadata_Plate"] == "P2")
    cells.loc[controls, FEATURES[0]] = 7.0
    tied = cells["Metadata_Role"] == "negcon"
    cells.loc[tied, FEATURES[1]] = np.where(np.arange(tied.sum()) % 3 == 0, 9.0, 1.0)
    found = cpf.fingerprint(cells, reference=NEGCON, blocks=["level"])
    assert f"{FEATURES[0]}__level" not in found
    assert np.abs(found[f"{FEATURES[1]}__level"]).max() == 10
    assert np.abs(found.loc[found["Metadata_Role"] == "negcon", f"{FEATURES[1]}__level"]).between(0.1, 2).all()
    line = cpf.ledger(found).query("item == 'feature'").iloc[0]
    assert (line["name"], line["reason"]) == (FEATURES[0], "no spread among the control cells of a plate")
    with pytest.raises(FeatureError, match="none of 1 features has a spread among the control cells"):
        cpf.fingerprint(cells, reference=NEGCON, features=[FEATURES[0]])


def test_excluded_cells_have_no_say(cells: pd.DataFrame) -> None:
    """Neither in the scale of controls nor in their wells."""
    spoiled = cells.assign(Metadata_QC_Flagged=False)
    debris = spoiled.iloc[::3].copy()
    debris[FEATURES] += 1000
    debris["Metadata_QC_Flagged"] = True
    both = pd.concat([spoiled, debris], ignore_index=True)
    found = cpf.fingerprint(both, reference=NEGCON, exclude="Metadata_QC_Flagged", components=3)
    clean = cpf.fingerprint(cells, reference=NEGCON, components=3)
    assert found["Metadata_Excluded_Count"].sum() == len(debris)
    pd.testing.assert_frame_equal(found[list(clean)], clean, rtol=1e-6)


def test_the_input_stays_as_it_is(cells: pd.DataFrame) -> None:
    """Neither values nor columns nor attrs change."""
    before = cells.copy(deep=True)
    cpf.fingerprint(cells, reference=(cells["Metadata_Role"] == "negcon").to_numpy(), blocks=ALL)
    pd.testing.assert_frame_equal(cells, before)
    assert cells.attrs == before.attrs


def test_names_are_understood(cells: pd.DataFrame) -> None:
    """Names of all blocks parse, and the dependence is morphology."""
    found = cpf.fingerprint(cells, reference=NEGCON, blocks=ALL)
    table = cpf.parse_features([name for name in found if not name.startswith("Metadata_")])
    assert set(table["kind"]) == {"morphology"}
    assert set(table["group"]) == {"Texture", "Dependence"}
    assert set(table.loc[table["group"] == "Texture", "channel"]) == {"DNA"}
    assert table.loc[table["group"] == "Dependence", "measure"].iloc[0] == "PC01_PC01"


def test_progress_counts_both_passes(screen: SimulatedScreen, tmp_path: Path) -> None:
    """A step for each plate in each pass."""
    screen.write(tmp_path / "screen")
    told: list = []
    cpf.fingerprint(tmp_path / "screen" / "cells", reference=NEGCON, platemap=screen.platemap, progress=told.append)
    assert [(step.plate, step.done, step.total) for step in told] == [
        ("Plate01", 1, 4), ("Plate02", 2, 4), ("Plate01", 3, 4), ("Plate02", 4, 4)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"reference": None}, InputError, "reference=None: say which wells are the controls"),
        ({"reference": "Metadata_Role == 'none'"}, ReferenceRowsError, "plates 'P1', 'P2' have no control cells"),
        ({"reference": "Metadata_Kind == 'a'"}, ColumnError, "reference='Metadata_Kind': no such column"),
        ({"blocks": "shape"}, InputError, "blocks='shape': choose one of"),
        ({"blocks": []}, InputError, r"blocks=\[\]: name one or more"),
        ({"level": "mode"}, InputError, "level='mode': choose one of"),
        ({"components": 0}, InputError, "components=0: not a whole number of at least 1"),
        ({"clip": 0}, InputError, "clip=0: not a finite number above 0"),
        ({"platemap": 3}, InputError, "platemap=3: not a pandas.DataFrame"),
        ({"platemap": pd.DataFrame({"Metadata_Role": ["negcon"]})}, ColumnError, "must both have 'Metadata_Well'"),
    ],
)
def test_what_cannot_be(cells: pd.DataFrame, options: dict, error: type[Exception], match: str) -> None:
    """Each is told in a sentence."""
    with pytest.raises(error, match=match):
        cpf.fingerprint(cells, **{"reference": NEGCON, **options})


def test_references_that_cannot_be(cells: pd.DataFrame, tmp_path: Path) -> None:
    """Half a well, a mask for files, groups that are not wells beside a platemap."""
    half = np.arange(len(cells)) % 2 == 0
    with pytest.raises(ReferenceRowsError, match="cells of P1 A01; whole wells are controls"):
        cpf.fingerprint(cells, reference=half)
    cpf.write_profiles(cells, tmp_path / "cells.parquet")
    with pytest.raises(InputError, match="reference: a ndarray fits a table only"):
        cpf.fingerprint(tmp_path / "cells.parquet", reference=half)
    platemap = cells[[*KEYS, "Metadata_Role"]].drop_duplicates()
    with pytest.raises(ColumnError, match=r"with a platemap groups must be made by 'Metadata_Well'"):
        cpf.fingerprint(cells, "Metadata_Plate", reference=NEGCON, platemap=platemap)
