"""How often the hit caller calls control wells active: the false-positive audit."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binomtest

from cellprofiling.core.errors import InputError, one_of
from cellprofiling.core.frame import PLATE, WELL, Reference, require
from cellprofiling.core.ledger import written
from cellprofiling.hits.caller import CONTROL_FITS, Caller
from cellprofiling.hits.design import FEWEST_CONTROLS, Design, content_rank, read_design
from cellprofiling.hits.methods import METHODS

LAYOUTS = {"same position": "at one position", "different positions": "at different positions"}  # name, in words
ALPHA = 0.05
MOST_TESTS = 200  # pseudo-compounds per layout
MOST_WELLS = 8  # of one pseudo-compound, unless asked for
COLUMNS = ["layout", "n", "rejected", "rate", "ci_low", "ci_high", "alpha", "message"]


def audit_controls(
    profiles: pd.DataFrame,
    *,
    reference: Reference,
    plate: str = PLATE,
    well: str = WELL,
    method: str = "map",
    n_wells: int | None = None,
    permutations: int = 1_000,
    seed: int = 0,
    control_fit: str = "refit",
) -> pd.DataFrame:
    """
    Return how often control wells, taken for a compound, are called active by the test of `activity`.

    Parameters
    ----------
    profiles : pandas.DataFrame
        One row per well: metadata and features.
    reference : str, dict or sequence of bool
        Which wells are the negative controls.
    plate, well : str
        Columns that say where a well lies.
    method : {"map"}, default "map"
        The statistic, as in `activity`.
    n_wells : int or None, default None
        Wells of one pseudo-compound, spread evenly over plates; None takes one from each plate, 3 to 8 in all.
    permutations : int, default 1_000
        Random assignments per test, as in `activity`.
    seed : int, default 0
        Seed of the random assignments.
    control_fit : {"refit", "as_given"}, default "refit"
        Whether controls are fitted anew in each assignment, as in `activity`.

    Returns
    -------
    pandas.DataFrame
        Two rows. ``layout``: "same position" (controls of one well position, on as many plates as there are wells) or
        "different positions" (controls of different plates and different positions); ``n`` pseudo-compounds;
        ``rejected`` of them with p <= ``alpha`` = 0.05; ``rate`` with its 95 % interval ``ci_low`` to ``ci_high``
        (Clopper-Pearson); ``message`` in words. A layout that the plates do not allow has n = 0 and says why.

    Raises
    ------
    InputError
        If a column, the reference or an option cannot be used.

    See Also
    --------
    activity : The test that is audited.

    Notes
    -----
    The wells of a pseudo-compound leave the controls before anything is fitted in the test. "Different positions"
    should reject about 5 %: that is the calibration of the test. "Same position" rejects more where wells resemble
    each other because of where they lie; compounds that have one position on all plates then do so too. The pseudo-
    compounds share control wells, so the interval is a guide.

    Examples
    --------
    >>> import cellprofiling as cpf
    >>> screen = cpf.simulate_screen("null", compounds=6, cells_per_well=10, features=40)
    >>> wells = cpf.annotate(cpf.aggregate(screen.cells), screen.platemap)
    >>> audit = cpf.audit_controls(wells, reference="Metadata_Role == 'negcon'", permutations=99)
    >>> audit["layout"].tolist()
    ['same position', 'different positions']
    """
    one_of("method", method, METHODS)
    one_of("control_fit", control_fit, CONTROL_FITS)
    require(profiles, well, "well")
    design = read_design(profiles, None, reference, plate)
    position = pd.factorize(profiles[well].astype(str), sort=True)[0]
    caller = Caller(design, method, permutations, seed, control_fit == "refit")
    controls = np.flatnonzero(design.is_control)
    n = min(MOST_WELLS, max(3, len(np.unique(design.plate[controls])))) if n_wells is None else n_wells
    if n < 2:
        raise InputError(f"n_wells={n}: a pseudo-compound needs two wells or more.")
    rng = np.random.default_rng(seed)
    sets = {
        "same position": _same_position(design, controls, position, n, rng),
        "different positions": _different_positions(design, controls, position, n, rng),
    }
    return written(
        pd.DataFrame([_audit(caller, layout, sets[layout]) for layout in LAYOUTS], columns=COLUMNS), profiles
    )


def _same_position(
    design: Design, controls: NDArray[np.intp], position: NDArray[np.intp], n: int, rng: np.random.Generator
) -> list[NDArray[np.intp]]:
    """Return sets of controls of one position, on n plates or on all if there are fewer; a well is used once."""
    spare = _canonical(design, controls[_spare(design, controls, 1)[design.plate[controls]]])
    n = min(n, len(np.unique(design.plate[spare])))
    sets: list[NDArray[np.intp]] = []
    for place in np.unique(position[spare]) if n > 1 else ():
        here = spare[position[spare] == place]
        sets += [here[start : start + n] for start in range(0, len(here) - n + 1, n)]
    return _at_most(sets, rng)


def _different_positions(
    design: Design, controls: NDArray[np.intp], position: NDArray[np.intp], n: int, rng: np.random.Generator
) -> list[NDArray[np.intp]]:
    """Return sets of n controls, no two in the same position, spread over plates as evenly as can be."""
    most = -(-n // len(np.unique(design.plate[controls])))  # wells that one plate gives
    spare = _canonical(design, controls[_spare(design, controls, most)[design.plate[controls]]])
    by_plate = [spare[design.plate[spare] == plate] for plate in np.unique(design.plate[spare])]
    sets: list[NDArray[np.intp]] = []
    if len(by_plate) * most < n:
        return sets
    for _ in range(4 * MOST_TESTS):
        turns = np.bincount(np.resize(rng.permutation(len(by_plate)), n), minlength=len(by_plate))
        chosen = np.concatenate([rng.choice(wells, k, replace=False) for wells, k in zip(by_plate, turns, strict=True)])
        if len(set(position[chosen])) == n:
            sets.append(chosen)
        if len(sets) == MOST_TESTS:
            break
    return sets


def _canonical(design: Design, wells: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return wells in an order that row order cannot change."""
    return wells[np.argsort(content_rank(design.x)[wells])]


