"""Fixtures for tests of hits."""

from collections.abc import Callable

import pandas as pd
import pytest

from tests.builders import noise_screen


@pytest.fixture(scope="session")
def screen_of_noise() -> Callable[..., pd.DataFrame]:
    """Give the maker of noise screens."""
    return noise_screen
