"""DeepProfiler: one npz for each site, with `features`, `locations` and a dictionary of `metadata`.

Recognized by the names of the arrays in `.npz` files of the folder, or of folders up to four levels below
(`outputs/results/features/<plate>/<well>_<site>.npz`). Plate, well and site are those of the metadata; of files
without, those that `pattern` finds in the path, or its usual forms (`plate/well_site.npz`, `plate/well/site.npz`).
Features are called as pycytominer calls them, by model and number (`efficientnet_0`, without a model `DP_0`), float32.
The locations are `Location_Center_X` and `Location_Center_Y`, in pixels, no features. Metadata get the prefix, and
become numbers only where all of a plate are.

The metadata are a pickle; it is read without running anything (see `npz`).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from cellprofiling.core.columns import METADATA, PLATE, WELL, is_metadata
from cellprofiling.core.errors import ColumnError, FileFormatError, listed
from cellprofiling.core.ledgers import lines
from cellprofiling.core.plates import standard_wells
from cellprofiling.io.objects.partitions import CellFormat, Opened, Partition, total_size, without_cells
from cellprofiling.io.objects.plate_and_well_names import EXAMPLE, compiled, matches, places
from cellprofiling.io.storage.arrow import same_columns
from cellprofiling.io.storage.columns import typed
from cellprofiling.io.storage.files import ending, found
from cellprofiling.io.storage.npz import array, arrays, opened, shape

DEEP = ("", "*/", "*/*/", "*/*/*/", "*/*/*/*/")
MODEL = "Metadata_Model"
LOCATIONS = ("Location_Center_X", "Location_Center_Y")
USUAL = re.compile(r"(?:^|/)(?P<plate>[^/]+)/(?P<well>(?:[A-P]|A[A-F])\d{1,2})[_/](?P<site>[^/]+)\.npz$")


@dataclass(frozen=True)
class Site:
    """One file: its cells lie in one site.

    Attributes
    ----------
    metadata : what its metadata and its path say.
    n_cells, n_features : the shape of its features.
    located : whether it holds locations.
    """

    path: Path
    metadata: Mapping[str, str]
    n_cells: int
    n_features: int
    located: bool

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of its cells."""
        model = self.metadata.get(MODEL) or "DP"
        features = (f"{model}_{i}" for i in range(self.n_features))
        return (*self.metadata, *(LOCATIONS if self.located else ()), *features)


def find(path: Path) -> list[Path]:
    """Return the npz files in a folder, or in those below, if the first of them holds features of cells."""
    files = found(path)
    if path.is_dir():
        files = next((files for deep in DEEP if (files := sorted(path.glob(deep + "*.npz")))), [])
    files = [file for file in files if ending(file, [".npz"]) and not file.name.startswith(".")]
    return files if files and ("features" in arrays(files[0]) or len(arrays(files[0])) == 0) else []


def open_files(files: Sequence[Path], *, pattern: str | None = None) -> Opened:
    """Read the metadata of every file and the shape of its features."""
    sites = _located([_site(path) for path in files], pattern)
    filled = [site for site in sites if site.n_cells]
    if not filled:
        return Opened((), pd.DataFrame(), [])
    same_columns({site.path: site.columns for site in filled})
    schema = _cells(filled[:1], filled[0].columns).iloc[:0]
    ordered = sorted(filled, key=lambda site: site.metadata[PLATE])
    by_plate = [(plate, list(group)) for plate, group in groupby(ordered, key=lambda site: site.metadata[PLATE])]
    unlocated = [site.path.name for site in filled if not site.located]
    reason = "no locations of its cells: their columns are left out"
    return Opened(
        tuple(_partition(plate, group, tuple(map(str, schema.columns))) for plate, group in by_plate),
        schema,
        [
            *without_cells([site.path for site in sites if not site.n_cells]),
            *lines("open_cells", "file", unlocated, reason),
        ],
    )


def _site(path: Path) -> Site:
    names = arrays(path)
    with opened(path) as file:
        if "features" not in names:
            raise FileFormatError(f"{str(path)!r}: holds {listed(names)} and no 'features'; leave it out.")
        size = shape(file, "features")
        metadata = _metadata(array(file, "metadata"), path) if "metadata" in names else {}
        located = "locations" in names and len(shape(file, "locations")) == 2
    if len(size) != 2:
        raise FileFormatError(f"{str(path)!r}: 'features' has the shape {size}, not (cells, features); write it again.")
    return Site(path, metadata, size[0], size[1], located)


