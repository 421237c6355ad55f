"""The ways to normalize: what is measured on the reference rows of a group, and on those of several groups."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cellprofiling.kernels.arrays import Doubles, Floats, Indices
from cellprofiling.kernels.scale.normal_scores import fit_ranks
from cellprofiling.kernels.scale.pooled_scale import pooled_standard, pooled_winsorized
from cellprofiling.kernels.scale.scale import MAD_SCALE, Scaling, fit_mad, fit_robust, fit_standard

NORMAL_IQR = 1.3489795003921634  # the interquartile range of normal values whose standard deviation is 1


@dataclass(frozen=True)
class Method:
    """A way to normalize.

    Attributes
    ----------
    fit : measures the reference rows of one group; its keyword-only arguments are the options of the method.
    pooled : the spread within several groups as a standard deviation; None where there is no spread to pool.
    unit : what one standard deviation of normal values is on the scale of the method, given its options.
    """

    fit: Callable[..., Scaling]
    pooled: Callable[[Floats, Indices], Doubles] | None
    unit: Callable[..., float]


def _one(**options: Any) -> float:  # noqa: ARG001
    return 1.0


def _normal_iqr() -> float:
    return NORMAL_IQR


def _of_mad(*, mad_scale: float) -> float:
    return mad_scale / MAD_SCALE


METHODS: dict[str, Method] = {
    "standardize": Method(fit_standard, pooled_standard, _one),
    "robustize": Method(fit_robust, pooled_winsorized, _normal_iqr),
    "mad_robustize": Method(fit_mad, pooled_winsorized, _of_mad),
    "rank_inverse_normal": Method(fit_ranks, None, _one),
}
