"""How large a change is, beside how sure: layout, cell counts, retrieval per well, distance, changed features."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t as student

from cellprofiling.hits.calling.statistics import precisions
from cellprofiling.hits.design import Design, pool_of
from cellprofiling.kernels.directions.shrinkage import shrunk_lengths
from cellprofiling.kernels.scale.control_centers import control_centers
from cellprofiling.kernels.scale.order import content_order

CHANGED = 3.0  # control standard deviations beyond which a feature counts as changed
N_TOP = 5  # features named per perturbation
CONFIDENCE = 0.95


def describe_layout(design: Design, well: pd.Series, count: pd.Series | None) -> pd.DataFrame:
    """Return where the wells of each perturbation lie and how many cells they hold, relative to controls.

    Columns: n_positions, same_position, cell_count_ratio.
    """
    ratio = np.full(len(design.x), np.nan) if count is None else _relative_counts(design, count.to_numpy(dtype=float))
    position = well.astype(str).to_numpy()
    found = []
    for group in range(len(design.keys)):
        wells = design.wells_of(group)
        n_positions, n_plates = len(set(position[wells])), len(set(design.plate[wells]))
        counts = ratio[wells][np.isfinite(ratio[wells])]
        found.append(
            {
                "n_positions": n_positions,
                "same_position": n_positions == 1 and n_plates > 1,
                "cell_count_ratio": np.median(counts) if len(counts) else np.nan,
            }
        )
    return pd.DataFrame(found)


def _relative_counts(design: Design, count: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the cell count of each well over the median of the controls of its plate; NaN where that is 0."""
    middle = control_centers(count[:, None], design.plate, design.is_control, median=True)[:, 0]
    return np.divide(count, middle, out=np.full(len(count), np.nan), where=middle > 0)


def describe_retrieval(design: Design) -> pd.DataFrame:
    """Return the mean average precision of each perturbation with its interval: map, map_ci_low, map_ci_high.

    The query is a well, its positives the other wells of the perturbation, its negatives the controls of its plate.
    The interval is Student's t over wells, cut to [0, 1].
    """
    controls = np.flatnonzero(design.is_control)
    pools = [pool_of(design, wells, controls, design.rank) for wells in design.wells_of_all()]
    found = [_mean_with_interval(precisions(design, pool)) for pool in pools]
    return pd.DataFrame(found, columns=["map", "map_ci_low", "map_ci_high"])


def _mean_with_interval(values: NDArray[np.float64]) -> tuple[float, float, float]:
    n = len(values)
    middle = float(values.mean())
    if n < 2:
        return middle, np.nan, np.nan
    half = student.ppf((1 + CONFIDENCE) / 2, n - 1) * values.std(ddof=1) / np.sqrt(n)
    return middle, max(0.0, middle - half), min(1.0, middle + half)


def describe_change(design: Design) -> pd.DataFrame:
    """Return how far each perturbation lies from the controls of its plates: mahalanobis, induction, top_features.

    Notes
    -----
    The change of a perturbation is the mean over its wells of the difference from the control mean of the plate, in
    units of the standard deviation of controls about those means (pooled over plates). The Mahalanobis distance uses
    the covariance of the same control residuals, shrunk after Ledoit and Wolf.
    """
    design = design.taken(content_order(design.x))  # the order of rows would round the sums
    deviation = design.x - np.nan_to_num(
        control_centers(design.x, design.plate, design.is_control)
    )  # a plate without any stays
    residuals = deviation[design.is_control]
    free = max(1, len(residuals) - len(np.unique(design.plate[design.is_control])))
    spread = np.sqrt((residuals**2).sum(axis=0) / free)
    usable = spread > 0
    z = deviation[:, usable] / spread[usable]
    names = np.array(design.features, dtype=object)[usable]
    changes = np.array([z[wells].mean(axis=0) for wells in design.wells_of_all()]).reshape(len(design.keys), -1)
    return pd.DataFrame(
        {
            "mahalanobis": shrunk_lengths(z[design.is_control], changes),
            "induction": (np.abs(changes) > CHANGED).mean(axis=1),
            "top_features": [_largest(change, names) for change in changes],
        }
    )


def _largest(change: NDArray[np.float64], names: NDArray[np.object_]) -> str:
    order = np.lexsort([names.astype(str), -np.abs(change)])[:N_TOP]
    return "; ".join(f"{names[i]} ({change[i]:+.1f})" for i in order)
