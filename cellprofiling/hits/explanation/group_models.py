"""How the scores of wells become an effect with an interval and a p-value: one function per model."""

from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit

from cellprofiling.core.methods import Method, table_of
from cellprofiling.hits.explanation.feature_models import Comparison
from cellprofiling.kernels.arrays import Doubles
from cellprofiling.kernels.inference.effects import standardized_interval, unbiased
from cellprofiling.kernels.models.contrasts import Cells
from cellprofiling.kernels.models.moderated import two_sided

FEWEST_PLATES = 3  # two differences have an interval of any width


class GroupEffects(NamedTuple):
    """Hedges' g of each perturbation and group of features, shape (n_perturbations, n_groups) each."""

    effect: Doubles
    low: Doubles
    high: Doubles
    p_value: Doubles


def pooled(comparison: Comparison, level: float) -> GroupEffects:
    """Return effects for which wells and controls of a plate spread alike, around their own means."""
    found = comparison.contrast
    spread = np.sqrt(_positive(found.squares) / _positive(found.df))
    df = effective_df(comparison.cells)
    d = found.difference / spread
    low, high = standardized_interval(d, found.weight, df, level)
    p_value = two_sided(d * np.sqrt(_positive(found.weight)), df)
    return GroupEffects(d * unbiased(df), low, high, p_value)


def paired(comparison: Comparison, level: float) -> GroupEffects:
    """Return effects of which each plate gives one: the mean over plates, and Student's t of their spread."""
    cells, found = comparison.cells, comparison.contrast
    told = (cells.weight > 0).astype(np.float64)
    n = cells.total @ told
    mean = (cells.total @ (told * cells.difference)) / _positive(n)
    squares = cells.total @ (told * (cells.difference - np.nan_to_num(mean)[cells.of_group]) ** 2)
    free = np.where(n >= FEWEST_PLATES, n - 1, np.nan)
    error = np.sqrt(_positive(squares) / free / _positive(n))
    unit = unbiased(found.control_df) / np.sqrt(_positive(found.control_squares) / _positive(found.control_df))
    half = error * stdtrit(np.nan_to_num(free, nan=1.0), (1 + level) / 2)
    return GroupEffects(mean * unit, (mean - half) * unit, (mean + half) * unit, two_sided(mean / error, free))


def effective_df(cells: Cells) -> Doubles:
    """Return the degrees of freedom of the residual variance of each perturbation, when plates differ in it.

    Notes
    -----
    With v the residual variance of a plate on nu degrees of freedom, and w = n N / (n + N), they are (sum w v)^2 /
    sum ((w v)^2 / nu): those of Satterthwaite. Where all plates vary alike that is their sum; where one of them varies
    most it comes down to those of that plate.

    References
    ----------
    Satterthwaite, Biometrics Bull. 2, 110 (1946), https://doi.org/10.2307/3002019
    """
    nu = np.maximum(cells.n_control - 1, 0) + np.maximum(cells.n - 1, 0)
    share = cells.weight * (cells.squares + cells.control_squares) / np.maximum(nu, 1)
    squared = np.divide(share**2, nu, out=np.zeros_like(share), where=nu > 0)
    return (cells.total @ share) ** 2 / _positive(cells.total @ squared)


def _positive(values: Doubles) -> Doubles:
    return np.where(values > 0, values, np.nan)


MODELS = table_of(
    Method(
        "pooled",
        "Hedges' g of wells against the controls of their plates, the spread of both pooled over plates.",
        pooled,
        "Hedges, J. Educ. Stat. 6, 107 (1981), https://doi.org/10.3102/10769986006002107",
    ),
    Method(
        "paired",
        "The mean of the differences of plates, tested by Student's t over plates.",
        paired,
        needs=f"{FEWEST_PLATES} plates",
    ),
)
"""What an effect is judged by: a model takes scores in a `Comparison`, and a level of confidence."""
