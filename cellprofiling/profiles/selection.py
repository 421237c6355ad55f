"""Features that carry information of their own, and why the others were left out."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from cellprofiling.core.errors import FeatureError, InputError, one_of
from cellprofiling.core.frame import Reference, Table, join, rows, split
from cellprofiling.core.ledger import Line, lines
from cellprofiling.profiles.methods import chosen_options, options_of
from cellprofiling.profiles.selection_steps import STEPS

# Steps that judge a feature by itself come first; `correlation`, where one feature stands for others, comes last: what
# stands for others must not be dropped after them.
DEFAULT_STEPS = ("missing", "blocklist", "variance", "frequency", "outliers", "correlation")

Steps = str | Sequence[str | Mapping[str, Any]] | Mapping[str, Any] | None


def select_features(
    profiles: pd.DataFrame, steps: Steps = None, *, reference: Reference = None, features: Sequence[str] | None = None
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
    features : list of str or None, default None
        Names of the features to judge; None for all.

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

    Notes
    -----
    ===========  ================================================================================================
    step         drops a feature
    ===========  ================================================================================================
    missing      missing in more than `cutoff` (0.05) of the rows
    blocklist    on the list `features`; by default the 55 unreliable CellProfiler features of Way (2019)
    variance     whose variance, in the units of the data, is at most `cutoff` (1e-6)
    frequency    whose second most frequent value is less than `freq_cut` (0.05) as frequent as the first, and which
                 has fewer than `unique_cut` (0.01) distinct values per row (caret's rule; ``rule="or"`` for either)
    outliers     beyond `cutoff` (500) from zero in more than a `share` (0.01) of the rows
    correlation  of each group of features that say the same, all but one; no two features are left with
                 a Pearson ``|r|`` above `cutoff` (0.9)
    ===========  ================================================================================================

    The step correlation visits the features from the lowest to the highest mean ``|r|`` with all features (equal means:
    by name) and keeps one unless it correlates with a feature already kept. So every dropped feature has a kept one
    that says the same, whatever the order of the columns. Missing values are skipped pair by pair; a correlation over
    fewer than three rows counts as none.

    pycytominer drops the same features with ``{"missing": {}}``, ``{"variance": {}}``, ``{"frequency": {"rule":
    "or"}}`` and ``{"outliers": {"share": 0}}``. Its correlation_threshold differs: it overlooks negative correlations,
    and drops features whose only partner is dropped too.

    References
    ----------
    Way, G. P. (2019). Blacklist features - Cell Profiler. figshare. https://doi.org/10.6084/m9.figshare.10255811

    Kuhn, M. (2008). Building predictive models in R using the caret package. Journal of Statistical Software, 28(5).
    https://doi.org/10.18637/jss.v028.i05

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
    table, verdicts = _judged(profiles, steps, reference, features)
    dropped = verdicts[~verdicts["kept"]]
    gone = set(dropped["feature"])
    kept = np.array([name not in gone for name in table.features])
    if not kept.any():
        last = dropped["step"].iloc[-1]
        raise FeatureError(
            f"steps: {last!r} dropped the last of {len(kept)} features ({dropped['feature'].iloc[-1]!r}: "
            f"{dropped['reason'].iloc[-1]}); loosen its options or leave the step out; explain_selection shows the "
            "values."
        )
    return join(table.keep(kept), source=profiles, new=_ledger_lines(dropped))


def explain_selection(
    profiles: pd.DataFrame, steps: Steps = None, *, reference: Reference = None, features: Sequence[str] | None = None
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
    features : list of str or None, default None
        As in `select_features`.

    Returns
    -------
    pandas.DataFrame
        One row per step and feature that reached it: ``feature``, ``step``, ``value`` (share of missing rows, 1 if on
        the blocklist, variance, frequency ratio, share of rows beyond the cutoff, largest ``|r|`` with a kept feature),
        ``kept`` and ``reason`` (the value in words).

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
    return _judged(profiles, steps, reference, features)[1]


def _judged(
    profiles: pd.DataFrame, steps: Steps, reference: Reference, features: Sequence[str] | None
) -> tuple[Table, pd.DataFrame]:
    """Return the table, and for each step in turn the verdict on each feature left."""
    chosen = _chosen(steps)
    table, judges = split(profiles, features), rows(profiles, reference)
    left = Table(table.metadata[judges], table.x[judges], table.features)
    verdicts = []
    for step, options in chosen:
        judgment = STEPS[step](left, **options)
        verdicts.append(
            pd.DataFrame(
                {
                    "feature": left.features,
                    "step": step,
                    "value": judgment.value,
                    "kept": ~judgment.dropped,
                    "reason": judgment.reasons,
                }
            )
        )
        left = left.keep(~judgment.dropped)
        if not left.features:
            break
    return table, pd.concat(verdicts, ignore_index=True)


def _chosen(steps: Steps) -> list[tuple[str, dict[str, Any]]]:
    """Return the steps as (name, options), checked."""
    asked: list[tuple[str, Any]] = []
    for item in [steps] if isinstance(steps, str | Mapping) else DEFAULT_STEPS if steps is None else steps:
        asked += item.items() if isinstance(item, Mapping) else [(item, None)]
    if not asked:
        raise InputError(f"steps={steps!r}: no step; name some, or use None for {', '.join(DEFAULT_STEPS)}.")
    return [(one_of("steps", name, STEPS), _options(name, options)) for name, options in asked]


def _options(step: str, given: Any) -> dict[str, Any]:
    if not isinstance(given, Mapping | None):
        example = {step: options_of(STEPS[step])}
        raise InputError(f"steps={{{step!r}: {given!r}}}: write the options by name, such as {example}.")
    return chosen_options(step, STEPS[step], given or {})


def _ledger_lines(dropped: pd.DataFrame) -> list[Line]:
    return [
        line
        for feature, step, reason in zip(dropped["feature"], dropped["step"], dropped["reason"], strict=True)
        for line in lines("select_features", "feature", [feature], f"{step}: {reason}")
    ]
