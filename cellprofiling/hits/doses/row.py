"""The row of one compound: the trend test, and the curve where there is a trend."""

from dataclasses import dataclass

import numpy as np

from cellprofiling.hits.doses.compound import Compound, build_compound, fitted_series
from cellprofiling.hits.doses.curve import ENDS, FEWEST_DOSES, VALUES, choose_curve, describe_curve
from cellprofiling.hits.doses.means import Controls, compute_controls, compute_means
from cellprofiling.hits.doses.response import DoseSeries
from cellprofiling.hits.doses.trend import Trend, TrendTest

UNKNOWN = dict.fromkeys((*VALUES, *ENDS, "bottom", "midpoint", "r_squared"), np.nan)
UNTESTED = {"trend_p_value": np.nan, "p_floor": np.nan, "control_sd": np.nan, "direction": "", "null_scheme": ""}


@dataclass(frozen=True)
class CompoundFitter:
    """What all compounds of a screen have in common.

    Attributes
    ----------
    controls : of the whole screen; None where the response is fitted to each compound.
    """

    series: DoseSeries
    controls: Controls | None
    test: TrendTest
    alpha: float
    confidence: float
    bootstraps: int

    def describe(self, group: int) -> dict:
        """Return the row of one compound."""
        compound = build_compound(self.series, group)
        row = _design(self.series, compound) | UNKNOWN | {"model": "none"}
        if compound.unfit:
            return row | UNTESTED | {"flag": "too few wells for a projection"}
        trend = self.test.test(compound)
        series, number, controls = self._responses(compound, group)
        row |= {
            "trend_p_value": trend.p_value,
            "p_floor": trend.p_floor,
            "direction": "up" if trend.sign > 0 else "down",
            "null_scheme": trend.scheme,
            "control_sd": controls.spread,
        }
        if word := self._why_no_curve(trend, row["n_doses"]):
            return row | {"flag": word}
        means = compute_means(series, number, controls)
        fit = choose_curve(means, trend.sign, controls)
        curve = describe_curve(means, fit, controls, trend.sign, seed=self.test.seed, confidence=self.confidence)
        return row | {"model": fit.model} | curve

    def _why_no_curve(self, trend: Trend, n_doses: int) -> str:
        if trend.p_floor > self.alpha:
            return "too few wells for a trend test"
        if trend.p_value > self.alpha:
            return "no trend"
        return "too few doses" if n_doses < FEWEST_DOSES else ""

    def _responses(self, compound: Compound, group: int) -> tuple[DoseSeries, int, Controls]:
        """Return the series that holds the responses of a compound, its number there, and the controls."""
        if self.controls is not None:
            return self.series, group, self.controls
        own = fitted_series(self.series, compound)
        return own, 0, compute_controls(own, self.bootstraps, self.test.seed)


def _design(series: DoseSeries, compound: Compound) -> dict:
    """Return how many wells a compound has, at which doses and where."""
    treated = compound.wells[compound.trial.own]
    log_dose = series.log_dose[treated]
    return {
        "n_doses": len(np.unique(log_dose)),
        "lowest_dose": float(10 ** log_dose.min()),
        "highest_dose": float(10 ** log_dose.max()),
        "n_wells": len(treated),
        "n_plates": len(np.unique(series.layout.plate[treated])),
        "n_controls": int(compound.trial.n_control.sum()),
    }
