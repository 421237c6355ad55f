"""Methods and their options."""

import pytest

from cellprofiling.core.errors import ArgumentError, InputError
from cellprofiling.core.methods import Method, table_of


def scaled(x, *, factor=2.0, rule="a"):
    """Stand for a method."""
    return x * factor


def plain(x):
    """Stand for a method without options."""


SCALED = Method("scaled", "Multiplies.", scaled, choices={"rule": ("a", "b")})
PLAIN = Method("plain", "Does nothing.", plain)


def test_options_are_the_keyword_only_arguments():
    assert SCALED.options == {"factor": 2.0, "rule": "a"}
    assert PLAIN.options == {}


def test_a_method_called_calls_its_function():
    assert SCALED(3, factor=2) == 6


def test_a_table_has_its_methods_by_name_in_the_order_given():
    assert list(table_of(SCALED, PLAIN).items()) == [("scaled", SCALED), ("plain", PLAIN)]


def test_what_is_not_given_has_its_default():
    assert SCALED.chosen({"factor": 3}) == {"factor": 3, "rule": "a"}


def test_an_unknown_option_is_named_with_those_there_are():
    with pytest.raises(
        InputError, match=r"factr=3: not an option of 'scaled'; its options are 'factor', 'rule'\. Did you"
    ):
        SCALED.chosen({"factr": 3})
    with pytest.raises(ArgumentError, match=r"factor=3: not an option of 'plain'; it takes no options\."):
        PLAIN.chosen({"factor": 3})


def test_an_unknown_option_is_a_type_error_too():
    with pytest.raises(TypeError, match="factr=3"):
        SCALED.chosen({"factr": 3})


@pytest.mark.parametrize("value", [-1, "2", None, float("nan")])
def test_a_number_must_be_one(value):
    with pytest.raises(InputError, match=r"factor=.*'scaled' needs a number of at least 0, such as 2\.0\."):
        SCALED.chosen({"factor": value})


def test_a_choice_must_be_one_of_those_there_are():
    with pytest.raises(InputError, match=r"rule='c': choose one of 'a', 'b'\."):
        SCALED.chosen({"rule": "c"})
