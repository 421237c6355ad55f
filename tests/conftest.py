"""Fixtures for all tests."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

REAL = Path(__file__).parents[2] / "shared" / "data"
KERNELS = Path(__file__).parents[1] / "cellprofiling" / "kernels"


def pytest_sessionstart() -> None:
    """Forget kernels that were compiled before some kernel changed: Numba only looks at the file of the outermost."""
    changed = max(file.stat().st_mtime for file in KERNELS.rglob("*.py"))
    for index in KERNELS.rglob("__pycache__/*.nbi"):
        with contextlib.suppress(FileNotFoundError):  # another worker was first
            if index.stat().st_mtime < changed:
                index.unlink()


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
