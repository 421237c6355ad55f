"""Progress adds up."""

from cellprofiling.core.progress import Counter, Progress


def test_each_piece_is_told_with_all_that_is_done_so_far():
    told: list[Progress] = []
    counter = Counter(2, told.append)
    counter.add("P1", 10, 100)
    counter.add(None, 5, 50)
    assert told == [Progress("P1", 1, 2, 10, 100), Progress(None, 2, 2, 15, 150)]


def test_nobody_needs_to_listen():
    Counter(1, None).add("P1", 1, 1)