def _spare(design: Design, controls: NDArray[np.intp], n: int) -> NDArray[np.bool_]:
    """Return which plates can give up n controls and still compare."""
    return np.bincount(design.plate[controls], minlength=design.plate.max() + 1) >= FEWEST_CONTROLS + n


def _at_most(sets: list[NDArray[np.intp]], rng: np.random.Generator) -> list[NDArray[np.intp]]:
    if len(sets) <= MOST_TESTS:
        return sets
    return [sets[i] for i in np.sort(rng.choice(len(sets), MOST_TESTS, replace=False))]


def _audit(caller: Caller, layout: str, sets: list[NDArray[np.intp]]) -> dict:
    """Return the row of one layout."""
    controls = np.flatnonzero(caller.design.is_control)
    tests = caller.test_all([(chosen, np.setdiff1d(controls, chosen)) for chosen in sets])
    n, rejected = len(tests), sum(test["p_value"] <= ALPHA for test in tests)
    row = {"layout": layout, "n": n, "rejected": rejected, "alpha": ALPHA}
    if n == 0:
        unknown = {"rate": np.nan, "ci_low": np.nan, "ci_high": np.nan}
        return (
            row
            | unknown
            | {"message": f"not audited: too few controls {LAYOUTS[layout]} on plates that can spare them"}
        )
    interval = binomtest(rejected, n).proportion_ci(0.95)
    low, high = float(interval.low), float(interval.high)
    message = (
        f"{rejected} of {n} control pseudo-compounds {LAYOUTS[layout]} reach p <= {ALPHA}: "
        f"{rejected / n:.1%} (95 % interval {low:.1%} to {high:.1%}; expected {ALPHA:.0%})"
    )
    return row | {"rate": rejected / n, "ci_low": low, "ci_high": high, "message": message}
