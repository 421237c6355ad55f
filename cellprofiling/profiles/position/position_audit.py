"""Whether control wells show where they lie."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cellprofiling.core import checks
from cellprofiling.core.columns import PLATE, WELL, By, Reference, rows
from cellprofiling.core.errors import ReferenceRowsError
from cellprofiling.core.frame import split
from cellprofiling.core.ledgers import lines, written
from cellprofiling.kernels.arrays import Doubles, Floats, Indices
from cellprofiling.kernels.batches.leakage import (
    explained,
    hat_matrix,
    members_by_position,
    permutation_test,
    ranks_elsewhere,
    same_position_precision,
    share_of_positives,
)
from cellprofiling.kernels.directions.unit_vectors import direction
from cellprofiling.kernels.plates.surface import surface_terms
from cellprofiling.kernels.scale.order import content_order
from cellprofiling.kernels.scale.scale import fit_standard
from cellprofiling.profiles.position.layout import Layout, find_layout

SAME, SURFACE = "same position on other plates", "surface within plates"
ALPHA = 0.05
MOST_WELLS = 1_500  # controls compared with each other; of larger screens some plates are taken
COLUMNS = ["test", "n_wells", "n_plates", "score", "expected", "p_value", "position_matters", "message"]


@dataclass(frozen=True)
class _Controls:
    """Control wells in an order that neither row order nor names of plates change.

    Attributes
    ----------
    x : profiles, each feature on the scale of the controls of its plate, missing values at their mean.
    plate : number of the plate, ascending.
    position : number of the well position.
    terms : of the surface.
    """

    x: Doubles
    plate: Indices
    position: Indices
    terms: Doubles

    @property
    def starts(self) -> Indices:
        """The first well of each plate, without the first plate's."""
        return np.flatnonzero(np.diff(self.plate)) + 1


def audit_position(
    profiles: pd.DataFrame,
    *,
    reference: Reference,
    by: By = PLATE,
    well: str = WELL,
    plate_format: int | None = None,
    features: Sequence[str] | str | None = None,
    permutations: int = 999,
    seed: int = 0,
) -> pd.DataFrame:
    """
    Return how far control wells resemble each other because of where they lie on their plates.

    Parameters
    ----------
    profiles : pandas.DataFrame
        A profile table, one row per well, before or after `correct_position`.
    reference : str, dict or array of bool
        Which wells are the negative controls.
    by : str, list of str, or None, default "Metadata_Plate"
        Metadata columns; each group is one plate.
    well : str, default "Metadata_Well"
        Column with the well, as "A01".
    plate_format : {6, 12, 24, 48, 96, 384, 1536} or None, default None
        How many wells a plate has; None for the smallest standard plate that holds the wells of all plates, which the
        ledger calls a guess where these leave its edge empty.
    features : list of str, "all", or None, default None
        Names of the features to look at, "all" numbers without the prefix `Metadata_`, or None for what the grammar of
        feature names takes.
    permutations : int, default 999
        How often positions are shuffled among the controls of each plate.
    seed : int, default 0
        Seed of the shuffling.

    Returns
    -------
    pandas.DataFrame
        Two rows, ``test`` "same position on other plates" and "surface within plates", with ``n_wells`` and
        ``n_plates`` compared, ``score``, the score ``expected`` if position did nothing (the mean over shuffled
        positions), ``p_value``, ``position_matters`` (p <= 0.05) and a ``message``. A test that the layout does not
        allow has missing scores and says why.

    Raises
    ------
    InputError
        If a column, the reference or an option cannot be used.

    See Also
    --------
    correct_position : Remove the effect of position.
    audit_controls : What position does to the false positives of the hit list.

    Notes
    -----
    Each feature is put on the scale of the controls of its plate first, so the audit can be made before or after
    normalization.

    "Same position on other plates": each control looks for the controls of its position among those of other plates, by
    cosine; the score is the mean average precision, and the expected one a little above the share of positives among
    all it looks at. "Surface within plates": the share of the variance of controls
    within plates that row, column, their product and squares, and the edge explain; one plate is enough for it.

    Both p-values come from shuffling the positions of whole wells within plates, p = (b + 1) / (m + 1), or from all
    orders where these are few. They hold for any dependence between features. A score barely above the expected one
    may be significant in a large screen and not matter: compare the two.

    Examples
    --------
    >>> import cellprofiling as cpf
    >>> screen = cpf.simulate_screen("null", compounds=6, cells_per_well=10, features=40)
    >>> wells = cpf.annotate(cpf.aggregate(screen.cells), screen.platemap)
    >>> audit = cpf.audit_position(wells, reference="Metadata_Role == 'negcon'", permutations=99)
    >>> audit["test"].tolist()
    ['same position on other plates', 'surface within plates']
    """
    checks.arguments(locals())
    controls = rows(profiles, reference)
    table = split(profiles, features)
    layout = find_layout(profiles, by, well, controls, None, None, plate_format)
    rng = np.random.default_rng(seed)
    wells = _control_wells(table.x[:, np.argsort(table.features)], layout, rng)
    audits = [_same_position(wells, permutations, rng), _surface(wells, permutations, rng)]
    guess = lines("audit_position", "plate", ["all"] if layout.format.problem else [], layout.format.problem)
    return written(pd.DataFrame(audits, columns=COLUMNS), profiles, new=guess)


