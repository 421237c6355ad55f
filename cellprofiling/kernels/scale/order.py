"""An order of rows that only what they hold decides."""

import numpy as np
from numpy.typing import NDArray

from cellprofiling.kernels.arrays import Floats, Indices

FIRST = 64  # columns that tell rows apart unless some are alike in them
GOLDEN, MIX_1, MIX_2 = map(np.uint64, (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


def content_order(x: Floats, columns: Indices | None = None) -> Indices:
    """Return the row numbers of `x` in an order that does not depend on the order the rows came in.

    Parameters
    ----------
    x : shape (n_rows, n_columns).
    columns : the order in which columns count, so that theirs in `x` does not matter; None for that of `x`.

    Notes
    -----
    Rows are sorted by a 64-bit hash of their values, computed in integers, so that no rounding and no thread decides.
    Equal rows stay in the order they have, which cannot matter. Sums and random draws made in this order are the same
    to the last bit whatever the order of the table. -0.0 counts as 0.0; the order of columns does matter.
    """
    columns = np.arange(x.shape[1]) if columns is None else columns
    key = _hash(x[:, columns[:FIRST]])
    if x.shape[1] > FIRST and len(np.unique(key)) < len(key):
        key = _hash(x[:, columns])
    return np.argsort(key, kind="stable")


def content_keys(x: Floats) -> NDArray[np.uint64]:
    """Return a number for each row of `x` that its values decide and that is as good as random."""
    return _hash(x)


def _hash(x: Floats) -> NDArray[np.uint64]:
    """Return the sum of the values of each row, each mixed with its column by SplitMix64 (doi 10.1145/2714064.2660195).

    The mixing matters: the bits of small whole numbers are so alike that plain multiples of them add up to the same.
    """
    bits = (np.array(x, dtype=np.float64, order="C") + 0.0).view(np.uint64)
    bits += np.arange(1, bits.shape[1] + 1, dtype=np.uint64) * GOLDEN
    bits ^= bits >> np.uint64(30)
    bits *= MIX_1
    bits ^= bits >> np.uint64(27)
    bits *= MIX_2
    bits ^= bits >> np.uint64(31)
    return bits.sum(axis=1, dtype=np.uint64)
