"""One line for each design but for the number along the axis."""

import pandas as pd
import pytest

from cellprofiling.core.errors import ColumnError, InputError
from cellprofiling.plot.testing.power_curves import power


def table(controls=(16, 32), plates=(2, 4, 6)):
    rows = [{"plates": p, "controls": c, "recall": 0.1 * p + c / 100} for c in controls for p in plates]
    plan = pd.DataFrame(rows).assign(cells_per_well=None, effect=None, compounds=60)
    return plan.assign(ci_low=plan["recall"] - 0.1, ci_high=plan["recall"] + 0.1)


def test_a_line_for_each_combination_of_the_others():
    ax = power(table())
    drawn = {line.get_label(): line.get_ydata().tolist() for line in ax.get_lines()[1:]}
    assert set(drawn) == {"16 control wells per plate", "32 control wells per plate"}
    assert drawn["16 control wells per plate"] == pytest.approx([0.36, 0.56, 0.76])
    assert ax.get_lines()[0].get_ydata()[0] == 0.8


def test_the_axis_may_be_another_number():
    ax = power(table(), x="controls")
    assert len(ax.get_lines()) == 4
    assert ax.get_xlabel() == "control wells per plate"


def test_bad_input():
    with pytest.raises(InputError, match="x='wells': choose one of"):
        power(table(), x="wells")
    with pytest.raises(ColumnError, match="recall"):
        power(table().drop(columns="recall"))
    with pytest.raises(InputError, match="table: 9 combinations of controls; draw 7 lines at most"):
        power(table(controls=range(2, 11)))
