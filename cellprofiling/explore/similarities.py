"""How alike profiles are, each with each."""

from collections.abc import Sequence

import pandas as pd

from cellprofiling.core import checks
from cellprofiling.core.errors import one_of
from cellprofiling.core.frame import complete, split
from cellprofiling.core.methods import Method, table_of
from cellprofiling.kernels.similarity.similarity import cosine, pearson, spearman

METRICS = table_of(
    Method("cosine", "The cosine of the angle between two profiles.", cosine),
    Method("pearson", "The correlation of two profiles across features.", pearson),
    Method("spearman", "The correlation of the ranks of features in two profiles.", spearman),
)


def similarity(
    profiles: pd.DataFrame, *, metric: str = "cosine", features: Sequence[str] | None = None
) -> pd.DataFrame:
    """
    Return how alike each profile is to each other profile.

    Parameters
    ----------
    profiles : pandas.DataFrame
        A profile table without missing feature values.
    metric : {"cosine", "pearson", "spearman"}, default "cosine"
        The cosine of the angle between two profiles, or their correlation across features.
    features : list of str or None, default None
        Names of the features to compare; None for all.

    Returns
    -------
    pandas.DataFrame
        A square symmetric table of values from -1 to 1, rows and columns labelled by the index of `profiles`. A profile
        without direction (all zero; for correlations, all equal) is like nothing: its row and column are missing.

    Raises
    ------
    FeatureError
        A feature has missing values.
    InputError
        A metric that does not exist.

    Examples
    --------
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> compounds = pd.DataFrame({"Cells_a": [3.0, 6, 0], "Cells_b": [4.0, 8, 5]}, index=["x", "y", "z"])
    >>> cpf.similarity(compounds)
         x    y    z
    x  1.0  1.0  0.8
    y  1.0  1.0  0.8
    z  0.8  0.8  1.0
    """
    checks.arguments(locals())
    one_of("metric", metric, METRICS)
    table = complete(split(profiles, features))
    values = METRICS[metric](table.x).astype(table.x.dtype)
    return pd.DataFrame(values, index=profiles.index, columns=profiles.index, copy=False)
