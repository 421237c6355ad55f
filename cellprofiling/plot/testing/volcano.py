"""The change of each feature against how sure it is: a volcano, with the surest changes named at its sides."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from cellprofiling.core import checks
from cellprofiling.core.columns import is_metadata, require
from cellprofiling.core.errors import InputError
from cellprofiling.kernels.arrays import Doubles, Mask
from cellprofiling.plot import style
from cellprofiling.plot.testing.hit_scatter import spread

SIZES = {
    "difference": "difference from controls, in their standard deviations",
    "median_difference": "median difference from controls, in their standard deviations",
    "hedges_g": "Hedges' g",
    "robust_z": "robust z",
    "ssmd": "SSMD",
}
GAP = 0.052  # between names, in heights of the axes
ROOM = 2.4  # half-width of the axes in largest changes, so that names have room at both sides


def changes(
    features: pd.DataFrame, *, size: str = "difference", fdr: float = 0.05, label: int = 6, ax: Axes | None = None
) -> Axes:
    """
    Draw each feature of a perturbation by the size of its change and its p-value, and name the surest changes.

    Parameters
    ----------
    features : pandas.DataFrame
        Rows of `compare_features`, usually those of one perturbation.
    size : str, default "difference"
        Column for the horizontal axis.
    fdr : float, default 0.05
        The q-value up to which a change is drawn as one.
    label : int, default 6
        How many features to name on each side.
    ax : matplotlib.axes.Axes or None, default None
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Raises
    ------
    InputError
        If no row has both a size and a p-value.
    ColumnError
        If a column is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> table = pd.DataFrame({"feature": ["Cells_a", "Cells_b"], "difference": [4.0, 0.1], "p_value": [1e-6, 0.8],
    ...                       "q_value": [2e-6, 0.8]})
    >>> ax = cpf.plot.changes(table)
    >>> [text.get_text() for text in ax.texts]
    ['Cells a']
    """
    checks.arguments(locals(), size=checks.column, features=checks.table, label=checks.at_least(0))
    require(features, size, "size")
    require(features, ["feature", "p_value", "q_value"], "features")
    numbers = features[[size, "p_value", "q_value"]].astype(np.float64)
    known = numbers[[size, "p_value"]].notna().all(axis=1).to_numpy()
    if not known.any():
        raise InputError(f"features: no row has both {size!r} and a p_value.")
    x, p, q = (numbers[name].to_numpy()[known] for name in (size, "p_value", "q_value"))
    y = -np.log10(np.maximum(p, np.finfo(np.float64).tiny))
    names = _names(features.loc[known])
    ax = style.axes(ax, 8.6, 4.4)
    style.quiet(ax)
    sure = q <= fdr
    for text, here, color, marker in (
        ("no change", ~sure, style.GREY, "o"),
        ("higher", sure & (x >= 0), style.VERMILION, "^"),
        ("lower", sure & (x < 0), style.BLUE, "v"),
    ):
        if here.any():
            dense = len(x) > style.DENSE
            ax.scatter(
                x[here], y[here], s=16, marker=marker, color=color, lw=0, label=f"{text} ({here.sum():,})",
                rasterized=dense,
            )  # fmt: skip
    most = np.abs(x).max() or 1.0
    ax.set(xlim=(-ROOM * most, ROOM * most), ylim=(-0.03 * max(y.max(), 1), 1.06 * max(y.max(), 1)))
    ticks = np.asarray(MaxNLocator(6, symmetric=True).tick_values(-most, most))
    ax.set_xticks(ticks[np.abs(ticks) <= 1.05 * most])
    for side in (-1, 1):
        _name_side(ax, x, y, names, sure & (np.sign(x) == side), side, label)
    ax.set_xlabel(SIZES.get(size, style.words(size)), parse_math=False)
    ax.set_ylabel("−log₁₀ p")
    style.legend(ax, *ax.get_legend_handles_labels(), loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
    return ax


def _names(rows: pd.DataFrame) -> list[str]:
    """Return feature names; with several perturbations, theirs before."""
    by = [name for name in rows.columns if is_metadata(name)]
    several = [name for name in by if len(rows[name].unique()) > 1]
    features = [style.words(name, 42) for name in rows["feature"]]
    if not several:
        return features
    keys = rows[several].astype(str).agg(" ".join, axis=1)
    return [f"{style.name(key, 14)}: {name}" for key, name in zip(keys, features, strict=True)]


def _name_side(ax: Axes, x: Doubles, y: Doubles, names: list[str], candidates: Mask, side: int, most: int) -> None:
    """Write the names of the surest changes at a side of the axes, with a line to each, so that none touch."""
    found = np.flatnonzero(candidates)
    chosen = found[np.lexsort([-np.abs(x[found]), -y[found]])][: min(most, int(1 / GAP))]
    chosen = chosen[np.argsort(y[chosen], kind="stable")]
    low, high = ax.get_ylim()
    places = spread((y[chosen] - low) / (high - low), GAP)
    for index, place in zip(chosen, places, strict=True):
        ax.annotate(
            names[index],
            (x[index], y[index]),
            (0.5 + 0.49 * side, place),
            textcoords="axes fraction",
            ha="left" if side < 0 else "right",
            va="center",
            fontsize=7.5,
            color=style.INK,
            parse_math=False,
            arrowprops={"arrowstyle": "-", "color": style.LINE, "lw": 0.7, "shrinkA": 1, "shrinkB": 3}
            | {"relpos": (1 if side < 0 else 0, 0.5)},  # a line starts where its name ends
        )
