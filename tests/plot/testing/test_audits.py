"""The audit plot shows every layout, its interval and what is expected."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cellprofiling.core.errors import ColumnError, InputError
from cellprofiling.plot import audit


def axes() -> Axes:
    return Figure(figsize=(5.6, 1.9), layout="constrained").subplots()


def table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "layout": ["same position", "different positions"],
            "n": [100, 200],
            "rejected": [20, 9],
            "rate": [0.2, 0.045],
            "ci_low": [0.13, 0.01],
            "ci_high": [0.29, 0.1],
        }
    )


def test_rates_and_intervals_are_drawn_where_they_are() -> None:
    ax = audit(table(), ax=axes())
    drawn = [np.asarray(line.get_xdata(), dtype=float).tolist() for line in ax.lines]
    assert drawn == [[0.05, 0.05], [0.13, 0.29], [0.2], [0.01, 0.1], [0.045]]
    assert [text.get_text() for text in ax.texts] == ["20 of 100", "9 of 200"]
    assert ax.get_xlim()[1] > 0.29


def test_a_hit_list_carries_its_audit() -> None:
    hits = pd.DataFrame({"rank": [1]})
    hits.attrs["audit"] = table().to_dict("records")
    assert len(audit(hits, ax=axes()).texts) == 2


def test_what_was_not_audited_is_said() -> None:
    """Rates of nothing are no points, also as they come back from JSON."""
    bare = table().assign(n=[0, 0], rate=[np.nan, None], ci_low=np.nan, ci_high=np.nan)
    ax = audit(bare, ax=axes())
    assert [text.get_text().strip() for text in ax.texts] == ["not audited"] * 2
    assert len(ax.lines) == 1


def test_bad_input_is_named() -> None:
    with pytest.raises(InputError, match=r"audit: neither the result of audit_controls\(\)"):
        audit(pd.DataFrame({"rank": [1]}), ax=axes())
    with pytest.raises(ColumnError, match=r"audit='rate': no such column"):
        audit(table().drop(columns="rate"), ax=axes())
