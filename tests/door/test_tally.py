"""How many values a column holds."""

import numpy as np
import pandas as pd
import pytest

from cellprofiling.core.account.roles import columns_of
from cellprofiling.door.tally import _distinct, table_of
from cellprofiling.kernels.scale.order import GOLDEN

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("dtype", ["float32", "float64", "Float64", "int64", object])
def test_numbers_are_counted_as_pandas_counts_them(dtype):
    values = RNG.integers(-3, 3, size=(200, 5)).astype("float64")
    values[3:, 4] += np.arange(197) * (1.0 if dtype == "int64" else 1e-3)
    frame = pd.DataFrame(values, columns=[f"Cells_AreaShape_Zernike_{i}_0" for i in range(5)])
    if dtype != "int64":
        frame = frame.mask(RNG.random(frame.shape) < 0.1)
    table = table_of(frame.astype(dtype), columns_of(frame)).set_index("name")
    assert (
        table["n_distinct"].tolist() == frame.astype("float32" if dtype == "float32" else "float64").nunique().tolist()
    )
    assert table["n_missing"].tolist() == frame.isna().sum().tolist()
    assert table["example"].astype(float).tolist() == pytest.approx(frame.min().tolist(), rel=1e-3)


def test_zeros_of_both_signs_are_one_and_nothing_is_nothing():
    frame = pd.DataFrame({"Cells_AreaShape_Area": [0.0, -0.0, 1.0], "Cells_AreaShape_Extent": [np.nan] * 3})
    table = table_of(frame, columns_of(frame))
    assert table["n_distinct"].tolist() == [2, 0]
    assert table["example"].tolist() == ["0", ""]


def test_labels_are_counted_in_one_spelling_and_the_most_frequent_is_the_example():
    frame = pd.DataFrame({"Metadata_Well": ["A1", "A01", "B02", None], "Metadata_x": [1, 1.0, "1", "2"]})
    table = table_of(frame, columns_of(frame))
    assert table["n_distinct"].tolist() == [2, 2]
    assert table["n_missing"].tolist() == [1, 0]
    assert table["example"].tolist() == ["A01", "1"]


def test_doubles_whose_hashes_agree_are_still_two():
    step = pow(int(GOLDEN), -1, 2**64)  # bits that far apart have products that differ by one
    first = np.array([1.5]).view(np.uint64)
    other = (first + np.uint64(step)).view(np.float64)[0]
    assert np.isfinite(other)
    assert _distinct(np.array([[1.5, other, 1.5]])).tolist() == [2]
