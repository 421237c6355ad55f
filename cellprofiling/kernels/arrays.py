"""What the arrays of the package are called: by their numbers, never by what they mean."""

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]  # whatever is computed
Floats = NDArray[np.floating]  # what is measured, as it came: float32 or float64
Indices = NDArray[np.intp]  # places of rows, and codes of groups: -1 where a row is in none
Mask = NDArray[np.bool_]  # which rows
