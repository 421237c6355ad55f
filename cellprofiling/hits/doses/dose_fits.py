"""Dose series: is there a trend, at which dose does a compound act, and how sure is that."""

import numpy as np
import pandas as pd

from cellprofiling.core import checks
from cellprofiling.core.columns import PLATE, By, Reference, is_metadata
from cellprofiling.core.ledgers import written
from cellprofiling.core.threads import over
from cellprofiling.hits.design import Features
from cellprofiling.hits.doses.compound import build_compound, fitted_series
from cellprofiling.hits.doses.curve import VALUES
from cellprofiling.hits.doses.means import compute_controls
from cellprofiling.hits.doses.response import ask_of_doses, build_series
from cellprofiling.hits.doses.row import CompoundFitter
from cellprofiling.hits.doses.trend import TrendTest
from cellprofiling.kernels.inference.multiplicity import benjamini_hochberg

PROJECTION = "projection"
COLUMNS = [
    *("trend_p_value", "trend_q_value", "p_floor", "direction", "model"),
    *(name for value in VALUES for name in (value, f"{value}_ci_low", f"{value}_ci_high")),
    *("bottom", "midpoint", "r_squared", "control_sd", "n_doses", "lowest_dose", "highest_dose"),
    *("n_wells", "n_plates", "n_controls", "null_scheme", "flag"),
]


def fit_doses(
    profiles: pd.DataFrame,
    *,
    by: By,
    dose: str,
    reference: Reference,
    response: str = PROJECTION,
    plate: str = PLATE,
    alpha: float = 0.05,
    permutations: int = 10_000,
    bootstraps: int = 200,
    confidence: float = 0.95,
    seed: int = 0,
    within: By = None,
    features: Features = None,
) -> pd.DataFrame:
    """
    Return at which dose each compound acts: a trend test, a curve, EC50 and benchmark concentration with intervals.

    Parameters
    ----------
    profiles : pandas.DataFrame
        One row per well: metadata and features, or at least the column `response`.
    by : str or list of str
        Metadata columns that name a compound; not the dose.
    dose : str
        The column of doses, above 0 for treated wells; what it says for controls is not read.
    reference : str, dict or sequence of bool
        Which wells are the negative controls. They count as dose 0.
    response : str, default "projection"
        What is fitted. ``"projection"``: how far a well lies from the controls of its plate along the way that the
        other wells of its compound go, in standard deviations of controls. ``"distance"``: how far its Mahalanobis
        distance from the controls lies beyond that of a control. Both can only rise. Or a numeric column, such as
        ``"Metadata_Object_Count"`` or a feature, which may fall as well.
    plate : str, default "Metadata_Plate"
        The column inside which wells are exchangeable.
    alpha : float, default 0.05
        A curve is fitted where the trend has a p-value of at most this.
    permutations : int, default 10_000
        Random arrangements per trend test, at most; a design with no more than this is enumerated.
    bootstraps : int, default 200
        Resamples per interval; 0 for no intervals.
    confidence : float, default 0.95
        Of the intervals.
    seed : int, default 0
        Seed of arrangements and resamples.
    within : str, list of str or None, default None
        Columns in which a well and its controls must agree beside the plate, as in `activity`; each stratum of a
        compound is a row.
    features : list of str, "all" or None, default None
        Which columns are measured; None takes what the names say (see `parse_features`).

    Returns
    -------
    pandas.DataFrame
        One row per compound, sorted by key: the `by` columns; ``trend_p_value``, ``trend_q_value`` (Benjamini-Hochberg
        over compounds), ``p_floor``; ``direction`` ("up", "down"); ``model`` ("constant", "3pl", "4pl", or "none"
        where no curve was fitted); ``ec50``, ``bmc``, ``hill`` and ``top``, each with ``_ci_low`` and ``_ci_high``;
        ``bottom``, ``midpoint`` (the middle of the curve, also where it lies outside the doses), ``r_squared``;
        ``control_sd``; ``n_doses``, ``lowest_dose``, ``highest_dose``, ``n_wells``, ``n_plates``, ``n_controls``,
        ``null_scheme``; ``flag``, empty or in words. Responses are differences from the control mean of the plate.

    Raises
    ------
    InputError
        If a column, the reference or an option cannot be used.

    See Also
    --------
    dose_responses : The responses of single wells.
    activity : The test of single doses.

    Notes
    -----
    Trend: whole wells, controls among them, are permuted inside plates; the statistic is the share of the sum of
    squares that a monotone function of the dose explains (Bartholomew), the control mean refitted in each arrangement;
    p = (b + 1) / (m + 1), ties count against the compound.

    Projection and distance: features are scaled by the spread of all wells of the plate, so that it does not matter
    whether profiles were scaled to controls. The metric is the inverse covariance of controls about the means of their
    plates, shrunk after Ledoit and Wolf and fitted on other folds of controls, for treated wells and controls alike. A
    whitening of all features on the controls cannot be undone so: give profiles from before it. The way of a
    projection is the sum of the differences of treated wells from the controls, times the level of their dose; wells
    are projected on the way of all other plates (of other parts of a plate, where there are fewer than three), which is
    fitted anew in each arrangement. A distance is the root, with its sign, of the squared distance less the mean of
    that of controls in other folds of the plate: the noise of many features is itself a distance, in which low doses
    would not be seen. The EC50 of a distance still is somewhat higher than that of the change for weak compounds.

    Curve: y = bottom + (top - bottom) / (1 + (midpoint / dose)^hill), by least squares; "3pl" starts at the controls
    (bottom 0), "4pl" does not; the corrected Akaike criterion chooses among them and a constant. The middle lies at
    most a decade outside the doses, the slope between 0.3 and 8, and the height is at most three times the largest
    mean response. Four doses are needed, five for "4pl".

    ``ec50`` is the middle of the curve and ``bmc`` the dose where it is 1.349 standard deviations of controls away from
    their mean. Both are missing where they lie outside the tested doses, and ``flag`` says on which side. Ends of
    their intervals that lie outside are 0 and infinity. Intervals are percentiles over resamples of wells within
    doses and of controls within plates; the model is kept.

    ``flag`` joins, with "; ": "too few wells for a projection"; "too few doses"; "too few wells for a trend test";
    "no trend"; "a constant fits as well";
    "ec50 above the highest dose (extrapolated)", "ec50 below the lowest dose (extrapolated)", and the same for bmc
    ("bmc above the highest dose" alone where the curve never reaches it); "ec50 has no upper limit within the doses"
    and the like; "non-monotone" (a mean falls back by more than three standard errors).

    References
    ----------
    Bartholomew, Biometrika 46, 36 (1959), https://doi.org/10.1093/biomet/46.1-2.36;
    Phipson and Smyth, Stat. Appl. Genet. Mol. Biol. 9, 39 (2010), https://doi.org/10.2202/1544-6115.1585;
    Ledoit and Wolf, J. Multivar. Anal. 88, 365 (2004), https://doi.org/10.1016/S0047-259X(03)00096-4;
    Hurvich and Tsai, Biometrika 76, 297 (1989), https://doi.org/10.1093/biomet/76.2.297;
    Rao and Wu, J. Am. Stat. Assoc. 83, 231 (1988), https://doi.org/10.1080/01621459.1988.10478591;
    Crump, Risk Anal. 15, 79 (1995), https://doi.org/10.1111/j.1539-6924.1995.tb00095.x (the benchmark).

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> rng = np.random.default_rng(0)
    >>> dose = np.r_[np.zeros(32), np.repeat([0.1, 0.3, 1, 3, 10, 30], 3)]
    >>> wells = pd.DataFrame({"Metadata_Plate": "P1", "Metadata_Compound": np.where(dose > 0, "a", "DMSO"),
    ...                       "Metadata_Dose": dose, "Cells_x": 5 * dose / (dose + 5) + 0.3 * rng.normal(size=50)})
    >>> fits = cpf.fit_doses(wells, by="Metadata_Compound", dose="Metadata_Dose", response="Cells_x",
    ...                      reference={"Metadata_Compound": "DMSO"})
    >>> fits[["model", "ec50", "bmc", "flag"]].round(1)
      model  ec50  bmc flag
    0   3pl   5.8  0.2
    """
    checks.arguments(locals(), by=checks.columns, response=checks.column)
    question = ask_of_doses(profiles, by, dose, reference, plate=plate, within=within)
    series = build_series(profiles, question, dose, response, features)
    controls = compute_controls(series, bootstraps, seed) if series.profiles is None else None
    fitter = CompoundFitter(
        series, controls, TrendTest(permutations, seed, series.rising), alpha, confidence, bootstraps
    )
    rows = over(fitter.describe, range(len(series.layout.keys)))
    fits = pd.concat([series.layout.keys, pd.DataFrame(rows)], axis=1)
    fits["trend_q_value"] = benjamini_hochberg(fits["trend_p_value"].to_numpy())
    fits.attrs["parameters"] = {
        "by": list(series.layout.keys.columns),
        "dose": dose,
        "response": response,
        "alpha": alpha,
        "confidence": confidence,
    }
    return written(fits[[*series.layout.keys.columns, *COLUMNS]], profiles, new=series.new)


