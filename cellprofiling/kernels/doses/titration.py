"""How alike two dose series are if one may be moved along the doses."""

from typing import NamedTuple

import numba as nb
import numpy as np

from cellprofiling.kernels.arrays import Doubles, Indices, Mask

HELD = 32_000_000  # inner products held at a time
NEAR_ONE = 1 - 1e-12  # correlations count no higher, so that equal series have a finite score


class Alignments(NamedTuple):
    """How each pair of series lies best side by side, one entry per pair (a, b), a < b, a first.

    Attributes
    ----------
    first, second : numbers of a and b.
    score : the largest artanh(r) sqrt(overlap) of all shifts; -inf where no shift has an r.
    mirrored : the same for a and the mirror image of b, over all shifts again.
    similarity : the largest r of all shifts.
    shift : steps at which it is reached: dose i of a stands beside dose i + shift of b.
    refined : the same between steps: the top of a parabola through artanh(r) there and at both neighbors.
    overlap : doses that stand side by side there.
    """

    first: Indices
    second: Indices
    score: Doubles
    mirrored: Doubles
    similarity: Doubles
    shift: Indices
    refined: Doubles
    overlap: Indices


def align_all(series: Doubles, shared: Doubles, known: Mask, *, min_overlap: int) -> Alignments:
    """Align each series with each other one.

    Parameters
    ----------
    series : mean difference from the controls, shape (n_compounds, n_doses, n_features); rows of doses that a compound
        lacks are not read.
    shared : errors that series have in common, shape (n_compounds, n_doses, n_errors): how much of each error (in its
        length) is in each row. Of two wells of one plate, it is that of the mean of its controls.
    known : which doses a compound has, shape (n_compounds, n_doses).
    min_overlap : doses that must stand side by side.

    Notes
    -----
    r is the correlation of the doses side by side about the controls, sum(a b) / sqrt(sum(a^2) sum(b^2)) over doses and
    features. Series that were measured from the same controls are a little alike without effect, because the error of
    the control mean is in both: the squared length that it is expected to have is taken out of sum(a b).

    What is tested is `score`, which weighs r by how much it rests on; the largest r itself says best how far apart two
    series of one effect lie (weighing would draw the shift to 0). A series of zeros has no r.

    References
    ----------
    Perlman et al., Science 306, 1194 (2004), https://doi.org/10.1126/science.1100709 (similarity whatever the titer).
    """
    n, n_doses, n_features = series.shape
    flat = np.where(known[:, :, None], series, 0.0).reshape(n * n_doses, n_features)
    error = np.where(known[:, :, None], shared, 0.0).reshape(n * n_doses, -1)
    squares = np.einsum("ij,ij->i", flat, flat).reshape(n, n_doses)
    block = max(1, HELD // max(1, n * n_doses**2))
    parts = []
    for start in range(0, n, block):
        rows, rest = slice(start * n_doses, (start + block) * n_doses), slice(start * n_doses, None)
        products = flat[rows] @ flat[rest].T - error[rows] @ error[rest].T
        parts.append(_align(products, squares[start:], known[start:], min(block, n - start), min_overlap, start))
    return Alignments(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


@nb.njit(cache=True, nogil=True)
def _align(
    products: Doubles, squares: Doubles, known: Mask, n_first: int, min_overlap: int, start: int
) -> tuple[Indices, Indices, Doubles, Doubles, Doubles, Indices, Doubles, Indices]:
    n, n_doses = known.shape
    n_pairs = n_first * n - n_first * (n_first + 1) // 2
    first, second, shift = np.empty(n_pairs, np.intp), np.empty(n_pairs, np.intp), np.zeros(n_pairs, np.intp)
    score, mirrored = np.full(n_pairs, -np.inf), np.full(n_pairs, -np.inf)
    similarity, refined, overlap = np.full(n_pairs, np.nan), np.full(n_pairs, np.nan), np.zeros(n_pairs, np.intp)
    z = np.empty(2 * n_doses + 1)
    pair = 0
    for a in range(n_first):
        for b in range(a + 1, n):
            first[pair], second[pair] = start + a, start + b
            z[:] = np.nan
            best = -np.inf
            for s in range(1 - n_doses, n_doses):
                r, count = _correlation(products, squares, known, a, b, s)
                if count < min_overlap or np.isnan(r):
                    continue
                z[s + n_doses] = np.arctanh(r)
                weighed = z[s + n_doses] * np.sqrt(count)
                score[pair], mirrored[pair] = max(score[pair], weighed), max(mirrored[pair], -weighed)
                if r > best or (r == best and abs(s) < abs(shift[pair])):
                    best = r
                    shift[pair], similarity[pair], overlap[pair] = s, r, count
            refined[pair] = shift[pair] + _top(z, shift[pair] + n_doses)
            pair += 1
    return first, second, score, mirrored, similarity, shift, refined, overlap


@nb.njit(cache=True, nogil=True)
def _correlation(products: Doubles, squares: Doubles, known: Mask, a: int, b: int, s: int) -> tuple[float, int]:
    """Return r of two series at one shift, NaN without one, and how many doses stand side by side."""
    n_doses = known.shape[1]
    count, product, square_a, square_b = 0, 0.0, 0.0, 0.0
    for i in range(max(0, -s), min(n_doses, n_doses - s)):
        if known[a, i] and known[b, i + s]:
            count += 1
            product += products[a * n_doses + i, b * n_doses + i + s]
            square_a += squares[a, i]
            square_b += squares[b, i + s]
    if not (square_a > 0 and square_b > 0):
        return np.nan, count
    return min(max(product / np.sqrt(square_a * square_b), -NEAR_ONE), NEAR_ONE), count


@nb.njit(cache=True, nogil=True)
def _top(z: Doubles, best: int) -> float:
    """Return where a parabola through the best value and its neighbors has its top, as seen from the best."""
    if np.isnan(z[best]):
        return np.nan
    bend = z[best - 1] - 2 * z[best] + z[best + 1]
    return 0.5 * (z[best - 1] - z[best + 1]) / bend if bend < 0 else 0.0  # a missing neighbor: no bend
