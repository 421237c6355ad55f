"""How many discoveries are false: q-values of families of tests, and of groups of tests.

A family is all tests that a list of hits is drawn from. A group is a compound and its tests are the doses, the same for
genes and guides, or patterns and features: first which groups, then which tests inside them. Missing p-values are no
part of any family and stay missing.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.stats import false_discovery_control

from cellprofiling.kernels.arrays import Doubles, Indices, Mask

TAIL = 0.5  # p-values above it are taken for those of null hypotheses (Storey)


class GroupedDiscoveries(NamedTuple):
    """What `benjamini_bogomolov` finds.

    Attributes
    ----------
    group_q_value : one entry per group, missing where a group has no test.
    selected : groups whose q-value is at most the level.
    q_value : one entry per test; at most the level where the test is rejected, 1 in groups that are not selected.
    """

    group_q_value: Doubles
    selected: Mask
    q_value: Doubles


def q_values(p: Doubles, correction: str, family: Indices | None = None) -> Doubles:
    """Return the q-value of each test within its family; a missing p-value stays missing and is in no family.

    Parameters
    ----------
    correction : a name in `CORRECTIONS`.
    family : number of the family of each test; None for one.
    """
    q = np.full(len(p), np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    if not len(tested):
        return q
    codes = np.zeros(len(tested), dtype=np.intp) if family is None else family[tested]
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order])) + 1
    for tests in np.split(tested[order], starts):
        q[tests] = CORRECTIONS[correction](p[tests])
    return q


def _benjamini_hochberg(p: Doubles) -> Doubles:
    return false_discovery_control(p, method="bh")


def _benjamini_yekutieli(p: Doubles) -> Doubles:
    from statsmodels.stats.multitest import multipletests

    return multipletests(p, method="fdr_by")[1]


def _storey(p: Doubles) -> Doubles:
    """Return Storey's q-values: Benjamini-Hochberg's times the share of null hypotheses, judged from large p-values.

    The share is (1 + number above 1/2) / (n / 2), at most 1; the 1 keeps it from 0 (Storey, Taylor and Siegmund, J. R.
    Stat. Soc. B 66, 187 (2004), https://doi.org/10.1111/j.1467-9868.2004.00439.x).
    """
    share = min(1.0, (1 + np.count_nonzero(p > TAIL)) / (len(p) * (1 - TAIL)))
    return share * _benjamini_hochberg(p)


CORRECTIONS: dict[str, Callable[[Doubles], Doubles]] = {
    "benjamini_hochberg": _benjamini_hochberg,
    "benjamini_yekutieli": _benjamini_yekutieli,
    "storey": _storey,
}


def simes(p: Doubles, groups: Indices) -> Doubles:
    """Return one p-value per group, of the hypothesis that no test of the group has an effect.

    Parameters
    ----------
    p : p-values, missing ones are no part of the family.
    groups : number of the group of each test, 0 to n_groups - 1.

    Notes
    -----
    With p(1) <= ... <= p(n), the smallest n p(i) / i: exact for independent tests, valid for the positive dependence
    of doses that share their controls. The smallest p-value itself is not valid: of six tests without effect, one has
    p <= 0.05 in 26 of 100 compounds. A group without a test is missing.

    References
    ----------
    Simes, Biometrika 73, 751 (1986), https://doi.org/10.1093/biomet/73.3.751
    """
    n_groups = int(groups.max(initial=-1)) + 1
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.lexsort((p[known], groups[known]))]
    sizes = np.bincount(groups[order], minlength=n_groups)
    place = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes) + 1
    combined = np.where(sizes > 0, np.inf, np.nan)
    np.minimum.at(combined, groups[order], p[order] * sizes[groups[order]] / place)
    return combined


def benjamini_hochberg(p: Doubles) -> Doubles:
    """Return Benjamini-Hochberg q-values of one family; missing p-values stay missing and are no part of it."""
    return q_values(p, "benjamini_hochberg")


def benjamini_bogomolov(p: Doubles, groups: Indices, level: float) -> GroupedDiscoveries:
    """Return which groups hold an effect, and which of their tests, at a false discovery rate of `level`.

    Parameters
    ----------
    p, groups : as in `simes`.
    level : false discovery rate, among selected groups and, on average over them, among the tests of a group.

    Notes
    -----
    Benjamini-Hochberg over the Simes p-values of G groups selects R of them. Inside a selected group Benjamini-Hochberg
    runs at level R / G times `level`, which pays for having looked only where something was seen. The q-value of a test
    is its Benjamini-Hochberg q-value within the group times G / R: it belongs to this level and to no other.

    References
    ----------
    Benjamini and Bogomolov, J. R. Stat. Soc. B 76, 297 (2014), https://doi.org/10.1111/rssb.12028
    """
    group_p = simes(p, groups)
    group_q = benjamini_hochberg(group_p)
    selected = group_q <= level
    n_groups, n_selected = np.count_nonzero(~np.isnan(group_p)), np.count_nonzero(selected)
    q = np.where(np.isnan(p), np.nan, 1.0)
    for group in np.flatnonzero(selected):
        inside = np.flatnonzero((groups == group) & ~np.isnan(p))
        q[inside] = np.minimum(1.0, benjamini_hochberg(p[inside]) * n_groups / n_selected)
    return GroupedDiscoveries(group_q, selected, q)
