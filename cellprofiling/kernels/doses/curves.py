"""Curves of a response over the dose, fitted by least squares.

A curve is y = bottom + (top - bottom) / (1 + 10^(hill (midpoint - x))), with x the log10 of the dose: four parameters,
or three where the bottom is 0, the level of the controls. Bottom and top follow from the other two by linear least
squares, so that the search has two dimensions (variable projection).
"""

from typing import NamedTuple

import numba as nb
import numpy as np

from cellprofiling.kernels.arrays import Doubles

HILLS = (0.3, 8.0)  # slopes outside say more about the gaps between doses than about a compound
BEYOND = 1.0  # decades outside the doses where the middle of a curve may lie
TALLEST = 3.0  # height of a curve, in the largest mean response: at twice that, the middle is the highest dose
GRID_STEP = 0.15  # decades between starting values of the middle
GRID_HILLS = np.array([0.5, 1.0, 2.0, 5.0])
LN10 = float(np.log(10))
ROUNDS = 100
SMALL = 1e-12


class Curves(NamedTuple):
    """Fitted curves, one entry each, and what they leave of the weighted sum of squares."""

    bottom: Doubles
    top: Doubles
    midpoint: Doubles
    hill: Doubles
    left: Doubles


def fit_curves(
    x: Doubles,
    weights: Doubles,
    y: Doubles,
    *,
    free_bottom: bool,
    directions: tuple[float, ...] = (1.0, -1.0),
    all_starts: bool = True,
) -> Curves:
    """Return the curve that is closest to each row of `y`.

    Parameters
    ----------
    x : log10 of the doses, rising, shape (n_doses,).
    weights : number of wells at each dose.
    y : mean responses, shape (n_curves, n_doses).
    free_bottom : four parameters, or three with the bottom at 0.
    directions : 1 for rising curves, -1 for falling ones.
    all_starts : search from the best starting point of each slope; False for the best of all alone.

    Notes
    -----
    Levenberg-Marquardt steps with the Jacobian of Kaufman, from the best points of a grid. The middle lies at most a
    decade outside the doses, the Hill slope in 0.3 to 8, and the height is at most three times the largest mean
    response: what lies beyond is not in the data. Means and counts of wells say all
    there is to say: the squares within doses do not depend on the curve.

    References
    ----------
    Golub and Pereyra, Inverse Problems 19, R1 (2003), https://doi.org/10.1088/0266-5611/19/2/201;
    Kaufman, BIT 15, 49 (1975), https://doi.org/10.1007/BF01932995
    """
    low, high = x.min() - BEYOND, x.max() + BEYOND
    middles = np.linspace(low, high, int(np.ceil((high - low) / GRID_STEP)) + 1)
    size = np.abs(y).max(axis=1, keepdims=True)
    size = np.where(size > 0, size, 1.0)
    out = np.empty((len(y), 5))
    _fit_all(x, weights.astype(np.float64), y / size, middles, free_bottom, np.array(directions), all_starts, out)
    return Curves(*(out * np.hstack([size, size, np.ones((len(y), 2)), size**2])).T)


def heights(x: Doubles, curves: Curves) -> Doubles:
    """Return each curve at each of `x`, shape (n_curves, n_doses)."""
    steps = 1 / (1 + np.exp(-LN10 * curves.hill[:, None] * (x - curves.midpoint[:, None])))
    return curves.bottom[:, None] + (curves.top - curves.bottom)[:, None] * steps


def crossings(curves: Curves, height: Doubles) -> Doubles:
    """Return the log10 dose where each curve reaches a height; infinite on the side where it lies if it never does.

    Notes
    -----
    +inf where the curve stays on the near side of the height (it is not reached), -inf where it starts beyond it. The
    near side is that of 0, the level of the controls.
    """
    bottom, top = curves.bottom * np.sign(height), curves.top * np.sign(height)
    height = np.abs(height)
    inside = (np.minimum(bottom, top) < height) & (height < np.maximum(bottom, top))
    share = np.divide(height - bottom, top - bottom, out=np.full(len(top), 0.5), where=inside)
    at = curves.midpoint + np.log10(share / (1 - share)) / curves.hill
    return np.where(inside, at, np.where(np.minimum(bottom, top) >= height, -np.inf, np.inf))


def aicc(left: Doubles, n: int, n_parameters: Doubles) -> Doubles:
    """Return the corrected Akaike criterion of least squares; infinite where there are too few values for a model.

    Parameters
    ----------
    left : sum of squares that a model leaves.
    n : number of values.
    n_parameters : of each model, the variance of the noise counted in.

    References
    ----------
    Hurvich and Tsai, Biometrika 76, 297 (1989), https://doi.org/10.1093/biomet/76.2.297
    """
    free = n - n_parameters - 1
    penalty = 2 * n_parameters + 2 * n_parameters * (n_parameters + 1) / np.where(free > 0, free, 1)
    with np.errstate(divide="ignore"):
        return np.where(free > 0, n * np.log(left / n) + penalty, np.inf)


