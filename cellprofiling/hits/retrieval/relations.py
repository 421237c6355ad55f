"""Relations known from elsewhere, found again among the most and least alike pairs of a map."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellprofiling.core import checks
from cellprofiling.core.columns import require
from cellprofiling.core.errors import ColumnError, InputError, listed
from cellprofiling.core.ledgers import Line, lines, written
from cellprofiling.hits.retrieval.treatments import average_treatments

MOST_PAIRS = 2_000_000  # looked up at a time


def relation_recall(
    profiles: pd.DataFrame,
    relations: pd.DataFrame,
    *,
    by: str,
    columns: Sequence[str] | None = None,
    source: str | None = None,
    tails: tuple[float, float] = (0.05, 0.95),
    average: str = "mean",
    metric: str = "cosine",
    permutations: int = 1_000,
    seed: int = 0,
) -> pd.DataFrame:
    """
    Return how many known relations are among the most alike, or the most opposite, pairs of perturbations.

    Parameters
    ----------
    profiles : pandas.DataFrame
        One row per well or per perturbation: metadata and normalized features without missing values. Leave controls
        out.
    relations : pandas.DataFrame
        One row per known pair, such as two genes of one protein complex. The direction of a pair, and how often it is
        listed, do not matter.
    by : str
        The metadata column with the names that `relations` uses; its rows are averaged.
    columns : list of two str or None, default None
        The columns of `relations` with the two names; None for the first two.
    source : str or None, default None
        A column of `relations` that says where each is from; each source is a row of the result.
    tails : tuple of two float, default (0.05, 0.95)
        A pair is recalled if its similarity is among this share of all pairs from below, or above that share.
    average : {"mean", "median"}, default "mean"
        How the rows of a perturbation become one profile.
    metric : {"cosine", "pearson"}, default "cosine"
        The similarity of two profiles.
    permutations : int, default 1_000
        Permutations of the names of perturbations, for the p-value.
    seed : int, default 0
        Seed of the permutations.

    Returns
    -------
    pandas.DataFrame
        One row per source, sorted: `source` if given, ``n_relations`` (different pairs), ``n_pairs`` (with both in the
        map), ``n_recalled``, ``recall`` with its parts ``recall_low`` and ``recall_high``, ``expected`` (the share of
        all pairs of the map in the tails), ``p_value`` and ``p_floor``. Relations with a name that is not in the map,
        or of a perturbation with itself, are left out, with lines in the ledger.

    Raises
    ------
    InputError
        If a column or an option is unknown, features have missing values, or no relation is in the map.

    Notes
    -----
    A pair is in the lower tail if the share of all pairs with a similarity up to its own is at most ``tails[0]``, in
    the upper tail if the share below its own is at least ``tails[1]``: ties count against it. Relations share
    perturbations and are not independent, so the null permutes names and leaves the graph of relations as it is;
    p = (b + 1) / (m + 1). A map of n perturbations takes some 9 n^2 bytes.

    References
    ----------
    Celik et al., PLOS Comput. Biol. 20, e1012463 (2024), https://doi.org/10.1371/journal.pcbi.1012463

    Examples
    --------
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> genes = pd.DataFrame({"Metadata_Gene": list("abcd"), "Cells_x": [1, 0.9, 0.1, -1], "Cells_y": [0.1, 0, 1, 0.3]})
    >>> known = pd.DataFrame({"first": ["a", "d"], "second": ["b", "c"]})
    >>> recall = cpf.relation_recall(genes, known, by="Metadata_Gene", tails=(0.1, 0.8))
    >>> recall[["n_pairs", "n_recalled", "recall"]].to_dict("records")
    [{'n_pairs': 2, 'n_recalled': 1, 'recall': 0.5}]
    """
    checks.arguments(
        locals(),
        tails=checks.interval,
        by=checks.columns,
        columns=checks.optional(checks.columns),
        source=checks.optional(checks.column),
    )
    low, high = tails
    if not 0 <= low <= high <= 1:
        raise InputError(f"tails={tails}: give two shares from 0 to 1, the lower one first, such as (0.05, 0.95).")
    treatments = average_treatments(profiles, require(profiles, by, "by")[:1], average, metric)
    order = np.argsort(treatments.rank)  # by content: names decide nothing
    alive = np.any(treatments.unit[order] != 0, axis=1)
    order = order[alive]
    pairs, left_out = _find_relations(relations, columns, source, treatments.keys[by].iloc[order])
    lower, upper = _tails(treatments.unit[order], low, high)
    draws = _permutations(len(order), permutations, seed)
    found = [_recall(part[["a", "b"]].to_numpy(), lower, upper, draws) for _, part in pairs.groupby("source")]
    result = pd.DataFrame(found)
    result.insert(0, "n_relations", [part["n"].iloc[0] for _, part in pairs.groupby("source")])
    if source is not None:
        result.insert(0, source, [name for name, _ in pairs.groupby("source")])
    dead = lines("relation_recall", "perturbation", treatments.dead, f"no direction under {metric}")
    return written(result, profiles, new=[*dead, *left_out])


def _find_relations(
    relations: pd.DataFrame, columns: Sequence[str] | None, source: str | None, names: pd.Series
) -> tuple[pd.DataFrame, list[Line]]:
    """Return each different pair once per source as places in `names`, and ledger lines of those left out."""
    given = list(relations.columns[:2]) if columns is None else require(relations, columns, "columns")
    if len(given) != 2:
        raise ColumnError(f"columns={given}: two columns of relations are needed, one for each name of a pair.")
    place = pd.Series(np.arange(len(names)), index=pd.Index(names))
    pairs = pd.DataFrame({"first": relations[given[0]].to_numpy(), "second": relations[given[1]].to_numpy()})
    pairs["source"] = relations[require(relations, source, "source")[0]].to_numpy() if source else "all"
    if pairs.isna().any(axis=None):
        raise ColumnError(f"relations: {int(pairs.isna().any(axis=1).sum())} rows have no name or no source.")
    ordered = np.sort(pairs[["first", "second"]].astype(str).to_numpy(dtype=object), axis=1)
    pairs = pairs[~pairs.assign(first=ordered[:, 0], second=ordered[:, 1]).duplicated().to_numpy()].copy()
    pairs["n"] = pairs.groupby("source")["first"].transform("size")
    pairs["a"], pairs["b"] = pairs["first"].map(place), pairs["second"].map(place)
    absent = pairs[["a", "b"]].isna().any(axis=1)
    itself = ~absent & (pairs["a"] == pairs["b"])
    kept = pairs[~absent & ~itself]
    if not len(kept):
        raise InputError(
            f"relations: none of {len(pairs)} pairs is in the map; relations name {listed(pairs['first'].unique())}, "
            f"the map {listed(names)}."
        )
    noted: list[Line] = []
    for mask, reason in ((absent, "a name that is not in the map"), (itself, "a perturbation with itself")):
        if mask.any():
            noted += lines("relation_recall", "relation", ["relations"], reason, n=mask.sum())
    lost = sorted(set(pairs["source"].astype(str)) - set(kept["source"].astype(str)))
    noted += lines("relation_recall", "source", lost, "no relation of it is in the map")
    return kept.astype({"a": np.intp, "b": np.intp}), noted


def _tails(unit: NDArray[np.float64], low: float, high: float) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which pairs are in the lower and in the upper tail of all pairs, shape (n, n) each."""
    alike = np.triu(unit @ unit.T, 1)
    alike += alike.T  # the same to the last bit both ways
    ranked = np.sort(alike[np.triu_indices(len(unit), 1)])
    np.fill_diagonal(alike, np.nan)
    edge_low, edge_high = _edges(ranked, low, high)
    return alike < edge_low, alike > edge_high


