"""The ways to tell a position effect: each gives what is to be subtracted from every value."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from cellprofiling.core.errors import InputError
from cellprofiling.core.ledgers import Line, lines
from cellprofiling.core.methods import Method, table_of
from cellprofiling.core.plates import well_name
from cellprofiling.kernels.arrays import Doubles, Floats, Indices, Mask
from cellprofiling.kernels.models.least_squares import slopes
from cellprofiling.kernels.models.shrunken import shrunken_slopes
from cellprofiling.kernels.plates.local_fit import loess
from cellprofiling.kernels.plates.polish import median_polish
from cellprofiling.kernels.plates.surface import surface_terms
from cellprofiling.kernels.scale.scale import fit_mad, means
from cellprofiling.profiles.position.layout import (
    Layout,
    refuse_doubled,
    refuse_fixed,
    refuse_lines_of_one,
    refuse_thin_lines,
)

STEP = "correct_position"


@dataclass(frozen=True)
class Effect:
    """A position effect.

    Attributes
    ----------
    shift : what is subtracted, shape (n_wells, n_features).
    scale : what is divided by afterwards, of that shape, or None; 0 where there is no spread.
    lines : of the ledger.
    """

    shift: Doubles
    scale: Doubles | None = None
    lines: tuple[Line, ...] = ()


def control_surface(x: Floats, layout: Layout, *, ridge: float | None = None) -> Effect:
    """Return the surface fitted to the reference wells of each plate, less its mean over them."""
    if ridge is not None and not ridge >= 0:
        raise InputError(f"ridge={ridge!r}: 'control_surface' needs a number of at least 0, or None to estimate it.")
    fit = shrunken_slopes if ridge is None else partial(slopes, ridge=ridge)
    terms = surface_terms(layout.row, layout.column, layout.edge, layout.shape)
    shift = np.empty(x.shape)
    for _, pool in layout.pools():
        fitted = pool[layout.fit[pool]]
        slope = fit(terms[fitted], x[fitted], codes=layout.plate[fitted])
        for plate in np.unique(layout.plate[pool]):
            wells = pool[layout.plate[pool] == plate]
            controls = wells[layout.fit[wells]]
            origin = means(terms[controls if len(controls) else wells])
            shift[wells] = (terms[wells] - origin) @ slope
    guess = lines(STEP, "plate", ["all"] if layout.format.problem else [], layout.format.problem)
    return Effect(shift, lines=(*guess, *_outside(layout)))


def _outside(layout: Layout) -> list[Line]:
    """Return a ledger line for each plate that has wells in rows or columns beyond those of the reference wells."""
    told = []
    for name, pool in layout.pools():
        fitted = pool[layout.fit[pool]]
        beyond = np.zeros(len(pool), dtype=bool)
        for at in (layout.row, layout.column):
            beyond |= (at[pool] < at[fitted].min()) | (at[pool] > at[fitted].max())
        if beyond.any():
            reason = "wells beyond the rows and columns of the reference: the surface is extrapolated there"
            told += lines(STEP, "plate", [name], reason, n=int(beyond.sum()))
    return told


def polish(x: Floats, layout: Layout, *, scale: bool = False, iterations: int = 10, tolerance: float = 0.01) -> Effect:
    """Return row and column effects of each plate by median polish; with `scale`, what makes B-scores of the values."""
    for refuse in (refuse_doubled, refuse_thin_lines, refuse_lines_of_one):
        refuse(layout, "median_polish")
    shift = np.empty(x.shape)
    spread = np.empty(x.shape) if scale else None
    for _, wells in layout.plates():
        row, column = (np.unique(at[wells], return_inverse=True)[1] for at in (layout.row, layout.column))
        grids = np.full((row.max() + 1, column.max() + 1, x.shape[1]), np.nan)
        inside = layout.fit[wells]
        grids[row[inside], column[inside]] = x[wells[inside]]
        fit = median_polish(grids, iterations=iterations, tolerance=tolerance)
        shift[wells] = fit.row[row] + fit.column[column] + (fit.overall if scale else 0.0)
        if spread is not None:
            fitted = wells[inside]
            spread[wells] = fit_mad(x[fitted] - shift[fitted]).scale
    return Effect(shift, spread)


def local(x: Floats, layout: Layout, *, degree: int = 2, span: float = 0.5, rounds: int = 3) -> Effect:
    """Return a locally fitted surface of each plate, less its mean over the fitted wells."""
    if degree not in (1, 2):
        raise InputError(f"degree={degree!r}: 'loess' fits planes (1) or quadratic surfaces (2).")
    if not 0 < span <= 1:
        raise InputError(f"span={span!r}: 'loess' needs the share of wells that a local fit sees, such as 0.5.")
    shift = np.empty(x.shape)
    for plates in _alike(layout):
        first, n_features = plates[0], x.shape[1]
        side_by_side = np.concatenate([x[wells] for wells in plates], axis=1)
        inside = layout.fit[first]
        surface = loess(layout.places[first], side_by_side, inside, degree=degree, span=span, rounds=rounds)
        surface -= means(surface[inside])
        for i, wells in enumerate(plates):
            shift[wells] = surface[:, i * n_features : (i + 1) * n_features]
    return Effect(shift)


def _alike(layout: Layout) -> list[list[Indices]]:
    """Return the wells of each plate, position by position, plates with the same wells together."""
    alike: dict[bytes, list[Indices]] = {}
    for _, wells in layout.plates():
        ordered = wells[np.lexsort((layout.fit[wells], layout.well[wells]))]
        key = layout.well[ordered].tobytes() + layout.fit[ordered].tobytes()
        alike.setdefault(key, []).append(ordered)
    return list(alike.values())


def well_mean(x: Floats, layout: Layout, *, min_plates: int = 10, max_fixed: float = 0.8) -> Effect:
    """Return the mean of each position over plates, each plate first less its own mean."""
    refuse_fixed(layout, max_fixed)
    shift, bare = np.zeros(x.shape), set()
    for name, pool in layout.pools():
        leveled = _less_plate_means(x[pool], layout.plate[pool], layout.fit[pool])
        counts = {}
        for position in np.unique(layout.well[pool]):
            here = layout.well[pool] == position
            fitted = here & layout.fit[pool]
            counts[position] = len(np.unique(layout.plate[pool][fitted]))
            if counts[position] >= min_plates:
                shift[pool[here]] = np.nan_to_num(means(leveled[fitted]))
            else:
                bare.add(position)
        if max(counts.values()) < min_plates:
            raise InputError(
                f"min_plates={min_plates}: no position of {name} has reference wells on more than "
                f"{max(counts.values())} plates, and the mean of few wells is mostly their own noise: choose "
                "'control_surface', or lower min_plates."
            )
    names = [well_name(*divmod(int(position), layout.shape[1])) for position in sorted(bare)]
    reason = f"not corrected: reference wells there on fewer than {min_plates} plates"
    return Effect(shift, lines=tuple(lines(STEP, "position", names, reason)))


def _less_plate_means(x: Floats, plate: Indices, fit: Mask) -> Doubles:
    leveled = np.empty(x.shape)
    for code in np.unique(plate):
        wells = plate == code
        leveled[wells] = x[wells] - means(x[wells & fit] if (wells & fit).any() else x[wells])
    return leveled


METHODS = table_of(
    Method(
        "control_surface",
        "Ridge regression on row, column and edge, fitted to the reference wells of each plate.",
        control_surface,
        "Stephens, Biostatistics 18, 275 (2017), https://doi.org/10.1093/biostatistics/kxw041",
        "16 controls in 4 rows and 4 columns of each plate",
    ),
    Method(
        "median_polish",
        "Row and column effects of each plate by Tukey's median polish; with scale=True B-scores.",
        polish,
        "Brideau et al., J. Biomol. Screen. 8, 634 (2003), https://doi.org/10.1177/1087057103258285",
        "most wells of every row and column inactive",
    ),
    Method(
        "loess",
        "Local polynomials over row and column of each plate, fitted robustly.",
        local,
        "Cleveland and Devlin, J. Am. Stat. Assoc. 83, 596 (1988), https://doi.org/10.1080/01621459.1988.10478639",
        "most wells inactive",
    ),
    Method(
        "well_mean",
        "The mean of each position over plates, each plate first less its own mean.",
        well_mean,
        needs="many plates with different treatments in the same well",
    ),
)
SURFACES = ("control_surface", "loess")  # methods that need wells all over the plate
POOLED = ("control_surface", "well_mean")  # methods that can take plates together
