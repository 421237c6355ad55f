"""The whole job on screens with known truth: no more false hits than promised, and the true ones found."""

import numpy as np
import pandas as pd
import pytest

import cellprofiling as cpf
from cellprofiling.recipe.demo import judge
from tests.builders import NEGCON
from tests.chance import allowed


def hits_of(screen: cpf.simulate_screen, permutations: int = 5000) -> pd.DataFrame:
    """Return the hit list of a simulated screen, made the default way."""
    wells = cpf.annotate(cpf.aggregate(screen.cells), screen.platemap)
    profiles = cpf.select_features(cpf.normalize(wells, "mad_robustize", reference=NEGCON))
    return cpf.rank_hits(profiles, by="Metadata_Compound", reference=NEGCON, permutations=permutations)


@pytest.mark.slow
def test_null_screens_have_no_more_hits_than_the_fdr_allows() -> None:
    """Over 40 screens without any active compound, no more of them have a hit than chance at 5 % explains.

    Where nothing is active every hit is false, so the false discovery rate is the share of screens with a hit.
    """
    lists = [hits_of(cpf.simulate_screen("null", seed=seed, cells_per_well=60)) for seed in range(40)]
    with_hits = sum(bool(hits["hit"].any()) for hits in lists)
    assert with_hits / 40 <= allowed(40)[1]
    p_values = np.concatenate([hits["p_value"] for hits in lists])
    assert (p_values <= 0.05).mean() <= allowed(len(p_values))[1]


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.slow)])
def test_easy_screen_is_recovered(seed: int) -> None:
    """At least nine of ten active compounds are found at a false discovery rate of 5 %."""
    screen = cpf.simulate_screen("easy", seed=seed)
    verdict = judge(hits_of(screen), screen.truth.compounds)
    assert verdict.n_found >= 0.9 * verdict.n_active
    called = max(1, verdict.n_found + verdict.n_false)
    assert verdict.n_false / called <= allowed(called)[1]
