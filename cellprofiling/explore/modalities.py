"""Two kinds of measurement of the same perturbations: what they share, and what only one of them sees."""

from dataclasses import dataclass
from math import lgamma

import numpy as np
import pandas as pd

from cellprofiling.core import checks
from cellprofiling.core.columns import By, columns_once, groups, require
from cellprofiling.core.errors import FeatureError, InputError, KeyMatchError, listed
from cellprofiling.core.frame import complete, split
from cellprofiling.core.ledgers import Line, lines, written
from cellprofiling.explore.modality_labels import compare_labels
from cellprofiling.kernels.arrays import Doubles, Indices
from cellprofiling.kernels.directions.pairing import cross_fitted, procrustes_misfits, rv_coefficients
from cellprofiling.kernels.directions.principal import principal_directions
from cellprofiling.kernels.inference.permutation import TIE
from cellprofiling.kernels.scale.order import content_order
from cellprofiling.kernels.scale.scale import fit_standard

FEWEST = 12  # perturbations, for a space fitted on four fifths of them to mean anything
ROWS_PER_AXIS = 3  # more axes than a third of the rows fit what is not there
FOLDS = 5
RECALLS = (1, 5)
PORTION = 50  # pairings fitted at once


@dataclass(frozen=True)
class ModalityComparison:
    """What `compare_modalities` finds.

    Attributes
    ----------
    statistics : one row per statistic.
    perturbations : one row per perturbation, how it finds itself in the other table.
    labels : one row per label, in which table it is found; None without `label`.
    """

    statistics: pd.DataFrame
    perturbations: pd.DataFrame
    labels: pd.DataFrame | None


@dataclass(frozen=True)
class _Pair:
    """Two tables row by row, in an order of their own: standardized features, principal axes, keys and blocks."""

    x: tuple[Doubles, Doubles]
    axes: tuple[Doubles, Doubles]
    table: pd.DataFrame
    keys: list[str]
    block: Indices
    place: Indices


