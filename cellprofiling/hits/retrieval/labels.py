"""Which labels each profile bears, where a cell may hold several."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from cellprofiling.kernels.arrays import Mask


def split_labels(column: pd.Series, separator: str | None) -> tuple[Mask, list[Any]]:
    """Return which row bears which label, shape (n_rows, n_labels), and the labels, sorted.

    Parameters
    ----------
    column : labels; a text is cut at `separator` (never, if None), a list or tuple is taken apart. Missing and empty
        entries bear none; blanks around a label do not count.
    """
    each = [_labels(value, separator) for value in column.tolist()]
    names = sorted({label for labels in each for label in labels}, key=lambda label: (str(type(label)), label))
    place = {label: i for i, label in enumerate(names)}
    bears = np.zeros((len(each), len(names)), dtype=bool)
    for row, labels in enumerate(each):
        bears[row, [place[label] for label in labels]] = True
    return bears, names


def _labels(value: Any, separator: str | None) -> Sequence[Any]:
    if isinstance(value, list | tuple | set | np.ndarray):
        return [label for part in value for label in _labels(part, None)]
    if pd.isna(value):
        return []
    if not isinstance(value, str):
        return [value]
    parts = value.split(separator) if separator else [value]
    return [part.strip() for part in parts if part.strip()]
