"""Which labels are frequent among the neighbors of a perturbation."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellprofiling.core import checks
from cellprofiling.core.columns import By, require
from cellprofiling.core.errors import ColumnError
from cellprofiling.core.ledgers import lines, written
from cellprofiling.hits.design import Features
from cellprofiling.hits.retrieval.treatments import (
    Treatments,
    average_treatments,
    memberships,
    metadata_columns,
    one_value,
)
from cellprofiling.kernels.inference.enrichment import overrepresentation
from cellprofiling.kernels.inference.multiplicity import q_values
from cellprofiling.kernels.similarity.nearest_labels import BLOCK, candidates


def enrich_neighbors(
    profiles: pd.DataFrame,
    *,
    by: By,
    label: str,
    k: int = 10,
    not_same: str | Sequence[str] = "compound",
    average: str = "mean",
    metric: str = "cosine",
    features: Features = None,
) -> pd.DataFrame:
    """
    Test each label for being frequent among the nearest neighbors of each perturbation.

    Parameters
    ----------
    profiles : pandas.DataFrame
        One row per well or per perturbation: metadata and normalized features without missing values.
    by : str or list of str
        Metadata columns that name a perturbation; its rows are averaged.
    label : str
        The column with the labels, such as a mechanism or a target. Perturbations without one are no neighbors, but
        have neighbors.
    k : int, default 10
        How many neighbors are looked at.
    not_same : str or list of str, default "compound"
        Columns a neighbor must differ in, as in `predict_mechanism`; ``[]`` for none.
    average : {"mean", "median"}, default "mean"
        How the rows of a perturbation become one profile.
    metric : {"cosine", "pearson"}, default "cosine"
        The similarity of two profiles.
    features : list of str, "all" or None, default None
        Which columns are measured; None takes what the names say (see `parse_features`).

    Returns
    -------
    pandas.DataFrame
        One row for each perturbation and label among its neighbors, by key and p-value: the `by` columns, ``label``,
        ``n`` of the neighbors with it, ``n_neighbors``, ``n_label`` and ``n_candidates`` (with the label, and in all,
        among those it could have for a neighbor), ``expected``, ``fold``, ``p_value`` and ``q_value``.

    Raises
    ------
    InputError
        If a column or an option is unknown, features have missing values, or nothing has a label.

    See Also
    --------
    enrich : The same for clusters.
    predict_mechanism : The label of the nearest neighbor.

    Notes
    -----
    The p-value is that of Fisher's exact test, one-sided; the q-value Benjamini and Hochberg's over all pairs of a
    perturbation and a label there is, those that do not occur (p = 1) included. Each neighbor counts as one
    independent draw: where several perturbations are doses of one compound, average them first (``by`` the compound).
    Of equally similar neighbors the one that comes first by content is taken.

    Examples
    --------
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> profiles = pd.DataFrame({"Metadata_Compound": list("abcdef"), "Metadata_Target": list("xxxyyy"),
    ...                          "Cells_x": [1, 0.9, 0.8, 0.1, 0.0, -0.1], "Cells_y": [0.1, 0, -0.1, 1, 0.8, 0.9]})
    >>> found = cpf.enrich_neighbors(profiles, by="Metadata_Compound", label="Metadata_Target", k=2)
    >>> found[["Metadata_Compound", "label", "n", "n_label", "n_candidates", "fold", "p_value"]].head(2)
      Metadata_Compound label  n  n_label  n_candidates  fold  p_value
    0                 a     x  2        2             5   2.5      0.1
    1                 b     x  2        2             5   2.5      0.1
    """
    checks.arguments(locals(), by=checks.columns, not_same=checks.columns)
    treatments = average_treatments(profiles, by, average, metric, features)
    require(profiles, label, "label")
    codes, names = pd.factorize(one_value(profiles, treatments, label, "label"), sort=True)
    if not len(names):
        raise ColumnError(f"label={label!r}: all {len(codes)} perturbations are without a label.")
    columns = metadata_columns(profiles, not_same, "not_same")
    apart = [memberships(profiles, treatments, column, "not_same") for column in columns]
    n, n_label = _counts(treatments, codes, len(names), apart, k)
    n_neighbors, n_candidates = n.sum(axis=1, keepdims=True), n_label.sum(axis=1, keepdims=True)
    p = overrepresentation(n, n_neighbors, n_label, n_candidates)
    q = q_values(np.where(n_label > 0, p, np.nan).ravel(), "benjamini_hochberg").reshape(p.shape)
    found, which = np.nonzero(n)
    expected = n_neighbors * n_label / np.maximum(n_candidates, 1)
    values = {
        "label": np.asarray(names)[which],
        "n": n[found, which],
        "n_neighbors": n_neighbors[found, 0],
        "n_label": n_label[found, which],
        "n_candidates": n_candidates[found, 0],
        "expected": expected[found, which],
        "fold": n[found, which] / expected[found, which],
        "p_value": p[found, which],
        "q_value": q[found, which],
    }
    result = pd.concat([treatments.keys.iloc[found].reset_index(drop=True), pd.DataFrame(values)], axis=1)
    order = np.lexsort([which, values["p_value"], found])
    dead = lines("enrich_neighbors", "perturbation", treatments.dead, f"no direction under {metric}")
    return written(result.iloc[order].reset_index(drop=True), profiles, new=dead)


def _counts(
    treatments: Treatments, codes: NDArray[np.intp], n_labels: int, apart: list[NDArray[np.bool_]], k: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return how often each label is among the neighbors of each perturbation, and among its candidates."""
    order = np.argsort(treatments.rank)  # by content, so that ties do not hang on names
    unit, codes, apart = treatments.unit[order], codes[order], [shared[order] for shared in apart]
    alive = np.any(unit != 0, axis=1)
    is_label = (codes[:, None] == np.arange(n_labels)).astype(np.float32)
    n, n_label = (np.zeros((len(unit), n_labels), dtype=np.intp) for _ in range(2))
    for start in range(0, len(unit), step := max(1, BLOCK // len(unit))):
        block = np.arange(start, min(start + step, len(unit)))
        allowed = candidates(block, apart, alive & (codes >= 0)) & alive[block, None]
        similarity = np.where(allowed, unit[block] @ unit.T, -np.inf)
        near = np.zeros_like(allowed)
        first = np.argsort(-similarity, axis=1, kind="stable")[:, :k]
        np.put_along_axis(near, first, True, axis=1)
        n[order[block]] = (near & allowed).astype(np.float32) @ is_label
        n_label[order[block]] = allowed.astype(np.float32) @ is_label
    return n, n_label
