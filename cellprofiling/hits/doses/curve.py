"""The curve of one compound: which model, how potent, how sure, and in words what cannot be said."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, ndtr
from scipy.stats import t as student

from cellprofiling.core.methods import Method, table_of
from cellprofiling.hits.doses.means import Controls, Means, draw_means
from cellprofiling.kernels.arrays import Doubles
from cellprofiling.kernels.doses.curves import Curves, aicc, crossings, fit_curves, heights

BENCHMARK = 1.349  # standard deviations of controls: 10 % of treated wells lie beyond what 1 % of controls do
FEWEST_DOSES = 4  # a curve of three parameters goes through any three means
FALL = 3.0  # standard errors by which a response falls back from a lower dose before it counts as non-monotone
TINY = float(np.finfo(np.float64).eps) ** 2
VALUES = ("ec50", "bmc", "hill", "top")
ENDS = tuple(f"{name}_ci_{end}" for name in VALUES for end in ("low", "high"))


@dataclass(frozen=True, kw_only=True)
class CurveModel(Method):
    """A model of the means of a compound, fitted to them in a direction."""

    n_parameters: int


@dataclass(frozen=True)
class Fit:
    """The model that was chosen, as one curve; a constant is a curve whose top is its bottom.

    Attributes
    ----------
    left : the sum of squares that it leaves.
    free_bottom : the Akaike weight of "4pl" against "3pl".
    """

    model: str
    curve: Curves
    left: float
    free_bottom: float


def choose_curve(means: Means, sign: float, controls: Controls) -> Fit:
    """Return the model with the lowest corrected Akaike criterion: constant, 3pl (from the controls), 4pl.

    Notes
    -----
    Controls say how much wells vary without a dose, which counts where doses have few wells. They stand in the sum of
    squares with their variance, and in the number of values with at most as many wells as are treated: more of them
    would outvote treated wells that vary more than controls do.
    """
    fits = [model(means, sign) for model in MODELS.values()]
    left = np.array([fit.left[0] for fit in fits]) + means.within
    n_controls = min(means.n_controls, int(means.n.sum()))
    total = np.maximum(left + n_controls * controls.spread**2, TINY * (means.n * means.mean**2).sum())
    parameters = np.array([model.n_parameters for model in MODELS.values()])
    # The variance of the noise is a parameter more. A curve needs more doses than it has parameters.
    criterion = aicc(total, int(means.n.sum()) + n_controls, parameters + 1)
    criterion = np.where(len(means.n) > parameters, criterion, np.inf)
    best = int(criterion.argmin())
    weight = float(expit((criterion[1] - criterion[2]) / 2)) if np.isfinite(criterion[2]) else 0.0
    return Fit(list(MODELS)[best], fits[best], float(left[best]), weight)


def _constant(means: Means, _sign: float) -> Curves:
    level = np.average(means.mean, weights=means.n)
    flat = Curves(*(np.array([value]) for value in (level, level, means.log_dose[0], 1.0, 0.0)))
    return flat._replace(left=np.array([(means.n * (means.mean - level) ** 2).sum()]))


def _from_controls(means: Means, sign: float) -> Curves:
    return _fitted(means, means.mean[None], False, sign)


def _free(means: Means, sign: float) -> Curves:
    return _fitted(means, means.mean[None], True, sign)


HURVICH = "Hurvich and Tsai, Biometrika 76, 297 (1989), https://doi.org/10.1093/biomet/76.2.297"
MODELS = table_of(
    CurveModel("constant", "The same response at every dose.", _constant, HURVICH, n_parameters=1),
    CurveModel(
        "3pl",
        "A sigmoid curve that starts at the controls.",
        _from_controls,
        HURVICH,
        f"{FEWEST_DOSES} doses",
        n_parameters=3,
    ),
    CurveModel(
        "4pl",
        "A sigmoid curve with a start of its own.",
        _free,
        HURVICH,
        f"{FEWEST_DOSES + 1} doses",
        n_parameters=4,
    ),
)


def _fitted(means: Means, y: Doubles, free_bottom: bool, sign: float, all_starts: bool = True) -> Curves:
    return fit_curves(
        means.log_dose,
        means.n.astype(np.float64),
        y,
        free_bottom=free_bottom,
        directions=(sign,),
        all_starts=all_starts,
    )


def describe_curve(means: Means, fit: Fit, controls: Controls, sign: float, *, seed: int, confidence: float) -> dict:
    """Return the values of a fitted curve, their intervals and the flag."""
    estimates = _estimates(fit.curve, sign * BENCHMARK * np.array([controls.spread]), fit.model)
    found = {name: float(value[0]) for name, value in estimates.items()}
    row: dict[str, float | str] = {name: _inside(found[name], means.log_dose, name) for name in VALUES}
    row |= {"bottom": float(fit.curve.bottom[0]), "midpoint": 10 ** float(fit.curve.midpoint[0])}
    row["r_squared"] = _share_explained(means, fit)
    if fit.model == "constant":
        row |= dict.fromkeys(("midpoint", "hill", "top"), np.nan) | {"ec50": np.nan}
    intervals = _intervals(means, fit, controls, sign, seed=seed, confidence=confidence)
    row |= intervals
    row["flag"] = "; ".join(_words(found, means, fit, controls, row))
    return row


def _estimates(curves: Curves, benchmark: Doubles, model: str) -> dict[str, Doubles]:
    """Return EC50 and BMC as log10 doses, slope and top."""
    if model == "constant":
        beyond = curves.top * np.sign(benchmark) >= np.abs(benchmark)
        return {
            "ec50": np.full(len(beyond), np.nan),
            "bmc": np.where(beyond, -np.inf, np.inf),
            "hill": curves.hill,
            "top": curves.top,
        }
    return {"ec50": curves.midpoint, "bmc": crossings(curves, benchmark), "hill": curves.hill, "top": curves.top}


def _inside(value: float, log_dose: Doubles, name: str) -> float:
    """Return a potency as a dose if it lies among those tested; other values as they are."""
    if name not in ("ec50", "bmc"):
        return value
    return 10**value if log_dose[0] <= value <= log_dose[-1] else np.nan


def _intervals(
    means: Means, fit: Fit, controls: Controls, sign: float, *, seed: int, confidence: float
) -> dict[str, float]:
    """Return the ends of bootstrap intervals; potencies beyond the tested doses are 0 and infinity.

    Notes
    -----
    "3pl" and "4pl" each fit the share of the resamples that their Akaike weights give them (Buckland, Burnham and
    Augustin 1997). The percentiles lie further out than their names, as Student's t does than the normal distribution
    (Hesterberg 2015): a bootstrap of few wells varies too little.

    References
    ----------
    Buckland, Burnham and Augustin, Biometrics 53, 603 (1997), https://doi.org/10.2307/2533961;
    Hesterberg, Am. Stat. 69, 371 (2015), https://doi.org/10.1080/00031305.2015.1089789
    """
    if fit.model == "constant" or not len(controls.spread_draws):
        return dict.fromkeys(ENDS, np.nan)
    drawn = draw_means(means, _residuals(means, fit), controls, seed)
    n_free = round(fit.free_bottom * len(drawn))
    parts = [
        _fitted(means, part, free, sign, all_starts=False)
        for part, free in ((drawn[:n_free], True), (drawn[n_free:], False))
        if len(part)
    ]
    curves = Curves(*(np.concatenate(values) for values in zip(*parts, strict=True)))
    estimates = _estimates(curves, sign * BENCHMARK * controls.spread_draws, fit.model)
    tail = float(ndtr(student.ppf((1 - confidence) / 2, max(1, int(means.n.sum()) - MODELS[fit.model].n_parameters))))
    ends: dict[str, float] = {}
    for name, values in estimates.items():
        low, high = np.quantile(values, (tail, 1 - tail), method="inverted_cdf")  # no mixing of a dose with an infinity
        if name in ("ec50", "bmc"):
            low, high = _bounded(low, high, means.log_dose)
        ends |= {f"{name}_ci_low": float(low), f"{name}_ci_high": float(high)}
    return ends


def _bounded(low: float, high: float, log_dose: Doubles) -> tuple[float, float]:
    """Return an interval of log10 doses as doses, said no finer than the tested doses can say it."""
    first, last = log_dose[[0, -1]]
    return (
        0.0 if low < first else float(10 ** min(low, last)),
        np.inf if high > last else float(10 ** max(high, first)),
    )


def _residuals(means: Means, fit: Fit) -> Doubles:
    """Return the residuals of doses with a single well, widened for the parameters that they gave."""
    single = np.sort((means.mean - heights(means.log_dose, fit.curve)[0])[means.n == 1])
    return single * np.sqrt(len(single) / max(1, len(single) - MODELS[fit.model].n_parameters))


def _share_explained(means: Means, fit: Fit) -> float:
    total = means.within + float((means.n * (means.mean - np.average(means.mean, weights=means.n)) ** 2).sum())
    return 1 - fit.left / total if total > 0 else np.nan


def _words(found: dict[str, float], means: Means, fit: Fit, controls: Controls, row: dict) -> Iterator[str]:
    """Give what a reader must know before using the numbers."""
    low, high = means.log_dose[[0, -1]]
    if fit.model == "constant":
        yield "a constant fits as well"
    for name in ("ec50", "bmc"):
        if found[name] > high:
            yield f"{name} above the highest dose" + (" (extrapolated)" if np.isfinite(found[name]) else "")
        elif found[name] < low:
            yield f"{name} below the lowest dose" + (" (extrapolated)" if np.isfinite(found[name]) else "")
        elif np.isinf(row[f"{name}_ci_high"]):
            yield f"{name} has no upper limit within the doses"
        elif row[f"{name}_ci_low"] == 0:
            yield f"{name} has no lower limit within the doses"
    if falls_back(means, controls):
        yield "non-monotone"


def falls_back(means: Means, controls: Controls) -> bool:
    """Return whether some mean lies clearly nearer to the controls than that of a lower dose."""
    side = np.sign((means.n * means.mean).sum()) * means.mean
    free = int((means.n - 1).sum())
    spread = max(controls.spread, float(np.sqrt(means.within / free)) if free else 0.0)
    errors = spread * np.sqrt(1 / means.n[:, None] + 1 / means.n)
    falls = np.triu(side[:, None] - side, k=1)
    return bool((falls > FALL * errors).any())
