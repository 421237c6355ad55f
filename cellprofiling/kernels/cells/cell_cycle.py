"""DNA content as a mixture: cells before, in and after replication, and what lies beyond."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from cellprofiling.kernels.arrays import Doubles, Indices

PHASES = ("sub-G1", "G1", "S", "G2/M", ">4N")
RATIO = (1.8, 2.2)  # of the DNA of G2 and G1 cells, as stains measure it
SPREAD = (0.02, 0.35)  # SD of log2 DNA of a peak: a CV of 1 to 25 %
REACH = 3.0  # SDs beyond the outer peaks
N_BINS, STEPS, STARTS = 256, 300, 12
FIRST_STEPS, KEPT = 25, 3  # steps from each start, and how many starts go on from there
EQUALLY_LIKELY = 1e-3  # per cell, in natural logarithms
PRIOR = 2.0  # cells of the usual composition, added to a well
FEWEST = 50  # cells
GUESS = (0.5, 0.15, 0.3, 0.05)
REST = 0.3  # of the cells fit neither peak, nor between


@dataclass(frozen=True)
class Cycle:
    """Two peaks of log2 DNA with cells between them.

    Attributes
    ----------
    two_n : log2 DNA of the G1 peak.
    doubling : how far above it the G2 peak lies, near 1.
    spread : SD of both peaks.
    weights : of G1, S, G2/M and of cells that fit none.
    """

    two_n: float
    doubling: float
    spread: float
    weights: tuple[float, float, float, float]

    def densities(self, v: Doubles) -> Doubles:
        """Return the densities of G1, S and G2/M at log2 DNA `v`, shape (n, 3)."""
        above = v - self.two_n
        first, second = above / self.spread, (above - self.doubling) / self.spread
        peak = 1 / (self.spread * np.sqrt(2 * np.pi))
        lag = np.log(2) * self.spread  # a density of 2^u, blurred, is one of 2^u shifted by so many SDs
        inside = ndtr(first + lag) - ndtr(second + lag)
        height = np.log(2) / (2**self.doubling - 1) * np.exp(np.log(2) * above + lag**2 / 2)
        between = np.where(inside > 0, height * inside, 0.0)
        return np.stack([peak * np.exp(-0.5 * first**2), between, peak * np.exp(-0.5 * second**2)], axis=1)

    @property
    def gates(self) -> Doubles:
        """The four values of log2 DNA between one phase and the next; S is empty where it never is most likely."""
        v = self.two_n + np.linspace(0, self.doubling, 1001)
        likely = np.argmax(self.densities(v) * np.array(self.weights[:3]), axis=1)
        low = v[likely == 0].max(initial=v[0])
        high = v[likely == 2].min(initial=v[-1])
        if not (likely == 1).any():
            low = high = (low + high) / 2
        beyond = REACH * self.spread
        return np.array([self.two_n - beyond, low, high, self.two_n + self.doubling + beyond])

    def phases(self, v: Doubles) -> Indices:
        """Return the phase of each cell, a place in `PHASES`; -1 where `v` is missing."""
        return np.where(np.isnan(v), -1, np.searchsorted(self.gates, v, side="left"))

    def shares(self, v: Doubles) -> Doubles:
        """Return the shares of `PHASES` among some cells, the overlap of G1, S and G2/M taken into account.

        Notes
        -----
        Cells beyond the outer gates are counted. The weights of the three densities are those of largest likelihood for
        the others, with two cells of the usual composition added. NaN if there is no cell.
        """
        v = v[~np.isnan(v)]
        if not len(v):
            return np.full(len(PHASES), np.nan)
        low, high = self.gates[[0, -1]]
        inside = v[(v > low) & (v <= high)]
        usual = np.array(self.weights[:3]) / sum(self.weights[:3])
        weights, density = usual, self.densities(inside)
        for _ in range(STEPS):
            found = density * weights
            found /= np.maximum(found.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
            new = (found.sum(axis=0) + PRIOR * usual) / (len(inside) + PRIOR)
            if np.abs(new - weights).max() < 1e-6:
                break
            weights = new
        n = len(v)
        return np.array([(v <= low).sum() / n, *(weights * len(inside) / n), (v > high).sum() / n])


def fit_cycle(v: Doubles) -> Cycle | None:
    """Return the two peaks of log2 DNA; None where there are none to see.

    Parameters
    ----------
    v : one per cell; missing values are skipped.

    Returns
    -------
    None for fewer than 50 cells, values that are all the same, peaks wider than `SPREAD`, or 30 % of cells beyond.

    Notes
    -----
    A mixture of a normal distribution (G1), one with the same SD near twice the DNA (G2/M), cells between (S: uniform
    in DNA, blurred by the SD) and a uniform rest, fitted by expectation and maximization to a histogram, from
    several starts. Peaks closer or farther apart than `RATIO` are not those of one cycle. Where one peak could as well
    be G1 as G2, it is G1.

    References
    ----------
    Dean and Jett, J. Cell Biol. 60, 523 (1974), https://doi.org/10.1083/jcb.60.2.523
    """
    v = v[np.isfinite(v)]
    if len(v) < FEWEST:
        return None
    low, high = np.quantile(v, [0.005, 0.995])
    if high - low < 4 * SPREAD[0]:
        return None
    low, high = max(v.min(), low - 1), min(v.max(), high + 1)
    counts, edges = np.histogram(v, N_BINS, (low, high))
    place = (edges[1:] + edges[:-1]) / 2
    used = counts > 0
    starts = np.quantile(v, np.linspace(0.02, 0.75, STARTS))
    place, counts = place[used], counts[used].astype(np.float64)
    first = [_fitted(place, counts, Cycle(v, 1.0, 0.12, GUESS), high - low, FIRST_STEPS) for v in starts]
    first.sort(key=lambda pair: -pair[0])
    found = [_fitted(place, counts, cycle, high - low, STEPS) for _, cycle in first[:KEPT]]
    best = max(likelihood for likelihood, _ in found)
    as_good = [cycle for likelihood, cycle in found if likelihood > best - EQUALLY_LIKELY]
    chosen = max(as_good, key=lambda cycle: cycle.weights[0])
    return chosen if chosen.spread < SPREAD[1] and chosen.weights[3] < REST else None


def _fitted(v: Doubles, counts: Doubles, cycle: Cycle, width: float, steps: int) -> tuple[float, Cycle]:
    """Return the mean log likelihood and the mixture that expectation and maximization reach from a start."""
    last = -np.inf
    shortest, longest = np.log2(RATIO)
    for _ in range(steps):
        joint = np.column_stack([cycle.densities(v), np.full(len(v), 1 / width)]) * np.array(cycle.weights)
        total = joint.sum(axis=1)
        likelihood = float((counts * np.log(total)).sum() / counts.sum())
        if likelihood - last < 1e-7:
            break
        last = likelihood
        part = joint / total[:, None] * counts[:, None]
        weight = part.sum(axis=0)
        one, two = part[:, 0], part[:, 2]
        first, second = (p @ v / max(p.sum(), 1e-12) for p in (one, two))
        doubling = float(np.clip(second - first, shortest, longest)) if weight[0] > 1 and weight[2] > 1 else 1.0
        two_n = float((one @ v + two @ (v - doubling)) / max(weight[0] + weight[2], 1e-12))
        squares = one @ (v - two_n) ** 2 + two @ (v - two_n - doubling) ** 2
        spread = float(np.clip(np.sqrt(squares / max(weight[0] + weight[2], 1e-12)), *SPREAD))
        cycle = Cycle(two_n, doubling, spread, tuple((weight / weight.sum()).tolist()))
    return last, cycle
