"""Simulated screens through fingerprints: what blocks find beyond the average, and that they call nothing else."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import cellprofiling as cpf
from cellprofiling.simulate.presets import REALISTIC, Cohort
from cellprofiling.simulate.screen import build
from tests.builders import NEGCON
from tests.chance import allowed, sharing

CALL = {"by": "Metadata_Compound", "reference": NEGCON, "permutations": 4999}
BLOCKS = ("level", "spread", "dependence")
# In SDs of a cell, on a screen of 4 plates with 32 controls each and 200 cells a well; effects of the preset "hetero"
# are 0.8 for dispersion and 2 for the cells that respond.
COHORTS = {
    "shift": Cohort("active", 0.125, effect=0.35),
    "dispersion": Cohort("dispersion", 0.125, effect=0.8),
    "rare 10 %": Cohort("active", 0.125, effect=2.0, fraction=0.10),
    "rare 5 %": Cohort("active", 0.125, effect=2.5, fraction=0.05),
}
KINDS = {(cohort.type, cohort.fraction): name for name, cohort in COHORTS.items()}


def fingerprints(seed: int, cohorts: tuple[Cohort, ...] = (), **preset: int) -> tuple[pd.DataFrame, pd.Series]:
    """Return the fingerprints of a screen, and what each compound really does, by compound."""
    given = {"controls": 32, "cells_per_well": 200, "compounds": 160} | preset
    screen = build("blocks", replace(REALISTIC, cohorts=cohorts, **given), seed)
    table = cpf.fingerprint(screen.cells, reference=NEGCON, platemap=screen.platemap)
    truth = screen.truth.compounds.set_index("Metadata_Compound")
    kinds = [KINDS.get(key, "inert") for key in zip(truth["type"], truth["fraction"], strict=True)]
    return cpf.annotate(table, screen.platemap), pd.Series(kinds, truth.index)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("combine", ["min", "cauchy"])
def test_what_averages_hide_is_found(seed: int, combine: str) -> None:
    """Recall of each kind, and few false hits; the level alone misses cells that spread."""
    wells, kinds = fingerprints(seed, tuple(COHORTS.values()))
    found = cpf.activity(wells, **CALL, blocks=True, combine=combine).set_index("Metadata_Compound")
    hit = found["q_value"] <= 0.05
    recall = hit.groupby(kinds).mean()
    assert recall["shift"] >= 0.95
    assert recall["dispersion"] >= 0.85
    assert recall["rare 10 %"] >= 0.75
    assert recall["rare 5 %"] >= 0.75
    assert (kinds[hit] == "inert").mean() <= 0.08
    level = [name for name in wells if name.startswith("Metadata_") or name.endswith("__level")]
    alone = cpf.activity(wells[level], **CALL).set_index("Metadata_Compound")["q_value"] <= 0.05
    assert alone.groupby(kinds).mean()["dispersion"] <= 0.3
    labels = found["block"][hit]
    assert labels[kinds[hit] == "shift"].str.contains("average change").mean() >= 0.9
    assert labels[kinds[hit] == "dispersion"].str.contains("more or less variable").mean() >= 0.9
    assert labels[kinds[hit] == "rare 5 %"].str.contains("a subset of cells").mean() >= 0.9


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_nothing_is_found_where_nothing_is(seed: int) -> None:
    """A screen of 150 inert compounds has no hit."""
    wells, _ = fingerprints(seed, compounds=150)
    assert not (cpf.activity(wells, **CALL, blocks=True)["q_value"] <= 0.05).any()


def null_rates(control_fit: str, prepare: bool, method: str, seeds: range) -> pd.Series:
    """Return for each block the share of inert compounds with p <= 0.05, and that of the combination."""
    rates = []
    for seed in seeds:
        wells, _ = fingerprints(seed, compounds=150, plates=3, cells_per_well=60, features=120)
        if prepare:  # whitened on the very wells that are compared with
            wells = cpf.whiten(wells, "zca_cor", reference=NEGCON)
        call = CALL | {"permutations": 999, "control_fit": control_fit, "method": method}
        found = cpf.activity(wells, **call, blocks=True)
        rates.append((found[["p_level", "p_spread", "p_dependence", "p_value"]] <= 0.05).mean())
    return pd.DataFrame(rates).mean()


@pytest.mark.slow
@pytest.mark.parametrize("method", ["map", "mahalanobis"])
@pytest.mark.parametrize("control_fit", ["refit", "whiten"])
def test_each_block_is_calibrated(control_fit: str, method: str) -> None:
    """4 screens of 150 inert compounds and 96 control wells: 5 % reach p <= 0.05 in each block, but for chance."""
    rates = null_rates(control_fit, False, method, range(4))
    low, high = allowed(600, alike=sharing(150, 32))
    assert rates[["p_level", "p_spread", "p_dependence"]].between(low, high).all(), rates
    assert rates["p_value"] <= high


@pytest.mark.slow
def test_fitted_and_tested_on_the_same_controls_is_not_calibrated() -> None:
    """The variant that must fail: blocks whitened on the controls, and compared with them as they are."""
    rates = null_rates("as_given", True, "mahalanobis", range(1))
    assert (rates > 0.20).all(), rates


@pytest.mark.slow
def test_scores_of_controls_that_were_held_out() -> None:
    """z of control wells by center and spread of other control wells: mean 0 and SD 1; that of the level is normal.

    The distances of two samples are never near zero, so that theirs is not: it has two peaks and short tails.
    """
    screen = build("null", replace(REALISTIC, controls=200, compounds=1, cells_per_well=60, features=60, plates=2), 0)
    told = {"reference": NEGCON, "platemap": screen.platemap, "blocks": ["level", "ks", "w1"]}
    table = cpf.fingerprint(screen.cells, **told)
    wells = cpf.annotate(table, screen.platemap).query(NEGCON).reset_index(drop=True)
    half = wells.groupby("Metadata_Plate").cumcount().to_numpy() % 2 == 0
    scored = cpf.normalize(wells, "standardize", reference=half)[~half]
    for ending in ("__level", "__ks", "__w1"):
        z = scored.filter(like=ending).to_numpy()
        assert abs(z.mean()) < 0.15
        assert 0.9 < z.std() < 1.1
        assert (np.abs(z) > 1.96).mean() < 0.07
    level = np.quantile(scored.filter(like="__level"), [0.025, 0.16, 0.5, 0.84, 0.975])
    np.testing.assert_allclose(level, [-1.96, -0.99, 0, 0.99, 1.96], atol=0.2)
