"""Which perturbations differ from all other perturbations."""

import numpy as np
import pandas as pd

from cellprofiling.core import checks
from cellprofiling.core.columns import PLATE, By, Reference, groups, matches, require
from cellprofiling.core.errors import InputError, one_of
from cellprofiling.core.frame import complete, split
from cellprofiling.core.ledgers import lines, written
from cellprofiling.hits.calling.activities import COLUMNS
from cellprofiling.hits.design import Features, by_name
from cellprofiling.hits.retrieval.inside import in_strata, strata_lines
from cellprofiling.hits.retrieval.precision import METRICS
from cellprofiling.kernels.arrays import Doubles, Indices
from cellprofiling.kernels.inference.multiplicity import benjamini_hochberg
from cellprofiling.kernels.inference.permutation import (
    every_assignment,
    exact_p_value,
    n_assignments,
    random_assignments,
    sequential_p_value,
)
from cellprofiling.kernels.retrieval.precision_of_sets import set_precisions
from cellprofiling.kernels.scale.order import content_order

HELD = 64_000_000  # similarities held at a time


def distinctiveness(
    profiles: pd.DataFrame,
    *,
    by: By,
    reference: Reference = None,
    plate: str | None = PLATE,
    metric: str = "cosine",
    permutations: int = 10_000,
    seed: int = 0,
    within: By = None,
    features: Features = None,
) -> pd.DataFrame:
    """
    Test each perturbation for wells that find each other among the wells of all other perturbations.

    Parameters
    ----------
    profiles : pandas.DataFrame
        One row per well: metadata and features without missing values.
    by : str or list of str
        Metadata columns that name a perturbation.
    reference : str, dict, sequence of bool or None, default None
        Wells to leave out, usually the negative controls; None leaves out none.
    plate : str or None, default "Metadata_Plate"
        The column inside which wells are exchangeable; None if all wells are.
    metric : {"cosine", "pearson"}, default "cosine"
        The similarity that ranks.
    permutations : int, default 10_000
        Random sets of wells per layout, at most, as in `activity`.
    seed : int, default 0
        Seed of the random sets.
    within : str, list of str or None, default None
        Columns such as cell line or time point: wells are compared, and permuted, only with wells that agree in these,
        and each stratum has rows of its own. None says in the ledger what differs; ``[]``: nothing does.
    features : list of str, "all" or None, default None
        Which columns are measured; None takes what the names say (see `parse_features`).

    Returns
    -------
    pandas.DataFrame
        One row per perturbation, sorted by key, with the columns of `activity`: ``score`` and ``statistic`` are the
        mean average precision, ``n_controls`` is the number of wells of other perturbations. The ledger names wells
        without direction (all zero; for Pearson constant), which are left out.

    Raises
    ------
    InputError
        If a column or an option is unknown, values are missing, or there are fewer than two perturbations.

    See Also
    --------
    activity : Against control wells.
    consistency : Whether perturbations that share a label resemble each other.

    Notes
    -----
    The query is a well, its positives are the other wells of the perturbation, its negatives the wells of all others,
    on any plate. Under the null hypothesis the wells of a perturbation are any wells of their plates: random sets with
    as many wells on each plate give the p-value, (b + 1) / (m + 1), ties counting against the perturbation. One plate
    after the other is thus taken into account: wells that resemble each other because they share a plate do so in the
    null too. A perturbation with one well is not tested.

    References
    ----------
    Kalinin et al., Nat. Commun. 16, 5181 (2025), https://doi.org/10.1038/s41467-025-60306-2.

    Examples
    --------
    >>> import cellprofiling as cpf
    >>> screen = cpf.simulate_screen("easy", compounds=6, cells_per_well=10, features=40)
    >>> wells = cpf.annotate(cpf.aggregate(screen.cells), screen.platemap)
    >>> treated = wells[wells["Metadata_Role"] != "negcon"]
    >>> found = cpf.distinctiveness(treated, by="Metadata_Compound", permutations=99)
    >>> found["p_value"].between(found["p_floor"], 1).all()
    np.True_
    """
    checks.arguments(locals(), by=checks.columns, plate=checks.optional(checks.column))
    prepare = METRICS[one_of("metric", metric, METRICS)]
    kept = np.ones(len(profiles), dtype=bool) if reference is None else ~matches(profiles, reference)
    if require(profiles, within, "within"):
        return in_strata(
            profiles[kept],
            within,
            len(require(profiles, by, "by")),
            lambda wells: distinctiveness(
                wells,
                by=by,
                plate=plate,
                metric=metric,
                permutations=permutations,
                seed=seed,
                within=[],
                features=features,
            ),
        )
    notes = strata_lines(profiles[kept], "distinctiveness", by, plate, within)
    table = complete(by_name(split(profiles[kept], features)))
    unit = prepare(table.x.astype(np.float64))
    valid = np.any(unit != 0, axis=1)
    codes, keys = groups(table.metadata, by)
    plates, _ = groups(table.metadata, plate, "plate")
    if len(keys) < 2:
        raise InputError(f"by={by!r}: one perturbation alone has nothing to differ from.")
    order = content_order(unit)
    order = order[valid[order]]
    tests = _tests(unit[order], codes[order], plates[order], len(keys), permutations, seed)
    result = pd.concat([keys, pd.DataFrame(tests)], axis=1)
    result["q_value"] = benjamini_hochberg(result["p_value"].to_numpy(np.float64))
    dead = lines("distinctiveness", "well", table.metadata.index[~valid], f"no direction under {metric}")
    return written(result[[*keys.columns, *COLUMNS]], profiles, new=[*notes, *dead])


