"""The ranked hit list: one row per perturbation, with the test, the effect, and the reason in words."""

from typing import Any

import numpy as np
import pandas as pd

import cellprofiling as cpf
from cellprofiling.core.errors import InputError
from cellprofiling.core.frame import COUNT, PLATE, WELL, By, Reference, content_sha256, describe_reference, require
from cellprofiling.core.ledger import written
from cellprofiling.hits.activity import activity
from cellprofiling.hits.audit import audit_controls
from cellprofiling.hits.design import read_design
from cellprofiling.hits.effects import describe_change, describe_layout, describe_retrieval

FEW_CELLS = 0.5  # cell count, relative to controls, below which the reason says so
COLUMNS = [
    *("n_wells", "n_plates", "n_positions", "same_position", "n_controls", "cell_count_ratio"),
    *("map", "map_ci_low", "map_ci_high", "mahalanobis", "induction"),
    *("p_value", "p_floor", "q_value", "null_scheme", "hit", "reason", "top_features"),
]


def rank_hits(
    profiles: pd.DataFrame,
    *,
    by: By,
    reference: Reference,
    dose: str | None = None,
    plate: str = PLATE,
    well: str = WELL,
    count: str = COUNT,
    fdr: float = 0.05,
    permutations: int = 10_000,
    seed: int = 0,
    control_fit: str = "refit",
) -> pd.DataFrame:
    """
    Rank perturbations by the evidence that they differ from the controls of their plates.

    Parameters
    ----------
    profiles : pandas.DataFrame
        One row per well: metadata and normalized features.
    by : str or list of str
        Metadata columns that name a perturbation.
    reference : str, dict or sequence of bool
        Which wells are the negative controls.
    dose : str or None, default None
        A dose column; each dose of a perturbation becomes a row of its own.
    plate, well : str
        Columns that say where a well lies.
    count : str, default "Metadata_Object_Count"
        Column with the number of cells; without it, the cell count ratio is missing.
    fdr : float, default 0.05
        False discovery rate among the rows called hits, between 0 and 1.
    permutations : int, default 10_000
        Random assignments per test, as in `activity`.
    seed : int, default 0
        Seed of the random assignments.
    control_fit : {"refit", "as_given"}, default "refit"
        Whether controls are fitted anew in each assignment, as in `activity`.

    Returns
    -------
    pandas.DataFrame
        The hit list, best first: ``rank``; the `by` columns; ``n_wells``, ``n_plates``, ``n_positions``,
        ``same_position`` (all wells in one position of several plates), ``n_controls``; ``cell_count_ratio`` (median
        over wells of the count relative to the control median of the plate); ``map`` with ``map_ci_low`` and
        ``map_ci_high`` (95 %); ``mahalanobis`` (distance from the controls, in control standard deviations along the
        change); ``induction`` (share of features changed by more than 3 control standard deviations); ``p_value``,
        ``p_floor``, ``q_value``, ``null_scheme``; ``hit``; ``reason``; ``top_features`` (largest changes, in control
        standard deviations).
        ``attrs["audit"]`` holds the rows of `audit_controls` for pseudo-compounds of the usual number of wells,
        ``attrs["parameters"]`` what was asked for, ``attrs["provenance"]`` the version of this package and the sha256
        of the content of `profiles`.

    Raises
    ------
    InputError
        If a column, the reference or an option cannot be used.

    See Also
    --------
    activity : The test.
    audit_controls : How often the same test calls control wells active.

    Notes
    -----
    Order: hits first, then q-value, then the lower end of the interval of the effect, then its size; rows at the
    smallest attainable p-value are so ordered by effect. The interval of ``map`` is Student's t over wells, cut to
    [0, 1]; wells share their controls, so with few wells it is a rough guide. Mahalanobis distance uses the covariance
    of control wells about the control mean of their plate, shrunk after Ledoit and Wolf.

    References
    ----------
    Benjamini and Hochberg, J. R. Stat. Soc. B 57, 289 (1995), https://doi.org/10.1111/j.2517-6161.1995.tb02031.x;
    Ledoit and Wolf, J. Multivar. Anal. 88, 365 (2004), https://doi.org/10.1016/S0047-259X(03)00096-4.

    Examples
    --------
    >>> import cellprofiling as cpf
    >>> screen = cpf.simulate_screen("easy", compounds=6, cells_per_well=10, features=40)
    >>> wells = cpf.annotate(cpf.aggregate(screen.cells), screen.platemap)
    >>> hits = cpf.rank_hits(wells, by="Metadata_Compound", reference="Metadata_Role == 'negcon'", permutations=999)
    >>> hits["rank"].tolist()
    [1, 2, 3, 4, 5, 6]
    """
    if not 0 < fdr < 1:
        raise InputError(f"fdr={fdr}: give a number between 0 and 1, for example 0.05.")
    names = require(profiles, by, "by")
    names += [name for name in require(profiles, dose, "dose") if name not in names]
    require(profiles, well, "well")
    has_counts = count != COUNT or COUNT in profiles
    counts = profiles[require(profiles, count, "count")[0]] if has_counts else None
    options: dict[str, Any] = {"plate": plate, "permutations": permutations, "seed": seed, "control_fit": control_fit}
    tested = activity(profiles, by=names, reference=reference, **options).drop(columns="score")
    design = read_design(profiles, names, reference, plate)
    layout = describe_layout(design, profiles[well], counts)
    hits = pd.concat([tested, layout, describe_retrieval(design), describe_change(design)], axis=1)
    hits["hit"] = (hits["q_value"] <= fdr).to_numpy(dtype=bool)
    usual = int(max(2, tested["n_wells"].median()))
    audit = audit_controls(profiles, reference=reference, well=well, n_wells=usual, **options)
    position_rate = dict(zip(audit["layout"], audit["rate"], strict=True))["same position"]
    hits["reason"] = [_reason(row, fdr, len(hits), position_rate) for row in hits.to_dict("records")]
    hits = _ranked(hits)[["rank", *names, *COLUMNS]]
    hits.attrs["audit"] = audit.to_dict("records")
    reference_text = reference if isinstance(reference, str) else describe_reference(reference)
    hits.attrs["parameters"] = {"by": names, "reference": reference_text, "fdr": fdr, **options}
    hits.attrs["provenance"] = {"cellprofiling": cpf.__version__, "input_sha256": content_sha256(profiles)}
    return written(hits, profiles)


