"""One number for a group of features: their first principal component over control wells other than the scored one."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from cellprofiling.kernels.arrays import Doubles, Indices, Mask
from cellprofiling.kernels.directions.principal import turned, widest_directions
from cellprofiling.kernels.scale.control_centers import control_centers


class Component(NamedTuple):
    """A direction in a group of features: of unit length in deviations of controls, and as weights of the values.

    A score made with the weights has a standard deviation of 1 over the rows of the fit.
    """

    loading: Doubles
    weight: Doubles


def control_spread(residuals: Doubles, stratum: Indices) -> Doubles:
    """Return the standard deviation of each feature over control rows about their strata; 0 where it has none."""
    free = max(1, len(residuals) - len(np.unique(stratum)))
    spread = np.sqrt((residuals**2).sum(axis=0) / free)
    size = np.abs(residuals).max(axis=0, initial=0.0)
    return np.where(spread > 1e-12 * np.maximum(size, 1e-300), spread, 0.0)


def first_component(z: Doubles) -> Doubles:
    """Return the unit vector along which rows vary most, shape (n_features,), its largest entry positive.

    Rows must be centered. Without any variance all features count alike.
    """
    n, p = z.shape
    if not z.any():
        return np.full(p, 1 / np.sqrt(p))
    if p <= n:
        return widest_directions(z.T @ z, 1)[1][:, 0]
    v = turned(z.T @ widest_directions(z @ z.T, 1)[1])[:, 0]
    return v / np.linalg.norm(v)


def oriented(loading: Doubles, polarity: Doubles) -> Doubles:
    """Return the loading with the sign that makes its sum along `polarity` positive, or else that of its largest part.

    Where no feature has a polarity all count as 1.
    """
    polarity = polarity if polarity.any() else np.ones(len(polarity))
    along = float(loading @ polarity)
    if abs(along) <= 1e-9 * np.linalg.norm(polarity):
        along = float(loading[np.argmax(np.abs(loading))])
    return loading if along >= 0 else -loading


def deal(is_control: Mask, stratum: Indices, n_folds: int) -> Indices:
    """Return the fold of each row: controls of a stratum are dealt in turn, and so are the others.

    The rows of a stratum are dealt in the order they have, the next stratum going on where the one before stopped.
    """
    fold = np.empty(len(stratum), dtype=np.intp)
    for side in (is_control, ~is_control):
        rows = np.flatnonzero(side)
        fold[rows[np.argsort(stratum[rows], kind="stable")]] = np.arange(len(rows)) % n_folds
    return fold


def group_scores(
    x: Doubles,
    is_control: Mask,
    stratum: Indices,
    members: Sequence[Indices],
    polarity: Doubles,
    n_folds: int = 5,
) -> tuple[Doubles, list[Doubles]]:
    """Return the score of each group in each row, shape (n_rows, n_groups), and the loadings over all controls.

    Parameters
    ----------
    x : shape (n_rows, n_features), without missing values.
    is_control : which rows the components are fitted on.
    stratum : number of the stratum (plate) of each row; every stratum holds a control.
    members : columns of each group.
    polarity : 1 or -1 for features that say which way a group points, 0 for others, shape (n_features,).
    n_folds : how many parts the rows are dealt into; 1 fits on all controls, the scored ones among them.

    Notes
    -----
    Features are centered on the controls of their stratum and divided by the standard deviation of controls about
    those means; the score is the projection on the first principal component of the controls, divided by its standard
    deviation over them. Means for the fit, deviations and component come from the controls of the **other** folds, so
    that no row takes part in what it is measured by: a component that is fitted on few controls follows them, and
    they would seem to vary more than any new well. Components of different folds are given the sign of that of all
    controls, whose own sign is that of `polarity`. A feature without spread among controls has no say.
    """
    n_folds = min(n_folds, int(is_control.sum()))
    centered = x - np.nan_to_num(control_centers(x, stratum, is_control))
    whole = [
        oriented(found.loading, polarity[columns])
        for found, columns in zip(_components(x[is_control], stratum[is_control], members), members, strict=True)
    ]
    fold = deal(is_control, stratum, n_folds)
    scores = np.zeros((len(x), len(members)))
    for part in range(n_folds):
        scored, fitted = fold == part, is_control & ((fold != part) | (n_folds == 1))
        for group, found in enumerate(_components(x[fitted], stratum[fitted], members)):
            sign = 1.0 if found.loading @ whole[group] >= 0 else -1.0
            scores[scored, group] = sign * (centered[np.ix_(scored, members[group])] @ found.weight)
    return scores, whole


def _components(controls: Doubles, stratum: Indices, members: Sequence[Indices]) -> list[Component]:
    """Return the component of each group of features over control rows about their strata."""
    residuals = controls - control_centers(controls, stratum, np.ones(len(controls), dtype=bool))
    spread = control_spread(residuals, stratum)
    per_unit = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 0)
    free = max(1, len(residuals) - len(np.unique(stratum)))
    found = []
    for columns in members:
        z = residuals[:, columns] * per_unit[columns]
        loading = first_component(z)
        deviation = np.linalg.norm(z @ loading) / np.sqrt(free)
        found.append(Component(loading, loading * per_unit[columns] / (deviation if deviation > 0 else 1.0)))
    return found
