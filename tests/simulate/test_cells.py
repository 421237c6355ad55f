"""Single cells: the truth about them is what the features show."""

import numpy as np
import pandas as pd
import pytest

from cellprofiling.simulate.cells import rounded
from cellprofiling.simulate.screen import simulate_screen

FEATURES = slice(7, None)
CONTENT = "Nuclei_Intensity_IntegratedIntensity_DNA"


@pytest.fixture(scope="module")
def hetero():
    return simulate_screen("hetero", compounds=50, plates=2, cells_per_well=100, features=100)


@pytest.fixture(scope="module")
def messy():
    return simulate_screen("messy", compounds=40, doses=(1.0, 10.0), plates=2, cells_per_well=60, features=230)


def beside(screen):
    """Return the truth about the cells beside where they are and what is in their well."""
    keys = ["Metadata_Plate", "Metadata_Well"]
    truth = pd.concat([screen.cells[keys], screen.truth.cells], axis=1)
    truth = truth.merge(screen.truth.wells, on=keys, how="left")
    return truth.merge(screen.truth.compounds, left_on="true_compound", right_on="Metadata_Compound", how="left")


def test_rounding_keeps_seventeen_bits_and_forgets_the_last_ones():
    x = np.random.default_rng(0).standard_normal(10_000) * 10.0 ** np.arange(-5, 5).repeat(1000)
    np.testing.assert_allclose(rounded(x), x, rtol=2.0**-17)
    assert (rounded(x * (1 + 1e-13)) == rounded(x)).all()
    assert (rounded(x * (1 + 1e-9)) == rounded(x)).mean() > 0.999
    assert not (rounded(x).view(np.int32) & 127).any()
    assert np.isnan(rounded(np.array([np.nan]))).all()
    assert rounded(x).dtype == np.float32


def test_the_share_of_responders_is_the_planted_fraction(hetero):
    cells = beside(hetero)
    treated = cells[cells["fraction"] > 0].groupby("true_compound")
    n, seen, planted = treated.size(), treated["responder"].mean(), treated["fraction"].first()
    z = (seen - planted) / np.sqrt(np.maximum(planted * (1 - planted), 1e-9) / n)
    assert (np.abs(z) < 4).all()
    assert (z**2).mean() < 2.5
    assert sorted(planted.unique()) == [0.05, 0.1, 0.25, 0.5, 1.0]


def test_controls_and_inert_compounds_have_no_responders(hetero):
    cells = beside(hetero)
    assert not cells.loc[cells["fraction"].isna() | (cells["fraction"] == 0), "responder"].any()


def test_responders_stand_apart_from_their_neighbors_and_from_controls(hetero):
    """A direction learned on one plate tells responders from other cells of the same wells on the other."""
    cells, x = beside(hetero), np.log(hetero.cells.iloc[:, FEATURES].abs() + 1e-3).to_numpy()
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    first = (cells["Metadata_Plate"] == "Plate01").to_numpy()
    quarter = cells.loc[cells["fraction"] == 0.25, "true_compound"].unique()
    areas = []
    for name in quarter:
        here = (cells["true_compound"] == name).to_numpy()
        responder = cells["responder"].to_numpy()
        learned = x[here & first & responder].mean(axis=0) - x[here & first & ~responder].mean(axis=0)
        score = x[here & ~first] @ learned
        hit = responder[here & ~first]
        areas.append((score[hit][:, None] > score[~hit]).mean())
    assert np.median(areas) > 0.9


def test_dispersion_spreads_cells_and_leaves_the_middle_where_it_is():
    screen = simulate_screen("hetero", compounds=50, plates=2, cells_per_well=150, features=100)
    x = screen.cells.iloc[:, FEATURES].groupby([screen.cells["Metadata_Plate"], screen.cells["Metadata_Well"]])
    kind = screen.platemap.merge(screen.truth.compounds, on="Metadata_Compound", how="left")["type"].fillna("control")
    middle = x.median()
    spread = np.log(x.quantile(0.75) - x.quantile(0.25))
    control = (kind == "control").to_numpy()
    wide = (spread - spread[control].groupby(level=0).mean()).mean(axis=1).groupby(kind.to_numpy()).mean()
    off = (middle - middle[control].groupby(level=0).median()) / np.exp(spread[control].groupby(level=0).mean())
    off = off.abs().mean(axis=1).groupby(kind.to_numpy()).mean()
    assert wide["dispersion"] > wide["inert"] + 0.05
    assert off["dispersion"] < 1.25 * off["inert"]
    assert off["active"] > 1.5 * off["inert"]


def test_cells_are_named_once_and_images_belong_to_one_site(hetero):
    cells = hetero.cells
    assert not cells.duplicated(["Metadata_Plate", "Metadata_ImageNumber", "Metadata_ObjectNumber"]).any()
    images = cells.groupby(["Metadata_Plate", "Metadata_ImageNumber"])
    assert images.ngroups == len(cells[["Metadata_Plate", "Metadata_Well", "Metadata_Site"]].drop_duplicates())
    assert (images["Metadata_ObjectNumber"].max() == images.size()).all()
    assert sorted(cells["Metadata_Site"].unique()) == [1, 2]
    place = cells[["Nuclei_Location_Center_X", "Nuclei_Location_Center_Y"]]
    assert place.min().min() >= 0
    assert 1070 < place.max().min() <= place.max().max() <= 1080


