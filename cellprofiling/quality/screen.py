"""What the checks look at: the wells, which of them are controls, and what the platemap promised."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellprofiling.core.columns import PLATE
from cellprofiling.core.plates import Wells
from cellprofiling.kernels.arrays import Doubles, Floats, Indices, Mask
from cellprofiling.kernels.scale.plate_scale import scale_plate
from cellprofiling.kernels.scale.scale import medians
from cellprofiling.quality.readouts import Readouts, find_readouts

MOST_FEATURES = 1000  # more are thinned out evenly: neighbors are near copies of each other
FAR = 10.0  # MADs beyond which a value counts as this far: one feature must not be the whole profile

Texts = NDArray[np.object_]


@dataclass(frozen=True)
class Screen:
    """One row per well, sorted by plate and well whatever the order of the table.

    Attributes
    ----------
    metadata : what is known of each well, from the table and the platemap.
    row : the place of each well in the table that was given.
    keys : Metadata_Plate and Metadata_Well as text, well names as `A01`.
    position : row and column of each well, from 0.
    shape : rows and columns of the plates.
    count : cells per well; missing where unknown.
    controls, positives : masks of control wells; nothing where they were not named.
    edge : whether a well lies at the plate edge.
    x : features, shape (n_wells, n_features); missing and infinite values are NaN. float32 where all features are.
    infinite : wells in which each feature is infinite, shape (n_features,).
    features : the names of the columns of `x`.
    declared : the columns of `x` that were declared as readouts.
    profiles : normalized features, rows as here, if they were given; infinite values are NaN, and so is a well that
        they lack.
    profile_features : the names of their columns.
    profile_infinite : wells in which each is infinite.
    by : the columns that say what is in a well.
    treatment : what is in each well, as text; "" where unknown. Control wells have a treatment too.
    batch : the batch of each well, as text; "" where unknown.
    order : the place of each well's plate in the order of acquisition, from 0; plates acquired together share one. By
        name where `absent` has "order".
    cells : one row per well: Metadata_Plate, Metadata_Well, n_cells, flagged, missing (shares of cells) and the share
        of each other flag; None if there are no flags.
    images : Metadata_Plate, Metadata_Well where known, and ImageQuality_ columns; None if there are none.
    expected : plates and wells of the platemap.
    hits : the hit list; empty if none was given.
    absent : what was not given (count, controls, positives, platemap, features, readouts, treatment, batch, order,
        cells, images, hits), each with the reason.
    """

    metadata: pd.DataFrame
    row: Indices
    keys: pd.DataFrame
    position: Wells
    shape: tuple[int, int]
    count: Doubles
    controls: Mask
    positives: Mask
    edge: Mask
    x: Floats
    infinite: Indices
    features: tuple[str, ...]
    declared: Indices
    profiles: Floats | None
    profile_features: tuple[str, ...]
    profile_infinite: Indices
    by: tuple[str, ...]
    treatment: Texts
    batch: Texts
    order: Indices
    cells: pd.DataFrame | None
    images: pd.DataFrame | None
    expected: pd.DataFrame
    hits: pd.DataFrame
    absent: Mapping[str, str]

    @cached_property
    def finite(self) -> Mask:
        """Which features a well has, shape (n_wells, n_features)."""
        return ~np.isnan(self.x)

    @cached_property
    def normalized(self) -> Doubles:
        """Profiles, shape (n_wells, n): those given, or features in MADs of their plate.

        Missing values count as the middle of the plate. NaN where a well has no feature.
        """
        given = self.profiles if self.profiles is not None else self.x
        step = max(1, -(-given.shape[1] // MOST_FEATURES))
        z = np.array(given[:, ::step], dtype=np.float64)
        nothing = np.isnan(z).all(axis=1)
        for _, here in self.plates():
            z[here] = _filled(z[here], scaled=self.profiles is None)
        z[nothing] = np.nan
        return z

    @cached_property
    def directions(self) -> Doubles:
        """Profiles of length 1, shape (n_wells, n); NaN where a well has no feature, or nothing that sets it apart."""
        length = np.linalg.norm(self.normalized, axis=1, keepdims=True)
        return self.normalized / np.where(length == 0, np.nan, length)

    @cached_property
    def plate_codes(self) -> Indices:
        """The number of each well's plate, plates sorted by name."""
        return np.unique(self.keys[PLATE].to_numpy(dtype=object), return_inverse=True)[1].astype(np.intp)

    def plates(self) -> Iterator[tuple[str, Mask]]:
        """Yield each plate and the mask of its rows, sorted by name."""
        for code, name in enumerate(sorted(set(self.keys[PLATE]))):
            yield name, self.plate_codes == code

    def in_order(self) -> Iterator[tuple[str, Mask]]:
        """Yield each plate and the mask of its rows in the order of acquisition, by name where that is the same."""
        ranked = [(int(self.order[here][0]), name, here) for name, here in self.plates()]
        yield from ((name, here) for _, name, here in sorted(ranked, key=lambda each: each[:2]))

    @cached_property
    def readouts(self) -> Readouts:
        """What each well shows in a few numbers."""
        return find_readouts(self.x, self.count, self.plate_codes, self.positives)

    def lacks(self, *needs: str) -> str:
        """Return why the first of `needs` is absent, or nothing."""
        return next((self.absent[name] for name in needs if name in self.absent), "")


def _filled(x: Doubles, scaled: bool) -> Doubles:
    """Return the wells of a plate without missing values, about their median and in MADs if `scaled`."""
    if not scaled:
        middle = np.nan_to_num(medians(x))
        return np.where(np.isnan(x), middle, x)
    return np.nan_to_num(np.clip(scale_plate(x, fallback=False), -FAR, FAR))
