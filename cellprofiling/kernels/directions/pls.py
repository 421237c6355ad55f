"""Directions that two sets of features of the same rows have in common."""

from typing import NamedTuple

import numpy as np

from cellprofiling.kernels.arrays import Doubles

TINY = float(np.finfo(np.float64).tiny)


class SharedAxes(NamedTuple):
    """What turns rows into scores: x @ x_rotation and y @ y_rotation, shapes (..., n_features, n_components)."""

    x_rotation: Doubles
    y_rotation: Doubles


def pls_canonical(x: Doubles, y: Doubles, n_components: int) -> SharedAxes:
    """Return the axes of canonical partial least squares (mode A), in any number of problems at once.

    Parameters
    ----------
    x, y : centered, shapes (..., n_rows, n_x) and (..., n_rows, n_y); leading dimensions are problems of their own.
    n_components : at most the rank of both.

    Notes
    -----
    Each component is the pair of unit weights whose scores have the largest covariance; both scores are then taken out
    of their own features. Scores of training rows are those of scikit-learn's `PLSCanonical(scale=False)`, up to sign.
    A component of an exhausted matrix has scores of 0.

    References
    ----------
    Wegelin, A survey of partial least squares methods (2000), University of Washington, Technical Report 371.
    """
    x, y = np.array(x, dtype=np.float64), np.array(y, dtype=np.float64)
    rounding = [_size(part) * max(part.shape[-2:]) * np.finfo(np.float64).eps for part in (x, y)]
    weights: tuple[list[Doubles], list[Doubles]] = ([], [])
    loadings: tuple[list[Doubles], list[Doubles]] = ([], [])
    for _ in range(n_components):
        cross = np.swapaxes(x, -1, -2) @ y
        right = np.linalg.eigh(np.swapaxes(cross, -1, -2) @ cross)[1][..., -1]
        left = (cross @ right[..., None])[..., 0]
        left = left / np.maximum(np.linalg.norm(left, axis=-1, keepdims=True), TINY)
        for part, least, weight, kept, held in zip((x, y), rounding, (left, right), weights, loadings, strict=True):
            score = part @ weight[..., None]
            loading = np.swapaxes(part, -1, -2) @ score
            loading /= np.maximum((score**2).sum(axis=-2, keepdims=True), TINY)
            part -= score @ np.swapaxes(loading, -1, -2)
            part *= _size(part) > least  # what rounding left over is no component
            kept.append(weight)
            held.append(loading[..., 0])
    return SharedAxes(*(_rotation(np.stack(w, -1), np.stack(p, -1)) for w, p in zip(weights, loadings, strict=True)))


def _size(x: Doubles) -> Doubles:
    return np.linalg.norm(x, axis=(-2, -1), keepdims=True)


def _rotation(weights: Doubles, loadings: Doubles) -> Doubles:
    return weights @ np.linalg.pinv(np.swapaxes(loadings, -1, -2) @ weights)