def _metadata(value: np.ndarray, path: Path) -> dict[str, str]:
    content = value.item() if value.shape == () else None
    if not isinstance(content, dict):
        raise FileFormatError(f"{str(path)!r}: its 'metadata' are no dictionary; write it again.")
    return {name if is_metadata(name) else f"{METADATA}{name}": str(text) for name, text in content.items()}


def _located(sites: Sequence[Site], pattern: str | None) -> list[Site]:
    """Return the sites with plate, well and site, from their metadata or their paths."""
    needed = [site for site in sites if not {PLATE, WELL} <= set(site.metadata)]
    if pattern is not None and not needed:
        raise ColumnError(f"pattern={pattern!r}: the metadata of the files say plate and well already; leave it out.")
    expression = USUAL if pattern is None else compiled(pattern)
    names = [str(site.path.absolute()) for site in needed]
    if pattern is None and not matches(names, expression):
        raise FileFormatError(
            f"{str(needed[0].path)!r}: no plate and well in its metadata, nor does its path say plate/well_site.npz; "
            f"say where they stand with pattern={EXAMPLE!r}."
        )
    said = {
        name: {key: str(value) if value.is_valid else "" for key, value in place.items()}
        for name, place in places(names, expression).items()
    }
    located = [replace(site, metadata=said.get(str(site.path.absolute()), {}) | dict(site.metadata)) for site in sites]
    absent = sorted({key for site in located for key in (PLATE, WELL) if key not in site.metadata})
    if absent:
        raise ColumnError(f"pattern={pattern!r}: finds no {listed(absent)}; write it like {EXAMPLE!r}.")
    return located


def _partition(plate: str, sites: Sequence[Site], names: tuple[str, ...]) -> Partition:
    paths = tuple(site.path for site in sites)
    n_cells = sum(site.n_cells for site in sites)
    load = partial(_cells, sites)
    return Partition(plate, names, load, columnar=False, paths=paths, n_cells=n_cells, size=total_size(paths))


def _cells(sites: Sequence[Site], columns: Sequence[str]) -> pd.DataFrame:
    """Return the cells of some sites, with these columns."""
    labels = _labels(sites, [name for name in columns if name in sites[0].metadata])
    blocks = {name: _stack(sites, name) for name in _arrays_of(sites[0], columns)}
    positions = [i for i, name in enumerate(LOCATIONS) if name in columns]
    if positions:
        labels = labels.assign(**{LOCATIONS[i]: blocks["locations"][:, i].astype(np.float64) for i in positions})
    if "features" not in blocks:
        return labels[list(columns)]
    number = {name: i for i, name in enumerate(sites[0].columns[-sites[0].n_features :])}
    wanted = [name for name in columns if name in number]
    x = blocks["features"][:, [number[name] for name in wanted]]
    cells = pd.concat([labels, pd.DataFrame(x, columns=wanted)], axis=1)
    return cells if list(cells) == list(columns) else cells[list(columns)]


def _arrays_of(site: Site, columns: Sequence[str]) -> list[str]:
    others = [name for name in columns if name not in site.metadata]
    wanted = [("locations", any(name in LOCATIONS for name in others))]
    wanted.append(("features", any(name not in LOCATIONS for name in others)))
    return [name for name, asked in wanted if asked]


def _stack(sites: Sequence[Site], name: str) -> np.ndarray:
    parts = []
    for site in sites:
        with opened(site.path) as file:
            parts.append(array(file, name).astype(np.float64 if name == "locations" else np.float32, copy=False))
        if len(parts[-1]) != site.n_cells:
            raise FileFormatError(
                f"{str(site.path)!r}: {len(parts[-1])} {name} of {site.n_cells} cells; write the file again."
            )
    return np.concatenate(parts)


def _labels(sites: Sequence[Site], names: Sequence[str]) -> pd.DataFrame:
    """Return metadata, a row for each cell."""
    sizes = [site.n_cells for site in sites]
    table = typed(pa.table({name: pa.array([site.metadata[name] for site in sites], pa.string()) for name in names}))
    labels = table.to_pandas() if names else pd.DataFrame(index=range(len(sites)))
    labels = labels.assign(**{WELL: standard_wells(labels[WELL])}) if WELL in labels else labels
    return labels.loc[np.repeat(np.arange(len(sites)), sizes)].reset_index(drop=True)


DEEPPROFILER = CellFormat("deepprofiler", "npz files of DeepProfiler (with features)", find, open_files, ("pattern",))
