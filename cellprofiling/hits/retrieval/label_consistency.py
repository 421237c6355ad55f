"""Which labels, such as targets or mechanisms, are borne by perturbations that resemble each other."""

from math import comb

import numpy as np
import pandas as pd

from cellprofiling.core import checks
from cellprofiling.core.columns import PLATE, By, Reference, groups, matches, require
from cellprofiling.core.errors import InputError, one_of
from cellprofiling.core.frame import complete, split
from cellprofiling.core.ledgers import lines, written
from cellprofiling.hits.calling.activities import COLUMNS
from cellprofiling.hits.design import Features, by_name
from cellprofiling.hits.retrieval.inside import in_strata
from cellprofiling.hits.retrieval.labels import split_labels
from cellprofiling.hits.retrieval.precision import METRICS
from cellprofiling.kernels.arrays import Doubles, Indices, Mask
from cellprofiling.kernels.batches.consensus import group_medians
from cellprofiling.kernels.inference.multiplicity import benjamini_hochberg
from cellprofiling.kernels.inference.permutation import (
    every_assignment,
    exact_p_value,
    random_assignments,
    sequential_p_value,
)
from cellprofiling.kernels.retrieval.precision_of_sets import at_least_as_similar, slot_precisions
from cellprofiling.kernels.scale.order import content_order


def consistency(
    profiles: pd.DataFrame,
    *,
    by: By,
    label: str,
    separator: str | None = "|",
    reference: Reference = None,
    metric: str = "cosine",
    permutations: int = 10_000,
    seed: int = 0,
    within: By = None,
    features: Features = None,
) -> pd.DataFrame:
    """
    Test each label for perturbations that find each other among perturbations without it.

    Parameters
    ----------
    profiles : pandas.DataFrame
        Metadata and features without missing values; one row per perturbation or per well. Rows of one perturbation
        are reduced to their median.
    by : str or list of str
        Metadata columns that name a perturbation: rows that agree in them are never positives of each other.
    label : str
        The column of labels, for example targets. A perturbation may bear several.
    separator : str or None, default "|"
        What stands between the labels of one entry, as in "EGFR|ERBB2"; None if an entry is one label, whatever it
        holds. Entries may also be lists.
    reference : str, dict, sequence of bool or None, default None
        Rows to leave out, usually the negative controls.
    metric : {"cosine", "pearson"}, default "cosine"
        The similarity that ranks.
    permutations : int, default 10_000
        Random assignments per label, at most, as in `activity`.
    seed : int, default 0
        Seed of the random assignments.
    within : str, list of str or None, default None
        Columns such as cell line or time point: perturbations are compared, and permuted, only with those that agree
        in these, and each stratum has rows of its own. None says in the ledger what differs; ``[]``: nothing does.
    features : list of str, "all" or None, default None
        Which columns are measured; None takes what the names say (see `parse_features`).

    Returns
    -------
    pandas.DataFrame
        One row per label, sorted: the `label` column, and the columns of `activity`: ``score`` and ``statistic`` are
        the mean average precision over the perturbations that bear the label, ``n_perturbations`` their number,
        ``n_wells`` their rows, ``n_plates`` the plates of these (missing without a plate column), ``n_controls`` the
        labelled perturbations without the label. A label of one perturbation is not tested. The ledger names
        perturbations without label or without direction, which are left out.

    Raises
    ------
    InputError
        If a column or an option is unknown, values are missing, rows of one perturbation bear different labels, or no
        two perturbations bear a label.

    See Also
    --------
    average_precision : The score of single profiles, for any grouping and several labels.
    distinctiveness : Whether perturbations differ from each other.

    Notes
    -----
    The query is a perturbation that bears the label, its positives are the others that do, its negatives the
    perturbations that share no label with it. Under the null hypothesis labels were dealt to perturbations at random:
    all labels of one perturbation travel together, so the pattern of shared labels stays as it is. Perturbations are
    permuted, never wells. If only active perturbations are given, the test is conditional on that, and says nothing
    about the others.

    References
    ----------
    Kalinin et al., Nat. Commun. 16, 5181 (2025), https://doi.org/10.1038/s41467-025-60306-2.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> import cellprofiling as cpf
    >>> x = np.random.default_rng(0).normal(size=(9, 4)) + 4 * np.repeat(np.eye(3, 4), 3, axis=0)
    >>> table = pd.DataFrame(x, columns=[f"Cells_x{i}" for i in range(4)])
    >>> table.insert(0, "Metadata_Compound", list("abcdefghi"))
    >>> table.insert(1, "Metadata_Target", np.repeat(["EGFR", "TUBB", "MTOR"], 3))
    >>> found = cpf.consistency(table, by="Metadata_Compound", label="Metadata_Target")
    >>> found[["Metadata_Target", "score", "p_value"]].round(3)
      Metadata_Target  score  p_value
    0            EGFR    1.0    0.036
    1            MTOR    1.0    0.036
    2            TUBB    1.0    0.036
    """
    checks.arguments(locals(), by=checks.columns, separator=checks.optional(checks.text))
    prepare = METRICS[one_of("metric", metric, METRICS)]
    require(profiles, label, "label")
    kept = np.ones(len(profiles), dtype=bool) if reference is None else ~matches(profiles, reference)
    if require(profiles, within, "within"):
        return in_strata(
            profiles[kept],
            within,
            1,
            lambda wells: consistency(
                wells,
                by=by,
                label=label,
                separator=separator,
                metric=metric,
                permutations=permutations,
                seed=seed,
                within=[],
                features=features,
            ),
        )
    table = complete(by_name(split(profiles[kept], features)))
    codes, keys = groups(table.metadata, by)
    bears, names = _labels_of_groups(table.metadata[label], separator, codes, keys, label)
    unit = prepare(group_medians(table.x.astype(np.float64), codes, len(keys)))
    dead, bare = ~np.any(unit != 0, axis=1), ~np.any(bears, axis=1)
    order = content_order(unit)
    order = order[~dead[order] & ~bare[order]]
    if not names or bears[order].sum(axis=0).max(initial=0) < 2:
        raise InputError(f"label={label!r}: no two perturbations bear the same label, so there is nothing to compare.")
    result = pd.DataFrame(_tests(unit[order], bears[order], permutations, seed))
    result.insert(0, label, names)
    rows = _rows_of_labels(table.metadata, codes, bears & ~dead[:, None])
    result["q_value"] = benjamini_hochberg(result["p_value"].to_numpy(np.float64))
    why = [(dead, f"no direction under {metric}"), (bare & ~dead, f"no label in {label}")]
    new = [line for mask, reason in why for line in lines("consistency", "perturbation", _names(keys[mask]), reason)]
    result = pd.concat([result, rows], axis=1)
    return written(result[[label, *COLUMNS, "n_perturbations"]], profiles, new=new)


