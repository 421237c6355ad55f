"""How single cells are distributed: from a normal scale to the units of the microscope, by group of features.

Every map is monotone, gives the median at 0 and has about unit slope there, so that ranks, and with them everything
that is planted, survive.
"""

from collections.abc import Callable

import numpy as np

from cellprofiling.kernels.arrays import Doubles

Marginal = Callable[[Doubles, Doubles, Doubles], Doubles]  # z (n_cells, n_features), median and SD (n_features,)

FARTHEST = 10.0  # JUMP cells lie up to some hundred robust SDs out, which exp(0.7 * 10) reaches; none at 1e6


def lognormal(skew: float) -> Marginal:
    """Return a log-normal shape, shifted to stay positive; `skew` is its SD on the log scale."""

    def shape(z: Doubles, median: Doubles, sd: Doubles) -> Doubles:
        return median + sd / skew * np.expm1(skew * z)

    return shape


def bounded(low: float, high: float) -> Marginal:
    """Return a logistic-normal shape between two bounds: skewed away from the bound the median is close to."""

    def shape(z: Doubles, median: Doubles, sd: Doubles) -> Doubles:
        share = (median - low) / (high - low)
        slope = sd / (high - low) / (share * (1 - share))
        odds = share / (1 - share) * np.exp(slope * z)
        return low + (high - low) * odds / (1 + odds)

    return shape


def content(z: Doubles, median: Doubles, sd: Doubles) -> Doubles:
    """Return amounts whose logarithm is linear in z: two cell-cycle modes stay a factor of two apart."""
    return median * np.exp(z * sd / median)


def texture(z: Doubles, median: Doubles, sd: Doubles) -> Doubles:
    """Return a mild skew with heavy tails on both sides (sinh-arcsinh; Jones and Pewsey 2009)."""
    return median + sd * (np.sinh(np.arcsinh(z) + 0.3) - np.sinh(0.3))


# Shapes chosen so that skewness and kurtosis of two JUMP sites are met; tests/simulate/test_realism.py holds the bands.
MARGINALS: dict[str, Marginal] = {
    "mild": lognormal(0.25),
    "skewed": lognormal(0.35),
    "heavy": lognormal(0.7),
    "content": content,
    "texture": texture,
    "fraction": bounded(0, 1),
    "percent": bounded(0, 100),
    "correlation": bounded(-1, 1),
}
