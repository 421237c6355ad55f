"""Which share of the cells of each perturbation responds, and whether rare cells lie where no control cell lies."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cellprofiling.cells.kinds.responder_space import Half, two_halves
from cellprofiling.cells.sampling.sampling import Sample, sample_cells, with_ledger
from cellprofiling.core import checks
from cellprofiling.core.columns import PLATE, WELL, By, Reference
from cellprofiling.core.ledgers import lines
from cellprofiling.core.progress import Tell
from cellprofiling.io.cells import Cells
from cellprofiling.io.storage.files import PathLike
from cellprofiling.kernels.arrays import Doubles, Indices
from cellprofiling.kernels.cells.responders import Excess, excess, fraction, null_statistics
from cellprofiling.kernels.inference.permutation import PermutationTest
from cellprofiling.kernels.inference.tails import largest_excess, tail_shares

DRAWS = 200  # of control wells taken for treated ones, in each half
FEWEST_WELLS = 2
LEVEL = 0.05
COLUMNS = ["responder_fraction", "fraction_low", "n_wells", "n_controls", "n_cells"]
COLUMNS += ["tail_share", "control_tail_share", "tail_p_value", "p_floor", "sentence"]


def responders(
    cells: pd.DataFrame | Cells | PathLike,
    *,
    by: By,
    reference: Reference,
    treated: Reference = None,
    plate: str | None = PLATE,
    well: str = WELL,
    platemap: pd.DataFrame | None = None,
    features: Sequence[str] | None = None,
    max_cells: int = 300,
    permutations: int = 10_000,
    seed: int = 0,
    progress: Tell | None = None,
) -> pd.DataFrame:
    """
    Estimate the share of the cells of each perturbation that respond, and test for cells where no control cell lies.

    Parameters
    ----------
    cells : pandas.DataFrame or Cells or str or os.PathLike
        One row per cell: a table, cells opened by `open_cells`, or what it can open. Files are read a plate at a time.
    by : str or list of str
        Metadata columns that name a perturbation, of the cells or of `platemap`.
    reference : str, dict or sequence of bool
        Which wells are the negative controls: a query, ``{column: value}``, or, for a table, one boolean per row.
    treated : str, dict or None, default None
        Which of the other wells to look at, such as those of hits; None takes all.
    plate : str or None, default "Metadata_Plate"
        The column of plates; wells are compared with the controls of their own plate.
    well : str, default "Metadata_Well"
        The column of wells.
    platemap : pandas.DataFrame or None, default None
        One row per well, with what `by`, `reference` and `treated` name; not needed where the cells have it.
    features : list of str or None, default None
        The features to look at; None takes all.
    max_cells : int, default 300
        Cells drawn at random from each well.
    permutations : int, default 10_000
        Random assignments of the tail test, at most; a design with no more is enumerated.
    seed : int, default 0
        Of everything random.
    progress : callable or None, default None
        Called with a `Progress` after each partition of the cells.

    Returns
    -------
    pandas.DataFrame
        One row per perturbation, sorted by key: the `by` columns; ``responder_fraction``, 0 where no share can be
        shown; ``fraction_low``, the lower bound at 95 %; ``n_wells``, ``n_controls`` (wells on its plates) and
        ``n_cells`` (all cells, drawn or not); ``tail_share`` and ``control_tail_share``, the shares of cells far from
        where control cells lie; ``tail_p_value`` (wells, not cells, are permuted) and ``p_floor``, the smallest it can
        be; ``sentence``.

    Raises
    ------
    InputError
        If a column, the reference or an option is unknown, or a plate has fewer than two control wells.

    See Also
    --------
    exemplars : The cells that show the change best.
    subpopulations : Which kinds of cells there are, and how many of each.

    Notes
    -----
    Cells are compared in units of the control cells of their plate (robust z, within +-10, 0 where missing). Half of
    the control wells of each plate define a space in which their cells have covariance I. There the mean of all wells
    of the perturbation but one is the direction of Fisher's discriminant; the cells of the well left out are scored
    along it against the other half of the controls. If S_t and S_c are the shares of treated and control cells beyond a
    threshold, (S_t - S_c) / (1 - S_c) is at most the share that responds, at any threshold. The bound is the largest
    over thresholds of that share (mean over wells and over both halves) less c standard errors over wells, where c is
    such that in 19 of 20 cases control wells taken for a perturbation get a bound of 0. The fraction is the share at
    that threshold: 0 means that none could be shown. It is missing for a perturbation with one well, and where a plate
    design has too few controls to take any for a perturbation (four on one of its plates are needed).

    The direction is one of means. Cells that respond in opposite directions, or fewer than one in ten, hardly move it;
    they are looked for by the tail test: the share of cells of each well farther out (Mahalanobis) than 90, 95, 99 or
    99.5 % of the cells of that half of the controls that defined the metric, compared with the other half by permuting
    whole wells inside plates, one-sided, at the level where the excess is largest in SDs of wells; the largest is taken
    in each permutation too.
    Replicates that share a well position may share its effect; see `audit_controls`.

    The sample takes ``wells * max_cells * n_features * 4`` bytes, thrice during computation; of files nothing else is
    kept. Which cells are drawn depends on what they hold and on `seed`, not on their order.

    References
    ----------
    Phipson and Smyth, Stat. Appl. Genet. Mol. Biol. 9, 39 (2010), https://doi.org/10.2202/1544-6115.1585;
    Ledoit and Wolf, J. Multivar. Anal. 88, 365 (2004), https://doi.org/10.1016/S0047-259X(03)00096-4.

    Examples
    --------
    >>> import cellprofiling as cpf
    >>> screen = cpf.simulate_screen("hetero", compounds=12, controls=12, cells_per_well=40, features=40)
    >>> found = cpf.responders(
    ...     screen.cells, by="Metadata_Compound", reference="Metadata_Role == 'negcon'", platemap=screen.platemap
    ... )
    >>> bool((found["fraction_low"] <= found["responder_fraction"]).all())
    True
    """
    checks.arguments(locals(), by=checks.columns, plate=checks.optional(checks.column))
    sample = sample_cells(
        cells,
        by=by,
        reference=reference,
        treated=treated,
        plate=plate,
        well=well,
        platemap=platemap,
        features=features,
        max_cells=max_cells,
        seed=seed,
        progress=progress,
        step="responders",
    )
    fractions, tails = _fractions(sample, seed), _tails(sample, seed)
    found = [_row(sample, group, fractions[group], tails, permutations, seed) for group in range(len(sample.keys))]
    result = pd.concat([sample.keys, pd.DataFrame(found, columns=COLUMNS)], axis=1)
    alone = result.loc[result["n_wells"] < FEWEST_WELLS, list(sample.keys)]
    names = [" ".join(map(str, key)) for key in alone.itertuples(index=False)]
    new = lines("responders", "perturbation", names, "one well: no fraction, which takes two")
    return with_ledger(result, cells, [*sample.new, *new])


def lower_bounds(sample: Sample, seed: int) -> Doubles:
    """Return the lower bound of the responding share of each perturbation; 0 where there is none."""
    return np.nan_to_num([low for _, low in _fractions(sample, seed)])


def _fractions(sample: Sample, seed: int) -> list[tuple[float, float]]:
    """Return the responding share of each perturbation, and its lower bound."""
    found: list[list[Excess]] = [[] for _ in range(len(sample.keys))]
    nulls: dict[tuple[int, ...], list[Doubles]] = {}
    for half in two_halves(sample, seed):
        of_half: dict[tuple[int, ...], Doubles] = {}
        for group in range(len(sample.keys)):
            _add_excess(sample, group, half, found[group], of_half, seed)
        for design, null in of_half.items():
            nulls.setdefault(design, []).append(null)
    return [
        fraction(parts, np.concatenate(nulls[_design(sample, group)])) if parts else (np.nan, np.nan)
        for group, parts in enumerate(found)
    ]


@dataclass(frozen=True)
class Tails:
    """The shares of cells of each well in the tails, and the control wells that had no part in defining them."""

    shares: Doubles
    controls: Indices


def _tails(sample: Sample, seed: int) -> Tails:
    half = next(two_halves(sample, seed))
    return Tails(tail_shares(half.cells.y, half.cells.starts, half.fitted), half.controls)


def _design(sample: Sample, group: int) -> tuple[int, ...]:
    """Return how many wells a perturbation has on each plate."""
    counts = np.bincount(sample.plate[sample.wells_of(group)], minlength=int(sample.plate.max()) + 1)
    return tuple(counts.tolist())


def _add_excess(
    sample: Sample, group: int, half: Half, found: list[Excess], nulls: dict[tuple[int, ...], Doubles], seed: int
) -> None:
    wells = sample.wells_of(group)
    if len(wells) < FEWEST_WELLS:
        return
    design = _design(sample, group)
    if design not in nulls:
        nulls[design] = null_statistics(half.cells, half.controls, np.array(design), DRAWS, seed)
    found.append(excess(half.cells, wells, half.controls))


def _row(
    sample: Sample, group: int, share: tuple[float, float], tails: Tails, permutations: int, seed: int
) -> dict[str, Any]:
    wells = sample.wells_of(group)
    beside = np.isin(sample.plate, sample.plate[wells])
    compared = tails.controls[beside[tails.controls]]
    level, test = _tail_test(sample, wells, compared, tails.shares, permutations, seed)
    row = {
        "responder_fraction": share[0],
        "fraction_low": share[1],
        "n_wells": len(wells),
        "n_controls": int((beside & sample.is_control).sum()),
        "n_cells": int(sample.n_cells[wells].sum()),
        "tail_share": float(tails.shares[wells, level].mean()),
        "control_tail_share": float(tails.shares[compared, level].mean()),
        "tail_p_value": test.p_value,
        "p_floor": test.p_floor,
    }
    return row | {"sentence": _sentence(row)}


def _tail_test(
    sample: Sample, wells: Indices, controls: Indices, shares: Doubles, permutations: int, seed: int
) -> tuple[int, PermutationTest]:
    """Return the level and the test; wells and plates go in an order that their values decide."""
    blocks = []
    for plate in np.unique(sample.plate[wells]):
        parts = [sorted(shares[some[sample.plate[some] == plate]].tolist()) for some in (wells, controls)]
        blocks.append((len(parts[0]), len(parts[1]), parts[0] + parts[1]))
    blocks.sort()
    values = np.array([well for block in blocks for well in block[2]])
    n_treated, n_control = (np.array([block[i] for block in blocks], dtype=np.intp) for i in (0, 1))
    return largest_excess(values, n_treated, n_control, permutations, seed)


def _sentence(row: dict[str, Any]) -> str:
    """Return what was found, in words."""
    tail = (
        f"{row['tail_share']:.1%} of the cells lie far out, of control cells {row['control_tail_share']:.1%} "
        f"(p = {row['tail_p_value']:.2g})"
    )
    if row["fraction_low"] > 0:
        return (
            f"About {_share(row['responder_fraction'])} of the cells respond, "
            f"at least {_share(row['fraction_low'])}; {tail}."
        )
    shown = "No share can be told" if np.isnan(row["fraction_low"]) else "No responding share can be shown"
    if row["tail_p_value"] <= LEVEL:
        return f"{shown}, but {tail}: a few cells respond, or cells respond in different directions."
    few = ", the smallest p these few wells can have" if row["p_floor"] > LEVEL else ""
    return f"{shown}; {tail}{few}."


def _share(value: float) -> str:
    """Return a share in percent; one below 1 % does not become 0 %."""
    return f"{value:.0%}" if value >= 0.01 else f"{100 * value:.2g}%"
