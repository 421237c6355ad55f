"""Options of methods."""

import pytest

from cellprofiling.core.errors import InputError
from cellprofiling.core.methods import chosen_options, options_of


def scaled(x, *, factor=2.0, rule="a"):
    """Stand for a method."""


def plain(x):
    """Stand for a method without options."""


def test_options_are_the_keyword_only_arguments():
    assert options_of(scaled) == {"factor": 2.0, "rule": "a"}
    assert options_of(plain) == {}


def test_what_is_not_given_has_its_default():
    assert chosen_options("scaled", scaled, {"factor": 3}) == {"factor": 3, "rule": "a"}


def test_an_unknown_option_is_named_with_those_there_are():
    with pytest.raises(
        InputError, match=r"factr=3: not an option of 'scaled'; its options are 'factor', 'rule'\. Did you"
    ):
        chosen_options("scaled", scaled, {"factr": 3})
    with pytest.raises(InputError, match=r"factor=3: not an option of 'plain'; it takes no options\."):
        chosen_options("plain", plain, {"factor": 3})


@pytest.mark.parametrize("value", [-1, "2", None, float("nan")])
def test_a_number_must_be_one(value):
    with pytest.raises(InputError, match=r"factor=.*'scaled' needs a number of at least 0, such as 2\.0\."):
        chosen_options("scaled", scaled, {"factor": value})
