"""Which compounds do the same at other doses: dose series compared whatever the potency."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from cellprofiling.core import checks
from cellprofiling.core.columns import PLATE, By, Reference
from cellprofiling.core.errors import ColumnError, InputError
from cellprofiling.core.frame import Table, split
from cellprofiling.core.ledgers import Line, lines, written
from cellprofiling.hits.design import Features, Layout, by_name, find_layout
from cellprofiling.hits.doses.response import ask_of_doses, find_log_doses
from cellprofiling.kernels.arrays import Doubles, Indices, Mask
from cellprofiling.kernels.doses.titration import align_all
from cellprofiling.kernels.inference.multiplicity import benjamini_hochberg
from cellprofiling.kernels.inference.permutation import TIE
from cellprofiling.kernels.scale.missing import fill_with_median
from cellprofiling.kernels.scale.order import content_order

COLUMNS = ["similarity", "shift", "fold", "overlap", "score", "p_value", "q_value", "p_floor"]
FEW = 16  # controls of a plate for each well of a dose, below which the error of their mean weighs too much
UNEVEN = 0.25  # of a step, by how much a dose may miss its place in a dilution series


class Titrations(NamedTuple):
    """The dose series of compounds, each in steps from its lowest dose.

    Attributes
    ----------
    series : mean difference from the controls, shape (n_compounds, n_steps, n_features).
    shared : how much of the error of the control mean of each plate is in each, shape (n_compounds, n_steps, n_plates).
    known : which steps a compound has.
    lowest : log10 of its lowest dose.
    step : log10 of the factor between doses.
    """

    series: Doubles
    shared: Doubles
    known: Mask
    lowest: Doubles
    step: float


def titration_similarity(
    profiles: pd.DataFrame,
    *,
    by: By,
    dose: str,
    reference: Reference,
    plate: str = PLATE,
    min_overlap: int = 3,
    within: By = None,
    features: Features = None,
) -> pd.DataFrame:
    """
    Return how alike the dose series of each two compounds are, whatever their potency, and how far it differs.

    Parameters
    ----------
    profiles : pandas.DataFrame
        One row per well: metadata and features.
    by : str or list of str
        Metadata columns that name a compound; not the dose.
    dose : str
        The column of doses, above 0 for treated wells and about a constant factor apart; what it says for controls is
        not read.
    reference : str, dict or sequence of bool
        Which wells are the negative controls.
    plate : str, default "Metadata_Plate"
        The column of plates; a well is measured from the controls of its own.
    min_overlap : int, default 3
        Doses of both compounds that must stand side by side, at least.
    within : str, list of str or None, default None
        Columns in which a well and its controls must agree beside the plate, as in `activity`; a compound has a series
        in each stratum.
    features : list of str, "all" or None, default None
        Which columns are measured; None takes what the names say (see `parse_features`).

    Returns
    -------
    pandas.DataFrame
        One row per pair of compounds, the most alike first: the `by` columns with the endings ``_a`` and ``_b``;
        ``similarity``, the largest correlation of all shifts; ``shift``, by how many dose steps b must be given higher
        than a for the same profile, ``fold``, the same as a factor (above 1: a is the more potent one), and
        ``overlap``, the doses side by side there; ``score``, what is tested; ``p_value``, ``q_value``
        (Benjamini-Hochberg over all pairs), ``p_floor``. ``.attrs["parameters"]["step"]`` is the factor between doses.

    Raises
    ------
    InputError
        If a column, the reference or an option cannot be used, doses are not evenly spaced, or fewer than two compounds
        have enough doses.

    See Also
    --------
    fit_doses : At which dose a compound acts.
    similarity : Profiles of one dose.

    Notes
    -----
    A series is the mean difference of the wells of each dose from the controls of their plates. Two of them are laid
    side by side with each shift that leaves `min_overlap` doses, and r is the correlation over these doses and all
    features, the controls being the origin. ``similarity`` and ``shift`` belong to the largest r; the shift is refined
    by a parabola through the neighbors. Where both compounds reach their plateau, many shifts fit nearly as well: trust
    ``shift`` where ``similarity`` is high. Features count as they are scaled: give normalized profiles.

    What is drawn anew in the null is the direction in which a compound goes: as a whole, all wells and doses of it
    together, it is turned into its mirror image on the other side of the controls. Of two unrelated compounds the one
    is as much like the other as like its mirror image; so the score, the largest artanh(r) sqrt(overlap), is compared
    with the scores of all pairs of the library whose second compound is mirrored, each with the largest score of *its*
    shifts: p = (b + 1) / (m + 1), for m pairs, ties counting against the pair. Nothing is random. Exchanging wells
    between compounds and controls would ask another question (does either compound act at all?) and call too many
    unrelated pairs of strong compounds; exchanging names of compounds would only rank the pairs. Three things follow.
    What most compounds of a library share, such as toxicity, counts as likeness. The p-value is that of a pair of the
    library: leave out compounds without effect first (`fit_doses`), for their pairs vary less and would make the null
    too narrow for the others. And a q-value of 1 / k needs k pairs called: a single pair of a small library has its
    rank alone.

    Wells of one plate share the error of its control mean, which would make them alike; its expected square is
    subtracted, and one standard deviation more where a plate has fewer than 16 controls for each well of a dose, with a
    line in the ledger. What else the wells of one plate share, such as an effect of position, counts as likeness too:
    correct it first.

    References
    ----------
    Perlman et al., Science 306, 1194 (2004), https://doi.org/10.1126/science.1100709 (titration-invariant similarity);
    Barber and Candes, Ann. Stat. 43, 2055 (2015), https://doi.org/10.1214/15-AOS1337 (nulls made by symmetry).

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> rng = np.random.default_rng(0)
    >>> names = np.repeat(["DMSO", "a", "b", "c"], [24, 12, 12, 12])
    >>> dose = np.r_[np.zeros(24), np.tile(np.repeat([0.1, 0.3, 1, 3, 10, 30], 2), 3)]
    >>> ec50 = pd.Series({"DMSO": 1, "a": 1, "b": 9, "c": 3})[names].to_numpy()
    >>> way = {"DMSO": 0, "a": 1, "b": 1, "c": 2}
    >>> ways = np.array([np.zeros(20), rng.normal(size=20), rng.normal(size=20)])[[way[name] for name in names]]
    >>> x = 4 * (dose / (dose + ec50))[:, None] * ways + 0.5 * rng.normal(size=(60, 20))
    >>> wells = pd.DataFrame(x, columns=[f"Cells_{i}" for i in range(20)])
    >>> wells = wells.assign(Metadata_Plate="P1", Metadata_Compound=names, Metadata_Dose=dose)
    >>> pairs = cpf.titration_similarity(wells, by="Metadata_Compound", dose="Metadata_Dose",
    ...                                  reference={"Metadata_Compound": "DMSO"})
    >>> pairs[["Metadata_Compound_a", "Metadata_Compound_b", "similarity", "fold"]].head(1).round(1)
      Metadata_Compound_a Metadata_Compound_b  similarity  fold
    0                   a                   b         1.0   8.0
    """
    checks.arguments(locals(), by=checks.columns)
    layout = find_layout(profiles, ask_of_doses(profiles, by, dose, reference, plate=plate, within=within))
    table = by_name(split(profiles, features))
    found, kept, new = _build_titrations(profiles, table, layout, dose, min_overlap)
    aligned = align_all(found.series, found.shared, found.known, min_overlap=min_overlap)
    tested = np.isfinite(aligned.score)
    shift = aligned.refined + (found.lowest[aligned.second] - found.lowest[aligned.first]) / found.step
    p_value, p_floor = _p_values(aligned.score, aligned.mirrored, tested)
    pairs = pd.DataFrame(
        {
            "similarity": aligned.similarity,
            "shift": shift,
            "fold": 10 ** (shift * found.step),
            "overlap": aligned.overlap,
            "score": np.where(tested, aligned.score, np.nan),
            "p_value": p_value,
            "q_value": benjamini_hochberg(p_value),
            "p_floor": p_floor,
        }
    )
    keys = [
        kept.iloc[side].reset_index(drop=True).add_suffix(end)
        for side, end in ((aligned.first, "_a"), (aligned.second, "_b"))
    ]
    pairs = pd.concat([*keys, pairs], axis=1)
    order = np.argsort(-pairs["score"].to_numpy(), kind="stable")
    pairs = pairs.iloc[order].reset_index(drop=True)
    pairs.attrs["parameters"] = {"by": list(kept.columns), "dose": dose, "step": 10**found.step}
    return written(pairs, profiles, new=new)


def _p_values(score: Doubles, mirrored: Doubles, tested: Mask) -> tuple[Doubles, float]:
    """Return the share of mirrored pairs with a score at least as high, the pair itself counted in, and its floor."""
    null = np.sort(mirrored[tested])
    p = np.full(len(score), np.nan)
    p[tested] = (1 + len(null) - np.searchsorted(null, score[tested] - TIE)) / (1 + len(null))
    return p, 1 / (1 + len(null))


def _build_titrations(
    profiles: pd.DataFrame, table: Table, layout: Layout, dose: str, min_overlap: int
) -> tuple[Titrations, pd.DataFrame, list[Line]]:
    """Return the series of all compounds with enough doses, their keys, and lines for the others."""
    log_dose, doses = find_log_doses(profiles[dose], ~layout.is_control)
    x = fill_with_median(table.x, layout.plate)
    order = content_order(x)
    treated = order[(layout.group[order] >= 0) & ~np.isnan(log_dose[order])]
    doses_of_each = pd.Series(log_dose[treated]).groupby(layout.group[treated]).nunique()
    n_doses = doses_of_each.reindex(range(len(layout.keys)), fill_value=0).to_numpy()
    enough = n_doses >= min_overlap
    if enough.sum() < 2:
        raise InputError(
            f"dose={dose!r}: {int(enough.sum())} of {len(enough)} compounds have {min_overlap} doses or more, and two "
            "are needed to be compared."
        )
    names = [" ".join(map(str, key)) for key in layout.keys[~enough].itertuples(index=False)]
    new = [*layout.lines("titration_similarity"), *doses.lines("titration_similarity")]
    new += lines("titration_similarity", "perturbation", names, f"fewer than {min_overlap} doses")
    treated = treated[enough[layout.group[treated]]]
    group = (np.cumsum(enough) - 1)[layout.group[treated]]
    place, lowest, step = _find_steps(log_dose[treated], group, dose)
    away, length, varies = _from_controls(x, layout, order)
    shape = (int(enough.sum()), int(place.max()) + 1)
    cell, n_cells = group * shape[1] + place, shape[0] * shape[1]
    n = np.bincount(cell, minlength=n_cells)
    series = np.zeros((n_cells, x.shape[1]))
    np.add.at(series, cell, away[treated])
    counts = np.zeros((n_cells, len(length)))
    np.add.at(counts, (cell, layout.plate[treated]), 1.0)
    n_controls = np.bincount(layout.plate[layout.is_control], minlength=len(length))
    per_well = float((n_controls / np.maximum(counts.max(axis=0), 1))[counts.any(axis=0)].min())
    if per_well < FEW:
        length = length * np.sqrt(1 + varies)
        reason = f"fewer than {FEW} controls for each well of a dose: p-values err on the safe side"
        new += lines("titration_similarity", "design", [f"{per_well:.3g} controls"], reason)
    wells = np.maximum(n, 1)[:, None]
    found = Titrations(
        (series / wells).reshape(*shape, -1),
        (counts * length / wells).reshape(*shape, -1),
        (n > 0).reshape(shape),
        lowest,
        step,
    )
    return found, layout.keys[enough].reset_index(drop=True), new


def _from_controls(x: Doubles, layout: Layout, order: Indices) -> tuple[Doubles, Doubles, float]:
    """Return wells less the control mean of their plate, the expected length of the error of each such mean, and by how
    much such a squared length varies, as a share of itself: sqrt(2 / n) for n independent features of one variance.
    """
    away, length = np.array(x), np.zeros(int(layout.plate.max()) + 1)
    residuals = []
    for plate in range(len(length)):
        here = order[layout.plate[order] == plate]
        controls = here[layout.is_control[here]]
        if len(controls) > 1:
            middle = x[controls[0]] + (x[controls] - x[controls[0]]).mean(axis=0)
            away[here] -= middle
            residuals.append(away[controls] * np.sqrt(len(controls) / (len(controls) - 1)))
            length[plate] = np.sqrt((residuals[-1] ** 2).sum()) / len(controls)
    gram = np.concatenate(residuals)
    gram = gram @ gram.T
    total, squares = np.trace(gram) ** 2, (gram**2).sum()
    # The trace of a squared covariance of n rows is too large by the squared trace over n.
    share = max(squares / total - 1 / len(gram), 1 / len(gram) ** 2) if total > 0 else 0.0
    return away, length, float(np.sqrt(2 * min(1.0, share)))


def _find_steps(log_dose: Doubles, group: Indices, dose: str) -> tuple[Indices, Doubles, float]:
    """Return the place of each well in the dilution series of its compound, the lowest doses, and the step."""
    lowest = np.full(int(group.max()) + 1, np.inf)
    np.minimum.at(lowest, group, log_dose)
    doses = np.unique(np.column_stack([group, log_dose]), axis=0)
    gaps = np.diff(doses[:, 1])[np.diff(doses[:, 0]) == 0]
    counts = np.maximum(1, np.round(gaps / np.median(gaps)))
    step = float(gaps.sum() / counts.sum())
    places = (log_dose - lowest[group]) / step
    missed = np.abs(places - np.round(places))
    if missed.max() > UNEVEN:
        worst = int(missed.argmax())
        raise ColumnError(
            f"dose={dose!r}: doses lie mostly a factor of {10**step:.3g} apart, and {10 ** log_dose[worst]:.4g} misses "
            f"its place in that series by {missed[worst]:.2f} steps (at most {UNEVEN} are allowed): a shift needs "
            "doses a constant factor apart; leave out those between."
        )
    return np.round(places).astype(np.intp), lowest, step
