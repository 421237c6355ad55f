"""Cells from anywhere: every verb of cells takes a path, opened cells or a table, and refuses in the same words."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import cellprofiling as cpf
from cellprofiling.cells.source import MASK, source_of
from cellprofiling.core.errors import InputError

VERBS: dict[str, Callable[[Any, Any], Any]] = {
    "aggregate": lambda cells, mask: cpf.aggregate(cells, exclude=mask),
    "flag_cells": lambda cells, mask: cpf.flag_cells(cells, ["missing"], reference=mask),
    "fingerprint": lambda cells, mask: cpf.fingerprint(cells, reference=mask, blocks=["level"]),
    "cell_cycle": lambda cells, mask: cpf.cell_cycle(cells, reference=mask),
    "correct_context": lambda cells, mask: cpf.correct_context(cells, "Metadata_Crowding", reference=mask),
    "responders": lambda cells, mask: cpf.responders(cells, by="Metadata_Well", reference=mask),
}


@pytest.fixture
def cells() -> pd.DataFrame:
    """Return the cells of one plate, with what each verb looks for."""
    rng = np.random.default_rng(0)
    x = rng.normal(1e6, 1e-3, (40, 2))
    table = pd.DataFrame(x, columns=["Nuclei_AreaShape_Area", "Nuclei_Intensity_IntegratedIntensity_DNA"])
    table.insert(0, "Metadata_Plate", "P1")
    table.insert(1, "Metadata_Well", np.repeat(["A01", "A02"], 20))
    table.insert(2, "Metadata_Crowding", rng.uniform(size=40))
    return table


@pytest.mark.parametrize("verb", VERBS)
def test_a_mask_fits_a_table_only(verb: str, cells: pd.DataFrame, tmp_path: Path) -> None:
    """Rows of files have no mask, whichever verb is asked; the sentence says what to give."""
    path = cpf.write_profiles(cells, tmp_path / "P1.parquet")
    mask = np.arange(len(cells)) < 20
    for files in (path, cpf.open_cells(path)):
        with pytest.raises(InputError, match=r"^(reference|exclude): a ndarray fits a table only; for cells in files"):
            VERBS[verb](files, mask)


@pytest.mark.parametrize("verb", [*VERBS, "measure_neighborhood"])
def test_what_holds_no_cells(verb: str, cells: pd.DataFrame) -> None:
    """A table without rows and what is no table are refused in one sentence each."""
    call = VERBS.get(verb, lambda cells, _: cpf.measure_neighborhood(cells))
    with pytest.raises(InputError, match=r"^cells=a DataFrame of 0 rows .*: not a table of cells"):
        call(cells.iloc[:0], "Metadata_Well == 'A01'")
    with pytest.raises(InputError, match=r"^cells=5: not a table of cells, a path, or Cells; "):
        call(5, "Metadata_Well == 'A01'")


def test_a_source_is_the_same_from_anywhere(cells: pd.DataFrame, tmp_path: Path) -> None:
    """Path, opened cells and table give the same columns and the same rows."""
    path = cpf.write_profiles(cells, tmp_path / "P1.parquet")
    for source in map(source_of, (path, cpf.open_cells(path), cells)):
        assert list(source.schema) == list(cells)
        [piece] = source.partitions
        pd.testing.assert_frame_equal(piece.read(), cells)


def test_a_mask_travels_as_a_column(cells: pd.DataFrame) -> None:
    """Cells that are read in pieces carry their mask along; the table that was given stays as it is."""
    mask = np.arange(len(cells)) % 3 == 0
    source, reference = source_of(cells).marked(mask)
    assert reference == {MASK: True}
    np.testing.assert_array_equal(source.partitions[0].read([MASK])[MASK], mask)
    assert MASK not in cells
    assert source_of(cells).marked("Metadata_Well == 'A01'")[1] == "Metadata_Well == 'A01'"
