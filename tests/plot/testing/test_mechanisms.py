"""A confusion table draws counts where they belong."""

import pandas as pd
import pytest
from matplotlib.figure import Figure

from cellprofiling.core.errors import ColumnError, InputError
from cellprofiling.plot import confusion

LABEL = "Metadata_Mechanism"


def predictions() -> pd.DataFrame:
    rows = [("b", "b", True), ("b", "a", False), ("a", "a", True), ("a", "a", True), ("c", "b", pd.NA)]
    table = pd.DataFrame(rows, columns=[LABEL, "predicted", "correct"])
    return table.astype({"correct": "boolean"})


def test_counts_are_where_they_belong() -> None:
    ax = confusion(predictions(), label=LABEL, ax=Figure().subplots())
    assert {(text.get_position(), text.get_text()) for text in ax.texts} == {
        ((0, 0), "2"),
        ((0, 1), "1"),
        ((1, 1), "1"),
    }
    assert [text.get_text() for text in ax.get_xticklabels()] == ["a", "b"]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["a", "b"]
    assert ax.get_title(loc="left") == "3 of 4 right (75 %)"
    assert ax.images[0].get_array().tolist() == [[1.0, 0.0], [0.5, 0.5]]


def test_bad_input_is_named() -> None:
    with pytest.raises(ColumnError, match=r"label='Metadata_MOA': no such column"):
        confusion(predictions(), label="Metadata_MOA")
    with pytest.raises(InputError, match=r"no perturbation has an answer"):
        confusion(predictions().iloc[4:], label=LABEL)
