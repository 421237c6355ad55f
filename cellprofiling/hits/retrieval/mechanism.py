"""The mechanism of a perturbation, told by its nearest neighbor, and how often that is right."""

from collections.abc import Sequence
from typing import Any

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
from cellprofiling.kernels.similarity.nearest_labels import (
    Found,
    clustered_interval,
    find_labels,
    permuted_accuracies,
    reachable_units,
)

DEPTHS = (1, 3, 5, 10)  # neighbors looked at for hit@k
LEVEL = 0.95
MOST_LABELS = 4_000_000  # permuted at a time


def predict_mechanism(
    profiles: pd.DataFrame,
    *,
    by: By,
    label: str,
    not_same: str | Sequence[str] = ("compound", "batch"),
    average: str = "mean",
    metric: str = "cosine",
    permutations: int = 1_000,
    seed: int = 0,
    features: Features = None,
) -> pd.DataFrame:
    """
    Predict the mechanism of each perturbation from its nearest neighbor among other compounds.

    Parameters
    ----------
    profiles : pandas.DataFrame
        One row per well or per perturbation: metadata and normalized features without missing values. Leave controls
        out.
    by : str or list of str
        Metadata columns that name a perturbation, such as compound and concentration; its rows are averaged.
    label : str
        The column with the mechanism. Perturbations without one get a prediction and are no one's neighbor.
    not_same : str or list of str, default ("compound", "batch")
        Columns a neighbor must differ in, all of them. A word that is no column stands for the metadata of that name:
        "compound" for ``Metadata_Compound``. ``"compound"`` alone is NSC (not same compound), the default NSCB (not
        same compound or batch).
    average : {"mean", "median"}, default "mean"
        How the rows of a perturbation become one profile.
    metric : {"cosine", "pearson"}, default "cosine"
        The similarity of two profiles.
    permutations : int, default 1_000
        Permutations of the mechanisms among compounds, for the p-value.
    seed : int, default 0
        Seed of the permutations.
    features : list of str, "all" or None, default None
        Which columns are measured; None takes what the names say (see `parse_features`).

    Returns
    -------
    pandas.DataFrame
        One row per perturbation, sorted by key: the `by` columns; `label`; ``predicted``; ``correct`` (missing where
        the mechanism is unknown, or no candidate has it); ``similarity`` to the nearest neighbor, which the columns
        ``nearest_...`` name; ``rank`` of the first neighbor with the right mechanism, from 1; ``n_candidates`` and
        ``n_right`` of them with the right mechanism.
        ``attrs["accuracy"]`` is the share of right predictions. ``attrs["scores"]`` holds it with ``n``, ``right``,
        ``n_compounds``, ``n_unanswerable``, ``ci_low`` and ``ci_high`` (95 %), ``hit_at_k``, ``majority`` (the share
        of the most frequent mechanism), ``chance`` (mean over permutations), ``p_value``, ``p_floor`` and
        ``not_same``; ``attrs["confusion"]`` the number of perturbations of each mechanism and prediction.

    Raises
    ------
    InputError
        If a column or an option is unknown, features have missing values, or no perturbation has an answer.

    See Also
    --------
    enrich_neighbors : Which mechanisms are frequent around a perturbation.
    average_precision : How well whole classes are retrieved.

    Notes
    -----
    Neighbors of the same compound at another dose, or of the same batch, are found for reasons that have nothing to do
    with mechanism; leaving them in flatters. A perturbation counts only if a candidate with its mechanism exists
    (as published: 92 of the 103 treatments of BBBC021 under NSCB); the others are listed, with ``correct``
    missing, and stay neighbors of others. Ties count against: of equally similar neighbors one with another mechanism
    is the nearest.

    Perturbations of one compound are not independent. Mechanisms are permuted among compounds (the sets of
    perturbations that share the first column of `not_same` and the mechanism), p = (b + 1) / (m + 1); and the interval
    is that of Clopper and Pearson at the number of perturbations that independent ones with the same variance between
    compounds would be.

    References
    ----------
    Ljosa et al., J. Biomol. Screen. 18, 1321 (2013), https://doi.org/10.1177/1087057113503553;
    Ando, McLean and Berndl, bioRxiv 161422 (2017), https://doi.org/10.1101/161422.

    Examples
    --------
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> profiles = pd.DataFrame({"Metadata_Compound": ["a", "b", "c", "d"], "Metadata_Mechanism": ["x", "x", "y", "y"],
    ...                          "Cells_x": [1.0, 0.9, 0.1, 0.0], "Cells_y": [0.1, 0.0, 1.0, 0.8]})
    >>> found = cpf.predict_mechanism(profiles, by="Metadata_Compound", label="Metadata_Mechanism", not_same="compound")
    >>> found["predicted"].tolist(), found.attrs["accuracy"]
    (['x', 'x', 'y', 'y'], 1.0)
    """
    checks.arguments(locals(), by=checks.columns, not_same=checks.columns)
    treatments = average_treatments(profiles, by, average, metric, features)
    require(profiles, label, "label")
    columns = metadata_columns(profiles, not_same, "not_same")
    mechanism = one_value(profiles, treatments, label, "label")
    codes, names = pd.factorize(mechanism)
    apart = [memberships(profiles, treatments, column, "not_same") for column in columns]
    found = find_labels(treatments.unit, codes, apart)
    result = _listed(treatments, label, mechanism, codes, found)
    answered = result["correct"].notna().to_numpy()
    if not answered.any():
        raise ColumnError(
            f"label={label!r}: no perturbation has a candidate with its own label under not_same={columns}; "
            f"{len(names)} labels on {len(codes)} perturbations."
        )
    unit_of = _units(codes, apart[:1], treatments)
    null = _null(treatments, codes, apart, found, unit_of, permutations=permutations, seed=seed)
    result.attrs["scores"] = _scores(result, codes, unit_of, null, columns)
    result.attrs["accuracy"] = result.attrs["scores"]["accuracy"]
    table = pd.crosstab(result.loc[answered, label].astype(str), result.loc[answered, "predicted"].astype(str))
    result.attrs["confusion"] = {
        str(row): {str(k): int(v) for k, v in cells.items()} for row, cells in table.iterrows()
    }
    dead = lines("predict_mechanism", "perturbation", treatments.dead, f"no direction under {metric}")
    return written(result, profiles, new=dead)