def dose_responses(
    profiles: pd.DataFrame,
    *,
    by: By,
    dose: str,
    reference: Reference,
    response: str = PROJECTION,
    plate: str = PLATE,
    within: By = None,
    features: Features = None,
) -> pd.DataFrame:
    """
    Return the response of each well that `fit_doses` fits, as a difference from the controls of its plate.

    Parameters
    ----------
    profiles : pandas.DataFrame
        One row per well: metadata and features, or at least the column `response`.
    by, dose, reference, response, plate, within, features : optional
        As in `fit_doses`.

    Returns
    -------
    pandas.DataFrame
        The metadata of the treated wells with the column ``response``, in the order of rows; wells without one are left
        out.

    Raises
    ------
    InputError
        If a column or the reference cannot be used.

    See Also
    --------
    fit_doses : The curves.
    plot.doses : The figure of both.

    Examples
    --------
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> wells = pd.DataFrame({"Metadata_Plate": "P1", "Metadata_Compound": ["DMSO", "DMSO", "a", "a"],
    ...                       "Metadata_Dose": [0, 0, 1, 10], "Cells_x": [1.0, 3, 4, 6]})
    >>> cpf.dose_responses(wells, by="Metadata_Compound", dose="Metadata_Dose", response="Cells_x",
    ...                    reference={"Metadata_Compound": "DMSO"})["response"].tolist()
    [2.0, 4.0]
    """
    checks.arguments(locals(), by=checks.columns, response=checks.column)
    question = ask_of_doses(profiles, by, dose, reference, plate=plate, within=within)
    series = build_series(profiles, question, dose, response, features)
    if series.profiles is None:
        above = series.response - series.centers()[series.layout.plate]
    else:
        above = np.full(len(series.rows), np.nan)
        for compound in (build_compound(series, group) for group in range(len(series.layout.keys))):
            if not compound.unfit:
                own = fitted_series(series, compound)
                above[compound.wells[compound.trial.own]] = own.response[compound.trial.own]
    treated = ~series.layout.is_control
    table = profiles[[name for name in profiles.columns if is_metadata(name)]].iloc[series.rows[treated]]
    return written(table.assign(response=above[treated]), profiles, new=series.new)
