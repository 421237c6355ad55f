"""What is found in simulated screens, beside copairs 0.5.5: `docs/why_these_p_values.md` in small."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

pytestmark = pytest.mark.slow
PRESETS = ("easy", "library", "toxic", "hetero")


@pytest.fixture(scope="module")
def power() -> ModuleType:
    """Return the benchmark."""
    path = Path(__file__).parents[2] / "benchmarks" / "power.py"
    found = importlib.util.spec_from_file_location("power", path)
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def table(power: ModuleType) -> pd.DataFrame:
    """Return recall of two screens of each preset in which controls and inert compounds differ by chance alone."""
    lists = power.call(PRESETS, 2, ("copairs", "map", "mahalanobis"))
    return power.compare(lists, draws=100).set_index(["preset", "caller"])


@pytest.mark.parametrize("preset", PRESETS)
def test_ordering_is_no_worse(table: pd.DataFrame, preset: str) -> None:
    """Cut where equally much is false: Mahalanobis finds no less, map no less than chance can explain."""
    recall = table.loc[preset, "recall"]
    assert recall["mahalanobis"] >= recall["copairs"]
    assert table.loc[(preset, "map"), "high"] >= 0
    assert recall["map"] >= recall["copairs"] - 0.06


@pytest.mark.parametrize("preset", PRESETS)
def test_what_a_user_gets(table: pd.DataFrame, preset: str) -> None:
    """At a nominal false discovery rate of 5 % both find no less than copairs, and keep the promise but for chance."""
    nominal = table.loc[preset]
    for method in ("map", "mahalanobis"):
        assert nominal.loc[method, "recall_nominal"] >= nominal.loc["copairs", "recall_nominal"]
        assert nominal.loc[method, "false_nominal"] <= 0.09


def test_calibration_is_what_makes_the_difference(table: pd.DataFrame) -> None:
    """Inert compounds reach p <= 0.05 as often as they should with ours, and next to never with the peer."""
    small = table["small_p"].groupby("caller").mean()
    assert small["copairs"] < 0.01
    assert 0.03 < small["map"] < 0.08
    assert 0.03 < small["mahalanobis"] < 0.08


def test_a_list_is_cut_where_it_should_be(power: ModuleType) -> None:
    """One false among twenty is 5 %; a list that starts with a false hit is not accepted at all."""
    hits = pd.DataFrame({"p_value": range(30), "statistic": 0.0, "inert": [i in (19, 25) for i in range(30)]})
    assert power.accepted(hits).sum() == 25
    assert not power.accepted(hits.assign(inert=hits.index == 0).head(10)).any()
