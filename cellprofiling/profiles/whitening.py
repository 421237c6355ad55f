"""Features made uncorrelated, each of variance one, as measured on reference rows."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellprofiling.core import checks
from cellprofiling.core.columns import By, Reference, rows
from cellprofiling.core.errors import FeatureError, InputError, listed, one_of
from cellprofiling.core.frame import complete, split
from cellprofiling.core.ledgers import written
from cellprofiling.profiles.fits import group_keys
from cellprofiling.profiles.strata import group_columns, stratum_lines
from cellprofiling.profiles.whitening_fit import METHODS, STEP, WhiteningFit, flat_features

LEDOIT_WOLF = "ledoit_wolf"


def whiten(
    profiles: pd.DataFrame,
    method: str = "zca_cor",
    *,
    reference: Reference = None,
    shrinkage: str | float | None = LEDOIT_WOLF,
    by: By = None,
    within: By = None,
    features: Sequence[str] | str | None = None,
) -> pd.DataFrame:
    """
    Return profiles with uncorrelated features of variance one, as measured on the reference rows.

    Parameters
    ----------
    profiles : pandas.DataFrame
        A profile table without missing feature values, usually normalized.
    method : {"zca_cor", "zca", "pca_cor", "pca", "tvn"}, default "zca_cor"
        What the features become; see Notes.
    reference : str, dict, array of bool, or None, default None
        Which rows are to have the covariance I (a query, ``{column: value}``, or a mask), usually the controls; None
        for all rows.
    shrinkage : "ledoit_wolf", float or None, default "ledoit_wolf"
        How much of a multiple of I is mixed into the covariance before it is inverted: the share that Ledoit and Wolf
        estimate, or a share from 0 to 1. None or 0 whitens the reference rows exactly, which needs more of them than
        features, and amplifies noise unless there are many times more.
    by : str, list of str, or None, default None
        Metadata columns; each group is whitened by its own reference rows. For `tvn` the batches that are aligned.
    within : str, list of str, or None, default None
        Metadata columns such as "Metadata_Cell_Line" in which a row agrees with the reference rows it is compared with:
        they make groups beside `by`. None says nothing: cell lines or time points that share a plate and whose controls
        differ beyond chance are then named in the ledger. [] says that there are none to heed.
    features : list of str, "all", or None, default None
        Names of the features to whiten, "all" numbers without the prefix `Metadata_`, or None for what the grammar of
        feature names takes.

    Returns
    -------
    pandas.DataFrame
        The metadata, and the whitened features, or the components ``PC1``, ``PC2``, ... for `pca`, `pca_cor` and `tvn`.
        Ledger lines name the features without spread in the reference, which are dropped, other measurements, which are
        left out, and references of fewer rows than twice the number of features.

    Raises
    ------
    ReferenceRowsError
        Fewer than two reference rows, or without shrinkage no more than there are features.
    FeatureError
        Missing values, or no feature with a spread.
    InputError
        A method that does not exist, a shrinkage beyond 0 to 1, `tvn` without `by`, or `by` with `pca` or `pca_cor`,
        whose components would be other axes in each group.

    See Also
    --------
    fit_whitening : Keep what was learned, for later plates.

    Notes
    -----
    With R the covariance of the reference rows (for the methods "_cor" after scaling each feature to variance one),
    divided by n - 1, and R = U L U' its eigenvectors and eigenvalues:

    =======  =====================================================================================================
    method   a centered (and scaled) profile z becomes
    =======  =====================================================================================================
    pca      z U L^(-1/2): one component per direction, the direction of the largest variance first
    pca_cor  the same on scaled features, so that units do not count
    zca      z U L^(-1/2) U': features, each as close as possible to what it was
    zca_cor  the same on scaled features
    tvn      as pca_cor; then the rows of each batch are centered on the reference rows of the batch and multiplied by
             the covariance of these to the power -1/2 (shrunk too). Batches differ neither in the mean nor in the
             covariance of their controls afterwards
    =======  =====================================================================================================

    Shrinkage replaces R by (1 - s) R + s m I, where m is the mean of its diagonal. A component is turned so that its
    largest loading is positive; directions in which the reference does not spread at all have no component, but are
    kept by `zca` and `zca_cor`. Neither the order of rows nor of columns changes the result.

    The published TVN leaves the batch means in place, so that it needs features standardized by plate, and adds 0.5 I
    to each covariance; here batches are centered, and the amount is estimated.

    With fewer reference rows than features shrinkage keeps whitening defined, but wells of the same law as the
    reference still come out longer than the reference itself, twice as long with a tenth as many rows as features:
    select features first.

    pycytominer's spherize with its four methods is ``shrinkage=0`` to within its epsilon, which is added to singular
    values and so counts for less the more rows there are.

    References
    ----------
    Kessy, A., Lewin, A. and Strimmer, K. (2018). Optimal whitening and decorrelation. The American Statistician 72(4).
    https://doi.org/10.1080/00031305.2016.1277159

    Ledoit, O. and Wolf, M. (2004). A well-conditioned estimator for large-dimensional covariance matrices. Journal of
    Multivariate Analysis 88(2). https://doi.org/10.1016/S0047-259X(03)00096-4

    Ando, D. M., McLean, C. Y. and Berndl, M. (2017). Improving phenotypic measurements in high-content imaging screens.
    bioRxiv. https://doi.org/10.1101/161422

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> import cellprofiling as cpf
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(50, 1)) + 0.1 * rng.normal(size=(50, 2))
    >>> wells = pd.DataFrame(x, columns=["Cells_AreaShape_Area", "Cells_AreaShape_Perimeter"])
    >>> wells.corr().iloc[0, 1].round(2)
    np.float64(0.99)
    >>> (cpf.whiten(wells, shrinkage=0).cov().round(6) + 0).to_numpy()
    array([[1., 0.],
           [0., 1.]])
    """
    checks.arguments(locals())
    fit = fit_whitening(
        profiles, method, reference=reference, shrinkage=shrinkage, by=by, within=within, features=features
    )
    new = stratum_lines(STEP, profiles, [*fit.features, *fit.flat], by=by, within=within, reference=reference)
    whitened = fit.apply(profiles)
    return written(whitened, whitened, new=new)


def fit_whitening(
    profiles: pd.DataFrame,
    method: str = "zca_cor",
    *,
    reference: Reference = None,
    shrinkage: str | float | None = LEDOIT_WOLF,
    by: By = None,
    within: By = None,
    features: Sequence[str] | str | None = None,
) -> WhiteningFit:
    """
    Return what `whiten` would learn from these profiles, to apply it to other profiles.

    Parameters
    ----------
    profiles : pandas.DataFrame
        As in `whiten`.
    method : {"zca_cor", "zca", "pca_cor", "pca", "tvn"}, default "zca_cor"
        As in `whiten`.
    reference : str, dict, array of bool, or None, default None
        As in `whiten`. A query or a mapping finds the reference rows of later batches too; a mask cannot.
    shrinkage : "ledoit_wolf", float or None, default "ledoit_wolf"
        As in `whiten`.
    by : str, list of str, or None, default None
        As in `whiten`.
    within : str, list of str, or None, default None
        As in `whiten`.
    features : list of str, "all", or None, default None
        As in `whiten`.

    Returns
    -------
    WhiteningFit
        The fit, with ``.apply(profiles)`` and ``.save(path)``. It knows the rows it was fitted on only by their map;
        a group that it does not know is measured on its own reference rows.

    Raises
    ------
    InputError
        As in `whiten`.

    See Also
    --------
    whiten : Fit and apply in one call.
    load_fit : Read a saved fit.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> import cellprofiling as cpf
    >>> march = pd.DataFrame({"Cells_a": [1.0, 2, 3, 4], "Cells_b": [1.0, -1, -1, 1]})
    >>> fit = cpf.fit_whitening(march, shrinkage=0)
    >>> fit.apply(pd.DataFrame({"Cells_a": [2.5], "Cells_b": [2.0]})).round(2)
       Cells_a  Cells_b
    0      0.0     1.73
    """
    checks.arguments(locals())
    one_of("method", method, METHODS)
    names = group_columns(profiles, by, within)
    _refuse_groups(method, names, "by" if by else "within")
    masked = not isinstance(reference, str | Mapping | None)
    mask, (codes, keys) = rows(profiles, reference), group_keys(profiles, names)
    kept, flat = _with_spread(profiles, features, np.zeros_like(codes) if METHODS[method].align else codes, mask)
    fit = WhiteningFit(
        method=method,
        by=names,
        reference=None if masked else reference,
        masked=masked,
        shrinkage=_share(shrinkage),
        features=kept,
        flat=flat,
        common=None,
        keys=[],
        maps=[],
    )
    return fit.measured(split(profiles, kept).x, codes, keys, mask)


def _with_spread(
    profiles: pd.DataFrame, features: Sequence[str] | str | None, codes: NDArray[np.intp], mask: NDArray[np.bool_]
) -> tuple[list[str], list[str]]:
    """Return the names of the features with a spread in the reference of each group, and of the others, sorted."""
    table = complete(split(profiles, features))
    flat = flat_features(table.x, codes, mask)
    if flat.all():
        raise FeatureError(
            f"features {listed(table.features)} have no spread in the reference, so there is nothing to whiten."
        )
    names = np.array(table.features, dtype=object)
    return sorted(names[~flat]), sorted(names[flat])


def _share(shrinkage: str | float | None) -> float | None:
    """Return the share of the target, None where it is to be estimated."""
    if shrinkage is None:
        return 0.0
    if isinstance(shrinkage, str):
        one_of("shrinkage", shrinkage, [LEDOIT_WOLF])
        return None
    if not isinstance(shrinkage, int | float | np.number) or not 0 <= shrinkage <= 1:
        raise InputError(f"shrinkage={shrinkage!r}: give 'ledoit_wolf', or a share from 0 (none) to 1 (scaling only).")
    return float(shrinkage)


def _refuse_groups(method: str, groups: Sequence[str], argument: str) -> None:
    if METHODS[method].align and not groups:
        raise InputError("by=None: 'tvn' aligns batches; name their columns, such as by='Metadata_Batch'.")
    if groups and not METHODS[method].align and not METHODS[method].rotate_back:
        raise InputError(
            f"{argument}={listed(groups)}: the components of {method!r} are other axes in each group and cannot be "
            f"compared: take {method.replace('pca', 'zca')!r}, or {argument}=None."
        )
