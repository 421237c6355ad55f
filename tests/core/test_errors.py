"""Messages name the argument, what was given, and what would do."""

import pytest

from cellprofiling.core import errors
from cellprofiling.core.errors import CellProfilingError, InputError, listed, nearest, one_of

CLASSES = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, CellProfilingError)]


@pytest.mark.parametrize("kind", [kind for kind in CLASSES if kind is not CellProfilingError])
def test_every_mistake_of_a_user_is_an_input_error_and_a_value_error(kind: type):
    assert issubclass(kind, InputError)
    assert issubclass(kind, ValueError)


def test_a_choice_that_exists_is_given_back():
    assert one_of("method", "pca", ["pca", "umap"]) == "pca"


def test_a_choice_that_does_not_exist_lists_all_and_the_nearest():
    with pytest.raises(InputError, match=r"method='umpa': choose one of 'pca', 'umap'\. Did you mean 'umap'\?"):
        one_of("method", "umpa", {"pca": 1, "umap": 2})


def test_nothing_is_suggested_for_what_resembles_nothing():
    assert nearest("zebra", ["Metadata_Well"]) == ""
    assert nearest(11, [10, 111]) == " Did you mean '111'?"


def test_long_lists_are_cut_and_say_by_how_much():
    assert listed(["a"]) == "'a'"
    assert listed([1, "b"]) == "1, 'b'"
    assert listed(range(11)) == "0, 1, 2, 3, 4, 5, 6, 7 and 3 more"
    assert listed([]) == ""
