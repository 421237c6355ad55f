"""Values of checks stand beside their limits."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import cellprofiling as cpf
from cellprofiling.core.errors import ColumnError, InputError
from cellprofiling.plot import separation


def axes() -> Axes:
    return Figure(layout="constrained").subplots()


def checks(**changed: object) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": "controls.z_prime",
            "level": "plate",
            "scope": ["P1", "P2", "P3", "P4"],
            "metric": "robust Z'",
            "value": [0.6, 0.2, -40.0, np.nan],
            "ci_low": [0.5, -0.1, -90.0, np.nan],
            "ci_high": [0.7, 0.5, -0.5, np.nan],
            "status": ["pass", "inconclusive", "fail (waived)", "inconclusive"],
            "threshold": "warn below 0.40, fail below 0",
        }
        | changed
    )


def labels(ax: Axes) -> list[str]:
    return ax.get_legend_handles_labels()[1]


def test_values_limits_and_statuses() -> None:
    ax = separation(checks(), "controls.z_prime", ax=axes())
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["P1", "P2", "P3"]  # P4 has no value
    assert [line.get_ydata()[0] for line in ax.get_lines()] == [0.4, 0.0]
    assert labels(ax) == ["limit: warn", "limit: fail", "fail (1)", "inconclusive (1)", "pass (1)"]
    drawn = sorted(tuple(xy) for points in ax.collections[::1] for xy in np.asarray(points.get_offsets()) if len(xy))
    assert {(0.0, 0.6), (1.0, 0.2), (2.0, -1.0)} <= set(drawn)  # the last lies at the floor


def test_intervals_end_where_they_end() -> None:
    ax = separation(checks(), "controls.z_prime", ax=axes())
    ends = [segment[:, 1].tolist() for each in ax.collections if hasattr(each, "get_segments")
            for segment in each.get_segments()]  # fmt: skip
    assert sorted(ends) == [[-1.0, -0.5], [-0.1, 0.5], [0.5, 0.7]]


def test_the_floor_can_be_moved() -> None:
    ax = separation(checks(), "controls.z_prime", floor=-50.0, ax=axes())
    assert ax.get_ylim()[0] < -40


def test_limits_of_a_share() -> None:
    ax = separation(checks(threshold="warn above 35 %, fail above 1,000 %"), "controls.z_prime", ax=axes())
    assert [line.get_ydata()[0] for line in ax.get_lines()] == pytest.approx([0.35, 10.0])


def test_checks_of_a_screen_are_drawn() -> None:
    """Every check with values for plates goes through as it comes from check_quality."""
    rng = np.random.default_rng(0)
    wells = pd.DataFrame({"Metadata_Plate": np.repeat(["P1", "P2"], 24), "Metadata_Role": ["negcon", "poscon"] * 24})
    wells["Metadata_Well"] = [f"{row}{column:02d}" for row in "ABCD" for column in range(1, 7)] * 2
    wells["Metadata_Object_Count"] = np.where(wells["Metadata_Role"] == "negcon", 200, 50) + rng.integers(0, 9, 48)
    found = cpf.check_quality(wells, reference={"Metadata_Role": "negcon"}, positive={"Metadata_Role": "poscon"})
    table = found.checks
    known = table.loc[(table["level"] == "plate") & table["value"].notna(), "id"].unique()
    assert "controls.z_prime" in known
    for check in known:
        assert len(separation(table, check, ax=axes()).get_xticklabels()) == 2


def test_mistakes_are_said() -> None:
    with pytest.raises(ColumnError, match="checks='threshold'"):
        separation(checks().drop(columns="threshold"), ax=axes())
    with pytest.raises(InputError, match=r"check='x': not in the table. .*'controls.z_prime'"):
        separation(checks(), "x", ax=axes())
    with pytest.raises(InputError, match=r"no plate has a value\. Too few\."):
        separation(checks(value=np.nan, message="Too few."), "controls.z_prime", ax=axes())
