"""Plates laid over the other plates of their layout: as recorded, turned, flipped, shifted, and over other layouts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from cellprofiling.kernels.arrays import Doubles, Indices, Mask
from cellprofiling.kernels.plates.patterns import shared_correlations, shifted, turned

AS_RECORDED, MOVED, OTHER, CANNOT_TELL = "as recorded", "moved", "other layout", "cannot tell"
TRANSFORMS: dict[str, Callable[[Doubles], Doubles]] = {
    AS_RECORDED: lambda grids: grids,
    "rotated by 180 degrees": partial(turned, rows=True, columns=True),
    "flipped left to right": partial(turned, rows=False, columns=True),
    "flipped top to bottom": partial(turned, rows=True, columns=False),
    "shifted one row down": partial(shifted, rows=-1, columns=0),
    "shifted one row up": partial(shifted, rows=1, columns=0),
    "shifted one column right": partial(shifted, rows=0, columns=-1),
    "shifted one column left": partial(shifted, rows=0, columns=1),
}  # what happened to the plate: the function undoes it
CLEAR = 4.0  # standard errors by which a correlation must exceed 0, or another one, to be believed
ALIKE = 0.9  # share of the wells of two plates that must hold the same for one layout


class Fit(NamedTuple):
    """What fits a plate best.

    Attributes
    ----------
    verdict : AS_RECORDED, MOVED, OTHER or CANNOT_TELL.
    transform : a name of TRANSFORMS.
    score : the correlation with the other plates of its layout after the transform.
    layout : number of the layout that fits best as recorded.
    layout_score : the correlation with the plates of that layout.
    """

    verdict: str
    transform: str
    score: float
    layout: int
    layout_score: float


@dataclass(frozen=True)
class LayoutScores:
    """How alike each plate is to the other plates of layouts: the median over plates of the mean over measures.

    Attributes
    ----------
    own : number of the layout of each plate.
    moved : against its own layout after each transform, shape (n_transforms, n_plates).
    layouts : against each layout as recorded, shape (n_layouts, n_plates).
    n_replicates : other plates of its own layout.
    n_wells : wells a plate shares with them, the median.
    """

    own: Indices
    moved: Doubles
    layouts: Doubles
    n_replicates: Indices
    n_wells: Doubles

    def fit(self, plate: int) -> Fit:
        """Return what fits a plate best, believed only where it stands out by `CLEAR` standard errors.

        The standard error of Fisher's z of a correlation over n wells is 1 / sqrt(n - 3).
        """
        own, moved, layouts = int(self.own[plate]), self.moved[:, plate], self.layouts[:, plate]
        z_own, z_moved, z_layouts = _z(moved[0]), _z(moved), _z(layouts)
        transform, layout = int(z_moved.argmax()), int(z_layouts.argmax())
        if not self.n_replicates[plate] or np.isnan(moved[transform]):
            return Fit(CANNOT_TELL, AS_RECORDED, float(moved[transform]), own, float(layouts[layout]))
        error = 1 / np.sqrt(max(self.n_wells[plate] - 3, 1))
        lead_moved, lead_layout = z_moved[transform] - z_own, z_layouts[layout] - z_own
        if max(z_moved[transform], z_layouts[layout]) < CLEAR * error:
            verdict = CANNOT_TELL
        elif max(lead_moved, lead_layout) < CLEAR * np.sqrt(2) * error:
            verdict = AS_RECORDED
        else:
            verdict = MOVED if lead_moved >= lead_layout else OTHER
        name = list(TRANSFORMS)[transform]
        return Fit(verdict, name, float(moved[transform]), layout, float(layouts[layout]))


def compare_layouts(patterns: Sequence[Doubles], layout: Indices, n_layouts: int) -> LayoutScores:
    """Compare each plate with the other plates of each layout.

    Parameters
    ----------
    patterns : one per measure, each of shape (n_plates, n_rows, n_columns), wells that are not there NaN.
    layout : number of the layout of each plate, below `n_layouts`.
    """
    n_plates = len(layout)
    flat = [pattern.reshape(n_plates, -1) for pattern in patterns]
    other = ~np.eye(n_plates, dtype=bool)
    same = (layout[:, None] == layout) & other
    moved = np.empty((len(TRANSFORMS), n_plates))
    layouts = np.empty((n_layouts, n_plates))
    for i, transform in enumerate(TRANSFORMS.values()):
        found = [
            shared_correlations(transform(pattern).reshape(n_plates, -1), values)
            for pattern, values in zip(patterns, flat, strict=True)
        ]
        alike = _mean([r for r, _ in found])
        moved[i] = _medians(alike, same)
        if i == 0:
            n_wells = _medians(found[0][1], same)
            for number in range(n_layouts):
                layouts[number] = _medians(alike, (layout == number) & other)
    return LayoutScores(layout, moved, layouts, same.sum(axis=1), n_wells)


def layouts_by_content(label: Indices, plate: Indices, place: Indices) -> tuple[Indices, int]:
    """Return the number of the layout of each plate, and how many there are.

    Parameters
    ----------
    label, plate, place : what is in each well, on which plate and where, as numbers from 0.

    Notes
    -----
    Plates are of one layout if nearly all wells that they share hold the same, and these are half of one of them.
    """
    n_plates = plate.max(initial=-1) + 1
    grid = np.full((n_plates, place.max(initial=-1) + 1), -1, dtype=np.intp)
    grid[plate, place] = label
    layout = np.full(n_plates, -1, dtype=np.intp)
    first: list[int] = []
    for number in range(n_plates):
        for known, other in enumerate(first):
            shared = (grid[number] >= 0) & (grid[other] >= 0)
            same = shared & (grid[number] == grid[other])
            fewest = min((grid[number] >= 0).sum(), (grid[other] >= 0).sum())
            if same.sum() >= ALIKE * shared.sum() and shared.sum() >= fewest / 2:
                layout[number] = known
                break
        else:
            layout[number] = len(first)
            first.append(number)
    return layout, len(first)


def _mean(parts: list[Doubles]) -> Doubles:
    """Return the mean of the measures that are there."""
    known = np.sum([~np.isnan(part) for part in parts], axis=0)
    return np.divide(np.nansum(parts, axis=0), known, out=np.full(parts[0].shape, np.nan), where=known > 0)


def _medians(values: Doubles, mask: Mask) -> Doubles:
    """Return the median of each row where `mask` is true and a value is known, NaN where nowhere."""
    chosen = [row[use & ~np.isnan(row)] for row, use in zip(values, mask, strict=True)]
    return np.array([np.median(row) if len(row) else np.nan for row in chosen])


def _z(r: Doubles) -> Doubles:
    """Return Fisher's z; what is unknown is the worst."""
    return np.where(np.isnan(r), -np.inf, np.arctanh(np.clip(r, -0.999999, 0.999999)))
