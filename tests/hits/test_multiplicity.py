"""q-values: those of statsmodels, family by family, missing tests in none."""

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from cellprofiling.hits.multiplicity import q_values
from tests.chance import allowed


@pytest.mark.parametrize(("name", "peer"), [("benjamini_hochberg", "fdr_bh"), ("benjamini_yekutieli", "fdr_by")])
def test_equals_statsmodels_in_each_family(name: str, peer: str) -> None:
    """Families in any order, missing p-values left missing and uncounted."""
    rng = np.random.default_rng(0)
    p, family = rng.random(50) ** 3, rng.integers(0, 4, 50)
    p[::7] = np.nan
    found = q_values(p, name, family)
    for code in range(4):
        here = (family == code) & ~np.isnan(p)
        np.testing.assert_allclose(found[here], multipletests(p[here], method=peer)[1])
    assert np.isnan(found[::7]).all()


def test_nothing_tested_is_nothing_found() -> None:
    """All missing, or none given."""
    assert np.isnan(q_values(np.full(3, np.nan), "storey")).all()
    assert len(q_values(np.zeros(0), "storey")) == 0


def test_storey_keeps_the_rate_and_finds_more() -> None:
    """With half of the hypotheses false: no more false discoveries than allowed, more true ones than plain."""
    rng = np.random.default_rng(0)
    false, more = [], []
    for _ in range(200):
        p = np.concatenate([rng.random(100), rng.random(100) ** 8])
        called, plain = (q_values(p, name) <= 0.1 for name in ("storey", "benjamini_hochberg"))
        false.append(called[:100].sum() / max(called.sum(), 1))
        more.append(called[100:].sum() - plain[100:].sum())
    assert np.mean(false) <= allowed(200, 0.1)[1]
    assert np.mean(more) > 1


def test_storey_of_noise_is_not_below_the_plain_one_by_much() -> None:
    """The share of null hypotheses is at most 1, and a handful of tests is not taken to have none."""
    p = np.array([0.01, 0.02, 0.03])
    np.testing.assert_allclose(q_values(p, "storey"), 2 / 3 * q_values(p, "benjamini_hochberg"))
    p = np.array([0.9, 0.95, 0.99])
    np.testing.assert_allclose(q_values(p, "storey"), q_values(p, "benjamini_hochberg"))
