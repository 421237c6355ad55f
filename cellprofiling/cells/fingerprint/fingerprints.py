"""What the distributions of the cells of each well are like: level, spread, and how features depend on each other."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cellprofiling.cells.aggregation import columns_left_out, nothing_left, summary_plan
from cellprofiling.cells.fingerprint.blocks import BLOCKS, DEPENDENCE, LEVELS, Block
from cellprofiling.cells.fingerprint.control_cells import find_controls, refuse_unread
from cellprofiling.cells.fingerprint.passes import Plates, Work, first_pass, second_pass
from cellprofiling.cells.fingerprint.sample import components as components_of
from cellprofiling.cells.source import source_of
from cellprofiling.core import checks
from cellprofiling.core.columns import PLATE, WELL, By, Reference
from cellprofiling.core.errors import FeatureError, InputError, one_of
from cellprofiling.core.frame import Table, join
from cellprofiling.core.ledgers import Line, lines, merged
from cellprofiling.core.progress import Counter, Tell
from cellprofiling.io.cells import Cells
from cellprofiling.io.objects.partitions import Partition, apart, stacked
from cellprofiling.io.storage.files import PathLike
from cellprofiling.kernels.arrays import Doubles, Mask

STEP = "fingerprint"


def fingerprint(
    cells: pd.DataFrame | Cells | PathLike,
    by: By = (PLATE, WELL),
    *,
    reference: Reference,
    platemap: pd.DataFrame | None = None,
    blocks: Sequence[str] = ("level", "spread", "dependence"),
    level: str = "mean",
    components: int = 25,
    clip: float = 10.0,
    features: Sequence[str] | None = None,
    min_cells: int = 1,
    exclude: Reference = None,
    progress: Tell | None = None,
) -> pd.DataFrame:
    """
    Describe the cells of each well by level, spread and dependence of their features, relative to control cells.

    Parameters
    ----------
    cells : pandas.DataFrame or Cells or str or os.PathLike
        A table with one row per cell, cells opened by `open_cells`, or what it can open. Files are read plate by plate,
        some features at a time, and twice if the dependence is asked for.
    by : str or list of str, default ("Metadata_Plate", "Metadata_Well")
        The metadata columns whose values make a group, a well as a rule. Cells are compared with the control cells of
        their plate if ``Metadata_Plate`` is among them, else with all control cells.
    reference : str, dict or array of bool
        Which wells are the controls: a query, ``{column: value}``, or, for a table in memory, one boolean per cell.
    platemap : pandas.DataFrame or None, default None
        One row per well, as `read_platemap` returns it: `reference` then speaks of its columns. Without it, it speaks
        of those of the cells.
    blocks : list of str, default ("level", "spread", "dependence")
        One or more of these.

        - ``"level"``: the mean (or median) z-score of each feature.
        - ``"spread"``: log(MAD + 0.05) + 1.4 / n of its z-scores in n cells.
        - ``"dependence"``: the covariance of the principal components of single cells.
        - ``"quantiles"``: 5, 25, 50, 75 and 95 % quantiles of the z-scores.
        - ``"ks"``: the statistic of Kolmogorov and Smirnov against the control cells of the plate, positive where
          values are larger. A control well is compared with the other control wells, here and in the next two.
        - ``"w1"``: the Wasserstein distance from them, signed like the difference of means.
        - ``"w2"``: the square of the second Wasserstein distance in three parts that add up to it: ``w2_location``,
          ``w2_size`` and ``w2_shape``.
    level : {"mean", "median"}, default "mean"
        What the level is.
    components : int, default 25
        Number of principal components; k of them make k (k + 1) / 2 columns.
    clip : float, default 10.0
        Where z-scores are cut; those beyond count as it.
    features : list of str or None, default None
        The features to describe; None takes all.
    min_cells : int, default 1
        Groups with fewer cells are left out.
    exclude : str, dict, array of bool or None, default None
        The cells to leave out, as in `aggregate`.
    progress : callable or None, default None
        Called with a `Progress` after each partition of the cells, in each pass.

    Returns
    -------
    pandas.DataFrame
        One row per group, sorted by key, with the metadata that `aggregate` gives. Each feature has a column for each
        block, ``Cells_AreaShape_Area__level`` and ``Cells_AreaShape_Area__spread``; the dependence is
        ``Dependence_PC01_PC01``, ``Dependence_PC01_PC02`` and so on.

    Raises
    ------
    ColumnError
        If a column of `by` is missing, or platemap and cells share no key.
    FeatureError
        If there is no feature with a spread among control cells, or one is text.
    InputError
        If a block or an option is unknown, or no group has `min_cells` cells.
    ReferenceRowsError
        If a plate has no control cells, or `reference` takes a part of a well.

    See Also
    --------
    activity : Test perturbations by each block with ``blocks=True``.
    aggregate : Plain statistics of the features as measured.

    Notes
    -----
    z = (x - median) / (1.4826 MAD), median and MAD being those of the control cells of the plate; where more than half
    of these tie, their standard deviation stands for the MAD. A feature without any spread among the control cells of a
    plate is left out, and the `ledger` names it.

    The logarithm of the MAD of n cells is too low by about 1.4 / n on average (of normal values), which is added to
    the spread: else few cells alone would look like little spread.

    The components are fitted on an equal number of cells of *every* well, treated or not: about 10,000 cells in all, of
    which the values decide which. Nothing about the labels enters, so that a test that permutes wells stays exact;
    components fitted on control wells would make these look more ordinary than any other well. They are whitened: in
    the sample they have variance one and no correlation. The covariance of a well is taken about its own mean and
    divided by n - 1, so that neither a shift nor the number of cells changes its expectation.

    Missing values are skipped, in the dependence they count as z = 0; infinite ones count as `clip`, in the spread as
    very large. A group with one cell has no spread and no dependence: they are missing. Results do not depend on the
    number of processors, nor on the order of rows but for the last digits. Memory is that of 32 features of a plate for
    each processor, and of the components of its cells.

    References
    ----------
    Rohban et al., Nat. Commun. 10, 2082 (2019), https://doi.org/10.1038/s41467-019-10154-8 (medians, MADs and
    covariances); Perlman et al., Science 306, 1194 (2004), https://doi.org/10.1126/science.1100709 (signed KS);
    Irpino and Verde, Adv. Data Anal. Classif. 9, 143 (2015), https://doi.org/10.1007/s11634-014-0176-4 (parts of W2).

    Examples
    --------
    >>> import cellprofiling as cpf
    >>> screen = cpf.simulate_screen("hetero", plates=1, compounds=6, controls=4, cells_per_well=40, features=20)
    >>> table = cpf.fingerprint(
    ...     screen.cells, reference="Metadata_Role == 'negcon'", platemap=screen.platemap, components=3
    ... )
    >>> list(table.columns[-3:])
    ['Dependence_PC02_PC02', 'Dependence_PC02_PC03', 'Dependence_PC03_PC03']
    >>> table.filter(like="__").shape
    (10, 40)
    """
    checks.arguments(locals(), blocks=checks.columns, level=checks.text, clip=checks.positive)
    wanted = _checked(blocks, level)
    source = source_of(cells)
    left_out_by = source.meant(exclude, "exclude", example="Metadata_QC_Flagged")
    source, controls = find_controls(source, reference, platemap)
    plan = summary_plan(source.schema, left_out_by, by, "mad", features, min_cells, also=controls.asked)
    refuse_unread(plan, controls, source.schema)
    sets = apart(source.partitions, [name for name in plan.by if name == PLATE])
    depends = DEPENDENCE in blocks
    work = Work(plan, controls, wanted, clip, Counter(sum(map(len, sets)) * (1 + depends), progress))
    found = _first(sets, work, depends)
    metadata = stacked([part.groups.metadata[part.groups.enough] for part in found])
    if metadata.empty:
        raise InputError(nothing_left(max(part.groups.most for part in found), exclude, min_cells))
    kept = ~np.any([part.flat for part in found], axis=0)
    if not kept.any():
        raise FeatureError(f"cells: none of {len(kept)} features has a spread among the control cells of every plate.")
    names, values = _of_features(found, work, kept)
    left_out = _left_out(found, plan.features, kept)
    if depends:
        loadings = components_of([part.sample for part in found], len(metadata), kept, components)
        pairs = [
            second_pass(pieces, work, part, loadings)[part.groups.enough]
            for pieces, part in zip(sets, found, strict=True)
        ]
        values = np.concatenate([values, np.concatenate(pairs)], axis=1)
        names += _pair_names(loadings.shape[1])
    varying = [str(name) for name in metadata if any(name in part.groups.varying for part in found)]
    order = metadata.sort_values(plan.by, kind="stable").index
    table = Table(metadata.loc[order].drop(columns=varying).reset_index(drop=True), values[order], tuple(names))
    return join(table, source=source.schema, new=[*columns_left_out(source.schema, plan, varying, STEP), *left_out])


def _checked(blocks: Sequence[str], level: str) -> list[Block]:
    """Return the blocks that have columns for each feature."""
    names = [blocks] if isinstance(blocks, str) else list(blocks)
    for name in names:
        one_of("blocks", name, [*BLOCKS, DEPENDENCE])
    if not names:
        raise InputError("blocks=[]: name one or more, such as 'level', 'spread', 'dependence'.")
    one_of("level", level, LEVELS)
    known = BLOCKS | {"level": Block(BLOCKS["level"].endings, LEVELS[level])}
    return [known[name] for name in dict.fromkeys(names) if name != DEPENDENCE]


def _first(sets: Sequence[list[Partition]], work: Work, depends: bool) -> list[Plates]:
    found: list[Plates] = []
    n_groups = 0
    for pieces in sets:
        part = first_pass(pieces, work, n_groups if depends else None)
        n_groups += int(part.groups.enough.sum())
        found.append(part)
    return found


def _of_features(found: Sequence[Plates], work: Work, kept: Mask) -> tuple[list[str], Doubles]:
    """Return names and values of the columns that belong to features, block by block."""
    endings = [ending for block in work.blocks for ending in block.endings]
    features = [name for name, keep in zip(work.plan.features, kept, strict=True) if keep]
    values = np.concatenate([part.values[:, part.groups.enough][:, :, kept] for part in found], axis=1)
    names = [f"{name}__{ending}" for ending in endings for name in features]
    return names, values.transpose(1, 0, 2).reshape(values.shape[1], -1)


def _pair_names(n: int) -> list[str]:
    return [f"Dependence_PC{i + 1:02d}_PC{j + 1:02d}" for i in range(n) for j in range(i, n)]


def _left_out(found: Sequence[Plates], features: Sequence[str], kept: Mask) -> list[Line]:
    flat = [name for name, keep in zip(features, kept, strict=True) if not keep]
    others = [line for part in found for line in part.groups.left_out]
    others = merged({**line, "step": STEP} if line["step"] == "aggregate" else line for line in others)
    return [*lines(STEP, "feature", flat, "no spread among the control cells of a plate"), *others]
