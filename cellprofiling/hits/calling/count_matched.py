"""What cell counts alone would say, and what is left of a hit among controls with as few cells."""

import numpy as np

from cellprofiling.hits.calling.activities import call_perturbations
from cellprofiling.hits.calling.blocks import Blocks
from cellprofiling.hits.calling.settings import Settings
from cellprofiling.hits.design import FEWEST_CONTROLS, Design, content_rank, pool_of
from cellprofiling.kernels.arrays import Doubles, Indices, Mask
from cellprofiling.kernels.inference.mean_shift import mean_shift

MATCHED_SHARE, FEWEST_MATCHED = 0.25, 4  # of the controls of a plate, and how many at least, that are nearest in count
NEAR = 1.25  # ratio of cell counts within which wells and controls count as matched
FEW_CELLS = 0.5  # cell count, relative to controls, below which a perturbation counts as toxic
ALPHA = 0.05


def count_p_values(design: Design, count: Doubles, permutations: int, seed: int) -> Doubles:
    """Return for each perturbation the p-value of its cell count alone, NaN where counts are missing.

    The statistic is the mean difference of log counts from the controls of the plate; wells are permuted inside plates,
    as in the test of profiles, both directions count.
    """
    logs = np.log1p(count)
    known = np.isfinite(logs)
    rank = content_rank(np.column_stack([logs, design.x[:, :7]]))
    controls = np.flatnonzero(design.is_control & known)
    n_controls = np.bincount(design.plate[controls], minlength=design.plate.max(initial=0) + 1)
    p_values = np.full(len(design.keys), np.nan)
    for group in range(len(design.keys)):
        wells = design.wells_of(group)
        wells = wells[known[wells] & (n_controls[design.plate[wells]] >= FEWEST_CONTROLS)]
        if len(wells):
            pool = pool_of(design, wells, controls, rank)
            p_values[group] = mean_shift(logs[pool.wells], pool.n_treated, pool.n_control, permutations, seed)[
                1
            ].p_value
    return p_values


def matched_p_values(design: Design, count: Doubles, asked: Mask, settings: Settings, blocks: Blocks) -> Doubles:
    """Return the p-value of some perturbations against the controls nearest in cell count alone.

    Parameters
    ----------
    asked : which perturbations to test again; the others, and those no control matches, are NaN.
    """
    p_values = np.full(len(design.keys), np.nan)
    logs = np.log1p(count)
    for group in np.flatnonzero(asked):
        wells = design.wells_of(int(group))
        matched = matched_controls(design, logs, wells)
        if matched is not None:
            alone = design.taken(np.sort(np.concatenate([wells, matched])))
            p_values[group] = call_perturbations(alone, settings, blocks)["p_value"].iloc[group]
    return p_values


def matched_controls(design: Design, logs: Doubles, wells: Indices) -> Indices | None:
    """Return the controls of each plate whose counts are nearest to those of the wells; None if they are not near.

    Parameters
    ----------
    logs : log cell count of each well.
    """
    chosen, gaps = [], []
    for number in np.unique(design.plate[wells]):
        here = wells[design.plate[wells] == number]
        controls = np.flatnonzero(design.is_control & (design.plate == number) & np.isfinite(logs))
        n = max(FEWEST_MATCHED, int(np.ceil(MATCHED_SHARE * len(controls))))
        target = logs[here].mean()
        if not np.isfinite(target) or len(controls) < n:
            return None
        order = np.lexsort([design.x[controls, 0], np.abs(logs[controls] - target)])
        nearest = controls[order[:n]]
        chosen.append(nearest)
        gaps += [target - logs[nearest].mean()] * len(here)
    return np.concatenate(chosen) if abs(np.mean(gaps)) <= np.log(NEAR) else None
