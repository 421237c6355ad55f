"""A dose plot draws every well where it is, the fitted curve, and potencies only where they are known."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import cellprofiling as cpf
from cellprofiling.core.errors import ColumnError, InputError
from cellprofiling.plot import doses

ASKED = {
    "by": "Metadata_Compound",
    "dose": "Metadata_Dose",
    "reference": {"Metadata_Compound": "DMSO"},
    "response": "Cells_x",
}


def axes() -> Axes:
    return Figure(layout="constrained").subplots()


@pytest.fixture(scope="module")
def tables():
    rng = np.random.default_rng(0)
    dose = np.r_[np.zeros(24), np.tile(np.repeat([0.1, 0.3, 1, 3, 10, 30], 3), 3)]
    name = np.r_[np.full(24, "DMSO"), np.repeat(["late $x$", "strong", "none"], 18)]
    top = np.r_[np.zeros(24), np.repeat([12.0, 6.0, 0.0], 18)]
    ec50 = np.r_[np.ones(24), np.repeat([80.0, 3.0, 1.0], 18)]
    y = top * dose**2 / (dose**2 + ec50**2) + 0.3 * rng.normal(size=len(dose))
    wells = pd.DataFrame(
        {"Metadata_Plate": "P", "Metadata_Compound": name, "Metadata_Dose": dose, "Cells_x": y}
    )  # fmt: skip
    return cpf.fit_doses(wells, **ASKED, permutations=199), cpf.dose_responses(wells, **ASKED)


def test_wells_means_and_curve_lie_where_they_are(tables):
    fits, responses = tables
    ax = doses(fits, responses, compound="strong", ax=axes())
    wells, means = ax.collections
    mine = responses[responses["Metadata_Compound"] == "strong"]
    assert np.allclose(wells.get_offsets(), mine[["Metadata_Dose", "response"]])
    assert np.allclose(means.get_offsets()[:, 1], mine.groupby("Metadata_Dose")["response"].mean())
    curve = next(line for line in ax.lines if line.get_label() in ("3pl", "4pl"))
    row = fits.set_index("Metadata_Compound").loc["strong"]
    middle = np.interp(np.log10(row["ec50"]), np.log10(curve.get_xdata()), curve.get_ydata())
    assert middle == pytest.approx((row["top"] + row["bottom"]) / 2, rel=1e-3)
    assert [text.get_text().split()[0] for text in ax.texts][:2] == ["EC50", "BMC"]
    assert ax.get_title(loc="left").startswith("strong, trend p = 0.005")


def test_what_was_not_reached_is_not_drawn_but_said(tables):
    ax = doses(*tables, compound={"Metadata_Compound": "late $x$"}, ax=axes())
    texts = [text.get_text() for text in ax.texts]
    assert not any(text.startswith("EC50") for text in texts)
    assert any("ec50 above the highest dose (extrapolated)" in text for text in texts)
    ax = doses(*tables, compound="none", ax=axes())
    assert [text.get_text() for text in ax.texts] == ["no trend"]
    assert not [line for line in ax.lines if len(line.get_xdata()) > 2]


def test_an_interval_that_is_open_ends_in_an_arrow(tables):
    fits, responses = tables
    open_above = fits.assign(ec50_ci_high=np.inf)
    ax = doses(open_above, responses, compound="strong", ax=axes())
    arrow = [line for line in ax.lines if line.get_marker() == ">"]
    assert len(arrow) == 1
    assert arrow[0].get_xdata()[0] == ax.get_xlim()[1]
    without = fits.drop(columns=[name for name in fits.columns if "_ci_" in name])
    assert not [line for line in doses(without, responses, ax=axes()).lines if line.get_marker() in "<>"]


def test_the_first_choice_is_the_smallest_p_value_and_settings_stay(tables):
    before = dict(matplotlib.rcParams)
    ax = doses(*tables)
    assert ax.get_title(loc="left").split(",")[0] in ("strong", "late $x$")
    assert dict(matplotlib.rcParams) == before
    matplotlib.pyplot.close(ax.figure)


def test_refusals(tables):
    fits, responses = tables
    with pytest.raises(ColumnError, match="responses='response': no such column"):
        doses(fits, fits)
    with pytest.raises(InputError, match="compound='other': 0 rows of fits are meant"):
        doses(fits, responses, compound="other")
    with pytest.raises(InputError, match=r"compound=3: name it as \{column: value\} for the columns 'Metadata_Comp"):
        doses(fits, responses, compound=3)
    with pytest.raises(InputError, match="no well of 'strong' with a response"):
        doses(fits, responses[:0], compound="strong")
    with pytest.raises(InputError, match="fits: holds no compound"):
        doses(fits[:0], responses)
    bare = fits.copy()
    bare.attrs = {}
    with pytest.raises(ColumnError, match="do not say which column holds the dose"):
        doses(bare, responses)
