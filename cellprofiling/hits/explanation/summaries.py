"""One row per perturbation: what it changes most, what it is like, how many cells it leaves, and what to test next."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellprofiling.core import checks
from cellprofiling.core.columns import COUNT, PLATE, WELL, By, Reference, groups, is_there, require
from cellprofiling.core.errors import InputError, listed, plural
from cellprofiling.core.ledgers import written
from cellprofiling.core.question import ask
from cellprofiling.hits.design import Features, find_design
from cellprofiling.hits.effects import describe_layout
from cellprofiling.hits.explanation.follow_up import Evidence, next_test
from cellprofiling.hits.explanation.sentences import perturbation_names
from cellprofiling.kernels.arrays import Doubles, Mask
from cellprofiling.kernels.directions.unit_vectors import direction

NEEDED = ["group", "feature_group", "effect", "q_value", "rank", "n_wells", "n_plates", "change"]


def summarize_hits(
    explained: pd.DataFrame,
    profiles: pd.DataFrame,
    *,
    by: By,
    reference: Reference,
    plate: str = PLATE,
    well: str = WELL,
    count: str = COUNT,
    fdr: float = 0.05,
    top: int = 3,
    alike: float = 0.5,
    within: By = None,
    features: Features = None,
) -> pd.DataFrame:
    """
    Sum up each perturbation: its largest changes, the compounds most like it, its cells, and what to test next.

    Parameters
    ----------
    explained : pandas.DataFrame
        The table of `explain`.
    profiles : pandas.DataFrame
        The wells it was made from.
    by : str or list of str
        Metadata columns that name a perturbation, the same as for `explain`. The first names the compound: doses of one
        compound are not said to be alike.
    reference : str, dict or sequence of bool
        Which wells are the negative controls.
    plate, well : str
        Columns that say where a well lies.
    count : str, default "Metadata_Object_Count"
        The column of cell counts; without one of that name nothing is said of cells.
    fdr : float, default 0.05
        The q-value up to which a group counts as changed.
    top : int, default 3
        How many changes, and how many similar compounds, to name.
    alike : float, default 0.5
        The cosine from which on another compound is called similar.
    within : str, list of str or None, default None
        Columns in which wells and controls must agree, the same as for `explain`.
    features : list of str, "all" or None, default None
        Which columns are measured; None takes what the names say (see `parse_features`).

    Returns
    -------
    pandas.DataFrame
        One row per perturbation, by key: the `by` columns, ``n_wells``, ``n_plates``, ``n_changed``, ``n_groups``,
        ``changes``, ``similar_to``, ``similarity`` (of the first), ``cell_count_ratio``, ``cell_count_remark``,
        ``next_test`` and ``sentence``, all of it in words.

    Raises
    ------
    InputError
        If a column is missing, or the two tables are not of the same perturbations.

    See Also
    --------
    explain : One row per perturbation and group of features.

    Notes
    -----
    Two perturbations are compared by the cosine of their effects over all groups, each as ``sign(g) sqrt(|g|)``, so
    that one very large effect does not decide alone. Only perturbations with a change are compared: chance has a
    direction too. What to test next comes from a short list of rules (enlarged nuclei: the cell cycle; wells at one
    position: elsewhere; half of the cells lost: a compound that leaves as few), which know nothing of chemistry:
    suggestions, not results.

    Examples
    --------
    >>> import cellprofiling as cpf
    >>> screen = cpf.simulate_screen("easy", compounds=6, cells_per_well=10, features=40)
    >>> wells = cpf.annotate(cpf.aggregate(screen.cells), screen.platemap)
    >>> asked = {"by": "Metadata_Compound", "reference": "Metadata_Role == 'negcon'"}
    >>> cpf.summarize_hits(cpf.explain(wells, **asked), wells, **asked)["n_groups"].nunique()
    1
    """
    checks.arguments(locals(), by=checks.columns)
    names = require(explained, by, "by")
    require(explained, NEEDED, "explained")
    require(profiles, well, "well")
    question = ask(profiles, names, reference, plate=plate, within=within)
    design = find_design(profiles, question, features)
    explained, keys = _whole(explained, question.keys, design.keys), design.keys
    n_groups = len(explained) // len(keys)
    effects = explained["effect"].to_numpy(dtype=np.float64).reshape(len(keys), n_groups)
    counts = profiles[count] if is_there(profiles, count, COUNT, "count") else None
    layout = describe_layout(design, profiles[well], counts)
    changed = _changed(explained, n_groups, fdr)
    called = perturbation_names(keys)
    similar = _similar(effects, np.array([bool(rows) for rows in changed]), keys.iloc[:, 0].to_numpy(), alike, top)
    found = []
    for i, rows in enumerate(changed):
        head = explained.iloc[i * n_groups]
        place = layout.iloc[i]
        ratio = float(place["cell_count_ratio"])
        evidence = Evidence(rows, ratio, bool(place["same_position"]), int(head["n_plates"]))
        found.append(
            {
                "n_wells": int(head["n_wells"]),
                "n_plates": int(head["n_plates"]),
                "n_changed": len(rows),
                "n_groups": n_groups,
                "changes": "; ".join(list(dict.fromkeys(row["change"] for row in rows))[:top]),
                "similar_to": ", ".join(f"{called[j]} ({cosine:.2f})" for j, cosine in similar[i]),
                "similarity": similar[i][0][1] if similar[i] else np.nan,
                "cell_count_ratio": ratio,
                "cell_count_remark": "" if np.isnan(ratio) else f"cell count {ratio:.0%} of controls",
                "next_test": next_test(evidence),
            }
        )
    result = pd.concat([keys, pd.DataFrame(found)], axis=1)
    result["sentence"] = [
        _sentence(name, row) for name, row in zip(called, result.to_dict("records"), strict=True)
    ]  # fmt: skip
    return written(result, explained, new=design.lines("summarize_hits"))


def _whole(explained: pd.DataFrame, names: list[str], keys: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of an explanation in order of their keys, or refuse one of other perturbations or with gaps."""
    codes, found = groups(explained, names)
    sizes = np.bincount(codes)
    if not found.equals(keys.set_axis(found.columns, axis=1)) or (sizes != sizes[0]).any():
        ours, theirs = set(perturbation_names(found)), set(perturbation_names(keys))
        raise InputError(
            f"explained: {len(explained)} rows of {len(found)} perturbations, and profiles hold {len(keys)} "
            f"({listed(sorted(ours ^ theirs)) or 'none'} in one only): give the whole table that explain made of them."
        )
    return explained.iloc[np.lexsort((explained["group"].astype(str).to_numpy(dtype=str), codes))]


