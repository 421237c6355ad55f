"""A small screen whose truth is known, to plant faults in."""

from collections.abc import Callable

import pandas as pd
import pytest

from tests.builders import screen


@pytest.fixture(scope="session")
def make() -> Callable[..., pd.DataFrame]:
    """Return the maker of screens."""
    return screen


@pytest.fixture
def clean(make: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    """Return a screen of four plates with one layout, without faults."""
    return make()
