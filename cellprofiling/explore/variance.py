"""Where the variance of a screen comes from."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cellprofiling.core import checks
from cellprofiling.core.columns import By, groups
from cellprofiling.core.errors import FeatureError, InputError, listed
from cellprofiling.core.frame import complete, split
from cellprofiling.core.ledgers import lines, written
from cellprofiling.core.methods import Method, table_of
from cellprofiling.kernels.arrays import Doubles, Indices
from cellprofiling.kernels.models.variance_components import coefficients, variance_components
from cellprofiling.kernels.scale.order import content_order
from cellprofiling.kernels.scale.scale import fit_standard

RESIDUAL = "residual"
MOST_BLOCKS = 50  # that are left out in turn
METHODS = table_of(
    Method(
        "MIVQUE0",
        "Variance components from sums of squares, without bias in any design.",
        variance_components,
        "Rao, J. Multivar. Anal. 1, 445 (1971), https://doi.org/10.1016/0047-259X(71)90001-7",
    )
)
SINGULAR = 1e-9  # of the smallest eigenvalue of the equations, scaled to a diagonal of ones


def variance_budget(
    profiles: pd.DataFrame,
    levels: Sequence[str | Sequence[str]],
    *,
    per_feature: bool = False,
    unit: By = None,
    confidence: float = 0.95,
    features: Sequence[str] | None = None,
) -> pd.DataFrame:
    """
    Return the share of the variance that lies between batches, plates, wells, compounds, or other groups of rows.

    Parameters
    ----------
    profiles : pandas.DataFrame
        A profile table without missing feature values.
    levels : list of str or of lists of str
        Metadata columns, the coarsest first: ``["Metadata_Batch", "Metadata_Plate", "Metadata_Compound"]``. They may be
        nested (plates in batches) or crossed (compounds on many plates). A list of columns is the combination of their
        values: write ``["Metadata_Batch", "Metadata_Plate"]`` where each batch has a plate called 1.
    per_feature : bool, default False
        Whether to return the shares of each feature rather than their mean.
    unit : str, list of str, or None, default None
        Metadata columns whose groups are left out in turn for the intervals; None for the first level. They should be
        what would be drawn anew in another screen.
    confidence : float, default 0.95
        Coverage of the intervals.
    features : list of str or None, default None
        Names of the features; None for all.

    Returns
    -------
    pandas.DataFrame
        One row per level and one for the residual: ``level``, ``n_groups``, ``share`` (mean over features, which count
        alike), ``ci_low`` and ``ci_high``; ``.attrs["interval"]`` says what was left out. With `per_feature` one row
        per feature and level: ``feature``, ``level``, ``share``.

    Raises
    ------
    ColumnError
        A level does not exist, or has missing values.
    FeatureError
        A feature has missing values, or none varies.
    InputError
        Levels that cannot be told apart: the same groups twice, one group, or a group for each row.

    Notes
    -----
    The model of a feature is a mean, a random effect of each level, and a residual; the variance of each is estimated
    from sums of squares (MIVQUE0, see Rao 1971), and the shares are its parts of their sum. The estimates are unbiased
    in any design: a label of many groups that means nothing has a share of 0 on average, and half of the time one
    slightly below 0. (A share of the total sum of squares would grow with the number of groups.) Features without
    spread are left out, with a line in the ledger.

    The interval is that of the jackknife: the groups of `unit` (in 50 blocks if there are more) are left out in turn,
    and the share lies within Student's t times the standard error. A bootstrap would draw the same plate twice, and
    its copies would agree. With fewer than three groups there is no interval.

    References
    ----------
    Rao, C. R. (1971). Minimum variance quadratic unbiased estimation of variance components. Journal of Multivariate
    Analysis, 1(4). https://doi.org/10.1016/0047-259X(71)90001-7

    Efron, B. and Stein, C. (1981). The jackknife estimate of variance. Annals of Statistics, 9(3).
    https://doi.org/10.1214/aos/1176345462

    Examples
    --------
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> wells = pd.DataFrame({"Metadata_Plate": [*"aabbcc"], "Cells_AreaShape_Area": [1.0, 2, 5, 6, 9, 10]})
    >>> cpf.variance_budget(wells, ["Metadata_Plate"])[["level", "n_groups", "share"]].round(3)
                level  n_groups  share
    0  Metadata_Plate         3  0.969
    1        residual         6  0.031
    """
    checks.arguments(locals(), levels=checks.each(checks.columns), per_feature=checks.flag)
    table = complete(split(profiles, features))
    names = [level if isinstance(level, str) else " x ".join(level) for level in levels]
    codes = [groups(profiles, level, "levels")[0] for level in levels]
    _refuse_unclear(codes, names)
    flat = fit_standard(table.x).flat
    if flat.all():
        raise FeatureError(f"profiles: none of the {len(flat)} features varies, so there is nothing to divide.")
    left_out = lines("variance_budget", "feature", np.array(table.features)[flat], "no spread")
    order = content_order(table.x)
    x, codes = table.x[np.ix_(order, ~flat)].astype(np.float64), [code[order] for code in codes]
    if per_feature:
        shares = _shares(x, codes)
        kept = np.array(table.features, dtype=object)[~flat]
        tidy = pd.DataFrame(shares.T, index=kept, columns=[*names, RESIDUAL]).rename_axis("feature")
        return written(tidy.reset_index().melt("feature", var_name="level", value_name="share"), profiles, new=left_out)
    left_out_in_turn = groups(profiles, unit if unit is not None else levels[0], "unit")[0][order]
    budget = pd.DataFrame({"level": [*names, RESIDUAL], "n_groups": [*(len(set(c)) for c in codes), len(x)]})
    budget["share"] = _shares(x, codes).mean(axis=1)
    margin, budget.attrs["interval"] = _margin(x, codes, left_out_in_turn, confidence)
    budget["ci_low"], budget["ci_high"] = budget["share"] - margin, budget["share"] + margin
    return written(budget, profiles, new=left_out)


def _shares(x: Doubles, codes: Sequence[Indices]) -> Doubles:
    """Return the share of each level and of the residual in the variance of each feature."""
    parts = METHODS["MIVQUE0"](x, codes)
    total = parts.sum(axis=0)
    return parts / np.where(total > 0, total, np.nan)


def _margin(x: Doubles, codes: Sequence[Indices], unit: Indices, confidence: float) -> tuple[Doubles, str]:
    """Return half the width of the intervals of the mean shares, and how they were made."""
    from scipy.stats import t

    n_units = int(unit.max()) + 1
    blocks = unit % MOST_BLOCKS
    n_blocks = int(blocks.max()) + 1
    none = np.full(len(codes) + 1, np.nan)
    if n_blocks < 3:
        return none, f"none: {n_units} groups to leave out in turn, and at least 3 are needed"
    replicates = []
    for block in range(n_blocks):
        rest = [code[blocks != block] for code in codes]
        if _smallest_eigenvalue(rest) < SINGULAR:
            return none, "none: without some group, the levels cannot be told apart"
        replicates.append(np.nanmean(_shares(x[blocks != block], rest), axis=1))
    error = np.sqrt((n_blocks - 1) * np.var(replicates, axis=0))
    how = f"{confidence:.0%}, jackknife: {n_blocks} blocks of {n_units} groups left out in turn"
    return t.ppf((1 + confidence) / 2, n_blocks - 1) * error, how


def _smallest_eigenvalue(codes: Sequence[Indices]) -> float:
    equations = coefficients(codes)
    size = np.sqrt(np.diagonal(equations))
    return float(np.linalg.eigvalsh(equations / np.outer(size, size))[0]) if size.all() else 0.0


def _refuse_unclear(codes: Sequence[Indices], names: Sequence[str]) -> None:
    """Refuse levels whose variances cannot be told apart."""
    if not names:
        raise InputError("levels=[]: name metadata columns, such as ['Metadata_Batch', 'Metadata_Plate'].")
    n = len(codes[0])
    counts = [len(np.unique(code)) for code in codes]
    for name, count in zip(names, counts, strict=True):
        if count < 2 or count == n:
            what = "one group" if count < 2 else "a group for each row"
            raise InputError(f"levels: {name!r} has {what}, so no variance can be told to be its own; leave it out.")
    for i, name in enumerate(names):
        for j in range(i):
            if counts[i] == counts[j] == len(set(zip(codes[i].tolist(), codes[j].tolist(), strict=True))):
                raise InputError(
                    f"levels: {names[j]!r} and {name!r} make the same {counts[i]} groups of rows, so their variances "
                    "cannot be told apart; leave one out."
                )
    if _smallest_eigenvalue(codes) < SINGULAR:
        raise InputError(
            f"levels: the variances of {listed(names)} cannot be told apart in this design; leave one out, such as a "
            "level whose groups the others determine."
        )
