"""What a well answers to a dose, as one number: how far its profile lies from controls, or any column of the table."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd

from cellprofiling.core.account.doses import looks_logarithmic
from cellprofiling.core.columns import By, Reference, require
from cellprofiling.core.errors import ColumnError, FeatureError, InputError, ReferenceRowsError, listed, nearest
from cellprofiling.core.frame import split
from cellprofiling.core.ledgers import Line, lines
from cellprofiling.core.question import Question, ask
from cellprofiling.hits.calling.metric import bears_whitening
from cellprofiling.hits.design import Design, Features, Layout, by_name, find_layout
from cellprofiling.hits.dosed import Dosed, find_doses
from cellprofiling.kernels.arrays import Doubles, Indices, Mask
from cellprofiling.kernels.directions.whitening import Whitening, fit_whitening, spreads
from cellprofiling.kernels.models.least_squares import NOISE, centered
from cellprofiling.kernels.scale.missing import fill_with_median
from cellprofiling.kernels.scale.order import content_order
from cellprofiling.kernels.scale.plate_scale import scale_by_plate

MOST_FOLDS = 10
N_SORTED = 4  # features whose values set the order of wells


class WeightedProfiles(NamedTuple):
    """Profiles, and the same multiplied by an inverse covariance in which the well had no part.

    The product of the second of one well with the first of another is their inner product in that metric.
    """

    x: Doubles
    weighted: Doubles


class Response(NamedTuple):
    """A response per well, or the profiles that it is made of."""

    response: Doubles
    profiles: WeightedProfiles | None


@dataclass(frozen=True)
class DoseSeries:
    """The wells of a screen with a response and a dose; wells without a response are left out.

    Attributes
    ----------
    response : one number per well, as measured; NaN throughout for a response that each compound has of its own.
    profiles : of the wells, for such a response; else None.
    log_dose : log10 of the dose, NaN for controls.
    layout : which wells are controls, and the plate and compound of each.
    rows : where the wells stand in the table.
    rising : whether a response can only rise (a distance), or fall as well.
    """

    response: Doubles
    profiles: WeightedProfiles | None
    log_dose: Doubles
    layout: Layout
    rows: Indices
    rising: bool
    new: tuple[Line, ...]

    def centers(self) -> Doubles:
        """Return the mean response of the controls of each plate; NaN on plates without any."""
        found = np.full(int(self.layout.plate.max()) + 1, np.nan)
        for plate in range(len(found)):
            values = np.sort(self.response[self.layout.is_control & (self.layout.plate == plate)])
            if len(values):
                # Around one value first: sums of large numbers with a small spread lose digits.
                found[plate] = values[0] + (values - values[0]).mean()
        return found


def ask_of_doses(
    profiles: pd.DataFrame, by: By, dose: str, reference: Reference, *, plate: str, within: By
) -> Question:
    """Return the question of compounds whose doses are one series each; the dose is none of the columns in `by`."""
    names = require(profiles, by, "by")
    require(profiles, dose, "dose")
    if dose in names:
        raise ColumnError(f"by={listed(names)}: holds the dose column {dose!r}; name the compound alone.")
    return ask(profiles, names, reference, plate=plate, within=within)


def build_series(
    profiles: pd.DataFrame, question: Question, dose: str, response: str, features: Features = None
) -> DoseSeries:
    """Return the response and the dose of each well, and who is compared with whom."""
    if not (isinstance(features, str) and features == "all"):
        require(profiles, features, "features")  # a response that is a column asks for no others
    layout = find_layout(profiles, question)
    if layout.is_control.all():
        raise ReferenceRowsError(f"reference: all {len(profiles)} wells are controls; none has a dose to fit.")
    log_dose, doses = find_log_doses(profiles[dose], ~layout.is_control)
    method = RESPONSES.get(response)
    found = method(profiles, layout, features) if method else Response(_find_column(profiles, response), None)
    known = ~np.isnan(found.response)
    new: list[Line] = [*layout.lines("fit_doses"), *doses.lines("fit_doses")]
    if not known.all():
        new += lines("fit_doses", "well", [response], "no response", n=int((~known).sum()))
    known &= layout.is_control | ~np.isnan(log_dose)
    if not known.all():
        layout = find_layout(profiles[known], question.of(_mask(layout, known)))
    values = found.response[known]
    layout = replace(layout, plate=_numbered(values, layout.plate))
    return DoseSeries(values, found.profiles, log_dose[known], layout, np.flatnonzero(known), bool(method), tuple(new))


def _numbered(response: Doubles, plate: Indices) -> Indices:
    """Return plates numbered by what they hold, not by name, so that sums over them never differ in the last digit."""
    held = [np.sort(response[plate == number]).tolist() for number in range(int(plate.max()) + 1)]
    place = np.empty(len(held), dtype=np.intp)
    place[sorted(range(len(held)), key=lambda number: held[number])] = np.arange(len(held))
    return place[plate]


def _mask(layout: Layout, known: Mask) -> Mask:
    """Return the controls among the wells that have a response."""
    mask = layout.is_control[known]
    if not mask.any() or mask.all():
        raise InputError("response: has a value for no control, or for controls alone.")
    return mask


def find_log_doses(column: pd.Series, treated: Mask) -> tuple[Doubles, Dosed]:
    """Return the log10 dose of treated wells, NaN for controls and where there is none, and what was made of them."""
    doses = find_doses(column, treated)
    values = doses.values[treated]
    if np.isnan(values).all():
        raise ColumnError(f"dose={column.name!r}: no treated well has a dose.")
    bad = values <= 0
    if bad.any():
        if looks_logarithmic(np.unique(values[~np.isnan(values)]), column.name):
            raise ColumnError(doses.notes[-1])
        raise ColumnError(
            f"dose={column.name!r}: {int(bad.sum())} of {len(values)} treated wells hold "
            f"{listed(column[treated][bad].drop_duplicates(), limit=3)}; "
            "a dose is a number above 0: name wells without compound in reference, or drop them."
        )
    return np.log10(doses.values), doses


def _find_column(profiles: pd.DataFrame, response: str) -> Doubles:
    """Return a numeric column as float64; infinite values are an error."""
    if response not in profiles.columns:
        raise InputError(
            f"response={response!r}: choose {listed(RESPONSES)}, or name a numeric column."
            + nearest(response, [*RESPONSES, *profiles.columns])
        )
    column = profiles[response]
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        raise FeatureError(f"response={response!r}: not a column of numbers (it holds {column.dtype}).")
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    if np.isinf(values).any():
        raise FeatureError(f"response={response!r}: {int(np.isinf(values).sum())} values are infinite.")
    return values


def _distances(profiles: pd.DataFrame, layout: Layout, features: Features) -> Response:
    """Return how far each well lies beyond the Mahalanobis distance that a control has, those of its own fold left out.

    Notes
    -----
    The square of a distance is that of the change plus that of the noise, which a hundred features make large. The mean
    square of controls, of the same plate and of other folds, is subtracted, and the root keeps the sign of what is
    left: wells without effect lie about 0, and weak doses are not hidden in the noise.
    """
    x, plates, is_control, order = _canonical(profiles, layout, features)
    squares, folds = np.full(len(x), np.nan), []
    for inside, fitted, metric in _metrics(x, plates, is_control):
        folds.append((inside, fitted))
        for rows, beside in _plates_of(inside, fitted, plates):
            away = x[rows] - x[beside].mean(axis=0)
            squares[rows] = np.einsum("ij,ij->i", away, metric(away))
    excess = np.full(len(x), np.nan)
    for inside, fitted in folds:
        for rows, beside in _plates_of(inside, fitted, plates):
            excess[rows] = squares[rows] - squares[beside].mean()
    return Response(_back(np.copysign(np.sqrt(np.abs(excess)), excess), order), None)


def _plates_of(inside: Mask, fitted: Mask, plates: Indices) -> Iterator[tuple[Mask, Mask]]:
    """Give the wells of a fold, plate by plate, with the controls of other folds on that plate."""
    for plate in np.unique(plates[inside]):
        beside = fitted & (plates == plate)
        if beside.any():
            yield inside & (plates == plate), beside


def _projections(profiles: pd.DataFrame, layout: Layout, features: Features) -> Response:
    """Return profiles, and those weighted by the metric of the controls of other folds."""
    x, plates, is_control, order = _canonical(profiles, layout, features)
    weighted = np.zeros(x.shape)
    for inside, _, metric in _metrics(x, plates, is_control):
        weighted[inside] = metric(x[inside])
    return Response(np.zeros(len(x)), WeightedProfiles(_back(x, order), _back(weighted, order)))


RESPONSES: dict[str, Callable[[pd.DataFrame, Layout, Features], Response]] = {
    "projection": _projections,
    "distance": _distances,
}


def _canonical(profiles: pd.DataFrame, layout: Layout, features: Features) -> tuple[Doubles, Indices, Mask, Indices]:
    """Return profiles in units of their plate, plates and controls in an order of their own, and that order.

    Sums made in this order are the same to the last digit whatever the order of rows and columns.
    """
    table = by_name(split(profiles, features))
    x = fill_with_median(table.x, layout.plate)
    _refuse_whitened(Design(**vars(layout), x=x, features=table.features))
    order = content_order(x)
    plates = layout.plate[order]
    # Profiles that were scaled to their controls make controls, and no other wells, as even as can be: all wells of a
    # plate together say nothing about which of them are controls
    return np.nan_to_num(scale_by_plate(x[order], plates)), plates, layout.is_control[order], order


def _refuse_whitened(design: Design) -> None:
    """Refuse profiles that were whitened on the controls: no other well lies as evenly in them as a control does."""
    if bears_whitening(design):
        raise FeatureError(
            f"profiles: the {int(design.is_control.sum())} controls vary evenly in all directions of "
            f"{design.x.shape[1]} features, as after a whitening on them; by such profiles every other well seems to "
            "respond. Give the profiles from before the whitening (fit_doses fits one of its own), or name a column in "
            "response."
        )


def _back(values: Doubles, order: Indices) -> Doubles:
    result = np.empty_like(values)
    result[order] = values
    return result


def _metrics(
    x: Doubles, plates: Indices, is_control: Mask
) -> Iterator[tuple[Mask, Mask, Callable[[Doubles], Doubles]]]:
    """Give the wells of each fold, the controls of all others, and the inverse covariance that these measure with.

    Notes
    -----
    Wells, treated ones and controls alike, are dealt into folds, so that no well is measured by itself, and a control
    is measured like any other well. The covariance is that of deviations from the control mean of the plate, all plates
    together, shrunk after Ledoit and Wolf. Features that do not vary among controls have no weight.
    """
    folds = _deal(x, plates, is_control)
    for fold in range(folds.max() + 1):
        inside = folds == fold
        fitted = is_control & ~inside
        residuals = centered(x[fitted], plates[fitted])
        varies = np.flatnonzero(spreads(residuals).scale > NOISE) if len(residuals) else np.zeros(0, dtype=np.intp)
        if not len(varies):
            raise FeatureError("response: no feature varies among the controls of a plate; name a column of numbers.")
        white = fit_whitening(
            np.ascontiguousarray(residuals[:, varies]), correlation=True, rotate_back=True, shrinkage=None
        )
        yield inside, fitted, partial(_weighted, white, varies)


def _weighted(white: Whitening, varies: Indices, x: Doubles) -> Doubles:
    """Return rows multiplied by the inverse of the covariance that a whitening stands for."""
    z = x[:, varies] / white.scale
    along = (z @ white.directions) * (white.gains**2 - white.rest**2)
    result = np.zeros(x.shape)
    result[:, varies] = (along @ white.directions.T + white.rest**2 * z) / white.scale
    return result


def _deal(x: Doubles, plates: Indices, is_control: Mask) -> Indices:
    """Return the fold of each well, each kind dealt evenly; a plate has as many folds as controls, ten at most.

    Wells are dealt in the order of their first features, which neither units nor constant features change.
    """
    order = np.lexsort([np.arange(len(x)), *_varied(x).T[::-1]])
    folds = np.zeros(len(x), dtype=np.intp)
    for plate in np.unique(plates):
        n_folds = max(1, min(MOST_FOLDS, int((is_control & (plates == plate)).sum())))
        for kind in (is_control, ~is_control):
            here = order[(kind & (plates == plate))[order]]
            folds[here] = np.arange(len(here)) % n_folds
    return folds


def _varied(x: Doubles) -> Doubles:
    """Return the first features that vary at all."""
    return x[:, np.flatnonzero(np.ptp(x, axis=0) > 0)[:N_SORTED]]
