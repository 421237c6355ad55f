"""Which labels, such as mechanisms, the profiles of one table find, of the other, or of both."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cellprofiling.core.errors import ColumnError
from cellprofiling.kernels.arrays import Doubles, Indices, Mask
from cellprofiling.kernels.directions.unit_vectors import direction
from cellprofiling.kernels.inference.multiplicity import benjamini_hochberg
from cellprofiling.kernels.inference.permutation import TIE

WHERE = {(True, True): "both", (True, False): "a only", (False, True): "b only", (False, False): "neither"}


def compare_labels(tables: Sequence[Doubles], column: pd.Series, shuffles: Indices, alpha: float) -> pd.DataFrame:
    """Return for each label of two perturbations or more whether its profiles resemble each other in each table.

    Parameters
    ----------
    tables : scores of the same perturbations in two tables, shapes (n_rows, n_axes).
    column : the label of each; missing ones bear none.
    shuffles : orders of rows, shape (n_permutations, n_rows).
    alpha : a label is found where its q-value is at most this.
    """
    counts = column.dropna().value_counts()
    names = sorted(counts.index[counts > 1], key=str)
    if not names:
        raise ColumnError(f"label={column.name!r}: no label is borne by two perturbations.")
    bears = np.column_stack([(column == name).to_numpy(dtype=bool, na_value=False) for name in names])
    found = pd.DataFrame({"label": names, "n": bears.sum(axis=0)})
    seen = []
    for end, scores in zip("ab", tables, strict=True):
        unit = direction(scores)
        value = _mean_cosines(unit, bears)
        null = np.array([_mean_cosines(unit, bears[order]) for order in shuffles])
        p_value = (1 + (null >= value - TIE).sum(axis=0)) / (1 + len(null))
        found[f"score_{end}"], found[f"p_value_{end}"] = value, p_value
        found[f"q_value_{end}"] = benjamini_hochberg(p_value)
        seen.append((found[f"q_value_{end}"] <= alpha).tolist())
    return found.assign(found_in=[WHERE[pair] for pair in zip(*seen, strict=True)])


def _mean_cosines(unit: Doubles, bears: Mask) -> Doubles:
    """Return the mean cosine of the rows that bear each label, each with each other."""
    n = bears.sum(axis=0)
    together = ((unit.T @ bears) ** 2).sum(axis=0)
    own = (unit**2).sum(axis=1) @ bears
    return (together - own) / (n * (n - 1))
