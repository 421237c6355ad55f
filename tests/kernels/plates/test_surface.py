"""Terms of a plate surface."""

import numpy as np

from cellprofiling.kernels.plates.surface import surface_terms


def test_both_directions_run_from_minus_1_to_1():
    terms = surface_terms(np.array([0, 15, 0]), np.array([0, 23, 23]), np.array([True, True, False]), (16, 24))
    np.testing.assert_allclose(terms, [[-1, -1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1], [-1, 1, -1, 1, 1, 0]])
