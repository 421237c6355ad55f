"""Objects of one cell find each other whatever their numbers and order; what has no partner is counted."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from cellprofiling.core.errors import FileFormatError, InputError
from cellprofiling.io.objects.compartments import Objects, connected, hierarchy, join, one_to_one


def objects(image, number, **parents) -> Objects:
    return Objects(np.array(image), np.array(number), {name: np.array(of) for name, of in parents.items()})


def rows(found: dict[str, Objects], *, matched: bool) -> tuple[set, list]:
    """Return the joined rows as (image, number, number...) and the ledger lines as (name, start of reason, n)."""
    joined = join(found, matched=matched, where="'a.csv'")
    names = sorted(found)
    table = set()
    for at in zip(*(joined.positions[name] for name in names), strict=True):
        image = {int(found[name].image[i]) for name, i in zip(names, at, strict=True) if i >= 0}
        assert len(image) == 1
        table.add((*image, *(int(found[name].number[i]) if i >= 0 else 0 for name, i in zip(names, at, strict=True))))
    return table, [(line["name"], line["reason"], line["n"]) for line in joined.lines]


WITHOUT = "without a partner in every compartment"
SECOND = "its parent has another object with a lower number"


def test_parents_before_children():
    parents = {"Cytoplasm": ["Cells", "Nuclei"], "Cells": ["Nuclei"], "Nuclei": []}
    assert hierarchy(parents) == ["Nuclei", "Cells", "Cytoplasm"]
    assert connected({**parents, "PH3": []}, "Cells") == ["Cytoplasm", "Cells", "Nuclei"]


def test_circles_and_strangers_are_refused():
    with pytest.raises(InputError, match="compartments='A', 'B': each is a parent of the other"):
        hierarchy({"A": ["B"], "B": ["A"]})
    with pytest.raises(InputError, match=r"no Parent_ column relates 'B' to 'A'; open them one by one.*\['A'\]"):
        hierarchy({"A": [], "B": []})


def test_numbers_that_differ_are_no_obstacle_and_equal_ones_no_reason():
    found = {
        "Nuclei": objects([0, 0, 0, 1], [1, 2, 3, 1]),
        "Cells": objects([0, 0, 1], [1, 2, 1], Nuclei=[3, 1, 1]),
        "Cytoplasm": objects([0, 0, 1], [1, 2, 1], Cells=[2, 1, 1], Nuclei=[1, 3, 1]),
    }  # columns of a row: image, Cells, Cytoplasm, Nuclei
    assert rows(found, matched=True) == (
        {(0, 1, 2, 3), (0, 2, 1, 1), (1, 1, 1, 1)},
        [("Nuclei", f"left out: {WITHOUT}", 1)],
    )
    everything, lines = rows(found, matched=False)
    assert everything == {(0, 1, 2, 3), (0, 2, 1, 1), (0, 0, 0, 2), (1, 1, 1, 1)}
    assert lines == [("Nuclei", f"kept: {WITHOUT}", 1)]


def test_of_several_children_the_lowest_number_is_the_partner():
    found = {"Nuclei": objects([0, 0, 0], [3, 1, 2], Cells=[1, 1, 2]), "Cells": objects([0, 0], [1, 2])}
    assert rows(found, matched=True) == ({(0, 1, 1), (0, 2, 2)}, [("Nuclei", f"left out: {SECOND}", 1)])
    assert rows(found, matched=False)[0] == {(0, 1, 1), (0, 2, 2), (0, 0, 3)}


def test_parents_that_are_none_or_not_there():
    found = {"Nuclei": objects([0, 0], [1, 2]), "Cells": objects([0, 0, 1], [1, 2, 3], Nuclei=[0, 7, 1])}
    assert rows(found, matched=True) == (
        set(),
        [("Nuclei", f"left out: {WITHOUT}", 2), ("Cells", f"left out: {WITHOUT}", 3)],
    )
    assert len(rows(found, matched=False)[0]) == 5


def test_a_row_whose_parents_contradict_each_other_is_not_matched():
    found = {
        "Nuclei": objects([0, 0], [1, 2]),
        "Cells": objects([0, 0], [1, 2], Nuclei=[1, 2]),
        "Cytoplasm": objects([0, 0], [1, 2], Cells=[1, 2], Nuclei=[1, 1]),
    }
    joined, lines = rows(found, matched=True)
    assert joined == {(0, 1, 1, 1)}
    assert {name for name, _, _ in lines} == {"Nuclei", "Cells", "Cytoplasm"}
    assert all("contradict" in reason and n == 1 for _, reason, n in lines)


def test_two_compartments_that_only_a_third_relates():
    found = {
        "Nuclei": objects([0, 0], [1, 2]),
        "Cells": objects([0, 0], [1, 2]),
        "Cytoplasm": objects([0, 0], [1, 2], Cells=[1, 2], Nuclei=[2, 1]),
    }
    assert rows(found, matched=True) == ({(0, 1, 1, 2), (0, 2, 2, 1)}, [])


def test_compartments_without_objects():
    found = {"Nuclei": objects([], []), "Cells": objects([0], [1], Nuclei=[1])}
    found["Nuclei"] = Objects(np.array([], int), np.array([], int), {})
    assert rows(found, matched=True) == (set(), [("Cells", f"left out: {WITHOUT}", 1)])
    assert rows(found, matched=False)[0] == {(0, 1, 0)}


def test_an_object_that_is_there_twice_is_refused():
    found = {"Nuclei": objects([0, 1, 1], [1, 2, 2])}
    with pytest.raises(FileFormatError, match=r"'a.csv': object 2 of Nuclei is there twice in one image \(1 doubles\)"):
        join(found, matched=True, where="'a.csv'")


def test_objects_that_are_one_each():
    nuclei = objects([0] * 10, range(1, 11))
    one = lambda parents: one_to_one(  # noqa: E731
        {"Nuclei": nuclei, "X": objects([0] * len(parents), range(1, len(parents) + 1), Nuclei=parents)}, "X", "Nuclei"
    )
    assert one([1, 2, 3, 5, 7, 9])
    assert not one([1, 2])  # few nuclei have one
    assert not one([1, 1, 2, 3, 4, 5, 6, 7])  # two of one nucleus
    assert not one([0, 0, 0])


@pytest.mark.parametrize("seed", range(20))
def test_the_join_is_that_of_a_slow_one(seed):
    """Each nucleus has at most one cell and each cell one cytoplasm; numbers and rows are shuffled."""
    rng = np.random.default_rng(seed)
    image = np.repeat(np.arange(4), rng.integers(0, 8, 4))
    truth = [(int(i), *rng.permutation(50)[:3]) for i in image]
    found, expected = {}, {}
    number = {
        name: [int(n) + 1 for i in range(4) for n in rng.permutation(int((image == i).sum()))]
        for name in ("Nuclei", "Cells", "Cytoplasm")
    }
    has_cell, has_cytoplasm = rng.random(len(truth)) < 0.8, rng.random(len(truth)) < 0.8
    has_cytoplasm &= has_cell
    order = {name: rng.permutation(len(truth)) for name in number}
    number = {name: np.array(of, int) for name, of in number.items()}
    kept = {"Nuclei": np.ones(len(truth), bool), "Cells": has_cell, "Cytoplasm": has_cytoplasm}
    parents = {"Nuclei": {}, "Cells": {"Nuclei": number["Nuclei"]},
               "Cytoplasm": {"Cells": number["Cells"], "Nuclei": number["Nuclei"]}}  # fmt: skip
    for name, at in order.items():
        at = at[kept[name][at]]
        found[name] = Objects(image[at], number[name][at], {parent: of[at] for parent, of in parents[name].items()})
    expected = {
        (int(image[i]), *(int(number[name][i]) if kept[name][i] else 0 for name in sorted(number)))
        for i in range(len(truth))
    }
    assert rows(found, matched=False)[0] == expected
    assert rows(found, matched=True)[0] == {row for row in expected if 0 not in row[1:]}
    assert_array_equal([len(at) for at in join(found, matched=False, where="").positions.values()], [len(truth)] * 3)
