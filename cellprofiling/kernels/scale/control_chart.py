"""Whether a series of plates stays where it is: points far off, runs on one side, and drift."""

import numpy as np
from scipy.signal import lfilter
from scipy.stats import norm, rankdata, t

from cellprofiling.kernels.arrays import Doubles
from cellprofiling.kernels.scale.scale import MAD_TO_SD

EFFICIENCY = 0.37  # of the MAD: so many values out of one carry what a standard deviation needs of normal data
WEIGHT = 0.2  # of the newest plate in the moving average (Roberts 1959, doi 10.1080/00401706.1959.10489860)


def distances(values: Doubles, floor: float = 0.0) -> Doubles:
    """Return how far each value is from the others, in their SD, on the scale of the normal distribution.

    Parameters
    ----------
    values : one per plate, no missing values, at least four.
    floor : the least SD that the others are taken to have: what sampling alone would give.

    Notes
    -----
    Median and 1.4826 MAD of the other values. With few of them such a distance is often large by chance; it is taken
    for Student's t with 0.37 (n - 2) degrees of freedom, and the normal deviate of the same tail is returned. Zero
    spread of the others gives infinity, or 0 for a value like them.
    """
    others = [np.delete(values, i) for i in range(len(values))]
    center = np.array([np.median(each) for each in others])
    middle = np.array([np.median(np.abs(each - m)) for each, m in zip(others, center, strict=True)])
    spread, gap = np.maximum(MAD_TO_SD * middle, floor), values - center
    ratio = np.divide(np.abs(gap), spread, out=np.where(gap == 0, 0.0, np.inf), where=spread > 0)
    tail = t.sf(ratio * np.sqrt(1 - 1 / len(values)), max(EFFICIENCY * (len(values) - 2), 1.0))
    return np.sign(gap) * norm.isf(tail)


def longest_run(values: Doubles) -> tuple[int, float]:
    """Return the longest run on one side of the median, and the chance of one as long in a series without order.

    Values on the median are left out. The chance is that of coin flips: every side is as likely whatever came before.
    """
    side = np.sign(values - np.median(values))
    side = side[side != 0]
    if not len(side):
        return 0, 1.0
    breaks = np.flatnonzero(np.diff(side)) + 1
    longest = int(np.diff(np.r_[0, breaks, len(side)]).max())
    return longest, _chance_of_run(len(side), longest)


def drift(values: Doubles, n_draws: int, rng: np.random.Generator) -> tuple[float, float]:
    """Return by how much the moving average changes at most, and the chance of such order by shuffling.

    Parameters
    ----------
    values : one per plate, in order, shape (n_plates,).

    Notes
    -----
    The exponentially weighted moving average, each newest plate with weight 0.2, starts at the mean. The change is its
    highest less its lowest value, negative if the highest comes first. The p-value is twice the smaller of two, each
    (b + 1) / (m + 1): that of the change, which sees plates that leave and come back, and that of the rank correlation
    with the order, which sees a steady trend.
    """
    centered = values - values.mean()
    shuffled = rng.permuted(np.tile(np.sort(centered), (n_draws, 1)), axis=1)
    time = np.arange(len(values)) - (len(values) - 1) / 2
    observed = _change(centered[None])[0]
    p_values = [
        _as_large(abs(float(observed)), np.abs(_change(shuffled))),
        _as_large(abs(float(rankdata(values) @ time)), np.abs(rankdata(shuffled, axis=1) @ time)),
    ]
    return float(observed), min(2 * min(p_values), 1.0)


def _as_large(observed: float, null: Doubles) -> float:
    return (int((null >= observed * (1 - 1e-9)).sum()) + 1) / (len(null) + 1)


def _change(series: Doubles) -> Doubles:
    average = lfilter([WEIGHT], [1, WEIGHT - 1], series, axis=1)
    later = average.argmax(axis=1) > average.argmin(axis=1)
    return np.where(later, 1, -1) * np.ptp(average, axis=1)


def _chance_of_run(n: int, length: int) -> float:
    """Return the chance that n coin flips hold a run of `length` or more equal ones."""
    if length <= 1:
        return 1.0
    none = np.ones(n + 1)  # none[m]: no run of `length` in m flips, given where a new run begins
    for m in range(1, n + 1):
        none[m] = sum(none[m - k] * 0.5**k for k in range(1, min(length - 1, m - 1) + 1))
        if m < length:
            none[m] += 0.5 ** (m - 1)
    return float(1 - none[n]) if n >= length else 0.0