def compare_modalities(
    a: pd.DataFrame,
    b: pd.DataFrame,
    *,
    on: By,
    block: By = None,
    label: str | None = None,
    components: int = 5,
    axes: int = 20,
    permutations: int = 999,
    alpha: float = 0.05,
    seed: int = 0,
) -> ModalityComparison:
    """
    Return how far two kinds of profiles of the same perturbations agree, and which labels only one of them finds.

    Parameters
    ----------
    a, b : pandas.DataFrame
        Profile tables with one row per perturbation, such as `consensus` returns: morphology and gene expression, say.
    on : str or list of str
        Metadata columns that name a perturbation in both tables. Perturbations of one table alone are left out, with a
        line in the ledger.
    block : str, list of str, or None, default None
        Metadata columns of `a`, such as a batch, inside which perturbations are exchangeable; None if all are.
    label : str or None, default None
        A column of `a`, such as a mechanism, for the table of labels.
    components : int, default 5
        Components of the shared space.
    axes : int, default 20
        Principal axes of each table that the shared space is made of, at most a third of the perturbations.
    permutations : int, default 999
        Random pairings.
    alpha : float, default 0.05
        A label is found where its q-value is at most this.
    seed : int, default 0
        Seed of folds and pairings.

    Returns
    -------
    ModalityComparison
        ``statistics``: one row each for ``rv``, ``procrustes_m2`` (low is alike), ``pls_correlation_1`` and so on,
        ``retrieval_map``, ``retrieval_recall_1``, ``retrieval_recall_5``, with ``value``, ``null_mean`` (of the random
        pairings), ``p_value``, ``p_floor`` and ``n`` (perturbations). ``perturbations``: the `on` columns, ``rank`` of
        its own profile in `b`, ``average_precision`` (1 / rank), ``p_value``, in the order of `a`. ``labels``:
        ``label``, ``n``, and for each table ``score``, ``p_value`` and ``q_value`` with the endings ``_a`` and ``_b``,
        and ``found_in`` ("both", "a only", "b only", "neither").

    Raises
    ------
    KeyMatchError
        A perturbation has several rows, or fewer than 12 are in both tables.
    FeatureError
        A feature has missing values, or none varies.
    InputError
        An option that cannot be used, or blocks that leave nothing to exchange.

    See Also
    --------
    consensus : One row per perturbation.
    similarity : Profiles of one table, each with each.

    Notes
    -----
    Features are scaled to variance one in each table. What is permuted, in all statistics but those of labels, is the
    pairing: which row of `b` belongs to which row of `a`, inside blocks; whatever is fitted is fitted again for each
    pairing, and p = (b + 1) / (m + 1), ties counting against. The principal axes of a table do not know the pairing.

    - RV: the correlation of the inner products among the rows of one table with those of the other.
    - Procrustes m^2: what no rotation and scale of one set of principal axes brings to match the other.
    - The shared space: canonical partial least squares, fitted on four fifths of the perturbations and looked at in the
      last fifth, in turn; the correlation of each component, and retrieval: each held-out perturbation of `a` ranks all
      of `b` by cosine (ties count against it); average precision is 1 / rank, recall at k the share of ranks up to k.
      Fitted on the pairs that are tested, any two tables agree.

    Labels: the score is the mean cosine, in the principal axes of one table, of perturbations that share the label;
    labels are permuted among perturbations, inside blocks; q-values are Benjamini-Hochberg's, for each table. That a
    label is found in one table only does not say that the other has no trace of it.

    References
    ----------
    Robert and Escoufier, Appl. Stat. 25, 257 (1976), https://doi.org/10.2307/2347233;
    Jackson, Ecoscience 2, 297 (1995), https://doi.org/10.1080/11956860.1995.11682297;
    Way et al., Cell Syst. 13, 911 (2022), https://doi.org/10.1016/j.cels.2022.10.001.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> rng = np.random.default_rng(0)
    >>> hidden = rng.normal(size=(40, 3))
    >>> names = pd.DataFrame({"Metadata_Compound": [f"c{i}" for i in range(40)]})
    >>> def seen(n):
    ...     x = hidden @ rng.normal(size=(3, n)) + 0.3 * rng.normal(size=(40, n))
    ...     return pd.concat([names, pd.DataFrame(x, columns=[f"f{i}" for i in range(n)])], axis=1)
    >>> found = cpf.compare_modalities(seen(20), seen(30), on="Metadata_Compound", components=3, permutations=99)
    >>> found.statistics.set_index("statistic").loc["retrieval_map", ["p_value", "n"]].tolist()
    [0.01, 40.0]
    """
    checks.arguments(
        locals(),
        a=checks.table,
        b=checks.table,
        on=checks.columns,
        block=checks.optional(checks.columns),
        label=checks.optional(checks.column),
    )
    pair, new = _pair_of(a, b, on, block, label, axes)
    rng = np.random.default_rng(seed)
    folds = rng.permutation(len(pair.block)) % FOLDS
    pairings = _pairings(pair.block, permutations, rng)
    floor = max(1 / (permutations + 1), _share_of_one(pair.block))
    found = _cross_fit(pair, folds, pairings, min(components, *(part.shape[1] for part in pair.axes)))
    statistics = _statistics(pair, pairings, *found, floor)
    rank = found[1]
    perturbations = pair.table[pair.keys].assign(rank=rank[0].astype(int), average_precision=1 / rank[0])
    perturbations["p_value"] = (1 + (rank[1:] <= rank[0]).sum(axis=0)) / len(rank)
    back = np.argsort(pair.place)
    labels = None
    if label is not None:
        # Draws of their own, so that the same labels give the same values whatever else is asked
        shuffles = _pairings(pair.block, permutations, np.random.default_rng([seed, 1]))
        labels = compare_labels(pair.axes, pair.table[label], shuffles[1:], alpha)
    return ModalityComparison(
        written(statistics, a, b, new=new), perturbations.iloc[back].reset_index(drop=True), labels
    )


def _cross_fit(pair: _Pair, folds: Indices, pairings: Indices, components: int) -> tuple[Doubles, Doubles]:
    """Return correlations and ranks, one row for each pairing, some pairings at a time."""
    parts = [
        cross_fitted(*pair.axes, folds, pairings[start : start + PORTION], n_components=components)
        for start in range(0, len(pairings), PORTION)
    ]
    return np.concatenate([part.correlation for part in parts]), np.concatenate([part.rank for part in parts])


def _statistics(pair: _Pair, pairings: Indices, correlation: Doubles, rank: Doubles, floor: float) -> pd.DataFrame:
    """Return each statistic of the true pairing, which is the first, beside those of the others."""
    found = {
        "rv": rv_coefficients(*pair.x, pairings),
        "procrustes_m2": procrustes_misfits(*pair.axes, pairings),
        **{f"pls_correlation_{k + 1}": correlation[:, k] for k in range(correlation.shape[1])},
        "retrieval_map": (1 / rank).mean(axis=1),
        **{f"retrieval_recall_{k}": (rank <= k).mean(axis=1) for k in RECALLS},
    }
    rows = []
    for name, values in found.items():
        better = -values if name == "procrustes_m2" else values
        p_value = (1 + (better[1:] >= better[0] - TIE).sum()) / len(values)
        rows.append((name, values[0], values[1:].mean(), p_value, floor, rank.shape[1]))
    return pd.DataFrame(rows, columns=["statistic", "value", "null_mean", "p_value", "p_floor", "n"])


