"""Overrepresentation is Fisher's exact test, one-sided."""

import numpy as np
import pytest
from scipy.stats import fisher_exact

from cellprofiling.kernels.inference.enrichment import overrepresentation


@pytest.mark.parametrize(
    ("n", "n_sample", "n_label", "n_total"), [(3, 5, 4, 20), (0, 5, 4, 20), (4, 4, 4, 9), (1, 1, 1, 1)]
)
def test_equals_fisher(n: int, n_sample: int, n_label: int, n_total: int) -> None:
    """For counts in the middle and at the ends; 1 where there is none."""
    table = [[n, n_sample - n], [n_label - n, n_total - n_sample - n_label + n]]
    found = overrepresentation(*(np.array([count]) for count in (n, n_sample, n_label, n_total)))
    assert found[0] == pytest.approx(fisher_exact(table, "greater").pvalue, rel=1e-9)
    assert n > 0 or found[0] == 1
