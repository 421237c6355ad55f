"""Notes lie beside a table, and a flipped bit does not pass for a number."""

import numpy as np
import pandas as pd
import pytest

from cellprofiling.core.errors import FileFormatError
from cellprofiling.io.storage.parquet import read_notes, read_parquet, write_parquet


def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame({"Metadata_Well": ["A01", "A02"] * 500, "Cells_Area": rng.normal(size=1000)})


def test_notes_lie_beside_the_table(tmp_path):
    write_parquet(table(), tmp_path / "wells.parquet", {"made": "today", "wo": "Köln"})
    notes = read_notes(tmp_path / "wells.parquet")
    assert {"made": "today", "wo": "Köln"}.items() <= notes.items()
    assert read_parquet(tmp_path / "wells.parquet").to_pandas().equals(table())
    write_parquet(table(), tmp_path / "plain.parquet")
    assert set(read_notes(tmp_path / "plain.parquet")) == {"pandas"}


def test_same_table_same_bytes(tmp_path):
    for name in ("a", "b"):
        write_parquet(table(), tmp_path / f"{name}.parquet", {"made": "today"})
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


@pytest.mark.parametrize("share", [0.01, 0.2, 0.5, 0.7])
def test_a_flipped_bit_among_the_values_is_noticed(tmp_path, share):
    path = tmp_path / "wells.parquet"
    write_parquet(table(), path)
    content = bytearray(path.read_bytes())
    content[int(len(content) * share)] ^= 8
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=r"wells.parquet': not a whole parquet file"):
        read_parquet(path)
