"""Cells to look at: which of them respond, and which of those are typical."""

import numpy as np

from cellprofiling.kernels.arrays import Doubles, Floats, Indices, Mask

PURE = 0.9  # of the cells above a threshold would not be there if nothing responded
LEVELS = np.append(np.arange(0.05, 1.0, 0.05), [0.975, 0.99, 0.995])  # of control cells
CANDIDATES = 5  # times as many cells are near in score as are chosen for being usual in all else


def responding(scores: Doubles, controls: Doubles, low: float) -> Mask:
    """Return which cells are taken for responders by their score.

    Parameters
    ----------
    scores, controls : of treated and of control cells.
    low : a lower bound of the share that responds.

    Notes
    -----
    Of the cells beyond a threshold, 1 - (1 - low) S_c / S_t respond, with S_t and S_c the shares of treated and control
    cells beyond it. The lowest threshold with nine in ten is taken, or that with the most.
    """
    thresholds = np.quantile(controls, LEVELS)
    beyond = np.array([(scores > threshold).mean() for threshold in thresholds])
    expected = (1 - low) * np.array([(controls > threshold).mean() for threshold in thresholds])
    purity = np.where(beyond > 0, 1 - expected / np.maximum(beyond, 1 / len(scores)), -np.inf)
    if np.isinf(purity).all():
        return scores == scores.max()
    pure = np.flatnonzero(purity >= PURE)
    return scores > thresholds[pure[0] if len(pure) else int(np.argmax(purity))]


def typical(y: Floats, scores: Doubles, well: Indices, target: float, k: int) -> Indices:
    """Return k cells of a score near the target that are usual in everything else, best first, wells taking turns.

    Parameters
    ----------
    y : shape (n_cells, n_features), whitened.
    well : of each cell.

    Notes
    -----
    Of the 5 k cells nearest in score those nearest to the mean of the candidates are taken, at most k / n_wells from a
    well, rounded up, as long as other wells have any.
    """
    near = np.argsort(np.abs(scores - target), kind="stable")[: max(CANDIDATES * k, 2)]
    center = y[near].mean(axis=0, dtype=np.float64)
    usual = near[np.argsort(((y[near] - center) ** 2).sum(axis=1), kind="stable")]
    most = -(-k // len(np.unique(well[usual])))
    turn = np.array([(well[usual[:i]] == well[cell]).sum() // most for i, cell in enumerate(usual)])
    return usual[np.argsort(turn, kind="stable")][:k]
