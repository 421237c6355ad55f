"""Features that carry information of their own, and why the others were left out."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellprofiling.core import checks
from cellprofiling.core.columns import Reference, rows
from cellprofiling.core.errors import FeatureError, InputError, one_of
from cellprofiling.core.frame import Table, split
from cellprofiling.kernels.scale.order import content_order
from cellprofiling.profiles.selection.filters import STEPS
from cellprofiling.profiles.selection.selection_fit import Selection

# Steps that judge a feature by itself come first; `correlation`, where one feature stands for others, comes last: what
# stands for others must not be dropped after them.
DEFAULT_STEPS = ("missing", "blocklist", "variance", "frequency", "outliers", "correlation")

Steps = str | Sequence[str | Mapping[str, Any]] | Mapping[str, Any] | None
Chosen = list[tuple[str, dict[str, Any]]]


def select_features(
    profiles: pd.DataFrame,
    steps: Steps = None,
    *,
    reference: Reference = None,
    features: Sequence[str] | str | None = None,
) -> pd.DataFrame:
    """
    Return profiles without the features that carry no information of their own.

    Parameters
    ----------
    profiles : pandas.DataFrame
        A profile table, usually normalized: the cutoffs of some steps are in the units of the data.
    steps : str, list, dict, or None, default None
        What to drop, in this order: names of steps, or ``{name: {option: value}}``; see Notes. None runs all of them:
        missing, blocklist, variance, frequency, outliers, correlation.
    reference : str, dict, array of bool, or None, default None
        Which rows the features are judged by (a query, ``{column: value}``, or a mask); None for all rows.
    features : list of str, "all", or None, default None
        Names of the features to judge, "all" numbers without the prefix `Metadata_`, or None for what the grammar of
        feature names takes.

    Returns
    -------
    pandas.DataFrame
        The table without the dropped features, the others unchanged; one ledger line for each dropped feature says
        which step dropped it and why.

    Raises
    ------
    FeatureError
        A step drops the last feature.
    InputError
        A step, or an option of a step, that does not exist.

    See Also
    --------
    explain_selection : The values the features were judged by.
    fit_selection : Keep the decision, for another screen.

    Notes
    -----
    ===============  ============================================================================================
    step             drops a feature
    ===============  ============================================================================================
    missing          missing in more than `cutoff` (0.05) of the rows
    blocklist        on the list `features`, or whose name begins as the regular expression `pattern` says; by
                     default the 55 unreliable CellProfiler features of Way (2019)
    variance         whose variance, in the units of the data, is at most `cutoff` (1e-6)
    frequency        whose second most frequent value is less than `freq_cut` (0.05) as frequent as the first, and
                     which has fewer than `unique_cut` (0.01) distinct values per row (caret's rule; ``rule="or"``
                     for either)
    outliers         beyond `cutoff` (500) from zero in more than a `share` (0.01) of the rows
    low_variation    whose median absolute deviation is at most `cutoff` (0.001) times its median in any group of
                     `by` (Metadata_Plate); the JUMP recipe's rule for features before normalization
    noise            whose standard deviation among replicates, the mean over the groups of `by`, is above `cutoff`
                     (0.8); `ddof` (0) is subtracted from the number of replicates
    reproducibility  whose correlation between replicates (the intraclass correlation over the groups of `by`) is
                     below `cutoff` (0.1)
    correlation      of each group of features that say the same, all but one; no two features are left with
                     a Pearson ``|r|`` above `cutoff` (0.9). ``rule="pairwise"`` is pycytominer's
    keep             not among `features`: names, or a file with one name per line
    ===============  ============================================================================================

    The first five and correlation run by default. The steps noise and reproducibility need `by`, the metadata columns
    that replicates have in common: ``{"noise": {"by": "Metadata_Compound"}}``. A group of one row says nothing about
    replicates and is left out.

    The step correlation visits the features from the lowest to the highest mean ``|r|`` with all features (equal means:
    by name) and keeps one unless it correlates with a feature already kept. So every dropped feature has a kept one
    that says the same, whatever the order of the columns or rows. Missing values are skipped pair by pair; a
    correlation over fewer than three rows counts as none.

    pycytominer drops the same features with ``{"missing": {}}``, ``{"variance": {}}``, ``{"frequency": {"rule":
    "or"}}``, ``{"outliers": {"share": 0}}``, ``{"correlation": {"rule": "pairwise"}}`` and ``{"noise": {"by": ...}}``.
    Its correlation_threshold, the rule "pairwise", overlooks negative correlations and drops features whose only
    partner is dropped too; its noise_removal counts a group of one row as one without noise.

    References
    ----------
    Way, G. P. (2019). Blacklist features - Cell Profiler. figshare. https://doi.org/10.6084/m9.figshare.10255811

    Kuhn, M. (2008). Building predictive models in R using the caret package. Journal of Statistical Software, 28(5).
    https://doi.org/10.18637/jss.v028.i05

    Shrout, P. E. and Fleiss, J. L. (1979). Intraclass correlations: uses in assessing rater reliability. Psychological
    Bulletin, 86(2). https://doi.org/10.1037/0033-2909.86.2.420

    Examples
    --------
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> wells = pd.DataFrame(
    ...     {
    ...         "Metadata_Well": ["A01", "A02", "A03", "A04"],
    ...         "Cells_AreaShape_Area": [1.0, 2, 3, 5],
    ...         "Cells_AreaShape_Perimeter": [1.1, 2.1, 2.9, 5.2],
    ...         "Nuclei_Texture_Contrast_DNA": [0.0, 3, -1, 1],
    ...     }
    ... )
    >>> cpf.select_features(wells, ["missing", {"correlation": {"cutoff": 0.95}}])
      Metadata_Well  Cells_AreaShape_Perimeter  Nuclei_Texture_Contrast_DNA
    0           A01                        1.1                          0.0
    1           A02                        2.1                          3.0
    2           A03                        2.9                         -1.0
    3           A04                        5.2                          1.0
    """
    checks.arguments(locals(), steps=checks.optional(checks.steps))
    table, verdicts, chosen = _judged(profiles, steps, reference, features)
    return _decided(table, verdicts, chosen, features is None).applied(table, profiles)


def fit_selection(
    profiles: pd.DataFrame,
    steps: Steps = None,
    *,
    reference: Reference = None,
    features: Sequence[str] | str | None = None,
) -> Selection:
    """
    Return what `select_features` would decide, to keep the same features in other tables.

    Parameters
    ----------
    profiles : pandas.DataFrame
        As in `select_features`.
    steps : str, list, dict, or None, default None
        As in `select_features`.
    reference : str, dict, array of bool, or None, default None
        As in `select_features`.
    features : list of str, "all", or None, default None
        As in `select_features`.

    Returns
    -------
    Selection
        The decision, with ``.kept``, ``.dropped``, ``.apply(profiles)`` and ``.save(path)``.

    Raises
    ------
    InputError
        As in `select_features`.

    See Also
    --------
    select_features : Decide and apply in one call.
    load_fit : Read a saved selection.

    Examples
    --------
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> march = pd.DataFrame({"Cells_AreaShape_Area": [1.0, 2, 4], "Cells_AreaShape_EulerNumber": [1.0, 1, 1]})
    >>> selection = cpf.fit_selection(march, "variance")
    >>> selection.apply(pd.DataFrame({"Cells_AreaShape_Area": [3.0], "Cells_AreaShape_EulerNumber": [2.0]}))
       Cells_AreaShape_Area
    0                   3.0
    """
    checks.arguments(locals(), steps=checks.optional(checks.steps))
    table, verdicts, chosen = _judged(profiles, steps, reference, features)
    return _decided(table, verdicts, chosen, features is None)


def explain_selection(
    profiles: pd.DataFrame,
    steps: Steps = None,
    *,
    reference: Reference = None,
    features: Sequence[str] | str | None = None,
) -> pd.DataFrame:
    """
    Return the value of each feature in each step that `select_features` would run.

    Parameters
    ----------
    profiles : pandas.DataFrame
        As in `select_features`.
    steps : str, list, dict, or None, default None
        As in `select_features`.
    reference : str, dict, array of bool, or None, default None
        As in `select_features`.
    features : list of str, "all", or None, default None
        As in `select_features`.

    Returns
    -------
    pandas.DataFrame
        One row per step and feature that reached it: ``feature``, ``step``, ``value`` (share of missing rows, 1 if on
        the list, variance, frequency ratio, share of rows beyond the cutoff, smallest MAD per median, mean standard
        deviation among replicates, intraclass correlation, largest ``|r|`` with a kept feature), ``kept`` and
        ``reason`` (the value in words).

    Raises
    ------
    InputError
        A step, or an option of a step, that does not exist.

    See Also
    --------
    select_features : Drop these features.

    Examples
    --------
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> wells = pd.DataFrame({"Cells_AreaShape_Area": [1.0, 2, 4], "Cells_AreaShape_EulerNumber": [1.0, 1, 1]})
    >>> cpf.explain_selection(wells, "variance")[["feature", "step", "kept", "reason"]]
                           feature      step   kept         reason
    0         Cells_AreaShape_Area  variance   True   variance 1.6
    1  Cells_AreaShape_EulerNumber  variance  False     variance 0
    """
    checks.arguments(locals(), steps=checks.optional(checks.steps))
    return _judged(profiles, steps, reference, features)[1]


def _judged(
    profiles: pd.DataFrame, steps: Steps, reference: Reference, features: Sequence[str] | str | None
) -> tuple[Table, pd.DataFrame, Chosen]:
    """Return the table, for each step in turn the verdict on each feature left, and the steps."""
    chosen = _chosen(steps)
    table, judges = split(profiles, features), rows(profiles, reference)
    left, place = _canonical(table, np.flatnonzero(judges))
    verdicts = []
    for step, options in chosen:
        judgment = STEPS[step](left, **options)
        verdict = pd.DataFrame({"feature": left.features, "step": step, "value": judgment.value})
        verdict["kept"], verdict["reason"] = ~judgment.dropped, judgment.reasons
        verdicts.append(verdict.iloc[np.argsort([place[name] for name in left.features])])
        left = left.keep(~judgment.dropped)
        if not left.features:
            break
    return table, pd.concat(verdicts, ignore_index=True), chosen


def _canonical(table: Table, judges: NDArray[np.intp]) -> tuple[Table, dict[str, int]]:
    """Return the rows that judge, columns and rows in an order of their own, and where each feature stood."""
    columns = np.argsort(table.features)
    x = table.x[np.ix_(judges, columns)]
    order = content_order(x)
    names = tuple(table.features[i] for i in columns)
    return Table(table.metadata.iloc[judges[order]], x[order], names), {n: i for i, n in enumerate(table.features)}


def _decided(table: Table, verdicts: pd.DataFrame, chosen: Chosen, judged_all: bool) -> Selection:
    """Return the decision; it must leave a feature."""
    gone = verdicts[~verdicts["kept"]]
    if len(gone) == len(table.features):
        last = gone.iloc[-1]
        raise FeatureError(
            f"steps: {last['step']!r} dropped the last of {len(gone)} features ({last['feature']!r}: "
            f"{last['reason']}); loosen its options or leave the step out; explain_selection shows the values."
        )
    reasons = gone["step"] + ": " + gone["reason"]
    dropped = dict(zip(gone["feature"], reasons, strict=True))
    kept = [name for name in table.features if name not in dropped]
    return Selection([[step, _in_text(options)] for step, options in chosen], kept, dropped, judged_all)


def _in_text(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, Path) else value for name, value in options.items()}


def _chosen(steps: Steps) -> Chosen:
    """Return the steps as (name, options), checked."""
    asked: list[tuple[str, Any]] = []
    for item in [steps] if isinstance(steps, str | Mapping) else DEFAULT_STEPS if steps is None else steps:
        asked += item.items() if isinstance(item, Mapping) else [(item, None)]
    if not asked:
        raise InputError(f"steps={steps!r}: no step; name some, or use None for {', '.join(DEFAULT_STEPS)}.")
    return [(one_of("steps", name, STEPS), _options(name, options)) for name, options in asked]


def _options(step: str, given: Any) -> dict[str, Any]:
    if not isinstance(given, Mapping | None):
        example = {step: STEPS[step].options}
        raise InputError(f"steps={{{step!r}: {given!r}}}: write the options by name, such as {example}.")
    return STEPS[step].chosen(given or {})
