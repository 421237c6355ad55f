"""Batches mixed by shifts that differ from one neighborhood of profiles to the next.

Harmony, Korsunsky et al. (2019), doi 10.1038/s41592-019-0619-0, with a fixed number of iterations: the objective is not
monotone, and stopping at its first small dip leaves most of the batch effect in place.
"""

from dataclasses import dataclass

import numpy as np

from cellprofiling.kernels.arrays import Doubles, Indices, Mask

ROWS_PER_CLUSTER, MOST_CLUSTERS = 30, 100
BLOCKS = 20  # into which rows are dealt; the batches of a cluster are counted anew after each
K_MEANS_ROUNDS = 25


@dataclass(frozen=True)
class Settings:
    """What Harmony is tuned by.

    Attributes
    ----------
    theta : weight of mixing; 0 is none.
    ridge : number of rows that pull each shift to 0.
    sigma : width of a cluster.
    iterations, rounds : shifts, and rounds of clustering before each.
    """

    theta: float
    ridge: float
    sigma: float
    iterations: int
    rounds: int


def harmonize(z: Doubles, codes: Indices, anchors: Mask, settings: Settings, rng: np.random.Generator) -> Doubles:
    """Return the rows of `z` with the batches mixed.

    Parameters
    ----------
    z : principal components, shape (n_rows, n_components), in an order that does not depend on how rows came.
    codes : batch of each row, 0 to n_batches - 1, each with rows among the anchors.
    anchors : rows on which shifts are measured; all rows are clustered, and shifted.

    Notes
    -----
    Rows are clustered by direction, softly, at most 100 clusters and about 30 rows in each; a cluster draws less from
    batches it has too many rows of. In each cluster a batch is shifted by its mean deviation, `ridge` rows of deviation
    0 added. Each row moves by the shifts of its clusters, from where it was at first. With anchors the whole batch is
    first shifted by the mean deviation of its anchors, so that rows in clusters without anchors move along.
    """
    if not anchors.all():
        z = z - _whole_shift(z, codes, anchors)[codes]
    batches = [np.flatnonzero(codes == batch) for batch in range(int(codes.max()) + 1)]
    n_clusters = int(min(max(len(z) // ROWS_PER_CLUSTER, 1), MOST_CLUSTERS))
    corrected, unit = z, _unit(z)
    shares = _soft(unit, _centers(unit, n_clusters, rng), settings.sigma)
    shares /= shares.sum(axis=1, keepdims=True)
    for _ in range(settings.iterations):
        shares = _mixed(unit, shares, codes, len(batches), settings, rng)
        corrected = _shifted(z, shares, batches, anchors, settings.ridge)
        unit = _unit(corrected)
    return corrected


def _whole_shift(z: Doubles, codes: Indices, anchors: Mask) -> Doubles:
    deviation = np.array([z[anchors & (codes == batch)].mean(axis=0) for batch in range(int(codes.max()) + 1)])
    return deviation - deviation.mean(axis=0)


def _mixed(
    unit: Doubles, shares: Doubles, codes: Indices, n_batches: int, settings: Settings, rng: np.random.Generator
) -> Doubles:
    """Return how much each row belongs to each cluster after some rounds, clusters drawn towards all batches alike."""
    sizes = np.bincount(codes, minlength=n_batches) / len(codes)
    indicator = np.eye(n_batches)[codes]
    seen = indicator.T @ shares
    shares = shares.copy()
    for _ in range(settings.rounds):
        near = _soft(unit, _unit(shares.T @ unit), settings.sigma)
        for block in np.array_split(rng.permutation(len(unit)), min(BLOCKS, len(unit))):
            of = indicator[block]
            seen -= of.T @ shares[block]
            expected = sizes[:, None] * seen.sum(axis=0)
            penalty = ((expected + 1) / (seen + 1)) ** settings.theta
            drawn = near[block] * penalty[codes[block]]
            drawn /= drawn.sum(axis=1, keepdims=True)
            shares[block] = drawn
            seen += of.T @ drawn
    return shares


def _shifted(z: Doubles, shares: Doubles, batches: list[Indices], anchors: Mask, ridge: float) -> Doubles:
    """Return rows moved by the shifts of their clusters; the center of a cluster (its intercept) stays."""
    measured = [rows[anchors[rows]] for rows in batches]
    n = np.array([shares[rows].sum(axis=0) for rows in measured])
    sums = np.array([shares[rows].T @ z[rows] for rows in measured])
    weight = (ridge / (n + ridge))[:, :, None]  # the ridge solution of one batch, the intercept eliminated
    center = (weight * sums).sum(axis=0) / np.maximum((weight * n[:, :, None]).sum(axis=0), np.finfo(float).tiny)
    shift = (sums - n[:, :, None] * center) / (n + ridge)[:, :, None]
    moved = z.copy()
    for batch, rows in enumerate(batches):
        moved[rows] -= shares[rows] @ shift[batch]
    return moved


def _centers(unit: Doubles, n_clusters: int, rng: np.random.Generator) -> Doubles:
    """Return centers of k-means on the sphere, started from rows far apart (k-means++)."""
    centers = unit[[rng.integers(len(unit))]]
    distance = np.full(len(unit), np.inf)
    for _ in range(n_clusters - 1):
        distance = np.minimum(distance, np.maximum(1 - unit @ centers[-1], 0))
        total = np.cumsum(distance)
        chosen = min(int(np.searchsorted(total, rng.random() * total[-1], side="right")), len(unit) - 1)
        centers = np.vstack([centers, unit[chosen]])
    for _ in range(K_MEANS_ROUNDS):
        nearest = (unit @ centers.T).argmax(axis=1)
        sums = np.eye(n_clusters)[nearest].T @ unit
        moved = _unit(np.where(np.bincount(nearest, minlength=n_clusters)[:, None] > 0, sums, centers))
        if (moved == centers).all():
            break
        centers = moved
    return centers


def _soft(unit: Doubles, centers: Doubles, sigma: float) -> Doubles:
    """Return exp(-2 (1 - cosine) / sigma), each row relative to its nearest center so that nothing underflows."""
    cosine = unit @ centers.T
    cosine -= cosine.max(axis=1, keepdims=True)
    cosine *= 2 / sigma
    return np.exp(cosine, out=cosine)


def _unit(z: Doubles) -> Doubles:
    length = np.linalg.norm(z, axis=1, keepdims=True)
    return z / np.where(length == 0, 1.0, length)
