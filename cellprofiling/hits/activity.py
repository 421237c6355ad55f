"""Which perturbations differ from the controls of their plates, and how sure that is."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellprofiling.core.errors import InputError, ReferenceRowsError, one_of
from cellprofiling.core.frame import PLATE, By, Reference
from cellprofiling.core.ledger import written
from cellprofiling.hits.design import Design, Pool, content_rank, read_design, read_pool
from cellprofiling.kernels.permutation import every_assignment, n_assignments, p_value, random_assignments
from cellprofiling.kernels.retrieval import mean_average_precisions

CONTROL_FITS = ("refit", "as_given")
COLUMNS = [
    *("score", "statistic", "p_value", "q_value", "p_floor", "n_wells", "n_plates", "n_controls"),
    *("n_permutations", "null_scheme"),
]
MOST_WELLS = 4000  # in one test: its Gram matrix holds the square of this


def activity(
    profiles: pd.DataFrame,
    *,
    by: By,
    reference: Reference,
    method: str = "map",
    plate: str = PLATE,
    permutations: int = 10_000,
    seed: int = 0,
    control_fit: str = "refit",
) -> pd.DataFrame:
    """
    Test each perturbation for a difference from the control wells of its own plates.

    Parameters
    ----------
    profiles : pandas.DataFrame
        One row per well: metadata and features, normalized or not.
    by : str or list of str
        Metadata columns that name a perturbation, for example compound and dose.
    reference : str, dict or sequence of bool
        Which wells are the negative controls: a query, ``{column: value}``, or one boolean per row.
    method : {"map"}, default "map"
        The statistic. ``"map"``: mean average precision, how well the wells of a perturbation find each other
        (by cosine) among the controls of their own plate.
    plate : str, default "Metadata_Plate"
        The column inside which wells are exchangeable.
    permutations : int, default 10_000
        Random assignments per test. A design with no more assignments than this is enumerated exactly.
    seed : int, default 0
        Seed of the random assignments.
    control_fit : {"refit", "as_given"}, default "refit"
        ``"refit"``: the origin (control mean of each plate) is fitted anew in each assignment, and the scale is that
        of all wells of the plate, so controls that an earlier normalization was fitted on are tested fairly.
        ``"as_given"``: profiles are tested as they stand; right only if no control was used to make them.

    Returns
    -------
    pandas.DataFrame
        One row per perturbation, sorted by key: the `by` columns, ``score`` (mean average precision of the profiles
        as given), ``statistic`` (the same after `control_fit`; what is tested), ``p_value``, ``q_value``
        (Benjamini-Hochberg over all rows with a p-value), ``p_floor`` (the smallest p-value attainable), ``n_wells``,
        ``n_plates``, ``n_controls``, ``n_permutations`` and ``null_scheme``. A perturbation with one well has no
        replicate to find: its values are missing.

    Raises
    ------
    InputError
        If a column, the reference or an option is unknown, or a plate has fewer than two controls.

    See Also
    --------
    rank_hits : The ranked list made of this test.
    average_precision : The score of single wells, for any grouping.

    Notes
    -----
    Wells, never cells, are permuted, inside plates. Ties count against the perturbation. Under "refit" the tested
    statistic does not change when features of a plate are shifted or rescaled, so any earlier per-plate
    standardization cancels; whitening on controls does not cancel. Missing values count as the median of their plate.
    For a perturbation with very many wells the test uses as many of its plates as hold 4000 wells, and says so.

    References
    ----------
    Kalinin et al., Nat. Commun. 16, 5181 (2025), https://doi.org/10.1038/s41467-025-60306-2;
    Anderson, Austral Ecology 26, 32 (2001), https://doi.org/10.1111/j.1442-9993.2001.01070.pp.x;
    Phipson and Smyth, Stat. Appl. Genet. Mol. Biol. 9, 39 (2010), https://doi.org/10.2202/1544-6115.1585.

    Examples
    --------
    >>> import cellprofiling as cpf
    >>> screen = cpf.simulate_screen("easy", compounds=6, cells_per_well=10, features=40)
    >>> wells = cpf.annotate(cpf.aggregate(screen.cells), screen.platemap)
    >>> result = cpf.activity(wells, by="Metadata_Compound", reference="Metadata_Role == 'negcon'", permutations=999)
    >>> result["p_value"].between(result["p_floor"], 1).all()
    np.True_
    """
    one_of("method", method, METHODS)
    one_of("control_fit", control_fit, CONTROL_FITS)
    if permutations < 1:
        raise InputError(f"permutations={permutations}: give a positive number, 1000 or more for a usable p-value.")
    design = read_design(profiles, by, reference, plate)
    if design.is_control.all():
        raise ReferenceRowsError(
            f"reference={reference!r}: all {len(profiles)} wells are controls; none is left to test."
        )
    caller = Caller(design, method, permutations, seed, control_fit == "refit")
    controls = np.flatnonzero(design.is_control)
    tests = caller.test_all([(design.wells_of(group), controls) for group in range(len(design.keys))])
    result = pd.concat([design.keys, pd.DataFrame(tests)], axis=1)
    result["q_value"] = false_discovery_rates(result["p_value"])
    return written(result[[*design.by, *COLUMNS]], profiles)


def false_discovery_rates(p_values: pd.Series) -> NDArray[np.float64]:
    """Return Benjamini-Hochberg q-values; missing p-values stay missing and are no part of the family."""
    from statsmodels.stats.multitest import multipletests

    q_values = np.full(len(p_values), np.nan)
    tested = p_values.notna().to_numpy()
    if tested.any():
        q_values[tested] = multipletests(p_values[tested], method="fdr_bh")[1]
    return q_values


@dataclass(frozen=True)
class Caller:
    """The test itself, the same for perturbations and for the control wells of an audit."""

    design: Design
    method: str
    permutations: int
    seed: int
    refit: bool
    _assignments: dict = field(default_factory=dict)

    def test_all(self, pairs: list[tuple[NDArray[np.intp], NDArray[np.intp]]]) -> list[dict]:
        """Return the test of each pair (treated wells, control wells), in the order given."""
        rank = content_rank(self.design.x)
        scaled = plate_scaled(self.design) if self.refit else None
        for pool in (pools := [read_pool(self.design, *pair, rank) for pair in pairs]):
            self._draw(pool)
        with ThreadPoolExecutor() as threads:
            return list(threads.map(partial(self._test, scaled), pools))

    def _test(self, scaled: NDArray[np.float64] | None, pool: Pool) -> dict:
        n_plates = len(pool.n_treated)
        counts = {"n_wells": int(pool.n_treated.sum()), "n_plates": n_plates, "n_controls": int(pool.n_control.sum())}
        nothing = {"score": np.nan, "statistic": np.nan, "p_value": np.nan, "p_floor": np.nan}
        if counts["n_wells"] < 2:
            return nothing | counts | {"n_permutations": 0, "null_scheme": "none: one well has no replicate"}
        statistic = METHODS[self.method]
        score = statistic(self.design.x, pool, pool.treated[None], refit=False)[0]
        tested, chosen, exact, scheme = self._draw(pool)
        x = self.design.x if scaled is None else scaled
        observed = statistic(x, tested, tested.treated[None], refit=self.refit)[0]
        null = statistic(x, tested, chosen, refit=self.refit)
        p_floor = 1 / len(chosen) if exact else 1 / (len(chosen) + 1)
        found = {"score": score, "statistic": observed, "p_value": p_value(observed, null, exact=exact)}
        return found | {"p_floor": p_floor} | counts | {"n_permutations": len(chosen), "null_scheme": scheme}

    def _draw(self, pool: Pool) -> tuple[Pool, NDArray[np.intp], bool, str]:
        """Return the pool as tested, the assignments of its design, whether they are all, and the words for it.

        The random numbers depend on the seed and the design alone: not on names, row order or threads.
        """
        tested = _first_plates(pool)
        layout = (tuple(tested.n_treated.tolist()), tuple(tested.n_control.tolist()))
        if layout not in self._assignments:
            exact = n_assignments(tested.n_treated, tested.n_control) <= self.permutations
            if exact:
                chosen = every_assignment(tested.n_treated, tested.n_control)
            else:
                rng = np.random.default_rng([self.seed, *layout[0], *layout[1]])
                chosen = random_assignments(tested.n_treated, tested.n_control, self.permutations, rng)
            self._assignments[layout] = (chosen, exact)
        chosen, exact = self._assignments[layout]
        return tested, chosen, exact, self._scheme(pool, tested, len(chosen), exact)

    def _scheme(self, pool: Pool, tested: Pool, n: int, exact: bool) -> str:
        words = [f"all {n}" if exact else f"{n} random", "assignments of wells within plates"]
        if len(tested.n_treated) < len(pool.n_treated):
            words.append(f"on {len(tested.n_treated)} of {len(pool.n_treated)} plates")
        return " ".join(words) + (", controls refitted in each" if self.refit else ", controls as given")


def plate_scaled(design: Design) -> NDArray[np.float64]:
    """Return profiles in units of the spread of all wells of their plate, about the median of all wells.

    Both are the same whichever wells of the plate carry the label, so they do not disturb a permutation test.
    The spread is the median absolute deviation, or the standard deviation where more than half of the wells tie.
    """
    scaled = np.empty_like(design.x)
    for plate in np.unique(design.plate):
        rows = design.plate == plate
        centered = design.x[rows] - np.median(design.x[rows], axis=0)
        spread = np.median(np.abs(centered), axis=0)
        spread = np.where(spread > 0, spread, centered.std(axis=0))
        scaled[rows] = np.divide(centered, spread, out=np.zeros_like(centered), where=spread > 0)
    return scaled


def _first_plates(pool: Pool) -> Pool:
    """Return the part of a pool whose Gram matrix fits: its first plates, all of them almost always."""
    sizes = pool.n_treated + pool.n_control
    kept = max(1, int((np.cumsum(sizes) <= MOST_WELLS).sum()))
    while kept < len(sizes) and pool.n_treated[:kept].sum() < 2:
        kept += 1
    return Pool(pool.wells[: sizes[:kept].sum()], pool.n_treated[:kept], pool.n_control[:kept])


def _map(x: NDArray[np.float64], pool: Pool, chosen: NDArray[np.intp], *, refit: bool) -> NDArray[np.float64]:
    profiles = x[pool.wells]
    if not refit:
        lengths = np.linalg.norm(profiles, axis=1, keepdims=True)
        profiles = np.divide(profiles, lengths, out=np.zeros_like(profiles), where=lengths > 0)
    sizes = pool.n_treated + pool.n_control
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.intp)
    chosen_starts = np.concatenate([[0], np.cumsum(pool.n_treated)]).astype(np.intp)
    return mean_average_precisions(profiles @ profiles.T, starts, chosen, chosen_starts, refit)


METHODS: dict[str, Callable[..., NDArray[np.float64]]] = {"map": _map}
