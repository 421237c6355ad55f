"""Whether two rows of a block would agree better with their kind elsewhere if they exchanged labels."""

from typing import NamedTuple

import numpy as np
from scipy.spatial.distance import cdist
from scipy.special import stdtr

from cellprofiling.kernels.arrays import Doubles, Indices
from cellprofiling.kernels.directions.principal import widest_of_rows
from cellprofiling.kernels.directions.whitening import fit_whitening

N_COMPONENTS = 30  # principal components in which rows are compared
FEWEST = 10  # rows of other labels that tell how far rows spread


class Exchanges(NamedTuple):
    """For each row the other row of its block that it may have been exchanged with.

    Attributes
    ----------
    n_elsewhere : rows of the same label in other blocks.
    partner : row, -1 where there is none to compare with.
    z : how clearly both would agree better, in standard errors; NaN where there is no partner.
    p_value : of the best pair of the row, times the pairs of its block (Bonferroni), at most 1.
    """

    n_elsewhere: Indices
    partner: Indices
    z: Doubles
    p_value: Doubles


def find_exchanges(x: Doubles, label: Indices, block: Indices) -> Exchanges:
    """Compare each pair of rows of a block with its labels as they are, and exchanged.

    Parameters
    ----------
    x : shape (n_rows, n_features).
    label, block : numbers from 0, one per row. A block is a plate; a label is judged by its rows in other blocks.

    Notes
    -----
    Values v become sign(v) log(1 + abs(v)), so that a few features that change a thousandfold do not decide alone, and
    then 30 principal components, whitened by the covariance, shrunk after Ledoit and Wolf, of the residuals: what is
    left of a row after the mean m of its label elsewhere. Exchanging rows i and j pays if (x_i - x_j) (m_j - m_i) > 0.
    Divided by sqrt(2) times the spread of residuals of all other labels along m_j - m_i this is normal and standard if
    neither label has an effect, because m comes from other blocks, and lower where they have one. The residuals
    of the two labels themselves have no say: an exchange would hide behind the spread that it makes.
    """
    y = _components(x)
    mean, n_elsewhere = _means_elsewhere(y, label, block)
    found = Exchanges(n_elsewhere, np.full(len(x), -1, dtype=np.intp), np.full(len(x), np.nan), np.full(len(x), np.nan))
    known = n_elsewhere > 0
    residuals = (y - mean)[known] / np.sqrt(1 + 1 / n_elsewhere[known])[:, None]
    if len(residuals) <= FEWEST or np.abs(residuals).max(initial=0) <= 1e-9 * np.abs(y).max(initial=0):
        return found
    white = fit_whitening(residuals, correlation=False, rotate_back=True, shrinkage=None)
    spread = _Spread.of(white.apply(residuals) - white.apply(np.zeros((1, y.shape[1]))), label[known])
    for number in np.unique(block[known]):
        rows = np.flatnonzero((block == number) & known)
        _compare(found, rows, white.apply(y[rows]), white.apply(mean[rows]), label[rows], spread)
    return found


def _components(x: Doubles) -> Doubles:
    centered = np.log1p(np.abs(x))
    np.copysign(centered, x, out=centered)
    centered -= centered.mean(axis=0)
    values, axes = widest_of_rows(centered, N_COMPONENTS)
    return centered @ axes[:, values > 1e-12 * values.max(initial=0)]


def _means_elsewhere(y: Doubles, label: Indices, block: Indices) -> tuple[Doubles, Indices]:
    """Return the mean of the rows of the same label in other blocks, NaN where there is none, and their number."""
    sums = np.zeros((label.max(initial=-1) + 1, y.shape[1]))
    np.add.at(sums, label, y)
    counts = np.bincount(label, minlength=len(sums))
    mean, n = np.full(y.shape, np.nan), np.zeros(len(y), dtype=np.intp)
    for number in np.unique(block):
        rows = np.flatnonzero(block == number)
        labels, place = np.unique(label[rows], return_inverse=True)
        elsewhere, n_elsewhere = sums[labels], counts[labels]
        np.subtract.at(elsewhere, place, y[rows])
        np.subtract.at(n_elsewhere, place, 1)
        n[rows] = n_elsewhere[place]
        mean[rows] = np.divide(
            elsewhere, n_elsewhere[:, None], out=np.full(elsewhere.shape, np.nan), where=n_elsewhere[:, None] > 0
        )[place]
    return mean, n


class _Spread(NamedTuple):
    """Factors F of sums of products of residuals, F'F, so that the sum along w is |F w|^2; and how many there are.

    Attributes
    ----------
    factor : of all residuals, shape (n_components or fewer, n_components).
    of_label : of those of each label.
    """

    factor: Doubles
    of_label: dict[int, Doubles]
    n: int
    n_of_label: Indices

    @classmethod
    def of(cls, residuals: Doubles, label: Indices) -> "_Spread":
        """Factor residuals, one label after the other."""
        order = np.argsort(label, kind="stable")
        numbers, starts = np.unique(label[order], return_index=True)
        parts = np.split(residuals[order], starts[1:])
        of_label = {int(number): _factor(part) for number, part in zip(numbers, parts, strict=True)}
        return cls(_factor(residuals), of_label, len(residuals), np.bincount(label))

    def along(self, mean: Doubles, label: Indices) -> tuple[Doubles, Indices]:
        """Return the variance of residuals of all labels but i and j along mean j - mean i, times its square, and n."""
        turned = mean @ self.factor.T
        total = cdist(turned, turned, "sqeuclidean")
        own = np.empty_like(total)
        for number in np.unique(label):
            rows = np.flatnonzero(label == number)
            turned = mean @ self.of_label[int(number)].T
            own[rows] = cdist(turned[rows], turned, "sqeuclidean")
        n = self.n - self.n_of_label[label][:, None] - self.n_of_label[label]
        return np.maximum(total - own - own.T, 0) / np.maximum(n, 1), n


def _factor(rows: Doubles) -> Doubles:
    """Return rows with the same products, no more than there are columns."""
    return rows if len(rows) <= rows.shape[1] else np.asarray(np.linalg.qr(rows, mode="r"))


def _compare(found: Exchanges, rows: Indices, y: Doubles, mean: Doubles, label: Indices, spread: _Spread) -> None:
    """Write the best exchange of each row of one block."""
    variance, n_rest = spread.along(mean, label)
    other = (label[:, None] != label) & (n_rest >= FEWEST)
    n_pairs = np.count_nonzero(other) / 2
    alike = y @ mean.T
    own = np.diag(alike)
    other &= variance > 1e-12 * variance.max(initial=0)
    gain = alike + alike.T - own[:, None] - own
    z = np.full(gain.shape, -np.inf)
    z[other] = gain[other] / np.sqrt(2 * variance[other])
    some = np.flatnonzero(other.any(axis=1))
    best = z[some].argmax(axis=1)
    found.partner[rows[some]] = rows[best]
    found.z[rows[some]] = z[some, best]
    chance = stdtr(n_rest[some, best] / 2, -z[some, best])  # half of the residuals: those of one label are dependent
    found.p_value[rows[some]] = np.minimum(1.0, n_pairs * chance)
