"""False discoveries among groups of tests: first which groups, then which tests inside them.

A group is a compound, its tests are the doses; the same for genes and guides, or patterns and features.
"""

from typing import NamedTuple

import numpy as np
from scipy.stats import false_discovery_control

from cellprofiling.kernels.arrays import Doubles, Indices, Mask


class GroupedDiscoveries(NamedTuple):
    """What `benjamini_bogomolov` finds.

    Attributes
    ----------
    group_p_value, group_q_value : one entry per group, missing where a group has no test.
    selected : groups whose q-value is at most the level.
    q_value : one entry per test; at most the level where the test is rejected, 1 in groups that are not selected.
    """

    group_p_value: Doubles
    group_q_value: Doubles
    selected: Mask
    q_value: Doubles


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
    """Return Benjamini-Hochberg q-values; missing p-values stay missing and are no part of the family."""
    q = np.full(len(p), np.nan)
    known = ~np.isnan(p)
    if known.any():
        q[known] = false_discovery_control(p[known], method="bh")
    return q


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
    return GroupedDiscoveries(group_p, group_q, selected, q)
