"""Which mechanism is taken for which."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from cellprofiling.core import checks
from cellprofiling.core.columns import require
from cellprofiling.core.errors import InputError
from cellprofiling.plot import style

CELL, MARGIN = 0.34, 2.6  # inches


def confusion(predictions: pd.DataFrame, *, label: str, ax: Axes | None = None) -> Axes:
    """
    Draw how many perturbations of each mechanism were predicted to have which.

    Parameters
    ----------
    predictions : pandas.DataFrame
        The result of `predict_mechanism`; perturbations without a possible answer are left out.
    label : str
        The column with the true mechanism.
    ax : matplotlib.axes.Axes or None, default None
        Where to draw; a new figure, as large as the labels need, if None.

    Returns
    -------
    matplotlib.axes.Axes
        The axes: true mechanisms are rows, predicted ones columns, both in alphabetical order; numbers are counts,
        shades are shares of the row, right predictions are framed. The title says how many are right.

    Raises
    ------
    InputError
        If no perturbation has an answer.
    ColumnError
        If a column is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> found = pd.DataFrame({"Metadata_Mechanism": ["x", "x", "y"], "predicted": ["x", "y", "y"],
    ...                       "correct": [True, False, True]})
    >>> cpf.plot.confusion(found, label="Metadata_Mechanism").get_title(loc="left")
    '2 of 3 right (67 %)'
    """
    checks.arguments(locals(), predictions=checks.table)
    require(predictions, label, "label")
    require(predictions, ["predicted", "correct"], "predictions")
    known = predictions[predictions["correct"].notna() & predictions["predicted"].notna()]
    if not len(known):
        raise InputError("predictions: no perturbation has an answer to compare with.")
    names = sorted(set(known[label].astype(str)) | set(known["predicted"].astype(str)))
    table = pd.crosstab(known[label].astype(str), known["predicted"].astype(str))
    counts = table.reindex(index=names, columns=names, fill_value=0).to_numpy()
    ax = style.axes(ax, MARGIN + CELL * len(names), MARGIN + CELL * len(names))
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    ax.imshow(share, cmap="Blues", vmin=0, vmax=1.15)
    for row, column in zip(*np.nonzero(counts), strict=True):
        shade = style.PAPER if share[row, column] > 0.6 else style.INK
        ax.text(column, row, str(counts[row, column]), ha="center", va="center", fontsize=8, color=shade)
    for i in range(len(names)):
        ax.add_patch(Rectangle((i - 0.5, i - 0.5), 1, 1, fill=False, edgecolor=style.ORANGE, lw=1.0))
    short = [style.name(text, 28) for text in names]
    ax.set_xticks(range(len(names)), short, rotation=45, ha="right", rotation_mode="anchor", parse_math=False)
    ax.set_yticks(range(len(names)), short, parse_math=False)
    style.quiet(ax)
    ax.tick_params(length=0)
    ax.set(xlabel="predicted", ylabel="true")
    right = int(known["correct"].astype(bool).sum())
    title = f"{right} of {len(known)} right ({right / len(known):.0%})".replace("%", " %")
    ax.set_title(title, loc="left", fontsize=9, color=style.INK)
    return ax