def _changed(explained: pd.DataFrame, n_groups: int, fdr: float) -> list[list[dict[Any, Any]]]:
    """Return the groups that each perturbation changes, the largest effect first."""
    n = len(explained) // n_groups
    result: list[list[dict[Any, Any]]] = [[] for _ in range(n)]
    owner = np.repeat(np.arange(n), n_groups)
    kept = (explained["q_value"] <= fdr).to_numpy()
    rows = explained.loc[kept, ["group", "feature_group", "change", "rank"]].assign(owner=owner[kept])
    for row in rows.sort_values(["owner", "rank"], kind="stable").to_dict("records"):
        result[row["owner"]].append(row)
    return result


def _similar(effects: Doubles, told: Mask, compound: NDArray, alike: float, top: int) -> list[list[tuple[int, float]]]:
    """Return the most similar perturbations of other compounds, one for each compound, with their cosine."""
    shape = np.nan_to_num(effects)
    cosine = direction(np.sign(shape) * np.sqrt(np.abs(shape)))
    cosine = cosine @ cosine.T
    result: list[list[tuple[int, float]]] = []
    for i in range(len(cosine)):
        best: dict[Any, tuple[int, float]] = {}
        for j in np.argsort(-cosine[i], kind="stable") if told[i] else ():
            if cosine[i, j] < alike or len(best) == top:
                break
            if told[j] and compound[j] != compound[i]:
                best.setdefault(compound[j], (int(j), float(cosine[i, j])))
        result.append(list(best.values()))
    return result


def _sentence(name: str, row: dict[Any, Any]) -> str:
    where = f"{plural(row['n_wells'], 'well')}, {plural(row['n_plates'], 'plate')}"
    if row["n_changed"]:
        text = f"{name} ({where}) changes {row['n_changed']} of {row['n_groups']} groups of features: {row['changes']}."
    else:
        text = f"{name} ({where}): no change in any of {row['n_groups']} groups of features."
    if row["similar_to"]:
        text += f" Most like {row['similar_to']}."
    if row["cell_count_remark"]:
        text += f" {row['cell_count_remark'].capitalize()}."
    return f"{text} Next: {row['next_test']}."
