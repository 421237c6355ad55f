"""Compounds do what the truth says of them."""

from dataclasses import replace

import numpy as np
import pytest

from cellprofiling.simulate.compounds import draw_library, hill
from cellprofiling.simulate.factors import draw_factors
from cellprofiling.simulate.panel import panel
from cellprofiling.simulate.presets import PRESETS

PANEL = panel(230)
FACTORS = draw_factors(len(PANEL.families), np.random.default_rng(0))


def library(name="easy", seed=0, columns=PANEL, factors=FACTORS, **changes):
    return draw_library(replace(PRESETS[name], **changes), columns, factors, np.random.SeedSequence(seed))


def test_hill_is_half_at_the_ec50_and_nothing_without_dose_or_potency():
    dose, ec50 = np.array([2.0, 0.0, 5.0, 1e9]), np.array([2.0, 2.0, np.nan, 2.0])
    np.testing.assert_allclose(hill(dose, ec50, np.full(4, 1.2)), [0.5, 0, 0, 1], atol=1e-9)


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("n", [8, 60, 101])
def test_cohorts_have_their_share_of_compounds(name, n):
    table = library(name, compounds=n).table
    assert len(table) == n
    counts = table["type"].value_counts()
    for kind in {cohort.type for cohort in PRESETS[name].cohorts}:
        share = sum(cohort.share for cohort in PRESETS[name].cohorts if cohort.type == kind)
        assert abs(counts.get(kind, 0) - share * n) <= 1
    assert counts.get("inert", 0) > 0


@pytest.mark.parametrize("name", PRESETS)
def test_flags_and_numbers_agree_with_the_type(name):
    table = library(name).table
    active = table["type"].isin(["active", "dispersion", "toxic_active"])
    toxic = table["type"].isin(["toxic", "toxic_active"])
    assert (table["active"] == active).all()
    assert (table["toxic"] == toxic).all()
    assert table.loc[active, ["ec50", "mechanism"]].notna().all(axis=None)
    assert table.loc[~active, ["ec50", "mechanism"]].isna().all(axis=None)
    assert (table["lethal_ec50"].notna() == toxic).all()
    assert ((table["fraction"] > 0) == active).all()
    assert ((table["effect"] > 0) == active).all()
    assert ((table["groups"] != "") == active).all()


def test_effect_is_the_root_mean_square_shift_of_the_affected_features():
    planted = library("library")
    shift = planted.moves @ FACTORS.weights.T[:, PANEL.family]
    blocks = np.array([PANEL.families[i].block for i in PANEL.family])
    for i, row in planted.table[planted.table["active"]].iterrows():
        affected = np.isin(blocks, row["groups"].split(";"))
        assert np.sqrt(np.mean(shift[i, affected] ** 2)) == pytest.approx(row["effect"], rel=1e-9)
        size = {block: np.sqrt(np.mean(shift[i, blocks == block] ** 2)) for block in np.unique(blocks)}
        groups = row["groups"].split(";")
        assert groups == sorted(groups, key=lambda block: -size[block])
        assert min(size[block] for block in groups) >= 0.5 * max(size.values())
        assert all(size[block] < 0.5 * size[groups[0]] for block in set(size) - set(groups))


def test_inert_and_toxic_compounds_move_nothing():
    planted = library("toxic")
    assert not planted.moves[~planted.table["active"].to_numpy()].any()


def test_compounds_of_one_mechanism_move_the_same_way_and_share_a_cohort():
    planted = library("easy", compounds=90)
    table = planted.table[planted.table["active"]]
    unit = planted.moves[table.index] @ FACTORS.weights.T
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    same = table["mechanism"].to_numpy()[:, None] == table["mechanism"].to_numpy()
    cosine = unit @ unit.T
    assert cosine[same & ~np.eye(len(table), dtype=bool)].mean() > 0.85
    assert cosine[~same].mean() < 0.6
    assert (table.groupby("mechanism").size() == 3).all()
    assert (library("hetero").table.groupby("mechanism")["fraction"].nunique() == 1).all()


def test_who_is_active_depends_on_the_seed_and_not_on_what_is_measured():
    few = panel(30)
    seen = library(columns=few, factors=draw_factors(len(few.families), np.random.default_rng(0))).table
    known = library().table
    assert seen.drop(columns="groups").equals(known.drop(columns="groups"))
    assert list(library(seed=1).table["active"]) != list(known["active"])


def test_the_order_of_compounds_says_nothing():
    first_half = [library(seed=seed).table["active"].iloc[:30].mean() for seed in range(12)]
    assert 0.4 < np.mean(first_half) < 0.6
