"""Numbers and units of doses."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellprofiling.core.account.doses import doses_of, looks_logarithmic, unit_of_name


def doses(values: Any, name: str = "Metadata_Dose"):
    return doses_of(pd.Series(values, name=name))


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("10 uM", 10, "µM"),
        ("10uM", 10, "µM"),
        ("10 µM", 10, "µM"),  # the micro sign
        ("10 μM", 10, "µM"),  # the Greek letter
        ("30 micromolar", 30, "µM"),
        ("0.1 µg/ml", 0.1, "µg/ml"),
        ("5 ng/mL", 5, "ng/ml"),
        ("2 mg per ml", 2, "mg/ml"),
        ("3 umol/L", 3, "µM"),
        ("1e-3 mM", 0.001, "mM"),
        ("1,5 nM", 1.5, "nM"),
        ("1 M", 1, "M"),
        ("50 %", 50, "%"),
        ("7", 7, None),
    ],
)
def test_a_text_becomes_a_number_and_its_unit(text: str, value: float, unit: str | None):
    read = doses([text])
    assert read.values.tolist() == [value]
    assert read.unit == unit


def test_units_that_differ_are_converted_and_said():
    read = doses(["10 nM", "1 uM", "0.01 uM", "0.001 mM"])
    assert read.values.tolist() == [0.01, 1.0, 0.01, 1.0]
    assert read.unit == "µM"
    assert "are converted to µM" in read.problems[0]


def test_molar_and_mass_doses_are_never_mixed():
    read = doses(["10 uM", "1 uM", "3 µg/ml"])
    assert read.unit == "µM"
    assert np.isnan(read.values[2])
    assert "cannot be converted into each other without a molar mass" in read.problems[0]


def test_doses_with_and_without_a_unit_are_said():
    assert "1 dose without a unit beside 1 with one ('µM')" in doses(["10 uM", "5"]).problems[0]
    assert doses(["10 uM", 0]).problems == ()


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("dose_uM", "µM"),
        ("Conc (nM)", "nM"),
        ("Metadata_mmoles_per_liter", "mM"),
        ("mg_per_ml", "mg/ml"),
        ("Concentration [µM]", "µM"),
        ("dose", None),
        ("Metadata_Dose", None),
        ("medium", None),
    ],
)
def test_the_name_of_the_column_may_say_the_unit(name: str, unit: str | None):
    assert unit_of_name(name) == unit


def test_doses_equal_to_a_relative_millionth_are_one():
    read = doses([0.1, 0.1, 0.10000000000000003, 0.37037036, 0.37037037, 10.0, np.nan])
    assert read.values[:3].tolist() == [0.1] * 3
    assert len(read.levels) == 3
    assert read.merged == 2
    assert read.codes.tolist() == [0, 0, 0, 1, 1, 2, -1]
    assert "2 doses equal to a relative 1e-06" in read.sentence
    assert read.problems == ()


@given(st.lists(st.sampled_from([0.01, 0.1, 1.0, 3.0, 10.0]), min_size=1), st.integers(0, 99))
def test_jitter_in_the_last_digits_changes_no_code(levels: list[float], seed: int):
    jitter = 1 + 1e-12 * np.random.default_rng(seed).normal(size=len(levels))
    assert doses(np.array(levels) * jitter).codes.tolist() == doses(levels).codes.tolist()


def test_nearly_equal_doses_stay_apart_and_are_named():
    read = doses([0.333, 0.3333, 1.0, 3.0])
    assert len(read.levels) == 4
    assert "0.333 and 0.3333 are nearly equal" in read.problems[0]
    rounded = pd.Series([0.333, 0.3333, 1.0, 3.0]).map(lambda dose: float(f"{dose:.2g}"))
    assert doses_of(rounded).problems == ()


@pytest.mark.parametrize("values", [[-2.0, -1, 0, 1], [-9.0, -8.5, -8, -7.5], [-3.0, -2, -2, 0]])
def test_logarithms_are_recognized(values: list[float]):
    read = doses(values)
    assert "look like logarithms; give 10 ** dose" in read.problems[0]
    assert doses_of(10.0 ** pd.Series(values)).problems == ()


@pytest.mark.parametrize("values", [[0.1, 1, 10], [-1.0, 3, 10.7], [0.0, 1, 2], [-5.0, 5]])
def test_other_numbers_are_no_logarithms(values: list[float]):
    assert not looks_logarithmic(np.array(sorted(values)), "dose")


def test_wrong_doses_get_their_sentence():
    assert "-5.0 is no dose: a dose is a number above 0" in doses([-5.0, 5.0]).problems[0]
    assert "'high', 'low' (2 rows) cannot be read" in doses(["high", "low", "3"]).problems[0]
    assert "percentages are taken as numbers of percent" in doses(["10 %", "20 %"]).problems[0]
    assert "no row has a dose" in doses([None, np.nan]).problems[0]


@given(st.permutations([0.1, 0.10000000000000003, 1.0, 3.0, np.nan]), st.sampled_from([float, object, "Float64", str]))
def test_dtype_and_order_do_not_matter(values: list[float], dtype: Any):
    column = pd.Series(values, name="dose")
    column = column.dropna().map(repr).reindex(column.index) if dtype is str else column.astype(dtype)
    read, plain = doses_of(column), doses(values, "dose")
    np.testing.assert_array_equal(read.values, plain.values)
    np.testing.assert_array_equal(read.levels, [0.1, 1, 3])
    assert read.problems == plain.problems == ()