@nb.njit(cache=True, nogil=True)
def _fit_all(
    x: Doubles,
    w: Doubles,
    y: Doubles,
    middles: Doubles,
    free_bottom: bool,
    directions: Doubles,
    all_starts: bool,
    out: Doubles,
) -> None:
    n_starts = len(GRID_HILLS)
    shapes = np.empty((n_starts, len(middles), len(x)))
    for i in range(n_starts):
        for j in range(len(middles)):
            for k in range(len(x)):
                shapes[i, j, k] = 1 / (1 + np.exp(-LN10 * GRID_HILLS[i] * (x[k] - middles[j])))
    for row in range(len(y)):
        best = np.inf
        for side in directions:
            values = side * y[row]
            starts, lefts = np.zeros(n_starts), np.full(n_starts, np.inf)
            for i in range(n_starts):
                for j in range(len(middles)):
                    left = _project(shapes[i, j], w, values, free_bottom)[2]
                    if left < lefts[i]:
                        starts[i], lefts[i] = middles[j], left
            chosen = lefts.argmin()
            if lefts[chosen] >= best and not all_starts:
                continue
            for i in range(n_starts):
                if i == chosen or all_starts:
                    found = _search(
                        x, w, values, starts[i], np.log(GRID_HILLS[i]), middles[0], middles[-1], free_bottom
                    )
                    if found[4] < best:
                        best = found[4]
                        out[row] = found
                        out[row, 0] *= side
                        out[row, 1] *= side


@nb.njit(cache=True, nogil=True)
def _project(shape: Doubles, w: Doubles, y: Doubles, free_bottom: bool) -> tuple[float, float, float]:
    """Return bottom, height (0 to the tallest) and what is left for a given shape."""
    total, s, v, ss, sv = 0.0, 0.0, 0.0, 0.0, 0.0
    for k in range(len(y)):
        total += w[k]
        s += w[k] * shape[k]
        v += w[k] * y[k]
        ss += w[k] * shape[k] ** 2
        sv += w[k] * shape[k] * y[k]
    if free_bottom:
        ss, sv = ss - s * s / total, sv - s * v / total
    height = min(TALLEST, max(0.0, sv / ss)) if ss > SMALL else 0.0
    bottom = (v - height * s) / total if free_bottom else 0.0
    left = 0.0
    for k in range(len(y)):
        left += w[k] * (y[k] - bottom - height * shape[k]) ** 2
    return bottom, height, left


@nb.njit(cache=True, nogil=True)
def _search(
    x: Doubles, w: Doubles, y: Doubles, middle: float, log_hill: float, low: float, high: float, free_bottom: bool
) -> Doubles:
    """Return bottom, top, midpoint, hill and what is left, after steps downhill from a starting point."""
    least, most = np.log(HILLS[0]), np.log(HILLS[1])
    shape = 1 / (1 + np.exp(-LN10 * np.exp(log_hill) * (x - middle)))
    bottom, height, left = _project(shape, w, y, free_bottom)
    damping = 1e-3
    for _ in range(ROUNDS):
        hill = np.exp(log_hill)
        slope = height * shape * (1 - shape) * LN10 * hill
        by_middle, by_hill = -slope, slope * (x - middle)
        free_height = height < TALLEST
        _take_out(by_middle, shape, w, free_height, free_bottom)
        _take_out(by_hill, shape, w, free_height, free_bottom)
        rest = y - bottom - height * shape
        a, b, c = (w * by_middle**2).sum(), (w * by_middle * by_hill).sum(), (w * by_hill**2).sum()
        g, h = (w * by_middle * rest).sum(), (w * by_hill * rest).sum()
        # At a bound, a direction that leads out is no direction.
        fixed_middle = (middle <= low and g < 0) or (middle >= high and g > 0)
        fixed_hill = (log_hill <= least and h < 0) or (log_hill >= most and h > 0)
        moved = False
        while damping < 1e12:
            aa, cc = a * (1 + damping) + SMALL, c * (1 + damping) + SMALL
            if fixed_middle and fixed_hill:
                break
            if fixed_middle:
                step_middle, step_hill = 0.0, h / cc
            elif fixed_hill:
                step_middle, step_hill = g / aa, 0.0
            else:
                determinant = aa * cc - b * b
                step_middle, step_hill = (cc * g - b * h) / determinant, (aa * h - b * g) / determinant
            new_middle = min(high, max(low, middle + step_middle))
            new_hill = min(most, max(least, log_hill + step_hill))
            new_shape = 1 / (1 + np.exp(-LN10 * np.exp(new_hill) * (x - new_middle)))
            found = _project(new_shape, w, y, free_bottom)
            if found[2] < left:
                moved = True
                break
            damping *= 10
        if not moved:
            break
        gain, size = left - found[2], abs(new_middle - middle) + abs(new_hill - log_hill)
        middle, log_hill, shape = new_middle, new_hill, new_shape
        bottom, height, left = found
        damping = max(damping / 10, 1e-12)
        if gain <= SMALL * left and size < 1e-8:
            break
    return np.array([bottom, bottom + height, middle, np.exp(log_hill), left])


@nb.njit(cache=True, nogil=True)
def _take_out(column: Doubles, shape: Doubles, w: Doubles, free_height: bool, free_bottom: bool) -> None:
    """Take out of a column what the linear parameters explain of it."""
    direction = shape.copy()
    if free_bottom:
        direction -= (w * shape).sum() / w.sum()
        column -= (w * column).sum() / w.sum()
    length = (w * direction**2).sum()
    if free_height and length > SMALL:
        column -= direction * ((w * direction * column).sum() / length)
