"""Whether to correct for batches, and how: candidates side by side, and a rule that may say "not at all"."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellprofiling.core import checks
from cellprofiling.core.columns import PLATE, WELL, By, Reference
from cellprofiling.core.errors import CellProfilingError, InputError, KeyMatchError
from cellprofiling.core.frame import feature_columns
from cellprofiling.core.ledgers import lines, written
from cellprofiling.profiles.comparison.candidates import Roles, named_candidates
from cellprofiling.profiles.comparison.choice import PRIMARY, Trial, best_variants, recommend
from cellprofiling.profiles.comparison.safety import (
    effects,
    hold_out,
)
from cellprofiling.profiles.comparison.scores import (
    HALVED,
    METRICS,
    batch_evidence,
)
from cellprofiling.profiles.comparison.screen import find_screen, look, view
from cellprofiling.profiles.comparison.trials import Run, Setting, halves, judge, run

STEP = "compare_corrections"
COLUMNS = [
    *("candidate", "variant", "group", "metric", "value", "low", "high"),
    *("difference", "difference_low", "difference_high", "n", "unit", "saw_labels", "note"),
]


def compare_corrections(
    profiles: pd.DataFrame,
    candidates: Mapping[str, Any] | None = None,
    *,
    batch: By,
    by: By,
    reference: Reference,
    plate: By = PLATE,
    well: str | None = WELL,
    label: str | None = None,
    features: Sequence[str] | str | None = None,
    saw_labels: Sequence[str] = (),
    neighbors: int = 90,
    draws: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """
    Return what each correction does to biology, to mixing and to the controls, with a recommendation.

    Parameters
    ----------
    profiles : pandas.DataFrame
        A profile table without missing feature values, one row per well, usually normalized by plate.
    candidates : dict or None, default None
        The corrections by name, the simplest first: a function of the profiles (called with ``seed=`` if it has such an
        argument), a list of steps or the name of a preset for `run_steps`, or a finished table with the same rows, such
        as an embedding made elsewhere. A dict of these is one candidate with several variants, of which one is chosen.
        None tries `correct_batch` with linear and combat learned on controls, combat, harmony learned on controls and
        harmony, and `whiten` with tvn. "none", the profiles as they are, is always compared.
    batch : str or list of str
        Metadata columns that say which batch a row belongs to.
    by : str or list of str
        Metadata columns that name a perturbation.
    reference : str, dict or array of bool
        Which rows are the negative controls. With a mask, functions cannot be tested on held-out controls.
    plate : str or list of str, default "Metadata_Plate"
        Metadata columns that name a plate.
    well : str or None, default "Metadata_Well"
        Column with the well; if there is none, position leakage is not told.
    label : str or None, default None
        Metadata column with the mechanism of each perturbation.
    features : list of str, "all", or None, default None
        Names of the features to correct and to score, "all" numbers without the prefix `Metadata_`, or None for what
        the grammar of feature names takes. A candidate without any of them, such as an embedding, is scored by what it
        has. Functions and lists of steps are not told.
    saw_labels : list of str, default ()
        Candidates that were trained on the perturbations that are scored here. They are flagged and never recommended;
        `correct_batch` flags itself.
    neighbors : int, default 90
        Number of neighbors in iLISI.
    draws : int, default 1000
        Number of bootstrap resamples.
    seed : int, default 0
        Seed of the halves, of the bootstrap and of the candidates.

    Returns
    -------
    pandas.DataFrame
        One row per ``candidate`` and ``metric``: ``group`` (biology, technical, safety, cost), ``value`` with a 95 %
        interval ``low`` to ``high``, its ``difference`` from "none" with that of the paired difference, on how many
        (``n``) of which ``unit``, whether the candidate ``saw_labels``, and a ``note`` where a value is missing, or to
        be read with caution. ``.attrs["recommendation"]`` is a plain record: ``sentence``, ``chosen``, ``variant``, the
        ``primary`` metric that decided, the ``difference`` it makes with its interval, and for each of ``candidates`` a
        ``verdict`` and a ``reason``, those that could not be run included.

    Raises
    ------
    InputError
        A column or a candidate that cannot be used, or only one batch.
    ReferenceRowsError
        A batch with fewer than two controls.
    KeyMatchError
        A candidate whose rows are not those of the profiles.

    See Also
    --------
    correct_batch : The corrections that are tried.
    plot.corrections : The figure of the table.
    write_comparison : The table as a page.

    Notes
    -----
    Biology is mean average precision by cosine, per perturbation, then over perturbations. A well looks for wells of
    the same perturbation

    - ``cross_batch_map``: in another batch, among other perturbations in its own batch, where a batch effect hurts most
    - ``activity_map``: on another plate, among the controls of its own plate
    - ``replicate_map``: on another plate, among other perturbations on its own plate
    - ``mechanism_map``: mean profiles look for perturbations of the same mechanism, in another batch if no perturbation
      is in two

    ``nearest_other_plate`` and ``nearest_same_plate`` are shares of treated wells. Mixing is measured on controls,
    because batches may differ in what else they hold: ``ilisi_controls`` and ``kbet_controls`` (1 is mixed),
    ``pcr_controls`` (share of the variance that batch explains); and within perturbations, ``bras``. Position leakage
    is the precision with which controls find those of their position on other plates.

    Safety: ``control_gap`` is the distance of the batches' controls from their common mean, in units of their spread.
    ``calibration`` runs the correction again with half of the controls disguised as perturbations, and gives the share
    that a permutation test at 5 % calls active. ``effect_preservation`` is the cosine between an effect measured inside
    its plates before, and from all controls after. ``seed_stability`` is the cosine between two seeds.

    Profiles are measured from the mean of all controls, so that embeddings and features can be compared.

    The rule: candidates are unsafe if, beyond their intervals, they move controls apart (gap + 0.05, PCR + 0.01), call
    more than 10 % of held-out controls active, lower effect preservation by more than 0.1, or have a seed stability
    below 0.9. Of the others those count whose paired interval on the primary metric lies above "none": cross-batch mAP,
    if perturbations are in several batches, else mechanism mAP, else activity mAP. The first of these within one
    standard error of the best is taken, and must be better than "none" on other perturbations too: one half is chosen
    on (the best variant as well), and the mAP columns of the table are those of the other half. If none is left, the
    recommendation is to correct nothing.

    That is also the recommendation if nothing says that there is a batch effect, whatever the candidates gain: Harmony
    pulls replicates of different batches together even where batches do not differ. The evidence is that wells find
    their replicates on plates of other batches less well than on other plates of their own batch, by more than pairs of
    plates vary. It can be had if two pairs of plates of one batch share perturbations.

    References
    ----------
    Arevalo, J. et al. (2024). Evaluating batch correction methods for image-based cell profiling. Nature Communications
    15. https://doi.org/10.1038/s41467-024-50613-5

    Luecken, M. D. et al. (2022). Benchmarking atlas-level data integration in single-cell genomics. Nature Methods 19.
    https://doi.org/10.1038/s41592-021-01336-8

    Examples
    --------
    >>> import cellprofiling as cpf
    >>> from cellprofiling.simulate.faults.batch_screen import simulate_batches
    >>> wells = simulate_batches("balanced", compounds=24, features=30).wells
    >>> center = [{"correct_batch": {"method": "linear", "batch": "@batch", "anchors": "reference",
    ...                              "reference": "@reference"}}]
    >>> table = cpf.compare_corrections(wells, {"center": center}, batch="Metadata_Batch", by="Metadata_Compound",
    ...                                 reference="Metadata_Role == 'negcon'")
    >>> table.attrs["recommendation"]["chosen"]
    'center'
    """
    checks.arguments(
        locals(),
        candidates=checks.optional(checks.mapping),
        batch=checks.columns,
        by=checks.columns,
        plate=checks.optional(checks.columns),
        well=checks.optional(checks.column),
        label=checks.optional(checks.column),
        saw_labels=checks.columns,
    )
    features = None if features is None else feature_columns(profiles, features)
    parts = look(profiles, features)
    screen = find_screen(profiles, parts, batch=batch, by=by, reference=reference, plate=plate, well=well, label=label)
    roles = Roles(batch, by, reference, plate, well, features)
    rng = np.random.default_rng(seed)
    held, given = hold_out(screen, rng), view(parts, screen)
    setting = Setting(profiles, roles, screen, held, given, effects(screen, given), neighbors, seed)
    runs, refused = [], {}
    for candidate in named_candidates(candidates):
        try:
            runs.append(run(candidate, setting))
        except KeyMatchError:
            raise
        except CellProfilingError as error:
            refused[candidate.called] = str(error)
    _refuse_unknown(saw_labels, [one.candidate.name for one in runs] + list(refused))
    chosen_on = halves(screen, rng)
    trials, primary = judge(runs, screen, chosen_on, saw_labels, draws, rng)
    kept = best_variants(trials, primary or PRIMARY[-1])
    evidence = batch_evidence(screen, given)
    record = recommend(kept, primary, refused, evidence) | {
        "batch_effect": [evidence.value, evidence.low, evidence.high],
        "fixed_layout": screen.fixed,
        "seed": seed,
    }
    by_name = {(one.candidate.name, one.candidate.variant): one for one in runs}
    table = pd.DataFrame(
        [row for trial in kept for row in _rows(trial, by_name[trial.name, trial.variant], ~chosen_on)], columns=COLUMNS
    )
    told = [line for name, reason in refused.items() for line in lines(STEP, "candidate", [name], reason)]
    table = written(table, profiles, new=told)
    table.attrs["recommendation"] = record
    return table


def _rows(trial: Trial, of: Run, shown: NDArray[np.bool_]) -> list[list[Any]]:
    rows: list[list[Any]] = []
    for metric in METRICS:
        start = [trial.name, trial.variant, metric.group, metric.name]
        if metric.name == "seconds":
            rows.append([*start, of.seconds, *[np.nan] * 5, 1, "run", trial.saw_labels, ""])
            continue
        sample = of.samples[metric.name]
        value, change = trial.shown[metric.name]
        counted = shown if metric.name in HALVED and len(sample.known) else True
        n = int((sample.known & counted).sum())
        numbers = [value.value, value.low, value.high, change.value, change.low, change.high]
        rows.append([*start, *numbers, n, sample.unit, trial.saw_labels, sample.note])
    return rows


def _refuse_unknown(saw_labels: Sequence[str], names: Sequence[str]) -> None:
    unknown = [name for name in saw_labels if name not in names]
    if unknown:
        raise InputError(f"saw_labels={unknown}: no such candidate; there are {', '.join(names)}.")
