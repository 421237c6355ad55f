"""Batches made comparable, where the design of the screen lets batch effects be told from biology."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellprofiling.core import checks
from cellprofiling.core.columns import By, Reference, named, require
from cellprofiling.core.errors import InputError, one_of
from cellprofiling.core.frame import Table, complete, join, split
from cellprofiling.core.ledgers import Line, lines
from cellprofiling.kernels.batches.combat import Adjustment
from cellprofiling.profiles.batch.batch_fit import BatchFit
from cellprofiling.profiles.batch.batch_methods import FITTED, METHODS, USES_LABELS, Learned, harmony
from cellprofiling.profiles.batch.design import STEP, WORDS, BatchDesign, find_batches
from cellprofiling.profiles.remainder import without_remainder


def correct_batch(
    profiles: pd.DataFrame,
    method: str,
    *,
    batch: By,
    anchors: Reference = None,
    reference: Reference = None,
    by: By = None,
    allow_confounded: bool = False,
    features: Sequence[str] | str | None = None,
    seed: int = 0,
    **method_options: Any,
) -> pd.DataFrame:
    """
    Return profiles with the differences between batches taken out.

    Parameters
    ----------
    profiles : pandas.DataFrame
        A profile table without missing feature values, usually normalized by plate.
    method : {"combat", "linear", "harmony"}
        How batch effects are modeled; see Notes.
    batch : str or list of str
        Metadata columns that say which batch a row belongs to. Several columns are the effects of a sum for `linear`
        (a batch, and a plate within it); for the other methods each combination is a batch.
    anchors : "reference", "shared", str, dict, array of bool, or None, default None
        Which rows batch effects are learned from: the `reference` rows; those and the rows of perturbations that are
        in every batch; or rows named as in `reference`. All rows are corrected. None learns from all rows, which is
        right only if batches hold the same perturbations.
    reference : str, dict, array of bool, or None, default None
        Which rows are controls (a query, ``{column: value}``, or a mask).
    by : str, list of str, or None, default None
        Metadata columns that name a perturbation. With them it is checked that batches have perturbations in common,
        and `linear` compares batches within perturbations.
    allow_confounded : bool, default False
        Whether to go on where no perturbation links the batches.
    features : list of str, "all", or None, default None
        Names of the features to correct, "all" numbers without the prefix `Metadata_`, or None for what the grammar of
        feature names takes.
    seed : int, default 0
        Seed of the random numbers of `harmony`; the others use none.
    **method_options : float, bool or str
        Of ``combat``: ``reference_batch=None`` (the batch that the others are brought to), ``mean_only=False``. Of
        ``harmony``: ``n_components=50`` (or a share of the variance, such as 0.98), ``output="features"`` or
        ``"embedding"``, ``theta=2``, ``ridge=1``, ``sigma=0.1``, ``iterations=10``, ``rounds=5``.

    Returns
    -------
    pandas.DataFrame
        The table with the same rows and features, corrected; or with ``output="embedding"`` the metadata and the
        coordinates ``Harmony1``, ``Harmony2``, .... Ledger lines say on how many rows the correction was learned, what
        could not be checked, and whether it saw the perturbation labels; other measurements are left out. With one
        batch the features stay as they are.

    Raises
    ------
    InputError
        No perturbation links the batches (see `allow_confounded`), or a method, an option or a batch that does not
        exist.
    ReferenceRowsError
        A batch with fewer than two rows to learn from, or for `linear` batches that cannot be compared.
    FeatureError
        Missing values.

    See Also
    --------
    fit_batch_correction : Keep what `combat` or `linear` learned.
    whiten : Its method `tvn` aligns the controls of batches in mean and covariance.

    Notes
    -----
    =======  =====================================================================================================
    method   a batch differs from the others
    =======  =====================================================================================================
    combat   in location and scale of each feature; estimates of a batch are drawn towards their mean over features,
             by as much as they scatter (empirical Bayes)
    linear   by a constant per feature and batch column, found by least squares together with the effects of the
             perturbations. Perturbations seen in one batch only tell nothing, and disturb nothing
    harmony  by a shift that differs between clusters of similar profiles. Works on principal components; the shift
             is turned back into features
    =======  =====================================================================================================

    Learned from all rows, `combat` and `harmony` take batches to be alike but for the batch effect. A batch that holds
    other compounds than the others breaks that: its controls are pushed away from those of other batches, and effects
    change direction, while every measure of mixing over all wells looks perfect. Learned from controls
    (``anchors="reference"``) this cannot happen.

    `combat` gives the numbers of the published method; a feature without spread in a batch is shifted and not scaled.
    `harmony` runs a fixed number of iterations in an order of rows by content, so neither the order of rows nor of
    columns changes the result. With anchors, clusters are formed by all rows, the whole batch is shifted by its
    anchors, and each cluster by the anchors it has.

    References
    ----------
    Johnson, W. E., Li, C. and Rabinovic, A. (2007). Adjusting batch effects in microarray expression data using
    empirical Bayes methods. Biostatistics 8(1). https://doi.org/10.1093/biostatistics/kxj037

    Korsunsky, I. et al. (2019). Fast, sensitive and accurate integration of single-cell data with Harmony. Nature
    Methods 16. https://doi.org/10.1038/s41592-019-0619-0

    Examples
    --------
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> wells = pd.DataFrame(
    ...     {
    ...         "Metadata_Batch": ["B1", "B1", "B1", "B2", "B2", "B2"],
    ...         "Metadata_Compound": ["DMSO", "DMSO", "taxol", "DMSO", "DMSO", "nocodazole"],
    ...         "Cells_AreaShape_Area": [9.0, 11, 15, 19, 21, 30],
    ...     }
    ... )
    >>> dmso = "Metadata_Compound == 'DMSO'"
    >>> cpf.correct_batch(wells, "linear", batch="Metadata_Batch", anchors="reference", reference=dmso)
      Metadata_Batch Metadata_Compound  Cells_AreaShape_Area
    0             B1              DMSO                  14.0
    1             B1              DMSO                  16.0
    2             B1             taxol                  20.0
    3             B2              DMSO                  14.0
    4             B2              DMSO                  16.0
    5             B2        nocodazole                  25.0
    """
    checks.arguments(locals(), batch=checks.columns, allow_confounded=checks.flag)
    one_of("method", method, METHODS)
    options = METHODS[method].chosen(method_options)
    table = complete(split(profiles, features))
    design = find_batches(
        profiles,
        table,
        batch=batch,
        by=by,
        anchors=anchors,
        reference=reference,
        allow_confounded=allow_confounded,
        uses_labels=method in USES_LABELS,
    )
    if method in FITTED:
        return _fitted(method, options, design).applied(table, profiles, _used(profiles, by, reference, anchors))
    moved = harmony(design, seed=seed, **options)
    names, columns = _named(table, moved.prefix, moved.x.shape[1])
    x = np.empty(moved.x.shape, dtype=table.x.dtype)
    x[np.ix_(design.order, columns)] = moved.x
    alone, left = without_remainder(table, STEP, [*design.batch, *_used(profiles, by, reference, anchors)])
    return join(replace(alone, x=x, features=names), source=profiles, new=[*left, *_notes(method, design)])


def fit_batch_correction(
    profiles: pd.DataFrame,
    method: str,
    *,
    batch: By,
    anchors: Reference = None,
    reference: Reference = None,
    by: By = None,
    allow_confounded: bool = False,
    features: Sequence[str] | str | None = None,
    **method_options: Any,
) -> BatchFit:
    """
    Return what `correct_batch` would learn from these profiles, to apply it to other profiles of the same batches.

    Parameters
    ----------
    profiles : pandas.DataFrame
        As in `correct_batch`.
    method : {"combat", "linear"}
        As in `correct_batch`. `harmony` places only the rows it is given, and has nothing to keep.
    batch : str or list of str
        As in `correct_batch`.
    anchors : "reference", "shared", str, dict, array of bool, or None, default None
        As in `correct_batch`.
    reference : str, dict, array of bool, or None, default None
        As in `correct_batch`.
    by : str, list of str, or None, default None
        As in `correct_batch`.
    allow_confounded : bool, default False
        As in `correct_batch`.
    features : list of str, "all", or None, default None
        As in `correct_batch`.
    **method_options : float, bool or str
        As in `correct_batch`.

    Returns
    -------
    BatchFit
        The fit, with ``.apply(profiles)`` and ``.save(path)``.

    Raises
    ------
    InputError
        As in `correct_batch`.

    See Also
    --------
    correct_batch : Fit and apply in one call.
    load_fit : Read a saved fit.

    Examples
    --------
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> controls = pd.DataFrame({"Metadata_Batch": ["B1", "B1", "B2", "B2"], "Cells_a": [9.0, 11, 19, 21]})
    >>> alike = "Metadata_Batch in ['B1', 'B2']"
    >>> fit = cpf.fit_batch_correction(controls, "linear", batch="Metadata_Batch", anchors=alike)
    >>> fit.apply(pd.DataFrame({"Metadata_Batch": ["B2"], "Cells_a": [30.0]}))
      Metadata_Batch  Cells_a
    0             B2     25.0
    """
    checks.arguments(locals(), batch=checks.columns, allow_confounded=checks.flag)
    one_of("method", method, METHODS)
    if method not in FITTED:
        raise InputError(
            f"method={method!r}: places only the rows it is given, so there is nothing to keep for others: use "
            f"correct_batch, or one of {', '.join(FITTED)}."
        )
    options = METHODS[method].chosen(method_options)
    design = find_batches(
        profiles,
        complete(split(profiles, features)),
        batch=batch,
        by=by,
        anchors=anchors,
        reference=reference,
        allow_confounded=allow_confounded,
        uses_labels=method in USES_LABELS,
    )
    return _fitted(method, options, design)


def _used(profiles: pd.DataFrame, by: By, reference: Reference, anchors: Reference) -> list[str]:
    """Return the columns that say which rows a correction compares."""
    queries = [query for query in (reference, anchors) if not isinstance(query, str) or query not in WORDS]
    return [*require(profiles, by, "by"), *(name for query in queries for name in named(query, profiles.columns))]


def _fitted(method: str, options: dict[str, Any], design: BatchDesign) -> BatchFit:
    nothing = np.zeros((1, len(design.features)))
    learned = Learned(Adjustment(nothing, nothing + 1, nothing[0]), [])
    if len(design.keys) > 1:
        learned = FITTED[method](design, **options)
    return BatchFit(
        method=method,
        options=options,
        batch=list(design.batch),
        features=[design.features[column] for column in design.columns],
        keys=list(design.keys),
        center=learned.adjustment.center,
        gain=learned.adjustment.gain,
        target=learned.adjustment.target,
        notes=[*_notes(method, design), *learned.notes],
    )


def _notes(method: str, design: BatchDesign) -> list[Line]:
    """Return the ledger lines of a correction: what it was learned on, and what else is to be said."""
    columns, n = ", ".join(design.batch), len(design.x)
    if len(design.keys) == 1:
        return lines(STEP, "batch", [method], f"nothing to correct: {columns} has one value", n=n)
    learned = f"{len(design.keys)} values of {columns}, learned on {int(design.anchors.sum())} of {n} rows"
    return [*lines(STEP, "batch", [method], learned, n=n), *design.notes]


def _named(table: Table, prefix: str | None, n_columns: int) -> tuple[tuple[str, ...], NDArray[np.intp]]:
    """Return the names of the new columns, and the place of each column of the result among them."""
    if prefix is None:
        return table.features, np.argsort(np.array(table.features, dtype=object))
    return tuple(f"{prefix}{i + 1}" for i in range(n_columns)), np.arange(n_columns)
