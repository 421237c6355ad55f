"""How alike profiles are, each with each, with those of a cluster side by side."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from pandas.api.types import is_numeric_dtype

from cellprofiling.core import checks
from cellprofiling.core.errors import InputError
from cellprofiling.plot import style

MOST = 60  # rows that are named
NOISE = -1  # the number of what is in no cluster


def cluster_heatmap(
    similarity: pd.DataFrame, *, clusters: Sequence[int] | pd.Series | None = None, ax: Axes | None = None
) -> Axes:
    """
    Draw how alike profiles are, each with each, sorted by cluster and inside clusters by likeness.

    Parameters
    ----------
    similarity : pandas.DataFrame
        What `similarity` returns: a square table; its index names the rows, up to 60 of them.
    clusters : sequence of int, pandas.Series or None, default None
        The cluster of each row, in the order of the table, as in Metadata_Cluster of `cluster`: -1 is in none and lies
        last. Without clusters rows are sorted by likeness alone.
    ax : matplotlib.axes.Axes or None, default None
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib.axes.Axes
        The axes; ``ax.images[0]`` holds the sorted table.

    Raises
    ------
    InputError
        If the table is not square, or there are more or fewer clusters than rows.

    Notes
    -----
    The order inside a cluster is that of the leaves of average linkage on 1 less the similarity. Frames are clusters
    with their number. A profile like nothing (without direction) is grey.

    Examples
    --------
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> compounds = pd.DataFrame({"Cells_a": [3.0, 0, 5, 1], "Cells_b": [4.0, 5, 7, 6]}, index=list("wxyz"))
    >>> ax = cpf.plot.cluster_heatmap(cpf.similarity(compounds), clusters=[0, 1, 0, 1])
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['w', 'y', 'x', 'z']
    """
    checks.arguments(locals(), similarity=checks.table, clusters=checks.optional(checks.whole_numbers))
    if similarity.shape[0] != similarity.shape[1] or not all(map(is_numeric_dtype, similarity.dtypes)):
        raise InputError(
            f"similarity: has the shape {similarity.shape}; give the square table of numbers that similarity() returns."
        )
    values = similarity.to_numpy(dtype=np.float64)
    labels = np.zeros(len(values), dtype=int) if clusters is None else np.asarray(clusters, dtype=int)
    if labels.shape != (len(values),):
        raise InputError(f"clusters: {len(labels):,} of them for {len(values):,} rows.")
    order = _order(values, labels)
    values, sorted_labels = values[np.ix_(order, order)], labels[order]
    names = [style.name(name, 28) for name in similarity.index[order]]
    named = len(names) <= MOST
    side = 1.6 + 0.13 * len(names) if named else 5.0
    ax = style.axes(ax, max(4.0, side + 0.8), max(3.2, side))
    ax.patch.set(facecolor=style.GREY, alpha=0.5)
    lowest = float(np.nanmin(values, initial=0.0))
    norm, colors = (Normalize(-1, 1), style.DIVERGING) if lowest < 0 else style.scale([], (0.0, 1.0))
    drawn = ax.imshow(np.ma.masked_invalid(values), norm=norm, cmap=colors, interpolation="none")
    if clusters is not None:
        _frame(ax, sorted_labels)
    ax.set(xticks=[], yticks=[])
    if named:
        ax.set_yticks(range(len(names)), names, parse_math=False)
    ax.tick_params(length=0, labelsize=7, labelcolor=style.INK)
    ax.spines[:].set_visible(False)
    style.color_bar(ax, drawn, "similarity", shrink=0.6)
    return ax


def _order(values: NDArray[np.float64], labels: NDArray[np.int_]) -> NDArray[np.intp]:
    """Return rows by cluster, those of none last; inside a cluster by likeness, those without direction last."""
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    found = []
    for label in sorted(set(labels), key=lambda each: (each == NOISE, each)):
        here = np.flatnonzero(labels == label)
        alike = np.isfinite(values[here, here])
        nothing, here = here[~alike], here[alike]
        if len(here) > 2:
            distance = np.clip(1 - values[np.ix_(here, here)], 0, None)
            np.fill_diagonal(distance, 0)
            tree = linkage(squareform(distance, checks=False), "average", optimal_ordering=len(here) <= 500)
            here = here[leaves_list(tree)]
        found += [here, nothing]
    return np.concatenate(found)


def _frame(ax: Axes, labels: NDArray[np.int_]) -> None:
    """Draw a frame around each cluster, with its number at the right."""
    look: dict[str, Any] = {"facecolor": "none", "edgecolor": style.INK, "lw": 1.2, "clip_on": False}
    for label in dict.fromkeys(labels.tolist()):
        here = np.flatnonzero(labels == label)
        if label != NOISE:
            ax.add_patch(Rectangle((here[0] - 0.5, here[0] - 0.5), len(here), len(here), **look))
        text = "none" if label == NOISE else str(label)
        ax.text(len(labels) - 0.2, here.mean(), text, va="center", fontsize=7, color=style.MUTED)
