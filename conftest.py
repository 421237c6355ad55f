"""Fixtures for tests and for the examples in docstrings."""

import sys
from collections.abc import Iterator

import pytest

collect_ignore = ["cellprofiling/__init__.py"]  # the examples of its verbs run where the verbs are written


@pytest.fixture(autouse=True)
def _no_figure_is_left() -> Iterator[None]:
    """Close the figures that a test or an example opened; matplotlib warns of the 21st."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