def _tests(unit: Doubles, codes: Indices, plates: Indices, n_groups: int, permutations: int, seed: int) -> list[dict]:
    """Return the test of each perturbation, those with the same plates together."""
    wells = [np.flatnonzero(codes == group) for group in range(n_groups)]
    layouts: dict[tuple, list[int]] = {}
    for group, own in enumerate(wells):
        numbers, counts = np.unique(plates[own], return_counts=True)
        layouts.setdefault((tuple(numbers.tolist()), tuple(counts.tolist())), []).append(group)
    found: list[dict] = [{}] * n_groups
    whole = unit @ unit.T if len(unit) ** 2 <= HELD else None
    for (numbers, counts), members in layouts.items():
        n_wells = sum(counts)
        known = {"n_wells": n_wells, "n_plates": len(numbers), "n_controls": len(unit) - n_wells}
        if n_wells < 2 or n_wells == len(unit):
            nothing = dict.fromkeys(("score", "statistic", "p_value", "p_floor"), np.nan)
            words = "none: one well has no replicate" if n_wells < 2 else "none: no other perturbation"
            for group in members:
                found[group] = nothing | known | {"n_permutations": 0, "null_scheme": words}
            continue
        layout = _Layout.of(unit, plates, numbers, counts, whole, [wells[group] for group in members])
        for group, test in zip(members, layout.test(permutations, seed), strict=True):
            found[group] = known | test
    return found


class _Layout:
    """Perturbations with as many wells on the same plates, and the wells of these plates."""

    def __init__(self, similarity: Doubles, rows: Indices, pool: list[Indices], counts: Indices, sets: Indices) -> None:
        self.similarity, self.rows, self.pool, self.counts, self.sets = similarity, rows, pool, counts, sets

    @classmethod
    def of(
        cls,
        unit: Doubles,
        plates: Indices,
        numbers: tuple[int, ...],
        counts: tuple[int, ...],
        whole: Doubles | None,
        members: list[Indices],
    ) -> "_Layout":
        """Return the layout with the similarities it needs; of very many wells some stand for all in the null."""
        pool = [np.flatnonzero(plates == number) for number in numbers]
        order = sorted(range(len(pool)), key=lambda b: (counts[b], len(pool[b]), pool[b][0]))
        share = min(1.0, HELD / len(unit) / sum(len(part) for part in pool))
        some = [pool[b][: max(2 * counts[b], int(share * len(pool[b])))] for b in order]
        sets = np.array(members, dtype=np.intp)
        rows = np.arange(len(unit))
        if whole is None:
            needed = np.unique(np.concatenate([*some, sets.ravel()]))
            rows = np.full(len(unit), -1, dtype=np.intp)
            rows[needed] = np.arange(len(needed))
            whole = unit[needed] @ unit.T
        return cls(whole, rows, some, np.array([counts[b] for b in order], dtype=np.intp), sets)

    def test(self, permutations: int, seed: int) -> list[dict]:
        """Return the test of each perturbation."""
        sizes = np.array([len(part) for part in self.pool], dtype=np.intp)
        wells, left = np.concatenate(self.pool), sizes - self.counts
        exact = n_assignments(self.counts, left) <= permutations
        if exact:
            chosen = every_assignment(self.counts, left)
        else:
            rng = np.random.default_rng([seed, *self.counts.tolist(), *sizes.tolist()])
            chosen = random_assignments(self.counts, left, permutations, rng)
        null = set_precisions(self.similarity, self.rows, wells[chosen])
        observed = set_precisions(self.similarity, self.rows, self.sets)
        words = f"all {len(chosen)}" if exact else f"up to {len(chosen)} random"
        floor = 1 / len(chosen) if exact else 1 / (len(chosen) + 1)
        common = {"p_floor": floor, "null_scheme": f"{words} sets of wells within plates, shared"}
        found = []
        for score in observed.tolist():
            p, n = (exact_p_value(score, null), len(null)) if exact else sequential_p_value(score, null)
            found.append({"score": score, "statistic": score, "p_value": p, "n_permutations": n} | common)
        return found
