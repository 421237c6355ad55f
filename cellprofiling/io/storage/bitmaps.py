"""Missing values as Arrow keeps them, in a bitmap beside the values, and as NumPy does, as NaN."""

import numba
import numpy as np
from numpy.typing import NDArray


@numba.njit(cache=True, nogil=True)
def fill_present(values: NDArray[np.floating], bitmap: NDArray[np.uint8], result: NDArray[np.floating]) -> None:
    """Copy values; those whose bit is 0 (least significant first) become NaN. Most bytes are all ones."""
    n = len(values)
    for byte in range((n + 7) // 8):
        start, bits = 8 * byte, bitmap[byte]
        if bits == 0xFF and start + 8 <= n:
            for i in range(start, start + 8):
                result[i] = values[i]
        else:
            for i in range(start, min(start + 8, n)):
                result[i] = values[i] if (bits >> (i - start)) & 1 else np.nan
