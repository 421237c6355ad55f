"""How often the hit caller calls control wells active: the false-positive audit."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from cellprofiling.core import checks
from cellprofiling.core.columns import PLATE, WELL, By, Reference, require
from cellprofiling.core.ledgers import written
from cellprofiling.core.question import ask
from cellprofiling.hits.calling.blocks import Blocks, block_designs
from cellprofiling.hits.calling.control_sets import LAYOUTS, ControlSets, draw_control_sets
from cellprofiling.hits.calling.settings import Settings
from cellprofiling.hits.calling.tester import run_tests
from cellprofiling.hits.design import Design, Features, find_design
from cellprofiling.kernels.arrays import Indices
from cellprofiling.kernels.inference.combined_p import bonferroni
from cellprofiling.kernels.inference.proportions import clopper_pearson

ALPHA = 0.05
COLUMNS = ["layout", "n", "n_independent", "rejected", "rate", "ci_low", "ci_high", "alpha", "message"]


class ControlTests(NamedTuple):
    """The audit, and for each block the tests of pseudo-compounds at one position, each with how many wells it has.

    Without blocks there is one test, called "".
    """

    audit: pd.DataFrame
    at_one_position: dict[str, list[dict]]


def audit_controls(
    profiles: pd.DataFrame,
    *,
    reference: Reference,
    by: By = None,
    plate: str = PLATE,
    well: str = WELL,
    method: str = "map",
    n_wells: int | None = None,
    permutations: int = 1_000,
    seed: int = 0,
    control_fit: str = "refit",
    blocks: Blocks = None,
    within: By = None,
    features: Features = None,
) -> pd.DataFrame:
    """
    Return how often control wells, taken for a compound, are called active by the test of `activity`.

    Parameters
    ----------
    profiles : pandas.DataFrame
        One row per well: metadata and features.
    reference : str, dict or sequence of bool
        Which wells are the negative controls.
    by : str, list of str or None, default None
        Metadata columns that name a perturbation. Pseudo-compounds then take the plates, and as many wells on each, of
        perturbations drawn at random; without `by` they take any plates.
    plate, well : str
        Columns that say where a well lies.
    method : {"map", "mahalanobis", "energy", "replicate_correlation"}, default "map"
        The statistic, as in `activity`.
    n_wells : int or None, default None
        Wells of one pseudo-compound, spread evenly over plates; None takes one from each plate, 3 to 8 in all, or,
        with `by`, as many as the perturbation it copies, 8 at most.
    permutations : int, default 1_000
        Random assignments per test, as in `activity`.
    seed : int, default 0
        Seed of the random assignments.
    control_fit : {"refit", "as_given"}, default "refit"
        Whether controls are fitted anew in each assignment, as in `activity`.
    blocks : bool or dict or None, default None
        Blocks of features that are tested one by one, as in `activity`.
    within : str, list of str or None, default None
        Columns in which wells and controls must agree, as in `activity`.
    features : list of str, "all" or None, default None
        Which columns are measured; None takes what the names say (see `parse_features`).

    Returns
    -------
    pandas.DataFrame
        Two rows. ``layout``: "same position" (controls of one well position, on as many plates as there are wells) or
        "different positions" (controls of different plates and different positions); ``n`` pseudo-compounds,
        that tell as much as ``n_independent`` without a well in common; ``rejected`` of them with p <= ``alpha`` =
        0.05; ``rate`` with its 95 % interval ``ci_low`` to ``ci_high``; ``message`` in words. A layout that the plates
        do not allow has n = 0 and says why.

    Raises
    ------
    InputError
        If a column, the reference or an option cannot be used.

    See Also
    --------
    activity : The test that is audited.

    Notes
    -----
    The wells of a pseudo-compound leave the controls before anything is fitted in the test, which is that of
    `activity`. "Different positions" should reject about 5 %: that is the calibration of the test. "Same position"
    rejects more where wells resemble each other because of where they lie; compounds that have one position on all
    plates then do so too. What was fitted on the controls before (whitening) is not undone here.

    Pseudo-compounds share wells. The mean of m tests of k wells each, drawn from N, varies at most as much as that of
    1 / (1/m + k/N) independent ones (Hoeffding); the interval is Clopper and Pearson's for that number.

    References
    ----------
    Hoeffding, Ann. Math. Stat. 19, 293 (1948), https://doi.org/10.1214/aoms/1177730196;
    Clopper and Pearson, Biometrika 26, 404 (1934), https://doi.org/10.1093/biomet/26.4.404.

    Examples
    --------
    >>> import cellprofiling as cpf
    >>> screen = cpf.simulate_screen("null", compounds=6, cells_per_well=10, features=40)
    >>> wells = cpf.annotate(cpf.aggregate(screen.cells), screen.platemap)
    >>> audit = cpf.audit_controls(wells, reference="Metadata_Role == 'negcon'", permutations=99)
    >>> audit["layout"].tolist()
    ['same position', 'different positions']
    """
    checks.arguments(locals(), n_wells=checks.optional(checks.at_least(2)))
    settings = Settings(method, permutations, seed, control_fit)
    question = ask(profiles, by, reference, plate=plate, within=within, well=well)
    require(profiles, well, "well")
    settings.check()
    design = find_design(profiles, question, features)
    return written(call_controls(design, profiles[well], settings, blocks, n_wells).audit, profiles)


def call_controls(
    design: Design, well: pd.Series, settings: Settings, blocks: Blocks = None, n_wells: int | None = None
) -> ControlTests:
    """Return the audit with the tests of the pseudo-compounds at one position."""
    position = pd.factorize(well.astype(str), sort=True)[0]
    rng = np.random.default_rng(settings.seed)
    sets = draw_control_sets(design, position, n_wells, rng, copied=len(design.keys.columns) > 0)
    parts = block_designs(design, blocks)
    tests = {
        layout: {name: _tests(part, settings, drawn.sets) for name, part in parts.items()}
        for layout, drawn in sets.items()
    }
    audit = pd.DataFrame([_row(layout, sets[layout], tests[layout]) for layout in LAYOUTS], columns=COLUMNS)
    return ControlTests(audit, tests["same position"])


def _tests(design: Design, settings: Settings, sets: list[Indices]) -> list[dict]:
    controls = np.flatnonzero(design.is_control)
    return run_tests(design, settings, [(np.setdiff1d(controls, chosen), [chosen]) for chosen in sets])


def _row(layout: str, found: ControlSets, tests: dict[str, list[dict]]) -> dict:
    """Return the row of one layout."""
    n = len(found.sets)
    p_values = np.array([[test["p_value"] for test in part] for part in tests.values()], dtype=np.float64)
    rejected = int((bonferroni(p_values) <= ALPHA).sum())
    row = {"layout": layout, "n": n, "rejected": rejected, "alpha": ALPHA}
    if n == 0:
        unknown = {"n_independent": 0.0, "rate": np.nan, "ci_low": np.nan, "ci_high": np.nan}
        return row | unknown | {"message": f"not audited {LAYOUTS[layout]}: {found.why_none}"}
    n_independent = independent(found.sets)
    low, high = clopper_pearson(rejected / n * n_independent, n_independent)
    message = (
        f"{rejected} of {n} control pseudo-compounds {LAYOUTS[layout]} reach p <= {ALPHA}: "
        f"{rejected / n:.1%} (95 % interval {low:.1%} to {high:.1%}; expected {ALPHA:.0%})"
    )
    return row | {
        "n_independent": n_independent,
        "rate": rejected / n,
        "ci_low": low,
        "ci_high": high,
        "message": message,
    }


def independent(sets: list[Indices]) -> float:
    """Return how many tests of disjoint wells say as much as these, at least."""
    wells = np.concatenate(sets)
    n_distinct = len(np.unique(wells))
    return float(len(sets)) if n_distinct == len(wells) else 1 / (1 / len(sets) + len(wells) / len(sets) / n_distinct)
