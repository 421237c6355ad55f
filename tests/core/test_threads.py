"""Threads: as many as cores are granted, and the same answer from any number of them."""

import threading

import pandas as pd
import pytest

import cellprofiling as cpf
from cellprofiling.core import threads
from cellprofiling.core.threads import WAITING, available, cores, granted, over
from tests.builders import NEGCON, noise_screen


def test_cores_are_those_granted() -> None:
    assert cores() == available() >= 1
    with granted(3):
        assert cores() == 3
        with granted(None):
            assert cores() == 3
    assert cores() == available()


def test_results_stand_in_the_order_of_the_items() -> None:
    with granted(4):
        assert over(lambda i: i**2, range(50)) == [i**2 for i in range(50)]
        assert over(str, []) == []


def test_inside_a_thread_one_core_is_granted() -> None:
    """Work that starts threads of its own inside a thread does not multiply them."""
    with granted(3):
        assert set(over(lambda _: cores(), range(9))) == {1}


def test_an_error_inside_a_thread_comes_out() -> None:
    with pytest.raises(ZeroDivisionError):
        over(lambda i: 1 // i, [1, 0])


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """The threads that any pool of the package has started."""
    seen: set[int] = set()
    usual = threads.ThreadPoolExecutor

    class Watched(usual):
        def __init__(self, *given, initializer, initargs, **more) -> None:
            def begin(*arguments) -> None:
                seen.add(threading.get_ident())
                initializer(*arguments)

            super().__init__(*given, initializer=begin, initargs=initargs, **more)

    monkeypatch.setattr(threads, "ThreadPoolExecutor", Watched)
    return seen


def _doses() -> pd.DataFrame:
    wells = noise_screen(n_compounds=24)
    number = wells["Metadata_Compound"].str.extract(r"c(\d+)")[0].astype(float)
    name = ("k" + (number // 4).astype("Int64").astype(str)).where(number.notna(), wells["Metadata_Compound"])
    return wells.assign(Metadata_Dose=10.0 ** (number % 4), Metadata_Compound=name)


CALLS = {
    "activity": lambda: cpf.activity(noise_screen(), by="Metadata_Compound", reference=NEGCON, permutations=99),
    "fit_doses": lambda: cpf.fit_doses(
        _doses(), by="Metadata_Compound", dose="Metadata_Dose", reference=NEGCON, permutations=99
    ),
}


@pytest.mark.parametrize("call", CALLS)
def test_no_more_threads_than_granted(call: str, started: set[int]) -> None:
    with granted(1):
        CALLS[call]()
    assert len(started) == 1


@pytest.mark.parametrize("call", CALLS)
def test_the_number_of_threads_changes_nothing(call: str, started: set[int]) -> None:
    with granted(1):
        alone = CALLS[call]()
    with granted(5):
        together = CALLS[call]()
    pd.testing.assert_frame_equal(alone, together, check_exact=True)


def test_who_waits_has_more_threads(started: set[int]) -> None:
    gate = threading.Barrier(WAITING * 2)
    with granted(2):
        over(lambda _: gate.wait(timeout=30), range(WAITING * 2), waiting=True)
    assert len(started) == WAITING * 2
