"""A bit of 0 is a missing value."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from cellprofiling.io.storage.bitmaps import fill_present


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 64, 1000])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 1.0])
def test_values_without_their_bit_are_missing(dtype, n, share):
    rng = np.random.default_rng(n)
    values, missing = rng.normal(size=n).astype(dtype), rng.random(n) < share
    bitmap = np.append(np.packbits(~missing, bitorder="little"), [0xAA]).astype(np.uint8)
    result = np.zeros(n, dtype)
    fill_present(values, bitmap, result)
    assert_array_equal(result, np.where(missing, np.nan, values))