def test_dna_content_has_two_modes_a_factor_of_two_apart(hetero):
    control = hetero.truth.wells["true_compound"] == "DMSO"
    wells = hetero.truth.wells.loc[control, ["Metadata_Plate", "Metadata_Well"]]
    cells = hetero.cells.merge(wells, on=["Metadata_Plate", "Metadata_Well"])
    content = np.log2(cells[CONTENT])
    content -= content.groupby(cells["Metadata_Plate"]).transform(lambda values: values.quantile(0.65 / 2))
    counts, edges = np.histogram(content, bins=np.arange(-0.5, 1.6, 0.1))
    middles = (edges[1:] + edges[:-1]) / 2
    low, high = counts * (middles < 0.5), counts * (middles >= 0.5)
    assert middles[high.argmax()] - middles[low.argmax()] == pytest.approx(1, abs=0.2)
    between = counts[(middles > 0.35) & (middles < 0.65)].min()
    assert between < 0.5 * high.max() < 0.5 * low.max()
    assert (content > 0.5).mean() == pytest.approx(0.35, abs=0.05)


def test_artifacts_lie_far_out(messy):
    x = messy.cells.iloc[:, FEATURES].dropna(axis=1)
    x = x.loc[:, (x - x.median()).abs().median() > 0]
    far = ((x - x.median()) / (1.4826 * (x - x.median()).abs().median())).abs() > 4
    artifact = messy.truth.cells["artifact"]
    assert artifact.mean() == pytest.approx(0.02, abs=0.005)
    assert far[artifact].mean(axis=1).median() > 10 * far[~artifact].mean(axis=1).median()


def test_messy_features_are_missing_constant_or_floored_and_others_are_whole(messy):
    x = messy.cells.iloc[:, FEATURES]
    missing = x.columns[x.isna().any()]
    constant = x.columns[x.max() == x.min()]
    floored = x.columns[((x - x.median()).abs().median() == 0) & (x.max() > x.min())]
    assert (len(missing), len(constant), len(floored)) == (3, 4, 4)  # 1.0, 1.5 and 1.7 % of 230
    assert not set(missing) & (set(constant) | set(floored))
    assert x[missing].isna().mean().between(0.0005, 0.055).all()


@pytest.mark.parametrize("preset", ["null", "easy", "library", "hetero", "toxic"])
def test_other_presets_have_neither_missing_values_nor_features_without_spread(preset):
    screen = simulate_screen(preset, plates=1, compounds=10, controls=4, doses=(10.0,), cells_per_well=40)
    x = screen.cells.iloc[:, FEATURES]
    assert x.notna().all(axis=None)
    assert ((x - x.median()).abs().median() > 0).all()


def test_toxic_wells_lose_cells():
    toxic = simulate_screen("toxic", compounds=40, controls=24, plates=2, cells_per_well=100, features=20)
    keys = ["Metadata_Plate", "Metadata_Well"]
    count = toxic.cells.groupby(keys).size().rename("count").reset_index()
    wells = toxic.truth.wells.merge(count, on=keys).merge(
        toxic.truth.compounds, left_on="true_compound", right_on="Metadata_Compound", how="left"
    )
    usual = wells[wells["true_compound"] == "DMSO"].groupby("Metadata_Plate")["count"].median()
    wells["relative"] = wells["count"] / wells["Metadata_Plate"].map(usual)
    lethal = wells[wells["toxic"].eq(True)]
    by_dose = lethal.groupby("true_dose")["relative"].median()
    assert by_dose.is_monotonic_decreasing
    assert by_dose.iloc[0] > 0.85
    assert by_dose.iloc[-1] < 0.4
    assert wells[wells["toxic"].eq(False)].groupby("true_dose")["relative"].median().between(0.85, 1.15).all()
    spread = np.log(wells["count"] / wells["expected_count"])[wells["expected_count"] > 30]
    assert spread.std() == pytest.approx(0.08, abs=0.015)


def test_where_cells_are_few_they_are_far_apart_and_large():
    screen = simulate_screen("toxic", compounds=30, plates=2, cells_per_well=100, features=230)
    keys = ["Metadata_Plate", "Metadata_Well"]
    names = ["Cells_Neighbors_FirstClosestDistance_5", "Cells_AreaShape_Area", "Cells_Neighbors_PercentTouching_5"]
    wells = screen.cells.groupby(keys)[names].median().assign(count=screen.cells.groupby(keys).size())
    wells = wells[screen.truth.wells.set_index(keys).loc[wells.index, "true_effect"] == 0]
    rank = wells.groupby(level=0).rank()
    distance, area, touching = rank.corr()["count"][names]
    assert distance < -0.4
    assert area < -0.2
    assert touching > 0.4
