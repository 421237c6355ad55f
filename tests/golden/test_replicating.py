"""Published values of the share of replicates that agree."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import cellprofiling as cpf


@pytest.mark.real
@pytest.mark.parametrize(("quantile", "expected"), [(0.5, 0.681), (0.95, 0.458)])
def test_cytominer_eval(real_data: Callable[[str], Path], quantile: float, expected: float) -> None:
    """Replicate reproducibility of SQ00015054 (cytominer-eval 643d3e7, its own tests), with all of its features."""
    folder = real_data("cytominer_eval_lincs_plate")
    wells = pd.read_csv(folder / "SQ00015054_normalized_feature_select.csv.gz")
    features = [name for name in wells if not name.startswith("Metadata_")]
    by = ["Metadata_broad_sample", "Metadata_mg_per_ml"]
    found = cpf.percent_replicating(wells, by=by, quantile=quantile, features=features)
    assert found.set_index("meaning").loc["pairs", "share"].round(3) == expected
