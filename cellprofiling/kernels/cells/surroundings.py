"""How crowded it is around each cell of an image, and whether like cells lie together."""

from dataclasses import dataclass

import numpy as np
from numba import njit

from cellprofiling.kernels.arrays import Doubles, Indices

TURN = 2 * np.pi
STEPS = 72  # directions in which is asked whether the image goes on: every 5 degrees


@dataclass(frozen=True)
class Surroundings:
    """What lies around each cell, shape (n_cells,) each; NaN where a cell has no place.

    Attributes
    ----------
    density : neighbors within the radius by the area of the disc that lies in the image.
    nearest : distance to the nearest cell; infinite for a cell that is alone in its image.
    gap : largest angle, in radians, without a neighbor within the radius; directions in which the image ends within the
        radius do not count as empty. A full turn for a cell without neighbors.
    """

    density: Doubles
    nearest: Doubles
    gap: Doubles


def surroundings(places: Doubles, image: Indices, radius: float, low: Doubles, high: Doubles) -> Surroundings:
    """Return what lies around each cell.

    Parameters
    ----------
    places : x and y of each cell, shape (n_cells, 2); a cell without both has no neighbors and is nobody's neighbor.
    image : number of the image of each cell; cells of different images are no neighbors.
    radius : how far neighbors lie at most.
    low, high : smallest and largest x and y of the images, shape (2,).

    Notes
    -----
    The disc about a cell is cut at the borders of the image exactly: in each of its four quadrants, with a and b the
    distances to the borders there (at most the radius r), its area is a b where the corner lies inside, otherwise
    (a sqrt(r^2 - a^2) + b sqrt(r^2 - b^2) + r^2 (asin(a / r) + asin(b / r) - pi / 2)) / 2.
    """
    order, starts = in_images(places, image)
    x, y = np.ascontiguousarray(places[order, 0]), np.ascontiguousarray(places[order, 1])
    inside = disc_areas(places[order], radius, low, high)
    found = _look_around(x, y, starts, radius, low, high)
    result = np.full((3, len(places)), np.nan)
    result[:, order] = found[0] / inside, found[1], found[2]
    return Surroundings(*result)


def in_images(places: Doubles, image: Indices) -> tuple[Indices, Indices]:
    """Return the cells that have a place by image and x, and where each image starts among them."""
    known = np.flatnonzero(np.isfinite(places).all(axis=1))
    order = known[np.lexsort((places[known, 1], places[known, 0], image[known]))]
    changes = np.flatnonzero(np.diff(image[order])) + 1
    return order, np.concatenate([[0], changes, [len(order)]]).astype(np.intp)


def disc_areas(places: Doubles, radius: float, low: Doubles, high: Doubles) -> Doubles:
    """Return how much of the disc about each place lies between the borders."""
    to_low = np.clip(places - low, 0, radius)
    to_high = np.clip(high - places, 0, radius)
    return sum(_quadrants(a[:, 0], b[:, 1], radius) for a in (to_low, to_high) for b in (to_low, to_high))  # type: ignore[return-value]


def neighbor_pairs(places: Doubles, image: Indices, radius: float) -> tuple[Indices, Indices]:
    """Return the numbers of the two cells of each pair within the radius, each pair once."""
    order, starts = in_images(places, image)
    x, y = np.ascontiguousarray(places[order, 0]), np.ascontiguousarray(places[order, 1])
    first, second = _pairs(x, y, starts, radius, _count_pairs(x, y, starts, radius))
    return order[first], order[second]


