"""Cells and profiles in h5ad files (AnnData): X and obs as one table, plate by plate.

Recognized by the ending `.h5ad`. The columns of obs get the prefix (`plate` becomes Metadata_Plate), numeric ones too;
`columns` names them otherwise, and without a plate the file name is taken. Names of observations that do not only count
the rows become Metadata_ObsName. Categories come back as their values, plate and well as text. X may be sparse or
integer; numeric metadata that another program has put into X are metadata again by their names. Layers, raw, obsm and
uns are left out, with a ledger line.

X lies by rows: reading few features costs as much as reading all. Convert once if it is read often.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from cellprofiling.core.columns import PLATE
from cellprofiling.core.errors import FileFormatError
from cellprofiling.core.ledgers import Line, lines
from cellprofiling.io.objects.partitions import CellFormat, Opened, Partition, name_of, no_plate_column, without_cells
from cellprofiling.io.storage import h5ad
from cellprofiling.io.storage.annotated import OBS_NAME, obs_labels, obs_names
from cellprofiling.io.storage.arrow import as_text, concatenated, to_profiles
from cellprofiling.io.storage.files import ending, found
from cellprofiling.io.storage.keys import renames


@dataclass(frozen=True)
class H5adCells:
    """One file.

    Attributes
    ----------
    old : the column of obs for each column of metadata.
    features : the place in X of each other column.
    plates : the plate of each row, as text; the file name if none is said.
    named : whether the names of the observations are a column.
    lines : what was left out.
    """

    path: Path
    old: Mapping[str, str]
    features: Mapping[str, int]
    plates: pa.Array
    named: bool
    lines: tuple[Line, ...]

    def table(self, rows: np.ndarray, columns: Sequence[str] | None = None) -> pa.Table:
        """Return some rows, with these columns or with all."""
        wanted = self.columns if columns is None else columns
        names = [name for name in wanted if name in self.features]
        with h5ad.opened(self.path) as file:
            obs = h5ad.labels(file["obs"], [self.old[name] for name in wanted if name in self.old])
            index = h5ad.index(file["obs"]) if OBS_NAME in wanted and self.named else []
            block = h5ad.values(file, rows, [self.features[name] for name in names])
        parts = {name: obs[self.old[name]].take(rows) for name in wanted if name in self.old}
        if index:
            parts[OBS_NAME] = pa.array(index).take(rows)
        if PLATE in wanted and PLATE not in self.old:
            parts[PLATE] = self.plates.take(rows)
        return pa.table(parts | {name: pa.array(values) for name, values in zip(names, block, strict=True)})

    @property
    def columns(self) -> tuple[str, ...]:
        """All its columns."""
        also = [OBS_NAME] if self.named else []
        return (*([] if PLATE in self.old else [PLATE]), *self.old, *also, *self.features)


def find(path: Path) -> list[Path]:
    """Return the h5ad files that `path` means."""
    return [file for file in found(path) if ending(file, [".h5ad"])]


def open_files(files: Sequence[Path], *, columns: Mapping[str, str] | None = None) -> Opened:
    """Look at the names of columns and at the plates."""
    sources = [_look(path, columns) for path in files]
    filled = [source for source in sources if len(source.plates)]
    schema = to_profiles(concatenated({source.path: source.table(_no_rows()) for source in filled or sources}))
    plates = sorted({plate for source in filled for plate in pc.unique(source.plates).to_pylist()})
    names = tuple(map(str, schema.columns))
    return Opened(
        tuple(_partition(plate, filled, names) for plate in plates),
        schema,
        [
            *(line for source in sources for line in source.lines),
            *no_plate_column([source.path for source in filled if PLATE not in source.old]),
            *without_cells([source.path for source in sources if source not in filled]),
        ],
    )


def read_h5ad(path: Path) -> pa.Table:
    """Return one h5ad file as a table."""
    source = _look(path, None)
    columns = [name for name in source.columns if name != PLATE or PLATE in source.old]
    return source.table(np.arange(len(source.plates)), columns)


def _look(path: Path, columns: Mapping[str, str] | None) -> H5adCells:
    with h5ad.opened(path) as file:
        obs, n_rows = file["obs"], h5ad.x_shape(file)[0]
        names = h5ad.column_names(obs)
        renamed = renames(names, columns, {old: new for old, new in obs_labels(names).items() if old != new})
        old = {renamed.get(name, name): name for name in names}
        features = h5ad.index(file["var"])
        _refuse_doubled(features, path)
        twice = [name for name in features if name in old]
        plates = (
            as_text(pa.chunked_array([h5ad.labels(obs, [old[PLATE]])[old[PLATE]].combine_chunks()]))
            if PLATE in old
            else None
        )
        left_out = [
            *h5ad.left_out(file, path, "open_cells"),
            *lines("open_cells", "column", twice, "left out: in obs too"),
        ]
        named = obs_names(h5ad.index(obs)).num_columns > 0 and OBS_NAME not in old
    places = {name: i for i, name in enumerate(features) if name not in twice}
    known = pa.repeat(name_of(path), n_rows) if plates is None else plates.combine_chunks()
    if known.null_count:
        raise FileFormatError(f"{str(path)!r}: {known.null_count} of {n_rows} cells have no plate; fill it in.")
    return H5adCells(path, old, places, known, named, tuple(left_out))


def _refuse_doubled(names: Sequence[str], path: Path) -> None:
    if len(set(names)) < len(names):
        raise FileFormatError(f"{str(path)!r}: names in var occur more than once; make them unique.")


def _partition(plate: str, sources: Sequence[H5adCells], names: tuple[str, ...]) -> Partition:
    rows = {
        source.path: np.flatnonzero(pc.equal(source.plates, plate).to_numpy(zero_copy_only=False)) for source in sources
    }
    own = [source for source in sources if len(rows[source.path])]
    return Partition(
        plate,
        names,
        partial(_load, own, rows),
        columnar=False,
        paths=tuple(source.path for source in own),
        n_cells=sum(len(rows[source.path]) for source in own),
        size=sum(source.path.stat().st_size * len(rows[source.path]) // len(source.plates) for source in own),
    )


def _load(sources: Sequence[H5adCells], rows: Mapping[Path, np.ndarray], columns: Sequence[str]) -> pd.DataFrame:
    cells = to_profiles(concatenated({source.path: source.table(rows[source.path], columns) for source in sources}))
    return cells if list(cells) == list(columns) else cells[list(columns)]


def _no_rows() -> np.ndarray:
    return np.empty(0, dtype=np.int64)


H5AD = CellFormat("h5ad", "h5ad files (AnnData)", find, open_files, ("columns",))
