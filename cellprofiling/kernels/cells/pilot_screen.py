"""What a pilot screen says of a larger one: how control wells vary, and how large the effects of treatments are."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression

from cellprofiling.kernels.arrays import Doubles, Indices
from cellprofiling.kernels.directions.shrinkage import ledoit_wolf_share

NULL_DRAWS = 1000


@dataclass(frozen=True)
class Noise:
    """Control wells about the mean of their plate, to draw more like them.

    Attributes
    ----------
    rows : residuals divided by the square root of the degrees of freedom, shape (n_controls, n_features).
    share : weight of the target of Ledoit and Wolf, a multiple of I.
    mean : that multiple.
    """

    rows: Doubles
    share: float
    mean: float

    def draw(self, n: int, rng: np.random.Generator) -> Doubles:
        """Return n wells, normal with the shrunk covariance, shape (n, n_features)."""
        common = rng.standard_normal((n, len(self.rows))) @ self.rows
        own = rng.standard_normal((n, self.rows.shape[1]))
        return np.sqrt(1 - self.share) * common + np.sqrt(self.share * self.mean) * own

    def covariance(self, axes: Doubles) -> Doubles:
        """Return the covariance along some orthonormal axes, shape (n_axes, n_axes); `axes` is (n_features, n_axes)."""
        projected = self.rows @ axes
        return (1 - self.share) * projected.T @ projected + self.share * self.mean * np.eye(axes.shape[1])


@dataclass(frozen=True)
class Effects:
    """The shifts of treatments, shape (n_treatments, n_features), and for each the probability that it has none."""

    shifts: Doubles
    null: Doubles


def fit_noise(residuals: Doubles, freedom: int) -> Noise:
    """Return the noise that control wells show, given their residuals about plate means and the degrees of freedom."""
    rows = residuals / np.sqrt(max(freedom, 1))
    n, n_features = residuals.shape
    gram = residuals @ residuals.T
    share = ledoit_wolf_share(np.trace(gram) / n, (gram**2).sum() / n**2, (np.diag(gram) ** 2).sum(), n, n_features)
    return Noise(rows, share, float((rows**2).sum() / n_features))


def fit_effects(x: Doubles, treatment: Indices, plate: Indices, noise: Noise, extra: Doubles, seed: int) -> Effects:
    """Return the effects of treatments, freed from noise in length and, as far as can be, in direction.

    Parameters
    ----------
    x : treated wells less the control mean of their plate, shape (n_wells, n_features).
    treatment : number of the treatment of each well, from 0 up.
    plate : number of its plate.
    extra : for each plate, the variance of the control mean in units of that of a well: 1 / number of controls.

    Notes
    -----
    The squared length of an effect is the mean inner product of two of its wells on different plates, whose noise is
    independent: unbiased, and around 0 where there is none. With T the mean over treatments of the products
    x_i x_j' of such wells and N the covariance of the noise of a mean, the direction is that of T (T + N)^-1 times the
    mean: what other treatments never do is taken for noise. A treatment on one plate only has no such pair: no effect
    is told.

    With p the share of treatments without effect that chance gives a larger squared length, the probability of no
    effect is that of Efron: the share without effect (twice that of p above one half) by the density of p, which is
    taken to fall (Grenander's estimate).

    References
    ----------
    Efron (2004), J. Am. Stat. Assoc. 99, 96, https://doi.org/10.1198/016214504000000089
    """
    n_treatments = treatment.max(initial=-1) + 1
    means = np.zeros((n_treatments, x.shape[1]))
    np.add.at(means, treatment, x)
    sizes = np.bincount(treatment, minlength=n_treatments)
    means /= np.maximum(sizes, 1)[:, None]
    axes = np.linalg.svd(means, full_matrices=False)[2].T
    y = x @ axes
    common, lengths = _between_plates(y, treatment, plate, n_treatments)
    variance = np.bincount(treatment, 1 + extra[plate], n_treatments) / np.maximum(sizes, 1) ** 2
    spread = noise.covariance(axes)
    shifts = np.zeros_like(means)
    for i in range(n_treatments):
        found = common @ np.linalg.solve(common + variance[i] * spread + 1e-12 * np.eye(len(spread)), means[i] @ axes)
        size = np.linalg.norm(found)
        if lengths[i] > 0 and size > 0:
            shifts[i] = np.sqrt(lengths[i]) / size * found @ axes.T
    p_values = _chance(lengths, treatment, plate, noise, extra, np.random.default_rng(seed))
    return Effects(shifts, _null_probabilities(p_values))


def _between_plates(y: Doubles, treatment: Indices, plate: Indices, n_treatments: int) -> tuple[Doubles, Doubles]:
    """Return the mean product of wells on different plates, as a covariance, and the squared length of each effect."""
    total, lengths, n_told = np.zeros((y.shape[1], y.shape[1])), np.full(n_treatments, np.nan), 0
    for i in range(n_treatments):
        own = np.flatnonzero(treatment == i)
        apart = (plate[own][:, None] != plate[own]).astype(np.float64)
        if apart.any():
            product = y[own].T @ apart @ y[own] / apart.sum()
            total += product
            lengths[i], n_told = np.trace(product), n_told + 1
    values, vectors = np.linalg.eigh((total + total.T) / 2 / max(n_told, 1))
    return (vectors * np.maximum(values, 0)) @ vectors.T, lengths


def _chance(
    lengths: Doubles, treatment: Indices, plate: Indices, noise: Noise, extra: Doubles, rng: np.random.Generator
) -> Doubles:
    """Return how often a treatment without effect has a larger squared length; 1 for those on one plate."""
    drawn: dict[tuple[int, ...], Doubles] = {}
    result = np.ones(len(lengths))
    for i in np.flatnonzero(np.isfinite(lengths)):
        design = tuple(sorted(np.unique(plate[treatment == i], return_counts=True)[1].tolist()))
        if design not in drawn:
            drawn[design] = _null_lengths(np.repeat(np.arange(len(design)), design), noise, float(extra.mean()), rng)
        result[i] = (1 + (drawn[design] >= lengths[i]).sum()) / (1 + NULL_DRAWS)
    return result


def _null_lengths(plate: Indices, noise: Noise, extra: float, rng: np.random.Generator) -> Doubles:
    apart = (plate[:, None] != plate).astype(np.float64)
    wells = np.sqrt(1 + extra) * noise.draw(NULL_DRAWS * len(plate), rng).reshape(NULL_DRAWS, len(plate), -1)
    products = np.einsum("dif,djf->dij", wells, wells, optimize=True)
    return (products * apart).sum(axis=(1, 2)) / apart.sum()


def _null_probabilities(p_values: Doubles) -> Doubles:
    """Return the local false discovery rate: what uniform p-values make up of the density at each."""
    ends, counts = np.unique(p_values, return_counts=True)
    widths = np.diff(ends, prepend=0.0)
    density = isotonic_regression(counts / len(p_values) / widths, weights=widths, increasing=False).x
    without = min(1.0, 2 * (p_values > 0.5).mean())
    return np.minimum(without / density, 1)[np.searchsorted(ends, p_values)]