def moran(x: Doubles, group: Indices, n_groups: int, first: Indices, second: Indices) -> Doubles:
    """Return Moran's I of each feature in each group: shape (n_groups, n_features).

    Parameters
    ----------
    x : values, shape (n_cells, n_features); a missing one takes its cell out for its feature.
    group : number of the group of each cell.
    first, second : the neighbors of each pair; both are of one group.

    Notes
    -----
    I = (N / W) sum_ij w_ij z_i z_j / sum_i z_i^2, with z the values less the mean of the group, w_ij = 1 for neighbors
    and W their sum. Its mean for values in any order is -1 / (N - 1). NaN in a group without neighbors or without
    spread.

    References
    ----------
    Moran (1950), Biometrika 37, 17, https://doi.org/10.2307/2332142
    """
    result = np.full((n_groups, x.shape[1]), np.nan)
    of_pair = group[first]
    for column in range(x.shape[1]):
        values = np.asarray(x[:, column], dtype=np.float64)
        present = np.isfinite(values)
        n = np.bincount(group[present], minlength=n_groups)
        means = np.bincount(group[present], values[present], n_groups) / np.maximum(n, 1)
        z = np.where(present, values - means[group], 0.0)
        z -= np.where(present, (np.bincount(group, z, n_groups) / np.maximum(n, 1))[group], 0.0)  # what rounding left
        spread = np.bincount(group, z**2, n_groups)
        both = present[first] & present[second]
        shared = np.bincount(of_pair[both], z[first[both]] * z[second[both]], n_groups)
        weight = np.bincount(of_pair[both], minlength=n_groups)
        told = (weight > 0) & (spread > (1e-12 * np.abs(means)) ** 2 * n) & (spread > 0)
        result[told, column] = n[told] * shared[told] / (weight[told] * spread[told])
    return result


def _quadrants(a: Doubles, b: Doubles, radius: float) -> Doubles:
    cut = a * np.sqrt(radius**2 - a**2) + b * np.sqrt(radius**2 - b**2)
    cut += radius**2 * (np.arcsin(a / radius) + np.arcsin(b / radius) - np.pi / 2)
    return np.where(a**2 + b**2 <= radius**2, a * b, cut / 2)


@njit(cache=True)
def _look_around(
    x: Doubles, y: Doubles, starts: Indices, radius: float, low: Doubles, high: Doubles
) -> tuple[Doubles, Doubles, Doubles]:
    counts, nearest, gaps = np.zeros(len(x)), np.full(len(x), np.inf), np.zeros(len(x))
    angles = np.empty(STEPS + (np.diff(starts).max() if len(starts) > 1 else 0))
    for k in range(len(starts) - 1):
        for i in range(starts[k], starts[k + 1]):
            n = 0
            for step in (-1, 1):  # cells of an image are sorted by x
                j = i + step
                while starts[k] <= j < starts[k + 1] and abs(x[j] - x[i]) <= max(radius, nearest[i]):
                    dx, dy = x[j] - x[i], y[j] - y[i]
                    distance = np.sqrt(dx * dx + dy * dy)
                    nearest[i] = min(nearest[i], distance)
                    if distance <= radius:
                        counts[i] += 1
                        angles[n] = np.arctan2(dy, dx)
                        n += 1
                    j += step
            gaps[i] = _largest_gap(angles, n, x[i], y[i], radius, low, high)
    return counts, nearest, gaps


@njit(cache=True)
def _largest_gap(angles: Doubles, n: int, x: float, y: float, radius: float, low: Doubles, high: Doubles) -> float:
    if n == 0:
        return TURN
    for step in range(STEPS):
        angle = TURN * step / STEPS - np.pi
        to_x, to_y = x + radius * np.cos(angle), y + radius * np.sin(angle)
        if to_x < low[0] or to_x > high[0] or to_y < low[1] or to_y > high[1]:
            angles[n] = angle  # nobody knows what lies there
            n += 1
    around = np.sort(angles[:n])
    largest = around[0] + TURN - around[-1]
    for i in range(1, n):
        largest = max(largest, around[i] - around[i - 1])
    return largest


@njit(cache=True)
def _count_pairs(x: Doubles, y: Doubles, starts: Indices, radius: float) -> int:
    n = 0
    for k in range(len(starts) - 1):
        for i in range(starts[k], starts[k + 1]):
            j = i + 1
            while j < starts[k + 1] and x[j] - x[i] <= radius:
                n += (x[j] - x[i]) ** 2 + (y[j] - y[i]) ** 2 <= radius**2
                j += 1
    return n


@njit(cache=True)
def _pairs(x: Doubles, y: Doubles, starts: Indices, radius: float, n: int) -> tuple[Indices, Indices]:
    first, second = np.empty(n, dtype=np.intp), np.empty(n, dtype=np.intp)
    at = 0
    for k in range(len(starts) - 1):
        for i in range(starts[k], starts[k + 1]):
            j = i + 1
            while j < starts[k + 1] and x[j] - x[i] <= radius:
                if (x[j] - x[i]) ** 2 + (y[j] - y[i]) ** 2 <= radius**2:
                    first[at], second[at] = i, j
                    at += 1
                j += 1
    return first, second
