"""What changed: the effect of each perturbation on each feature, its size, and how sure it is."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellprofiling.core import checks
from cellprofiling.core.columns import PLATE, By, Reference
from cellprofiling.core.errors import one_of
from cellprofiling.core.frame import split
from cellprofiling.core.ledgers import Line, lines, written
from cellprofiling.core.question import ask
from cellprofiling.hits.design import Features, find_layout
from cellprofiling.hits.explanation.corrections import CORRECTIONS
from cellprofiling.hits.explanation.effect_sizes import SSMD, effect_sizes
from cellprofiling.hits.explanation.feature_models import MODELS, Comparison
from cellprofiling.kernels.inference.multiplicity import q_values
from cellprofiling.kernels.scale.order import content_order
from cellprofiling.kernels.scale.plate_scale import scale_by_plate

FAMILIES = ("all", "perturbation")
CONTROL_FITS = ("refit", "as_given")


def compare_features(
    profiles: pd.DataFrame,
    *,
    by: By,
    reference: Reference,
    model: str = "moderated",
    plate: str = PLATE,
    features: Features = None,
    correction: str = "benjamini_hochberg",
    family: str = "all",
    ssmd: str = "equal",
    level: float = 0.95,
    control_fit: str = "refit",
    within: By = None,
) -> pd.DataFrame:
    """
    Compare each feature of each perturbation with the controls of the same plates.

    Parameters
    ----------
    profiles : pandas.DataFrame
        One row per well: metadata and features, normalized or not. Missing values are left out feature by feature.
    by : str or list of str
        Metadata columns that name a perturbation.
    reference : str, dict or sequence of bool
        Which wells are the negative controls: a query, ``{column: value}``, or one boolean per row.
    model : {"moderated", "ordinary", "mixed"}, default "moderated"
        Where the p-value comes from. "moderated": t with the residual variance of each feature drawn towards that of
        all features. "ordinary": Student's t. "mixed": the effect may differ between plates, and plates instead
        of wells are the replicates; for perturbations with several wells on each of several plates.
    plate : str, default "Metadata_Plate"
        The column inside which wells are compared.
    features : list of str, "all" or None, default None
        Names of the features to compare; None for all.
    correction : {"benjamini_hochberg", "benjamini_yekutieli", "storey"}, default "benjamini_hochberg"
        How q-values are computed. Features of one well depend on each other; "benjamini_yekutieli" holds whatever the
        dependence, at a price.
    family : {"all", "perturbation"}, default "all"
        The tests among which the rate of false discoveries is kept: all rows, or those of each perturbation.
    ssmd : {"equal", "unequal", "paired"}, default "equal"
        The estimator of the strictly standardized mean difference: wells of a perturbation spread as controls do; each
        side has its own variance; or differences of wells from their plate are all there is.
    level : float, default 0.95
        Confidence of the interval of ``hedges_g``.
    control_fit : {"refit", "as_given"}, default "refit"
        "refit": each feature is first divided by its spread among **all** wells of the plate, so that an earlier
        normalization to the controls cancels. "as_given": profiles are compared as they stand; right only if no
        control was used to make them.
    within : str, list of str or None, default None
        Columns in which a well and its controls must agree beside the plate, as in `activity`; each stratum of a
        perturbation is a row.

    Returns
    -------
    pandas.DataFrame
        One row for each perturbation and feature, by key and in the order of the features: the `by` columns,
        ``feature``, ``n_wells``, ``n_controls``; the change in standard deviations of the controls within plates, as
        ``difference`` of means and ``median_difference``; ``robust_z`` (median over wells of the distance from the
        control median of the plate in 1.4826 MAD); ``cohen_d``, ``hedges_g`` with ``hedges_g_low`` and
        ``hedges_g_high``; ``ssmd``; ``ks`` (the largest gap between the cumulative distributions, positive if values
        are larger than in controls); ``t``, ``df``, ``p_value`` and ``q_value``.

    Raises
    ------
    InputError
        If a column, the reference or an option is unknown, or a plate has fewer than two controls.

    See Also
    --------
    activity : One test per perturbation, all features together.

    Notes
    -----
    With n wells and N controls on a plate, d the difference of their means and w = n N / (n + N), the effect is
    sum w d / sum w over plates: least squares with an intercept for each plate. s^2 is the residual variance, of
    treated and control wells about it; t = effect sqrt(sum w) / s. The moderated variance is (d0 s0^2 + df s^2) /
    (d0 + df), with s0^2 and d0 estimated from the variances of all features of the perturbation; a t is then compared
    with d0 + df degrees of freedom. Cohen's d is effect / s; Hedges' g is d times the exact factor that takes its bias
    away. "mixed" adds a variance of the effect between plates (restricted maximum likelihood, as `MixedLM` of
    statsmodels with plates as fixed effects) and compares with one degree of freedom less than there are plates; with
    one well on each plate it calls fewer than it may.

    Well medians already reflect the noise of cells. Rows that are cells give p-values that mean nothing: cells of one
    well are no replicates.

    A feature that has no spread on a plate is missing there; one whose controls have no spread has no value at all, and
    the ledger names it.

    References
    ----------
    Smyth, Stat. Appl. Genet. Mol. Biol. 3, 3 (2004), https://doi.org/10.2202/1544-6115.1027;
    Hedges, J. Educ. Stat. 6, 107 (1981), https://doi.org/10.3102/10769986006002107;
    Zhang, J. Biomol. Screen. 12, 497 (2007), https://doi.org/10.1177/1087057107300646;
    Benjamini and Yekutieli, Ann. Stat. 29, 1165 (2001), https://doi.org/10.1214/aos/1013699998.

    Examples
    --------
    >>> import cellprofiling as cpf
    >>> screen = cpf.simulate_screen("easy", compounds=6, cells_per_well=10, features=40)
    >>> wells = cpf.annotate(cpf.aggregate(screen.cells), screen.platemap)
    >>> changes = cpf.compare_features(wells, by="Metadata_Compound", reference="Metadata_Role == 'negcon'")
    >>> changes.groupby("Metadata_Compound")["feature"].count().unique().tolist()
    [40]
    >>> bool(changes["p_value"].between(0, 1).all())
    True
    """
    checks.arguments(locals(), by=checks.columns)
    for name, value, options in (
        ("model", model, MODELS),
        ("correction", correction, CORRECTIONS),
        ("family", family, FAMILIES),
        ("ssmd", ssmd, SSMD),
        ("control_fit", control_fit, CONTROL_FITS),
    ):
        one_of(name, value, options)
    layout = find_layout(profiles, ask(profiles, by, reference, plate=plate, within=within))
    table = split(profiles, features)
    x = scale_by_plate(table.x, layout.plate, rescale=control_fit == "refit")
    comparison = _ordered(x, layout.group, layout.plate, len(layout.keys), table.features)
    effects = effect_sizes(comparison, ssmd, level)
    test = MODELS[model](comparison)
    told = np.isfinite(effects["difference"])
    columns = effects | {name: np.where(told, values, np.nan) for name, values in test._asdict().items()}
    result = _tidy(layout.keys, table.features, columns)
    groups = np.repeat(np.arange(len(layout.keys)), len(table.features))
    result["q_value"] = q_values(result["p_value"].to_numpy(), correction, groups if family == "perturbation" else None)
    return written(
        result,
        profiles,
        new=[*layout.lines("compare_features"), *_notes(table.features, np.isnan(x) & ~np.isnan(table.x), told)],
    )


def _ordered(
    x: NDArray[np.float64],
    group: NDArray[np.intp],
    plate: NDArray[np.intp],
    n_groups: int,
    features: tuple[str, ...],
) -> Comparison:
    """Return wells in an order by content, plates numbered as they come: names and row order decide nothing."""
    order = content_order(x, np.argsort(np.array(features, dtype=str), kind="stable"))
    return Comparison(x[order], group[order], pd.factorize(plate[order])[0].astype(np.intp), n_groups)


def _tidy(keys: pd.DataFrame, features: tuple[str, ...], columns: dict[str, NDArray]) -> pd.DataFrame:
    """Return one row per perturbation and feature."""
    rows = keys.iloc[np.repeat(np.arange(len(keys)), len(features))].reset_index(drop=True)
    names = pd.Series(np.tile(np.array(features, dtype=object), len(keys)), name="feature").infer_objects()
    values = pd.DataFrame({name: value.ravel() for name, value in columns.items()})
    return pd.concat([rows, names, values], axis=1)


def _notes(features: tuple[str, ...], flat: NDArray[np.bool_], told: NDArray[np.bool_]) -> list[Line]:
    """Return ledger lines for features that are flat on a plate, and for effects that could not be computed."""
    step, item, found = "compare_features", "feature", []
    for i, name in enumerate(features):
        if flat[:, i].any():
            found += lines(step, item, [name], "no spread among the wells of a plate", n=flat[:, i].sum())
        if not told[:, i].all():
            reason = "no value, or no spread in the controls, for some perturbations"
            found += lines(step, item, [name], reason, n=(~told[:, i]).sum())
    return found