def _ranked(hits: pd.DataFrame) -> pd.DataFrame:
    """Return hits first, then by q-value, then by the lower end of the interval of the effect, then by its size."""
    keys = ["hit", "q_value", "map_ci_low", "mahalanobis"]
    ranked = hits.sort_values(keys, ascending=[False, True, False, False], kind="stable", ignore_index=True)
    return ranked.assign(rank=np.arange(1, len(ranked) + 1))


def _reason(row: dict[Any, Any], fdr: float, n_tests: int, position_rate: float) -> str:
    """Return in words why a row is a hit or is not, and what to beware of."""
    if np.isnan(row["p_value"]):
        return "not tested: one well has no replicate to be compared with"
    if row["hit"]:
        verdict = f"q = {row['q_value']:.2g} <= {fdr:g}, {row['n_wells']} wells on {row['n_plates']} plates"
    elif row["p_floor"] * n_tests > fdr and row["p_value"] <= row["p_floor"]:
        verdict = f"q = {row['q_value']:.2g} > {fdr:g}, at the smallest p-value these few wells can reach"
    else:
        verdict = f"q = {row['q_value']:.2g} > {fdr:g}"
    notes = [verdict]
    if row["cell_count_ratio"] < FEW_CELLS:
        notes.append(f"only {row['cell_count_ratio']:.0%} of the cells of controls")
    if row["same_position"]:
        told = "" if np.isnan(position_rate) else f"; of controls at one position, {position_rate:.0%} are called too"
        notes.append(f"same well position on all plates, so position may be what is seen{told}")
    return "; ".join(notes)