def _edges(ranked: NDArray[np.float64], low: float, high: float) -> tuple[float, float]:
    """Return values so that what is below the first, or above the second, is in a tail; ties are in none.

    In the lower tail are values v with #(all <= v) <= low n, in the upper those with #(all < v) >= high n.
    """
    n = len(ranked)
    n_low, n_below = int(np.floor(low * n + 1e-9)), int(np.ceil(high * n - 1e-9))
    edge_low = ranked[n_low] if n_low < n else np.inf
    edge_high = ranked[n_below - 1] if n_below > 0 else -np.inf
    return float(edge_low), float(edge_high)


def _permutations(n: int, permutations: int, seed: int) -> NDArray[np.intp]:
    rng = np.random.default_rng([seed, n])
    return rng.permuted(np.tile(np.arange(n), (permutations, 1)), axis=1)


def _recall(
    pairs: NDArray[np.intp], lower: NDArray[np.bool_], upper: NDArray[np.bool_], draws: NDArray[np.intp]
) -> dict[str, Any]:
    """Return the recall of some pairs beside that of the same graph on permuted names."""
    a, b = pairs.T
    either = lower | upper
    n, n_all = len(pairs), len(lower) * (len(lower) - 1)
    recalled = int(either[a, b].sum())
    step = max(1, MOST_PAIRS // n)
    null = [either[draw[:, a], draw[:, b]].sum(axis=1) for draw in np.split(draws, range(step, len(draws), step))]
    at_least = int((np.concatenate(null) >= recalled).sum())
    return {
        "n_pairs": n,
        "n_recalled": recalled,
        "recall": recalled / n,
        "recall_low": float(lower[a, b].mean()),
        "recall_high": float(upper[a, b].mean()),
        "expected": float(either.sum() / n_all),
        "p_value": (at_least + 1) / (len(draws) + 1),
        "p_floor": 1 / (len(draws) + 1),
    }