def _names(keys: pd.DataFrame) -> list[str]:
    return [", ".join(map(str, row)) for row in keys.itertuples(index=False)]


def _labels_of_groups(
    column: pd.Series, separator: str | None, codes: Indices, keys: pd.DataFrame, label: str
) -> tuple[Mask, list]:
    """Return which perturbation bears which label; the rows of one must agree."""
    bears, names = split_labels(column, separator)
    first = np.unique(codes, return_index=True)[1]
    differ = (bears != bears[first][codes]).any(axis=1)
    if differ.any():
        one = _names(keys.iloc[[codes[differ][0]]])[0]
        raise InputError(
            f"label={label!r}: the rows of {one!r} bear different labels; a perturbation has one set of them."
        )
    return bears[first], names


def _rows_of_labels(metadata: pd.DataFrame, codes: Indices, bears: Mask) -> pd.DataFrame:
    """Return how many rows, on how many plates, bear each label."""
    borne = bears[codes]
    found = pd.DataFrame({"n_wells": borne.sum(axis=0), "n_plates": np.nan})
    if PLATE in metadata:
        plates = metadata[PLATE].to_numpy()
        found["n_plates"] = [len(set(plates[borne[:, i]])) for i in range(borne.shape[1])]
    return found


def _tests(unit: Doubles, bears: Mask, permutations: int, seed: int) -> list[dict]:
    """Return the test of each label."""
    similarity = unit @ unit.T
    counts = at_least_as_similar(similarity)
    shared = bears.astype(np.float32) @ bears.T.astype(np.float32) > 0
    nulls: dict[tuple, tuple[Doubles, bool]] = {}
    return [_test(similarity, counts, bears[:, i], shared, permutations, seed, nulls) for i in range(bears.shape[1])]


def _test(
    similarity: Doubles,
    counts: Indices,
    borne: Mask,
    shared: Mask,
    permutations: int,
    seed: int,
    nulls: dict[tuple, tuple[Doubles, bool]],
) -> dict:
    n, members = len(borne), np.flatnonzero(borne)
    known = {"n_perturbations": len(members), "n_controls": n - len(members)}
    slots = np.concatenate([members, np.flatnonzero(~borne & shared[members].any(axis=0))])
    apart = shared[np.ix_(members, slots)] & ~borne[slots]
    score = np.nan
    if len(members) > 1:
        score = float(slot_precisions(similarity, counts, slots[None], len(members), apart)[0])
    if np.isnan(score):
        nothing = dict.fromkeys(("score", "statistic", "p_value", "p_floor"), np.nan)
        words = "none: one perturbation bears it" if len(members) == 1 else "none: nothing to compare with"
        return nothing | known | {"n_permutations": 0, "null_scheme": words}
    key = (len(members), len(slots), apart.tobytes())
    if key not in nulls:
        nulls[key] = _null(similarity, counts, len(members), apart, permutations, seed)
    null, exact = nulls[key]
    p, n_drawn = (exact_p_value(score, null), len(null)) if exact else sequential_p_value(score, null)
    words = f"all {len(null)}" if exact else f"up to {len(null)} random"
    floor = 1 / len(null) if exact else 1 / (len(null) + 1)
    scheme = {"n_permutations": n_drawn, "null_scheme": f"{words} assignments of labels to perturbations"}
    return {"score": score, "statistic": score, "p_value": p, "p_floor": floor} | known | scheme


def _null(
    similarity: Doubles, counts: Indices, n_members: int, apart: Mask, permutations: int, seed: int
) -> tuple[Doubles, bool]:
    """Return what random assignments of perturbations to slots score, and whether these are all there are."""
    n, n_slots = len(similarity), apart.shape[1]
    one, rest = np.array([n_slots], dtype=np.intp), np.array([n - n_slots], dtype=np.intp)
    exact = n_slots == n_members and comb(n, n_members) <= permutations
    if exact:
        who = every_assignment(one, rest)
    else:
        rng = np.random.default_rng([seed, n, n_members, *np.packbits(apart).tolist()])
        who = random_assignments(one, rest, permutations, rng)
    return slot_precisions(similarity, counts, who, n_members, apart), exact