def _listed(
    treatments: Treatments, label: str, mechanism: NDArray[np.object_], codes: NDArray[np.intp], found: Found
) -> pd.DataFrame:
    """Return the table of predictions."""
    neighbor = found.nearest >= 0
    right = pd.array(np.where(found.rank == 1, True, False), dtype="boolean")
    right[(codes < 0) | (found.n_right == 0)] = pd.NA
    columns: dict[str, Any] = {
        label: mechanism,
        "predicted": pd.Series(mechanism[found.nearest], dtype=object).where(neighbor, None),
        "correct": right,
        "similarity": found.similarity,
    }
    for name in treatments.keys:
        column = "nearest_" + str(name).removeprefix("Metadata_")
        columns[column] = treatments.keys[name].iloc[found.nearest].reset_index(drop=True).where(neighbor)
    known = (codes >= 0) & (found.rank > 0)
    columns["rank"] = pd.array(np.where(known, found.rank, 0), dtype="Int64")
    columns["rank"][~known] = pd.NA
    columns |= {"n_candidates": found.n_candidates, "n_right": np.where(codes >= 0, found.n_right, 0)}
    keys = treatments.keys.drop(columns=[label], errors="ignore")
    return pd.concat([keys, pd.DataFrame(columns)], axis=1)


def _units(codes: NDArray[np.intp], compound: list[NDArray[np.bool_]], treatments: Treatments) -> NDArray[np.intp]:
    """Return the number of the compound and mechanism of each perturbation, in an order by content."""
    order = np.argsort(treatments.rank)
    same = order
    if compound:  # rows of packed bits are compared as one value
        packed = np.ascontiguousarray(np.packbits(compound[0][order], axis=1))
        same = pd.factorize(packed.view(f"S{packed.shape[1]}").ravel())[0]
    units = pd.factorize(pd.Series(list(zip(same, codes[order], strict=True))))[0]
    result = np.empty(len(codes), dtype=np.intp)
    result[order] = units
    return result


def _null(
    treatments: Treatments,
    codes: NDArray[np.intp],
    apart: list[NDArray[np.bool_]],
    found: Found,
    unit_of: NDArray[np.intp],
    *,
    permutations: int,
    seed: int,
) -> NDArray[np.float64]:
    """Return the accuracy under permutations of the mechanisms of compounds."""
    queries = np.flatnonzero((codes >= 0) & (found.nearest >= 0))
    usable = (codes >= 0) & np.any(treatments.unit != 0, axis=1)
    n_units = int(unit_of.max()) + 1
    reachable = reachable_units(queries, apart, usable, unit_of)
    labels = np.full(n_units, -1, dtype=np.intp)
    labels[unit_of] = codes
    known = np.flatnonzero(labels >= 0)
    rng = np.random.default_rng(seed)
    null, step = [], max(1, MOST_LABELS // n_units)
    for start in range(0, permutations, step):
        drawn = np.tile(labels, (min(step, permutations - start), 1))
        drawn[:, known] = rng.permuted(drawn[:, known], axis=1)
        null.append(permuted_accuracies(drawn, unit_of[queries], unit_of[found.nearest[queries]], reachable))
    return np.concatenate(null)


def _scores(
    result: pd.DataFrame,
    codes: NDArray[np.intp],
    unit_of: NDArray[np.intp],
    null: NDArray[np.float64],
    columns: list[str],
) -> dict[str, Any]:
    """Return how often predictions are right, beside what chance and the most frequent mechanism would reach."""
    answered = result["correct"].notna().to_numpy()
    right = result.loc[answered, "correct"].to_numpy(dtype=bool)
    rank = result.loc[answered, "rank"].to_numpy(dtype=float)
    accuracy = float(right.mean())
    low, high = clustered_interval(right, unit_of[answered], LEVEL)
    return {
        "accuracy": accuracy,
        "n": len(right),
        "right": int(right.sum()),
        "n_compounds": len(np.unique(unit_of[answered])),
        "n_unanswerable": int((codes >= 0).sum() - len(right)),
        "ci_low": low,
        "ci_high": high,
        "hit_at_k": {k: float((rank <= k).mean()) for k in DEPTHS},
        "majority": float(np.bincount(codes[answered]).max() / len(right)),
        "chance": float(null.mean()),
        "p_value": float((np.count_nonzero(null >= accuracy - 1e-12) + 1) / (len(null) + 1)),
        "p_floor": 1 / (len(null) + 1),
        "not_same": columns,
    }
