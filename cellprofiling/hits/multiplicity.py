"""How many of the discoveries are false: q-values of a family of tests."""

from collections.abc import Callable
from functools import partial

import numpy as np

from cellprofiling.kernels.arrays import Doubles, Indices

TAIL = 0.5  # p-values above it are taken for those of null hypotheses (Storey)


def q_values(p_values: Doubles, correction: str, family: Indices | None = None) -> Doubles:
    """Return the q-value of each test within its family; a missing p-value stays missing and is in no family.

    Parameters
    ----------
    correction : a name in `CORRECTIONS`.
    family : number of the family of each test; None for one.
    """
    result = np.full(len(p_values), np.nan)
    known = np.flatnonzero(~np.isnan(p_values))
    if not len(known):
        return result
    codes = np.zeros(len(known), dtype=np.intp) if family is None else family[known]
    order = known[np.argsort(codes, kind="stable")]
    for tests in np.split(order, np.flatnonzero(np.diff(np.sort(codes))) + 1):
        result[tests] = CORRECTIONS[correction](p_values[tests])
    return result


def _statsmodels(p_values: Doubles, *, method: str) -> Doubles:
    from statsmodels.stats.multitest import multipletests

    return multipletests(p_values, method=method)[1]


def _storey(p_values: Doubles) -> Doubles:
    """Return Storey's q-values: Benjamini-Hochberg's times the share of null hypotheses, judged from large p-values.

    The share is (1 + number above 1/2) / (n / 2), at most 1; the 1 keeps it from 0 (Storey, Taylor and Siegmund, J. R.
    Stat. Soc. B 66, 187 (2004), https://doi.org/10.1111/j.1467-9868.2004.00439.x).
    """
    share = min(1.0, (1 + np.count_nonzero(p_values > TAIL)) / (len(p_values) * (1 - TAIL)))
    return share * _statsmodels(p_values, method="fdr_bh")


CORRECTIONS: dict[str, Callable[[Doubles], Doubles]] = {
    "benjamini_hochberg": partial(_statsmodels, method="fdr_bh"),
    "benjamini_yekutieli": partial(_statsmodels, method="fdr_by"),
    "storey": _storey,
}
