"""Fixtures for all tests."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

REAL = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def real_data() -> Callable[[str], Path]:
    """Give the path of a public data file that lies beside the project; skip where it is absent, fail in CI."""

    def find(name: str) -> Path:
        path = REAL / name
        if path.exists():
            return path
        if os.environ.get("CI"):
            pytest.fail(f"{path} is absent, and CI must run the tests on public data")
        pytest.skip(f"public data {name!r} is not beside this checkout ({REAL})")

    return find