def _control_wells(x: Floats, layout: Layout, rng: np.random.Generator) -> _Controls:
    """Return the controls of the plates that have two or more, plates and wells in an order given by content."""
    controls = np.flatnonzero(layout.fit)
    controls = controls[content_order(x[controls])]
    of_plate = [controls[layout.plate[controls] == code] for code in pd.unique(layout.plate[controls])]
    plates = [(np.nan_to_num(fit_standard(x[wells]).apply(x[wells])), wells) for wells in of_plate if len(wells) > 1]
    if not plates:
        raise ReferenceRowsError("reference: no plate has two control wells, so none can be compared with another.")
    plates = _some(plates, rng)
    chosen = np.concatenate([controls for _, controls in plates])
    terms = surface_terms(layout.row[chosen], layout.column[chosen], layout.edge[chosen], layout.shape)
    plate = np.repeat(np.arange(len(plates)), [len(controls) for _, controls in plates])
    return _Controls(np.concatenate([scores for scores, _ in plates]), plate, layout.well[chosen], terms)


def _some(plates: list, rng: np.random.Generator) -> list:
    """Return as many plates, chosen at random, as do not have too many wells together."""
    sizes = np.array([len(controls) for _, controls in plates])
    if sizes.sum() <= MOST_WELLS:
        return plates
    order = rng.permutation(len(plates))
    kept = order[np.cumsum(sizes[order]) <= MOST_WELLS]
    return [plates[i] for i in np.sort(kept)]


def _same_position(wells: _Controls, permutations: int, rng: np.random.Generator) -> dict:
    members = members_by_position(wells.position, wells.plate)
    repeated = np.unique(members[members >= 0])
    facts = {"test": SAME, "n_wells": len(repeated), "n_plates": len(np.unique(wells.plate[repeated]))}
    if not len(members):
        return _untested(facts, "no control position is on two plates")
    share = share_of_positives(members, wells.plate)
    if share == 1:
        return _untested(facts, "all controls have one position, so there is none to tell it from")
    ranks = ranks_elsewhere(direction(wells.x), wells.plate)
    starts = np.r_[0, wells.starts]

    def precision(orders: list[Indices]) -> float:
        moved = np.concatenate([start + order for start, order in zip(starts, orders, strict=True)])
        return same_position_precision(ranks, np.where(members >= 0, moved[members], members))

    score, expected, p_value = permutation_test(precision, _sizes(wells), permutations, rng)
    return _told(facts, score, expected, p_value, "Controls find those of their position with a mean average precision")


def _surface(wells: _Controls, permutations: int, rng: np.random.Generator) -> dict:
    parts = [
        _plate_parts(x, terms)
        for x, terms in zip(*(np.split(a, wells.starts) for a in (wells.x, wells.terms)), strict=True)
    ]
    tested = [(gram, hat) for gram, hat, rank in parts if 0 < rank < len(gram) - 1 and np.trace(gram) > 0]
    grams, hats = [gram for gram, _ in tested], [hat for _, hat in tested]
    sizes = [len(gram) for gram in grams]
    facts = {"test": SURFACE, "n_wells": sum(sizes), "n_plates": len(sizes)}
    if not tested:
        return _untested(facts, "no plate has more controls than the surface has terms, or all lie in one place")
    score, expected, p_value = permutation_test(lambda o: explained(hats, grams, o), sizes, permutations, rng)
    return _told(facts, score, expected, p_value, "Position explains a share of the variance of controls within plates")


def _plate_parts(x: Doubles, terms: Doubles) -> tuple[Doubles, Doubles, int]:
    centered = x - x.mean(axis=0)
    hat, rank = hat_matrix(terms)
    return centered @ centered.T, hat, rank


def _sizes(wells: _Controls) -> list[int]:
    return np.bincount(wells.plate).tolist()


def _told(facts: dict, score: float, expected: float, p_value: float, what: str) -> dict:
    matters = p_value <= ALPHA
    verdict = "position matters" if matters else "nothing says that position matters"
    message = (
        f"{what} of {score:.3f}; {expected:.3f} is expected if position does nothing (p = {p_value:.3g}): {verdict}."
    )
    return facts | {
        "score": score,
        "expected": expected,
        "p_value": p_value,
        "position_matters": matters,
        "message": message,
    }


def _untested(facts: dict, reason: str) -> dict:
    unknown = dict.fromkeys(("score", "expected", "p_value"), np.nan)
    return facts | unknown | {"position_matters": False, "message": f"not tested: {reason}."}
