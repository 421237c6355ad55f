"""Which perturbations link which batches."""

import pandas as pd
import pytest

from cellprofiling.core.errors import InputError, ReferenceRowsError
from cellprofiling.profiles.batch.confounding import batch_graph

BATCH, COMPOUND = "Metadata_Batch", "Metadata_Compound"


def wells(**batches):
    """Return one well for each letter of each batch; D is the control."""
    pairs = [(batch, letter) for batch, letters in batches.items() for letter in letters]
    return pd.DataFrame(pairs, columns=[BATCH, COMPOUND])


def graph(table, reference=None):
    return batch_graph(table, batch=BATCH, by=COMPOUND, reference=reference)


def test_batches_are_linked_through_other_batches():
    found = graph(wells(B1="ab", B2="bc", B3="cd"))
    assert found.connected
    assert (found.n_batches, found.n_perturbations, found.n_shared) == (3, 4, 2)
    assert found.share == 0.5
    assert found.sentence() == "2 of 4 values of Metadata_Compound are in two or more of 3 values of Metadata_Batch"


def test_batches_without_a_common_perturbation_are_islands():
    found = graph(wells(B1="ab", B2="cc", B3="ad", B4="ce"))
    assert not found.connected
    assert found.islands == [[("B1",), ("B3",)], [("B2",), ("B4",)]]
    assert found.sentence().endswith("which leaves 2 sets of batches without a link")


def test_controls_link_nothing():
    split = wells(B1="Dab", B2="Dcd")
    assert graph(split).connected
    found = graph(split, f"{COMPOUND} == 'D'")
    assert len(found.islands) == 2
    assert found.sentence() == "none of 4 values of Metadata_Compound is in two of 2 values of Metadata_Batch"


def test_a_batch_of_controls_only_stands_alone():
    found = graph(wells(B1="Da", B2="Da", B3="DD"), f"{COMPOUND} == 'D'")
    assert found.islands == [[("B1",), ("B2",)], [("B3",)]]


def test_only_controls_are_no_perturbation():
    found = graph(wells(B1="D", B2="D"), f"{COMPOUND} == 'D'")
    assert (found.n_perturbations, found.share, len(found.islands)) == (0, 0.0, 2)


def test_batches_can_be_named_by_several_columns():
    table = wells(B1="ab", B2="bc").assign(Metadata_Site=["x", "y", "x", "y"])
    found = batch_graph(table, batch=[BATCH, "Metadata_Site"], by=COMPOUND)
    assert found.n_batches == 4
    assert [len(island) for island in found.islands] == [1, 2, 1]


def test_both_columns_are_needed():
    with pytest.raises(InputError, match=r"batch='Metadata_Batch', by=None: name the columns of both"):
        batch_graph(wells(B1="a"), batch=BATCH, by=None)
    with pytest.raises(ReferenceRowsError, match=r"not a query that can be read"):
        graph(wells(B1="a"), "Metadata_Batch ===")
