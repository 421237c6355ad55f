"""The coordinates in which wells are compared, and what of them was fitted on control wells."""

from dataclasses import dataclass, replace

import numpy as np

from cellprofiling.core.errors import FeatureError
from cellprofiling.hits.calling.statistics import TestStatistic
from cellprofiling.hits.design import Design
from cellprofiling.kernels.arrays import Doubles, Indices
from cellprofiling.kernels.directions.unit_vectors import direction
from cellprofiling.kernels.directions.whitening import fit_whitening
from cellprofiling.kernels.scale.control_centers import control_centers
from cellprofiling.kernels.scale.plate_scale import scale_plate

CONTROL_FITS = ("refit", "whiten", "as_given")
FEWEST_FREE = 20  # degrees of freedom of controls below which chance may do anything
FEW_FEATURES = 0.1  # features per control below which a whitening on the controls does no harm
AT_ONCE = 4_000_000  # values scaled at a time
EXCESS = 0.8  # of what chance adds to the spread of the variances of controls; less of it is no chance


@dataclass(frozen=True)
class Metric:
    """Coordinates in which the metric is the plain one.

    Attributes
    ----------
    x : shape (n_wells, n_coordinates).
    omega : weight of one control in the covariance that gave the metric, 0 if controls did not.
    refit : whether origin and metric are fitted anew in each assignment.
    bandwidth : as the method needs it.
    words : what was done, for people.
    """

    x: Doubles
    omega: float
    refit: bool
    bandwidth: float
    words: str


def fit_metric(design: Design, method: TestStatistic, control_fit: str) -> Metric:
    """Return the coordinates for a method; the rows of `design` stand in canonical order."""
    metric = _MAKERS[control_fit](design, method)
    if method.centered:
        metric = replace(metric, x=metric.x - metric.x.mean(axis=1, keepdims=True))
    return replace(metric, bandwidth=method.bandwidth(metric.x[design.is_control]))


def directions(design: Design, method: TestStatistic, wells: Indices) -> Doubles:
    """Return some profiles as given, as unit vectors."""
    x = design.x[wells]
    return direction(x - x.mean(axis=1, keepdims=True) if method.centered else x)


def _as_given(design: Design, method: TestStatistic) -> Metric:
    words = "controls as given"
    if not method.whitened:
        return Metric(design.unit if method.by_direction else design.x, 0.0, False, 0.0, words)
    metric = _whitened(design, _about_controls(design, design.x))
    return replace(metric, omega=0.0, refit=False, words=words)


def _refitted(design: Design, method: TestStatistic) -> Metric:
    if design.was_whitened or bears_whitening(design):
        x = _about_controls(design, design.x)
        largest = _largest_eigenvalue(x[design.is_control])
        return Metric(x, 1 / largest, True, 0.0, "controls and their whitening refitted in each")
    if method.whitened:
        return _fresh_whitening(design, method)
    return Metric(_scaled(design), 0.0, True, 0.0, "controls refitted in each")


def _fresh_whitening(design: Design, _method: TestStatistic) -> Metric:
    return _whitened(design, _scaled(design))


_MAKERS = {"refit": _refitted, "whiten": _fresh_whitening, "as_given": _as_given}


def _whitened(design: Design, x: Doubles) -> Metric:
    """Return profiles in the metric of the covariance of controls about their plates, shrunk after Ledoit and Wolf."""
    controls = x[design.is_control]
    kept = np.ptp(controls, axis=0) > 0
    if not kept.any():
        raise FeatureError("profiles: no feature differs between control wells of a plate, so there is no covariance.")
    fit = fit_whitening(controls[:, kept], correlation=False, rotate_back=True, shrinkage=None)
    omega = (1 - fit.shrinkage) / (fit.n_rows - 1)
    words = "controls and their covariance refitted in each"
    return Metric(fit.apply(x[:, kept]), omega, True, 0.0, words)


def bears_whitening(design: Design) -> bool:
    """Return whether controls vary more evenly over directions than chance allows: the mark of a whitening on them.

    Notes
    -----
    For n independent controls with p features the squares of the variances along the directions in which they spread
    exceed, on average, those of n controls that vary evenly by min(1, p/n) of their size even if nothing is correlated,
    and by more if something is (Ledoit and Wolf 2002, doi 10.1214/aos/1031689018). Controls that vary more evenly than
    0.8 of that were made to.
    """
    residuals = _control_residuals(design)
    free = len(residuals) - len(np.unique(design.plate[design.is_control]))
    share = residuals.shape[1] / max(1, free)
    if share < FEW_FEATURES or free < FEWEST_FREE:
        return False
    products = _products(residuals)
    total = np.trace(products)
    if total == 0:
        return False
    evenness = (products**2).sum() * residuals.shape[1] / total**2
    return bool(evenness < max(1.0, share) + EXCESS * min(1.0, share))


def _control_residuals(design: Design) -> Doubles:
    """Return controls minus the mean of the controls of their plate."""
    centers = control_centers(design.x, design.plate, design.is_control)
    return (design.x - centers)[design.is_control]


def _largest_eigenvalue(x: Doubles) -> float:
    return float(np.linalg.eigvalsh(_products(x))[-1])


def _products(x: Doubles) -> Doubles:
    """Return x'x or xx', whichever is smaller; the eigenvalues that are not 0 are the same."""
    return x @ x.T if len(x) < x.shape[1] else x.T @ x


def _about_controls(design: Design, x: Doubles) -> Doubles:
    """Return profiles minus the mean of the controls of their plate; a plate without controls is left as it is."""
    return x - np.nan_to_num(control_centers(x, design.plate, design.is_control))


def _scaled(design: Design) -> Doubles:
    """Return profiles minus the mean of the controls of their plate, in units of the spread of all wells of the plate.

    That spread is the same whichever wells of the plate carry the label, so it does not disturb a permutation test. A
    feature without spread is 0.
    """
    scaled = np.empty_like(design.x)
    for plate in np.unique(design.plate):
        rows = np.flatnonzero(design.plate == plate)
        controls = design.is_control[rows]
        step = max(1, AT_ONCE // len(rows))
        for first in range(0, design.x.shape[1], step):
            columns = slice(first, first + step)
            scaled[rows, columns] = np.nan_to_num(scale_plate(design.x[rows, columns], about=controls))
    return scaled
