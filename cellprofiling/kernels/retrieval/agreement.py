"""Whether replicates agree better than wells that are none, against random wells of the same plates."""

from collections.abc import Iterable

import numpy as np

from cellprofiling.kernels.arrays import Doubles, Indices

MOST_WELLS = 12  # of one label; more say little more


def replicate_p_values(
    unit: Doubles, label: Indices, plate: Indices, labels: Iterable[int], draws: int, seed: int = 0
) -> tuple[Doubles, Doubles]:
    """Return for each label how alike its wells are, and the p-value against random wells of the same plates.

    Parameters
    ----------
    unit : profiles of length 1, shape (n_wells, n_features).
    label, plate : numbers, one per well.
    labels : of which labels. One with wells on fewer than two plates gives NaN.
    draws : random sets of wells, as many from each plate as the label has.

    Notes
    -----
    The score is the median cosine over pairs of wells on different plates: pairs on one plate resemble each other
    whatever they hold. In random sets pairs of one label do not count. p = (b + 1) / (m + 1) for m draws of which b
    score at least as high; NaN where all wells of the plates have one label.
    """
    members = [_thinned(np.flatnonzero(label == each)) for each in labels]
    score, p = np.full(len(members), np.nan), np.full(len(members), np.nan)
    wells_of = {int(code): np.flatnonzero(plate == code) for code in np.unique(plate)}
    nulls: dict[tuple[int, ...], Doubles] = {}
    for i, wells in enumerate(members):
        plates = np.sort(plate[wells])
        if len(np.unique(plates)) < 2:
            continue
        key = tuple(plates.tolist())
        if key not in nulls:
            nulls[key] = _null(unit, plates, wells_of, label, draws, seed)
        ordered = wells[np.argsort(plate[wells], kind="stable")]
        score[i] = np.median(_cosines(unit, ordered[None], *_pairs(plates)))
        if len(nulls[key]):
            p[i] = (1 + (nulls[key] >= score[i] - 1e-12).sum()) / (1 + len(nulls[key]))
    return score, p


def plate_agreement(
    unit: Doubles, label: Indices, plate: Indices, code: int, draws: int, seed: int = 0
) -> tuple[float, float, float, int]:
    """Return how alike the wells of a plate and their labels elsewhere are, what chance gives, p-value, and wells.

    Notes
    -----
    The score is the mean cosine of a well with the mean of its label on other plates; labels are permuted among the
    wells of the plate. Wells whose label is nowhere else are left out; fewer than 4 others give NaN.
    """
    own, others = np.flatnonzero(plate == code), np.flatnonzero(plate != code)
    own = own[np.isin(label[own], label[others])]
    if len(own) < 4:
        return np.nan, np.nan, np.nan, len(own)
    there, where = np.unique(label[own], return_inverse=True)
    means = np.stack([unit[others[label[others] == each]].mean(axis=0) for each in there])
    length = np.linalg.norm(means, axis=1, keepdims=True)
    alike = unit[own] @ (means / np.where(length == 0, 1, length)).T
    rows, rng = np.arange(len(own)), np.random.default_rng(seed)
    observed = float(alike[rows, where].mean())
    null = np.array([alike[rows, where[rng.permutation(len(own))]].mean() for _ in range(draws)])
    p = float((1 + (null >= observed - 1e-12).sum()) / (1 + draws))
    return observed, float(null.mean()), p, len(own)


def _thinned(wells: Indices) -> Indices:
    if len(wells) <= MOST_WELLS:
        return wells
    return wells[np.linspace(0, len(wells) - 1, MOST_WELLS).round().astype(np.intp)]


def _null(
    unit: Doubles, plates: Indices, wells_of: dict[int, Indices], label: Indices, draws: int, seed: int
) -> Doubles:
    """Return the medians of random sets of wells on the given plates; pairs of one label are no part of them."""
    rng = np.random.default_rng(seed)
    sets = np.stack([rng.choice(wells_of[int(code)], draws) for code in plates], axis=1)
    first, second = _pairs(plates)
    alike = _cosines(unit, sets, first, second)
    alike[label[sets[:, first]] == label[sets[:, second]]] = np.nan
    return np.nanmedian(alike[~np.isnan(alike).all(axis=1)], axis=1)


def _pairs(plates: Indices) -> tuple[Indices, Indices]:
    first, second = np.triu_indices(len(plates), 1)
    apart = plates[first] != plates[second]
    return first[apart], second[apart]


def _cosines(unit: Doubles, sets: Indices, first: Indices, second: Indices) -> Doubles:
    profiles = unit[sets]
    return (profiles @ np.swapaxes(profiles, 1, 2))[:, first, second]
