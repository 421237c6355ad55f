"""The ways to normalize: what is measured on the reference rows of a group, and on those of several groups."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cellprofiling.core.methods import Method, table_of
from cellprofiling.kernels.arrays import Doubles, Floats, Indices
from cellprofiling.kernels.scale.normal_scores import fit_ranks
from cellprofiling.kernels.scale.pooled_scale import pooled_standard, pooled_winsorized
from cellprofiling.kernels.scale.scale import MAD_SCALE, fit_mad, fit_robust, fit_standard

NORMAL_IQR = 1.3489795003921634  # the interquartile range of normal values whose standard deviation is 1


@dataclass(frozen=True, kw_only=True)
class ScalingMethod(Method):
    """A way to normalize; its function measures the reference rows of one group.

    Attributes
    ----------
    pooled : the spread within several groups as a standard deviation; None where there is no spread to pool.
    unit : what one standard deviation of normal values is on the scale of the method, given its options.
    """

    pooled: Callable[[Floats, Indices], Doubles] | None
    unit: Callable[..., float]


def _one(**options: Any) -> float:  # noqa: ARG001
    return 1.0


def _normal_iqr() -> float:
    return NORMAL_IQR


def _of_mad(*, mad_scale: float) -> float:
    return mad_scale / MAD_SCALE


METHODS = table_of(
    ScalingMethod(
        "mad_robustize",
        "Centered on the median and divided by the median absolute deviation.",
        fit_mad,
        pooled=pooled_winsorized,
        unit=_of_mad,
    ),
    ScalingMethod(
        "robustize",
        "Centered on the median and divided by the interquartile range.",
        fit_robust,
        pooled=pooled_winsorized,
        unit=_normal_iqr,
    ),
    ScalingMethod(
        "standardize",
        "Centered on the mean and divided by the standard deviation.",
        fit_standard,
        pooled=pooled_standard,
        unit=_one,
    ),
    ScalingMethod(
        "rank_inverse_normal",
        "Each value replaced by the normal score of its rank among the reference rows.",
        fit_ranks,
        "Beasley, Erickson and Allison, Behav. Genet. 39, 580 (2009), https://doi.org/10.1007/s10519-009-9281-0",
        "many reference rows",
        pooled=None,
        unit=_one,
    ),
)
