"""Kinds of cells, how many of each there are in every well, and how varied the cells of a well are."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellprofiling.cells.kinds.subpopulation_methods import METHODS
from cellprofiling.cells.sampling.sampling import Sample, sample_cells, with_ledger
from cellprofiling.core import checks
from cellprofiling.core.columns import COUNT, PLATE, WELL, By, Reference
from cellprofiling.core.errors import InputError, one_of
from cellprofiling.core.ledgers import lines
from cellprofiling.core.progress import Tell
from cellprofiling.io.cells import Cells
from cellprofiling.io.storage.files import PathLike
from cellprofiling.kernels.arrays import Doubles, Indices
from cellprofiling.kernels.directions.principal import principal_directions
from cellprofiling.kernels.inference.composition import distance_to_normal, quadratic_entropy, share_of_outliers

N_COMPONENTS = 25
TEACHERS = 50  # cells of each well that the kinds are learned from, or as many as every well has
SHARE = "Subpopulation_"
SAMPLED = "Metadata_Sampled_Count"
INDICES = ("Heterogeneity_QuadraticEntropy", "Heterogeneity_DistanceToNormal", "Heterogeneity_Outliers")


def subpopulations(
    cells: pd.DataFrame | Cells | PathLike,
    *,
    reference: Reference,
    n: int = 8,
    method: str = "kmeans",
    by: By = None,
    plate: str | None = PLATE,
    well: str = WELL,
    platemap: pd.DataFrame | None = None,
    features: Sequence[str] | None = None,
    max_cells: int = 300,
    seed: int = 0,
    progress: Tell | None = None,
    **method_options: Any,
) -> pd.DataFrame:
    """
    Tell kinds of cells apart and count them in every well.

    Parameters
    ----------
    cells : pandas.DataFrame or Cells or str or os.PathLike
        One row per cell: a table, cells opened by `open_cells`, or what it can open. Files are read a plate at a time.
    reference : str, dict or sequence of bool
        Which wells are the negative controls: a query, ``{column: value}``, or, for a table, one boolean per row.
    n : int, default 8
        How many kinds.
    method : {"kmeans", "gmm"}, default "kmeans"
        ``"kmeans"``: a cell is of the kind whose center is nearest; option ``n_starts``. ``"gmm"``: a mixture of normal
        distributions, in which a cell may be of several kinds in part; options ``n_starts`` and ``ridge``.
    by : str or list of str or None, default None
        Metadata columns of the cells to put beside each well, such as those that name a perturbation; the columns of
        `platemap` come along in any case.
    plate : str or None, default "Metadata_Plate"
        The column of plates; cells are measured by the control cells of their own plate.
    well : str, default "Metadata_Well"
        The column of wells.
    platemap : pandas.DataFrame or None, default None
        One row per well, with what `reference` names; not needed where the cells have it.
    features : list of str or None, default None
        The features to look at; None takes all.
    max_cells : int, default 300
        Cells drawn at random from each well.
    seed : int, default 0
        Of everything random.
    progress : callable or None, default None
        Called with a `Progress` after each partition of the cells.
    **method_options
        Options of the method, named above.

    Returns
    -------
    pandas.DataFrame
        One row per well, sorted by plate and well: metadata, ``Metadata_Object_Count`` (all cells),
        ``Metadata_Sampled_Count`` (cells drawn), the shares ``Subpopulation_1`` to ``Subpopulation_n``, which add up to
        1, the most frequent among control cells first, and three indices of heterogeneity:
        ``Heterogeneity_QuadraticEntropy``, ``Heterogeneity_DistanceToNormal`` and ``Heterogeneity_Outliers``.

    Raises
    ------
    InputError
        If a column, the reference, the method or an option is unknown, there are fewer cells than kinds, or a plate has
        fewer than two control wells.

    See Also
    --------
    compare_subpopulations : Test perturbations for other shares than controls.

    Notes
    -----
    Cells are measured in robust z-scores by the control cells of their plate (within +-10, 0 where missing) and turned
    to their 25 first principal components. Components and kinds are learned from an equal number of cells of every
    well, 50 or as many as the smallest has, controls and others alike: no label has a say, so that a permutation of
    labels tests the shares. The kinds are a ruler, not a discovery: k-means cuts a cloud without clusters as well.

    The indices are those of Gough and others: the quadratic entropy sum d_ij p_i p_j, d_ij being the distance of the
    centers of kinds i and j over the mean of all such; the Kolmogorov-Smirnov distance of the cells to a normal
    distribution, mean over components; and the share of values beyond 1.5 quartile distances from the quartiles.

    References
    ----------
    Slack and others, PNAS 105, 19306 (2008), https://doi.org/10.1073/pnas.0807038105;
    Gough and others, PLoS ONE 9, e102678 (2014), https://doi.org/10.1371/journal.pone.0102678.

    Examples
    --------
    >>> import cellprofiling as cpf
    >>> screen = cpf.simulate_screen("hetero", compounds=12, controls=12, cells_per_well=40, features=40)
    >>> wells = cpf.subpopulations(
    ...     screen.cells, reference="Metadata_Role == 'negcon'", n=4, platemap=screen.platemap
    ... )
    >>> wells.filter(like="Subpopulation").shape
    (96, 4)
    """
    checks.arguments(locals(), plate=checks.optional(checks.column))
    one_of("method", method, METHODS)
    options = METHODS[method].chosen(method_options)
    names = [*([] if plate is None else [plate]), well]
    sample = sample_cells(
        cells,
        by=list(dict.fromkeys([*names, *([by] if isinstance(by, str) else by or [])])),
        reference=reference,
        treated=None,
        plate=plate,
        well=well,
        platemap=platemap,
        features=features,
        max_cells=max_cells,
        seed=seed,
        progress=progress,
        step="subpopulations",
    )
    learn, fewest = _teachers(sample)
    if not 2 <= n <= len(learn):
        raise InputError(f"n={n}: give a whole number from 2 to the number of cells to learn from, {len(learn)}.")
    turn = _components(sample.z[learn])
    x = sample.z.astype(np.float64) @ turn
    centers, membership = METHODS[method](x[learn], x, n, seed, **options)
    centers, shares = _ordered(sample, centers, membership)
    result = sample.wells.assign(
        **{
            COUNT: sample.n_cells,
            SAMPLED: np.diff(sample.starts),
            **{f"{SHARE}{i + 1}": shares[:, i] for i in range(n)},
            **_heterogeneity(sample, x, shares, centers),
        }
    )
    result = result.sort_values(names, kind="stable", ignore_index=True)
    note = f"learned from {fewest} cells of each well; at most {max_cells} were drawn"
    return with_ledger(result, cells, [*sample.new, *lines("subpopulations", "cell", ["all"], note, n=len(sample.z))])


def _teachers(sample: Sample) -> tuple[Indices, int]:
    """Return an equal number of cells of each well; those of a sample are in random order."""
    fewest = min(TEACHERS, int(np.diff(sample.starts).min()))
    return np.concatenate([np.arange(start, start + fewest) for start in sample.starts[:-1]]), fewest


def _components(z: NDArray[np.float32]) -> Doubles:
    """Return the first principal directions, shape (n_features, n_components)."""
    centered = z.astype(np.float64)
    centered -= centered.mean(axis=0)
    return principal_directions(centered, float(np.finfo(np.float32).eps))[1][:, :N_COMPONENTS]


def _ordered(sample: Sample, centers: Doubles, membership: Doubles) -> tuple[Doubles, Doubles]:
    """Return centers and shares of wells, the kind that is most frequent in control wells first."""
    shares = np.add.reduceat(membership, sample.starts[:-1]) / np.diff(sample.starts)[:, None]
    order = np.argsort(-shares[sample.is_control].mean(axis=0), kind="stable")
    return centers[order], shares[:, order]


def _heterogeneity(sample: Sample, x: Doubles, shares: Doubles, centers: Doubles) -> dict[str, Doubles]:
    wells = np.split(x, sample.starts[1:-1])
    return dict(
        zip(
            INDICES,
            (
                quadratic_entropy(shares, centers),
                np.array([distance_to_normal(part) for part in wells]),
                np.array([share_of_outliers(part) for part in wells]),
            ),
            strict=True,
        )
    )
