"""How much more a perturbation resembles the others of its group than it resembles the controls."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from cellprofiling.core import checks
from cellprofiling.core.columns import By, Reference, groups, require, rows
from cellprofiling.core.errors import ColumnError, ReferenceRowsError, listed, one_of
from cellprofiling.core.frame import complete, split
from cellprofiling.core.ledgers import lines, written
from cellprofiling.hits.design import Features
from cellprofiling.hits.retrieval.precision import METRICS
from cellprofiling.kernels.arrays import Doubles, Indices

AVERAGES: dict[str, Callable[[Doubles], np.floating]] = {"mean": np.mean, "median": np.median}
FEWEST_CONTROLS = 2
NOISE = 1e-12  # similarities this close to each other have no spread


def grit(
    profiles: pd.DataFrame,
    *,
    by: By,
    group: str,
    reference: Reference,
    average: str = "mean",
    metric: str = "pearson",
    features: Features = None,
) -> pd.DataFrame:
    """
    Score how much more each perturbation resembles the others of its group than it resembles the controls.

    Parameters
    ----------
    profiles : pandas.DataFrame
        One row per well: metadata and normalized features without missing values.
    by : str or list of str
        Metadata columns that name a perturbation, such as a guide or a compound.
    group : str
        The column with what perturbations have in common, such as the gene of guides or the mechanism of compounds.
    reference : str, dict or sequence of bool
        Which wells are the negative controls.
    average : {"mean", "median"}, default "mean"
        How the scores of pairs of wells become one.
    metric : {"pearson", "cosine"}, default "pearson"
        The similarity of two profiles.
    features : list of str, "all" or None, default None
        Which columns are measured; None takes what the names say (see `parse_features`).

    Returns
    -------
    pandas.DataFrame
        One row per perturbation, sorted by key: the `by` columns, `group`, ``grit``, ``n_wells``, ``n_pairs`` (with
        wells of the group) and ``n_controls``. Missing where the group has no other perturbation.

    Raises
    ------
    InputError
        If a column, the reference or an option is unknown, features have missing values, or there is one control.

    See Also
    --------
    activity : A test; grit is a score and has no p-value.

    Notes
    -----
    With c the similarities of all wells of a perturbation to all controls, and t those to wells of other perturbations
    of its group, grit is the average of (t - mean(c)) / sd(c), the deviation divided by n. Controls of all plates
    count alike.

    References
    ----------
    Way et al., Cell Systems 13, 911 (2022), https://doi.org/10.1016/j.cels.2022.10.001

    Examples
    --------
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> wells = pd.DataFrame({"Metadata_Guide": ["a-1", "a-2", "c", "c", "c"], "Metadata_Gene": list("aaccc"),
    ...                       "Cells_x": [3.0, 4, 0, 1, -1], "Cells_y": [1.0, 1, 2, 0, 1], "Cells_z": [0, 1, 1, 3, 0]})
    >>> score = cpf.grit(wells, by="Metadata_Guide", group="Metadata_Gene", reference={"Metadata_Guide": "c"})
    >>> score["grit"].round(2).tolist()
    [21.23, 4.97]
    """
    checks.arguments(locals(), by=checks.columns, group=checks.column)
    summarize = AVERAGES[one_of("average", average, AVERAGES)]
    table = complete(split(profiles, features))
    unit = METRICS[one_of("metric", metric, METRICS)](table.x.astype(np.float64))
    require(profiles, group, "group")
    is_control = rows(profiles, reference)
    controls = np.flatnonzero(is_control & np.any(unit != 0, axis=1))
    if len(controls) < FEWEST_CONTROLS:
        raise ReferenceRowsError(
            f"reference: {len(controls)} control wells with a direction; {FEWEST_CONTROLS} or more are needed for a "
            "spread of similarities."
        )
    treated = np.flatnonzero(~is_control)
    codes, keys = groups(profiles.iloc[treated], by)
    found = []
    for code in range(len(keys)):
        wells = treated[codes == code]
        of_group = profiles[group].iloc[wells].dropna().unique()
        if len(of_group) > 1:
            raise ColumnError(
                f"group={group!r}: {tuple(keys.iloc[code])} is in several ({listed(of_group)}); name the perturbations "
                "with more columns in by."
            )
        alike = treated[(codes != code) & profiles[group].iloc[treated].isin(of_group).to_numpy()]
        score, n_pairs = _score(unit, wells, alike, controls, summarize)
        name = of_group[0] if len(of_group) else None
        found.append({group: name, "grit": score, "n_wells": len(wells), "n_pairs": n_pairs})
    result = pd.concat([keys.drop(columns=[group], errors="ignore"), pd.DataFrame(found)], axis=1)
    dead = lines("grit", "profile", profiles.index[~np.any(unit != 0, axis=1)], f"no direction under {metric}")
    return written(result.assign(n_controls=len(controls)), profiles, new=dead)


def _score(
    unit: Doubles,
    wells: Indices,
    alike: Indices,
    controls: Indices,
    summarize: Callable[[Doubles], np.floating],
) -> tuple[float, int]:
    """Return the average standardized similarity of some wells to those like them, and over how many pairs."""
    alive = np.any(unit != 0, axis=1)
    wells, alike = wells[alive[wells]], alike[alive[alike]]
    to_controls, to_group = unit[wells] @ unit[controls].T, (unit[wells] @ unit[alike].T).ravel()
    spread = to_controls.std() if to_controls.size else 0.0
    if not len(to_group) or spread <= NOISE:
        return np.nan, len(to_group)
    return float(summarize((to_group - to_controls.mean()) / spread)), len(to_group)
