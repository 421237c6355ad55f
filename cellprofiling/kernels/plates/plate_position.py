"""Whether values on a plate follow its edge, its rows and columns, or the tips of a dispenser.

Every test runs on the normal scores of ranks, so that a few hits of any size count like other high or low wells, and
its p-value is that of shuffling values among the wells, in closed form.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import ndtri
from scipy.stats import f as f_distribution
from scipy.stats import norm, rankdata

from cellprofiling.kernels.arrays import Doubles, Indices, Mask
from cellprofiling.kernels.plates.surface import surface_terms
from cellprofiling.kernels.scale.normal_scores import BLOM
from cellprofiling.kernels.scale.spread import mad

PERIODS = (2, 4, 8, 12)  # tips of dispensers and pipettes
FEWEST_IN_LINE = 4  # wells of a row or column whose mean is looked at


class Finding(NamedTuple):
    """A size, the chance of one as large if position did nothing, and what it is about."""

    value: float
    p_value: float
    about: str = ""


NOTHING = Finding(np.nan, np.nan)


class Group(NamedTuple):
    """Wells that are held against all others: a line, or every so many lines."""

    about: str
    here: Mask


@dataclass(frozen=True)
class Design:
    """The wells that a plate has, and what they are asked about; plates with the same wells share one.

    Attributes
    ----------
    edge : which wells lie at the edge, shape (n_wells,).
    lines : each row and column.
    phases : every second, fourth, ... line, with the number of the line each well lies in.
    line_basis : orthonormal, spans the centered indicators of rows and columns.
    surface_basis : orthonormal, spans a smooth surface and the mean.
    """

    edge: Mask
    lines: tuple[Group, ...]
    phases: tuple[tuple[Group, Indices], ...]
    line_basis: Doubles
    surface_basis: Doubles


def design(row: Indices, column: Indices, edge: Mask, shape: tuple[int, int]) -> Design:
    """Return what wells at these places can be asked; lines of fewer than four wells are asked nothing alone."""
    axes = (("row", row), ("column", column))
    lines = [Group(f"{name} {code}", codes == code) for name, codes in axes for code in np.unique(codes)]
    terms = np.column_stack([np.ones(len(row)), surface_terms(row, column, edge, shape)])
    return Design(
        edge,
        tuple(line for line in lines if _enough(line.here)),
        tuple(_phases(row, "row") + _phases(column, "column")),
        _line_basis(row, column),
        _spanned(terms),
    )


def _phases(codes: Indices, name: str) -> list[tuple[Group, Indices]]:
    found = []
    for period in PERIODS:
        if len(np.unique(codes)) < 2 * period:
            continue
        groups = [Group(f"{name} {phase} {period}", codes % period == phase) for phase in range(period)]
        found += [(group, codes) for group in groups if _enough(group.here)]
    return found


def _enough(here: Mask) -> bool:
    return min(int(here.sum()), int((~here).sum())) >= FEWEST_IN_LINE


def scores(values: Doubles) -> Doubles:
    """Return the normal scores of the ranks of values, ties at their mean rank; all 0 if none differ."""
    ranks = rankdata(values)
    return ndtri((ranks - BLOM) / (len(values) + 1 - 2 * BLOM))


def edge_distance(values: Doubles, wells: Design) -> Finding:
    """Return (median at the edge - median inside) / MAD inside; missing without four wells of both kinds.

    The p-value is two-sided, of the mean score of the edge wells.
    """
    edge = wells.edge
    spread = float(mad(values[~edge])) if _enough(edge) else 0.0
    if spread == 0:
        return NOTHING
    gap = (np.median(values[edge]) - np.median(values[~edge])) / spread
    return Finding(float(gap), _two_sided(_mean_zs(scores(values), [edge])[0]))


def lines_share(values: Doubles, wells: Design) -> Finding:
    """Return the adjusted share of the variance of scores that rows and columns explain together.

    The p-value is that of the F test; missing where too few wells are left over to tell.
    """
    y = scores(values)
    y = y - y.mean()
    n, k = len(y), wells.line_basis.shape[1]
    total = float(y @ y)
    if n - 1 - k < max(4, k // 2) or total == 0:
        return NOTHING
    share = float(((wells.line_basis.T @ y) ** 2).sum()) / total
    adjusted = 1 - (1 - share) * (n - 1) / (n - 1 - k)
    ratio = share / max(1 - share, 1e-15) * (n - 1 - k) / k
    return Finding(adjusted, float(f_distribution.sf(ratio, k, n - 1 - k)))


def worst_line(values: Doubles, wells: Design) -> Finding:
    """Return the row or column whose mean score is farthest from the others: its distance from them in MADs.

    The p-value is two-sided and multiplied by the number of lines.
    """
    spread = float(mad(values))
    if not wells.lines or spread == 0:
        return NOTHING
    y = scores(values)
    z = _mean_zs(y, [line.here for line in wells.lines])
    worst = int(np.abs(z).argmax())
    here = wells.lines[worst].here
    gap = (np.median(values[here]) - np.median(values[~here])) / spread
    return Finding(float(gap), min(_two_sided(z[worst]) * len(z), 1.0), wells.lines[worst].about)


def folded_period(values: Doubles, wells: Design) -> Finding:
    """Return the largest distance, in SDs of scores, of one line in k from the others, for k of `PERIODS`.

    A smooth surface is taken out first. A phase counts if its lines differ from the other lines (F test of the means of
    lines at 0.05) and more than half of them at least a third as far as the strongest: or any single bad row would be a
    period. The p-value is that of the wells, multiplied by the number of phases tried.
    """
    y = scores(values)
    y = y - wells.surface_basis @ (wells.surface_basis.T @ y)
    spread = float(y.std())
    if not wells.phases or spread < 1e-9:
        return NOTHING
    z = _mean_zs(y, [phase.here for phase, _ in wells.phases])
    for worst in np.argsort(-np.abs(z), kind="stable"):
        phase, codes = wells.phases[worst]
        p_value = min(_two_sided(z[worst]) * len(z), 1.0)
        if p_value == 1:
            break
        if _lines_follow(y, codes, phase.here):
            gap = (y[phase.here].mean() - y[~phase.here].mean()) / spread
            return Finding(float(gap), p_value, phase.about)
    return Finding(0.0, 1.0)


def _lines_follow(y: Doubles, codes: Indices, here: Mask) -> bool:
    """Return whether the lines of a phase differ from the others, lines being the units, and not by one alone."""
    sums, n_wells = np.bincount(codes, weights=y), np.bincount(codes)
    used = n_wells > 0
    means = sums[used] / n_wells[used]
    inside = (np.bincount(codes, weights=here) > 0)[used]
    side = np.sign(means[inside].mean() - means[~inside].mean())
    away = side * (means[inside] - means[~inside].mean())
    if np.sort(away)[(len(away) - 1) // 2] < away.max() / 3:
        return False
    within = ((away - away.mean()) ** 2).sum() + ((means[~inside] - means[~inside].mean()) ** 2).sum()
    if within == 0:
        return bool(away.mean() > 0)
    n = len(means)
    ratio = len(away) * (n - len(away)) / n * away.mean() ** 2 / (within / (n - 2))
    return bool(f_distribution.sf(ratio, 1, n - 2) < 0.05)


def _line_basis(row: Indices, column: Indices) -> Doubles:
    parts = [(codes[:, None] == np.unique(codes)).astype(np.float64) for codes in (row, column)]
    indicators = np.concatenate(parts, axis=1)
    return _spanned(indicators - indicators.mean(axis=0))


def _spanned(terms: Doubles) -> Doubles:
    u, s, _ = np.linalg.svd(terms, full_matrices=False)
    return u[:, s > 1e-9 * s[0]]


def _mean_zs(y: Doubles, groups: list[Mask]) -> Doubles:
    """Return how far the mean of each group is from that of all, in its SD when values are shuffled."""
    here = np.array(groups, dtype=np.float64)
    n, total, variance = here.sum(axis=1), len(y), y.var(ddof=1)
    error = np.sqrt(variance / n * (1 - n / total))
    return np.divide(here @ y / n - y.mean(), error, out=np.zeros(len(n)), where=error > 0)


def _two_sided(z: float) -> float:
    return float(min(2 * norm.sf(abs(z)), 1.0))
