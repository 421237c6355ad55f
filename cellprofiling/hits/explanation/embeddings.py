"""What an embedding sees, said in features that have names; and that it is not explained, where they do not say it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from cellprofiling.core import checks
from cellprofiling.core.columns import PLATE, WELL, By, Reference, require, rows
from cellprofiling.core.columns import groups as numbered
from cellprofiling.core.errors import InputError, KeyMatchError, listed
from cellprofiling.core.frame import split
from cellprofiling.core.ledgers import written
from cellprofiling.hits.explanation.groups import Groups, find_groups
from cellprofiling.hits.explanation.sentences import perturbation_names
from cellprofiling.kernels.arrays import Doubles, Indices
from cellprofiling.kernels.directions.unit_vectors import direction
from cellprofiling.kernels.models.replicates import group_moments
from cellprofiling.kernels.models.ridge import predict_held_out
from cellprofiling.kernels.scale.control_centers import control_centers
from cellprofiling.kernels.scale.missing import fill_with_median
from cellprofiling.kernels.scale.order import content_order
from cellprofiling.kernels.scale.plate_scale import scale_by_plate

FEWEST = 10  # wells in which anything can be predicted
EXPLAINED = 0.3  # of the variance: below it named features do not explain a direction
TOLD, WORTH = 3, 0.1  # groups named per direction, and the share from which on one is


class Directions(NamedTuple):
    """Directions in an embedding: what they are called, and the value of each well along each."""

    keys: pd.DataFrame
    names: list[str]
    values: Doubles


def explain_embedding(
    embedding: pd.DataFrame,
    named: pd.DataFrame,
    *,
    by: By = None,
    reference: Reference = None,
    on: Sequence[str] = (PLATE, WELL),
    plate: str = PLATE,
    groups: Groups = None,
    n_components: int = 5,
    folds: int = 5,
) -> pd.DataFrame:
    """
    Say which named features explain the directions of an embedding, and how much of each they explain.

    Parameters
    ----------
    embedding : pandas.DataFrame
        One row per well: metadata and the axes of an embedding.
    named : pandas.DataFrame
        The same wells with measured features.
    by : str, list of str or None, default None
        Metadata columns that name a perturbation; each gives the direction from the controls to it. None: the first
        principal components of the embedding.
    reference : str, dict or sequence of bool
        Which wells of `embedding` are the negative controls; needed with `by`.
    on : sequence of str, default ("Metadata_Plate", "Metadata_Well")
        Columns that name a well in both tables.
    plate : str, default "Metadata_Plate"
        Wells are taken about the median of their plate, and plates are held out whole.
    groups : pandas.DataFrame, dict or None, default None
        Groups of named features, as for `explain`.
    n_components : int, default 5
        How many components without `by`.
    folds : int, default 5
        How many parts are held out in turn; as many as there are plates if they are fewer. With one plate, wells.

    Returns
    -------
    pandas.DataFrame
        One row per direction and group of named features: the `by` columns or ``component``; ``r_squared`` (on
        held-out plates), ``explained`` (0.3 or more), ``group``, ``share`` of the group in what is explained (they add
        up to 1; groups that work against each other have negative ones), and the ``sentence`` of the direction.

    Raises
    ------
    InputError
        If wells do not match, are fewer than ten, or an option is impossible.

    See Also
    --------
    explain : Groups of features that a perturbation changes; axes without names are clustered there.

    Notes
    -----
    The value of a well along a direction is regressed on all named features by ridge regression, with the penalty of
    least generalized cross-validation, fitted on some plates and judged on the others: R^2 is 1 minus the squared error
    over the squared deviation from the mean of the fit, and is negative where features say nothing. Directions are
    explained over all wells, not only those of their perturbation; wells of one perturbation that lie on plates of the
    fit and on held-out ones make the task easier than a new compound would.

    References
    ----------
    Golub, Heath and Wahba, Technometrics 21, 215 (1979), https://doi.org/10.1080/00401706.1979.10489751

    Examples
    --------
    >>> import cellprofiling as cpf
    >>> screen = cpf.simulate_screen("easy", compounds=6, cells_per_well=10, features=40)
    >>> wells = cpf.annotate(cpf.aggregate(screen.cells), screen.platemap)
    >>> axes = cpf.embed(wells, n_components=3)
    >>> found = cpf.explain_embedding(axes, wells, n_components=1)
    >>> bool(found["explained"].all())
    True
    """
    checks.arguments(locals(), on=checks.columns)
    if by is not None and reference is None:
        raise InputError("reference=None: with by, say which wells are the controls that directions start from.")
    wells = _matched(embedding, named, list(on))
    axes, table = split(embedding), split(wells)
    order = np.argsort(np.array(axes.features, dtype=str), kind="stable")
    names = tuple(sorted(table.features))
    x = table.x[:, [table.features.index(name) for name in names]].astype(np.float64)
    ranks = content_order(np.hstack([x, axes.x[:, order]]))
    plates = pd.factorize(_plates(embedding, plate)[ranks])[0].astype(np.intp)
    points = scale_by_plate(fill_with_median(axes.x[ranks][:, order], plates), plates, rescale=False)
    points = np.nan_to_num(points)
    x = np.nan_to_num(scale_by_plate(fill_with_median(x[ranks], plates), plates, rescale=True))
    grouped = find_groups(names, groups, x)
    if by is None:
        found = _components(points, n_components)
    else:
        found = _changes(embedding, points, by, reference, plates=plates, ranks=ranks)
    used = np.unique(np.concatenate(grouped.members))
    members = [np.searchsorted(used, columns) for columns in grouped.members]
    fitted = predict_held_out(np.ascontiguousarray(x[:, used]), found.values, _folds(plates, folds), members)
    labels = grouped.table["group"].tolist()
    result = found.keys.iloc[np.repeat(np.arange(len(found.keys)), len(labels))].reset_index(drop=True)
    said = [_sentence(*row, labels) for row in zip(found.names, fitted.r_squared, fitted.shares.T, strict=True)]
    columns = {
        "r_squared": np.repeat(fitted.r_squared, len(labels)),
        "explained": np.repeat(fitted.r_squared >= EXPLAINED, len(labels)),
        "group": labels * len(found.keys),
        "share": fitted.shares.T.ravel(),
        "sentence": np.repeat(np.array(said, dtype=object), len(labels)),
    }
    result = pd.concat([result, pd.DataFrame(columns)], axis=1)
    return written(result, embedding, new=grouped.left_out)


def _matched(embedding: pd.DataFrame, named: pd.DataFrame, on: list[str]) -> pd.DataFrame:
    """Return the named features of the wells of the embedding, in its order."""
    require(embedding, on, "on")
    require(named, on, "on")
    if len(embedding) < FEWEST:
        raise InputError(f"embedding: {len(embedding)} wells, and {FEWEST} are the fewest a prediction can be made in.")
    for name, table in (("embedding", embedding), ("named", named)):
        twice = table.duplicated(on)
        if twice.any():
            raise KeyMatchError(f"{name}: {int(twice.sum())} wells occur more than once under on={listed(on)}.")
    wells = embedding[on].merge(named, on=on, how="left", indicator="_found")
    lost = int((wells.pop("_found") != "both").sum())
    if lost:
        raise KeyMatchError(f"named: {lost} of {len(embedding)} wells of the embedding are not there, by {listed(on)}.")
    return wells


def _plates(embedding: pd.DataFrame, plate: str) -> Indices:
    return numbered(embedding, plate, "plate")[0]


def _components(points: Doubles, n: int) -> Directions:
    """Return the wells along the first principal components."""
    u, size, _ = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)
    n = min(n, int((size > 1e-12 * size.max(initial=0.0)).sum()))
    names = [f"component {i + 1}" for i in range(n)]
    return Directions(pd.DataFrame({"component": np.arange(1, n + 1)}), names, u[:, :n] * size[:n])


def _changes(
    embedding: pd.DataFrame, points: Doubles, by: By, reference: Reference, *, plates: Indices, ranks: Indices
) -> Directions:
    """Return the wells along the direction from the controls of their plates to each perturbation."""
    control = rows(embedding, reference)
    codes, keys = numbered(embedding[~control], by)
    group = np.full(len(embedding), -1, dtype=np.intp)
    group[~control] = codes
    group, control = group[ranks], control[ranks]
    centered = points - np.nan_to_num(control_centers(points, plates, control))
    mean = group_moments(centered[~control], group[~control], len(keys))[1]
    return Directions(keys, perturbation_names(keys), points @ direction(mean).T)


def _folds(plates: Indices, folds: int) -> Indices:
    """Return the fold of each well: whole plates, or wells where there is one plate only."""
    return (plates if plates.max() > 0 else np.arange(len(plates), dtype=np.intp)) % folds


def _sentence(name: str, r_squared: float, shares: Doubles, labels: list[str]) -> str:
    """Return what a direction is made of, or that named features do not tell."""
    if not r_squared >= EXPLAINED:
        return f"{name}: not explained by the measured features (R² = {max(r_squared, 0):.2f} on held-out wells)."
    best = [i for i in np.argsort(-shares, kind="stable")[:TOLD] if shares[i] >= WORTH]
    made = ", ".join(f"{labels[i]} ({shares[i]:.0%})" for i in best) or "many groups, none with a tenth of it"
    return f"{name}: the measured features explain {r_squared:.0%} of it on held-out wells, most of all {made}."
