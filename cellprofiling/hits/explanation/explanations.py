"""What changed, in words: groups of features instead of single ones, each with an effect and a sentence."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from cellprofiling.core import checks
from cellprofiling.core.columns import PLATE, By, Reference
from cellprofiling.core.errors import one_of
from cellprofiling.core.frame import split
from cellprofiling.core.ledgers import lines, written
from cellprofiling.core.question import ask
from cellprofiling.hits.design import Features, find_layout
from cellprofiling.hits.explanation.corrections import CORRECTIONS
from cellprofiling.hits.explanation.feature_models import Comparison
from cellprofiling.hits.explanation.features import CONTROL_FITS, FAMILIES
from cellprofiling.hits.explanation.group_models import MODELS, GroupEffects
from cellprofiling.hits.explanation.groups import FeatureGroups, Groups, find_groups
from cellprofiling.hits.explanation.sentences import in_words, sentences
from cellprofiling.kernels.arrays import Doubles, Floats, Indices, Mask
from cellprofiling.kernels.inference.multiplicity import q_values
from cellprofiling.kernels.models.group_scores import group_scores
from cellprofiling.kernels.models.replicates import group_moments
from cellprofiling.kernels.scale.missing import fill_with_median
from cellprofiling.kernels.scale.order import content_order
from cellprofiling.kernels.scale.plate_scale import scale_by_plate

FOLDS = 5  # parts into which wells are dealt; the axis of a group is fitted on the controls of the other four


class OrderedWells(NamedTuple):
    """Wells in an order by content: values, group number (-1 for controls) and plate number."""

    x: Doubles
    group: Indices
    plate: Indices

    @property
    def is_control(self) -> Mask:
        """Which wells are controls."""
        return self.group < 0


def explain(
    profiles: pd.DataFrame,
    *,
    by: By,
    reference: Reference,
    groups: Groups = None,
    model: str = "pooled",
    plate: str = PLATE,
    features: Features = None,
    correction: str = "benjamini_hochberg",
    family: str = "all",
    fdr: float = 0.05,
    level: float = 0.95,
    control_fit: str = "refit",
    within: By = None,
) -> pd.DataFrame:
    """
    Say in words which groups of features each perturbation changes, by how much, and how sure that is.

    Parameters
    ----------
    profiles : pandas.DataFrame
        One row per well: metadata and features, normalized or not.
    by : str or list of str
        Metadata columns that name a perturbation.
    reference : str, dict or sequence of bool
        Which wells are the negative controls: a query, ``{column: value}``, or one boolean per row.
    groups : pandas.DataFrame, dict or None, default None
        Which features are one group. None: those of one compartment, group and channel by their names
        ("Nuclei Texture DNA"); features without such names, as axes of embeddings, are clustered by their correlation.
        Otherwise a table with the columns ``feature`` and ``group``, or ``{feature: group}``; features that it does not
        name are left out.
    model : {"pooled", "paired"}, default "pooled"
        What the effect is judged by. "pooled": the spread of wells about their means on each plate. "paired": each
        plate gives one difference, and their spread over plates is all that counts: the honest choice where the effect
        itself may differ from plate to plate, for perturbations on many plates; three at least.
    plate : str, default "Metadata_Plate"
        The column inside which wells are compared.
    features : list of str, "all" or None, default None
        Names of the features to use; None for all.
    correction : {"benjamini_hochberg", "benjamini_yekutieli", "storey"}, default "benjamini_hochberg"
        How q-values are computed.
    family : {"all", "perturbation"}, default "all"
        The tests among which the rate of false discoveries is kept: all rows, or the groups of each perturbation.
    fdr : float, default 0.05
        The q-value up to which a sentence speaks of a change.
    level : float, default 0.95
        Confidence of the intervals.
    control_fit : {"refit", "as_given"}, default "refit"
        "refit": each feature is first divided by its spread among **all** wells of the plate, so that an earlier
        normalization to the controls cancels. "as_given": right only if no control was used to make the profiles.
    within : str, list of str or None, default None
        Columns in which a well and its controls must agree beside the plate, as in `activity`; each stratum of a
        perturbation is a row.

    Returns
    -------
    pandas.DataFrame
        One row for each perturbation and group, by key and name: the `by` columns, ``group``, ``compartment``,
        ``feature_group``, ``channel``; ``effect`` (Hedges' g) with ``ci_low`` and ``ci_high``; ``p_value``,
        ``q_value``, ``rank`` of the size of the effect among those of the perturbation, ``n_wells``, ``n_plates``,
        ``n_controls``, ``n_features``; ``change`` (in words); ``driven_by``, the features that make most of the effect,
        each with its own change in standard deviations of controls; ``sentence``.

    Raises
    ------
    InputError
        If a column, the reference or an option is unknown, a plate has fewer than two controls, or a feature of
        `groups` does not exist.

    See Also
    --------
    summarize_hits : One row per perturbation.
    compare_features : The same comparison, feature by feature.

    Notes
    -----
    Features of a group say much the same, so the group and not the feature is tested. Its score is the first
    principal component of its features over control wells, each in standard deviations of controls about the mean of
    their plate. Wells are dealt into five parts and scored with the component of the controls of the other four: a
    component that is fitted on a well follows it. The sign of the score is that of its main measures where these have
    a direction (more intensity, larger, coarser, crowded), and otherwise makes the mean loading positive. A change that
    goes across the component, as controls never vary, shows in ``compare_features`` and not here.

    With d the difference between wells and controls of a plate, n and N their numbers and w = n N / (n + N), the effect
    is sum w d / sum w over plates, divided by the residual standard deviation s of wells and controls and multiplied by
    the exact factor that takes the bias of Cohen's d away. t = d sqrt(sum w) / s is compared with Student's
    distribution, with the degrees of freedom of Satterthwaite, as plates differ in how much their wells vary; the
    interval is that of the noncentral t. "paired" takes the mean of the differences of plates in standard deviations of
    controls, with the interval and the p-value of Student's t over plates.

    A permutation of whole wells inside plates could not do this work: one well on each of three plates with six
    controls has 343 assignments, so no p-value under 0.003, and none of a hundred compounds with twenty groups would
    pass a correction. The t has no smallest p-value; instead its calibration is part of the test suite.

    Missing values become the median of their plate.

    References
    ----------
    Hedges, J. Educ. Stat. 6, 107 (1981), https://doi.org/10.3102/10769986006002107;
    Satterthwaite, Biometrics Bull. 2, 110 (1946), https://doi.org/10.2307/3002019;
    Wu and Smyth, Nucleic Acids Res. 40, e133 (2012), https://doi.org/10.1093/nar/gks461, on tests that take the
    features of a group for independent.

    Examples
    --------
    >>> import cellprofiling as cpf
    >>> screen = cpf.simulate_screen("easy", compounds=6, cells_per_well=10, features=40)
    >>> wells = cpf.annotate(cpf.aggregate(screen.cells), screen.platemap)
    >>> table = cpf.explain(wells, by="Metadata_Compound", reference="Metadata_Role == 'negcon'")
    >>> table.columns[1:8].tolist()
    ['group', 'compartment', 'feature_group', 'channel', 'effect', 'ci_low', 'ci_high']
    >>> bool(table["p_value"].between(0, 1).all())
    True
    """
    checks.arguments(locals(), by=checks.columns)
    for name, value, options in (
        ("model", model, MODELS),
        ("correction", correction, CORRECTIONS),
        ("family", family, FAMILIES),
        ("control_fit", control_fit, CONTROL_FITS),
    ):
        one_of(name, value, options)
    layout = find_layout(profiles, ask(profiles, by, reference, plate=plate, within=within))
    table = split(profiles, features)
    names = tuple(sorted(table.features))
    columns = [table.features.index(name) for name in names]
    wells = _ordered(table.x[:, columns], layout.group, layout.plate, rescale=control_fit == "refit")
    grouped = find_groups(names, groups, wells.x)
    scores, loadings = group_scores(wells.x, wells.is_control, wells.plate, grouped.members, grouped.polarity, FOLDS)
    comparison = Comparison(scores, wells.group, wells.plate, len(layout.keys))
    result = _tidy(layout.keys, grouped, comparison, MODELS[model](comparison, level))
    families = np.repeat(np.arange(len(layout.keys)), len(grouped.members))
    result["q_value"] = q_values(
        result["p_value"].to_numpy(), correction, families if family == "perturbation" else None
    )
    change = _changes(wells, len(layout.keys))
    result = result.assign(**in_words(result["effect"].to_numpy(), change, grouped, loadings))
    result["sentence"] = sentences(result, layout.keys, fdr, level)
    untold = result.loc[result["p_value"].isna(), "group"].value_counts(sort=False)
    reason = "no p-value for some perturbations: fewer than 3 plates, or no spread in the controls"
    notes = [line for group, n in untold.items() for line in lines("explain", "group", [group], reason, n=n)]
    return written(result, profiles, new=[*layout.lines("explain"), *grouped.left_out, *notes])


def _ordered(x: Floats, group: Indices, plate: Indices, *, rescale: bool) -> OrderedWells:
    """Return wells about their plates in an order by content, plates numbered as they come: names decide nothing.

    Missing values and features without spread on a plate become 0: like the middle of the plate.
    """
    order = content_order(x)
    group, plate = group[order], pd.factorize(plate[order])[0].astype(np.intp)
    values = fill_with_median(x[order], plate)
    return OrderedWells(np.nan_to_num(scale_by_plate(values, plate, rescale=rescale)), group, plate)


def _tidy(keys: pd.DataFrame, grouped: FeatureGroups, comparison: Comparison, effect: GroupEffects) -> pd.DataFrame:
    """Return one row per perturbation and group, with the numbers."""
    n, found = len(grouped.members), comparison.contrast
    rows = keys.iloc[np.repeat(np.arange(len(keys)), n)].reset_index(drop=True)
    about = pd.concat([grouped.table] * len(keys), ignore_index=True)
    size = np.where(np.isnan(effect.effect), -1.0, np.abs(effect.effect))
    rank = np.argsort(np.argsort(-size, axis=1, kind="stable"), axis=1) + 1
    plates = [len(comparison.plates_of(group)) for group in range(len(keys))]
    values = {
        "effect": effect.effect.ravel(),
        "ci_low": effect.low.ravel(),
        "ci_high": effect.high.ravel(),
        "p_value": effect.p_value.ravel(),
        "q_value": np.nan,
        "rank": rank.ravel(),
        "n_wells": found.n.astype(np.intp).ravel(),
        "n_plates": np.repeat(plates, n),
        "n_controls": found.n_controls.astype(np.intp).ravel(),
        "n_features": np.tile([len(columns) for columns in grouped.members], len(keys)),
    }
    return pd.concat([rows, about, pd.DataFrame(values)], axis=1)


def _changes(wells: OrderedWells, n_groups: int) -> Doubles:
    """Return the mean change of each feature in standard deviations of controls of its plates; 0 without spread."""
    controls, treated = wells.is_control, ~wells.is_control
    n, middle, squares = group_moments(wells.x[controls], wells.plate[controls])
    centered = wells.x[treated] - middle[wells.plate[treated]]
    mean = group_moments(centered, wells.group[treated], n_groups)[1]
    on = np.zeros((n_groups, len(n)))
    on[wells.group[treated], wells.plate[treated]] = 1.0
    spread = np.sqrt((on @ squares) / (on @ (n[:, :1] - 1)))
    size = np.abs(middle).max(initial=0.0) + spread.max(initial=0.0)
    return np.divide(mean, spread, out=np.zeros_like(mean), where=spread > 1e-12 * size)