def _pairings(block: Indices, n: int, rng: np.random.Generator) -> Indices:
    """Return the true order of rows and `n` random ones inside blocks, shape (n + 1, n_rows)."""
    found = np.tile(np.arange(len(block)), (n + 1, 1))
    for code in np.unique(block):
        inside = np.flatnonzero(block == code)
        found[1:, inside] = inside[rng.random((n, len(inside))).argsort(axis=1)]
    return found


def _share_of_one(block: Indices) -> float:
    """Return one over the number of orders of rows inside blocks."""
    return float(np.exp(-sum(lgamma(size + 1) for size in np.bincount(block))))


def _pair_of(
    a: pd.DataFrame, b: pd.DataFrame, on: By, block: By, label: str | None, axes: int
) -> tuple[_Pair, list[Line]]:
    """Return the rows that both tables have, and ledger lines for the others and for features that do not vary."""
    keys = _keys(a, b, on)
    if label is not None:
        require(a, label, "label")
    index = [pd.MultiIndex.from_frame(table[keys]) for table in (a, b)]
    rows = index[1].get_indexer(index[0])
    if (rows >= 0).sum() < FEWEST:
        raise KeyMatchError(
            f"on={listed(keys)}: {int((rows >= 0).sum())} perturbations are in both tables ({len(a)} in a, {len(b)} in "
            f"b), and at least {FEWEST} are needed. a has {_shown(index[0])}, b has {_shown(index[1])}."
        )
    new = _unmatched("a", index[0][rows < 0]) + _unmatched("b", index[1].difference(index[0], sort=False))
    first, second = a[rows >= 0], b.iloc[rows[rows >= 0]]
    # An order that only what `a` holds decides; what is computed in it does not depend on the order of rows.
    order = content_order(complete(split(first)).x)
    first, second = first.iloc[order], second.iloc[order]
    (x, flat_x), (y, flat_y) = _standardized(first, "a"), _standardized(second, "b")
    # Blocks are numbered by where they first occur in that order, so that their names do not matter.
    _, at, inverse = np.unique(groups(first, block, "block")[0], return_index=True, return_inverse=True)
    codes = np.argsort(np.argsort(at))[inverse]
    if np.bincount(codes).max() < 2:
        raise InputError(
            f"block={block!r}: each of the {len(codes)} perturbations has one of its own; none can change."
        )
    n_axes = max(1, min(axes, len(order) // ROWS_PER_AXIS))
    wanted = [*keys, *([label] if label is not None and label not in keys else [])]
    table = first[wanted].reset_index(drop=True)
    scores = _principal_axes(x, n_axes), _principal_axes(y, n_axes)
    return _Pair((x, y), scores, table, keys, codes, order), [*new, *flat_x, *flat_y]


def _keys(a: pd.DataFrame, b: pd.DataFrame, on: By) -> list[str]:
    """Return the key columns; a perturbation with several rows is an error."""
    for name, table in (("a", a), ("b", b)):
        columns_once(table)
        keys = require(table, on, "on")
        if not keys:
            raise InputError("on=None: name the columns that say what a perturbation is, such as 'Metadata_Compound'.")
        groups(table, keys, "on")
        doubled = table.duplicated(keys)
        if doubled.any():
            shown = listed(
                [" ".join(map(str, key)) for key in table.loc[doubled, keys].itertuples(index=False)], limit=3
            )
            raise KeyMatchError(
                f"{name}: {int(doubled.sum())} rows repeat a perturbation ({shown}); one row for each is needed: take "
                "consensus(profiles, by=...) first, or name more columns in on."
            )
    return keys


def _shown(index: pd.MultiIndex) -> str:
    return listed([" ".join(map(str, key)) for key in index[:3]])


def _unmatched(table: str, left: pd.MultiIndex) -> list[Line]:
    if not len(left):
        return []
    other = "b" if table == "a" else "a"
    reason = f"in {table} alone, not in {other}"
    return lines("compare_modalities", "perturbation", [" ".join(map(str, key)) for key in left], reason)


def _standardized(table: pd.DataFrame, name: str) -> tuple[Doubles, list[Line]]:
    """Return features about their mean in units of their spread; those without are left out."""
    part = complete(split(table))
    fit = fit_standard(part.x)
    if fit.flat.all():
        raise FeatureError(f"{name}: none of the {len(fit.flat)} features varies between the perturbations in both.")
    flat = [part.features[i] for i in np.flatnonzero(fit.flat)]
    x = fit.apply(part.x.astype(np.float64))[:, ~fit.flat]
    return np.ascontiguousarray(x), lines("compare_modalities", "feature", flat, f"no spread in {name}")


def _principal_axes(x: Doubles, n_axes: int) -> Doubles:
    """Return the scores of rows on the first principal axes."""
    centered = x - x.mean(axis=0)
    size, directions = principal_directions(centered)
    return centered @ directions[:, size > 1e-9 * size[0]][:, :n_axes]
