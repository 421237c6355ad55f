"""The coordinates in which wells are compared."""

import numpy as np
import pandas as pd
import pytest

from cellprofiling.core.question import ask
from cellprofiling.hits.calling.metric import fit_metric
from cellprofiling.hits.calling.statistics import METHODS
from cellprofiling.hits.design import find_design
from tests.builders import NEGCON


def test_ties_change_no_unit() -> None:
    """384 wells, a normal feature and one of which 55 % tie: both weigh the same in the distances of the test."""
    rng = np.random.default_rng(0)
    n = 384
    table = pd.DataFrame(
        {
            "Metadata_Plate": "P1",
            "Metadata_Compound": np.repeat([f"C{i:02}" for i in range(96)], 4),
            "Metadata_Role": np.where(np.arange(n) < 32, "negcon", "treatment"),
            "Cells_A": rng.normal(5, 2, n),
            "Cells_B": np.where(np.arange(n) % 20 < 11, 0.0, rng.normal(0, 3, n)),
        }
    )
    design = find_design(table, ask(table, "Metadata_Compound", NEGCON))
    space = fit_metric(design, METHODS["energy"](), "refit")
    assert space.x.std(axis=0) == pytest.approx([1, 1], rel=0.1)
    np.testing.assert_allclose(space.x[design.is_control].mean(axis=0), 0, atol=1e-12)
