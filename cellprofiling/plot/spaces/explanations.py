"""What a perturbation changes: effects of groups of features with their intervals, and all perturbations as a map."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from cellprofiling.core import checks
from cellprofiling.core.columns import is_metadata, require
from cellprofiling.core.errors import InputError
from cellprofiling.plot import style

BAR, MARGIN = 0.3, 1.1  # inches per row, and for what lies around
MOST = 12.0  # effects beyond which colors of the map no longer differ


def explanation(explained: pd.DataFrame, *, top: int = 10, fdr: float = 0.05, ax: Axes | None = None) -> Axes:
    """
    Draw the largest effects of a perturbation on groups of features, with their intervals and in words.

    Parameters
    ----------
    explained : pandas.DataFrame
        The rows of `explain` of one perturbation.
    top : int, default 10
        How many groups to draw.
    fdr : float, default 0.05
        The q-value up to which a group is drawn as changed.
    ax : matplotlib.axes.Axes or None, default None
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Raises
    ------
    InputError
        If the rows are of several perturbations, or none has an effect.
    ColumnError
        If a column is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> table = pd.DataFrame({"Metadata_Compound": "x", "group": ["Nuclei Texture DNA", "Cells Neighbors"],
    ...                       "effect": [4.0, -0.2], "ci_low": [2.0, -1.5], "ci_high": [6.0, 1.1],
    ...                       "q_value": [1e-4, 0.8], "change": ["makes it coarser", "crowds cells together"]})
    >>> ax = cpf.plot.explanation(table)
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['Cells Neighbors', 'Nuclei Texture DNA']
    """
    checks.arguments(locals())
    numbers = ["effect", "ci_low", "ci_high", "q_value"]
    require(explained, [*numbers, "group", "change"], "explained")
    if explained["group"].duplicated().any():
        raise InputError(
            f"explained: {len(explained)} rows name a group more than once; give those of one perturbation, "
            'as in explained[explained["Metadata_Compound"] == "x"].'
        )
    rows = explained[explained["effect"].notna()]
    if not len(rows):
        raise InputError("explained: no row has an effect.")
    order = np.argsort(-rows["effect"].abs().to_numpy(), kind="stable")[:top][::-1]
    rows = rows.iloc[order]
    effect, low, high, q = (rows[name].to_numpy(dtype=np.float64) for name in numbers)
    ax = style.axes(ax, 8.0, MARGIN + BAR * len(rows))
    style.quiet(ax)
    y = np.arange(len(rows))
    ax.axvline(0, color=style.LINE, lw=1, zorder=0)
    sure = q <= fdr
    for text, here, color, marker in (
        ("no change found", ~sure, style.GREY, "o"),
        ("higher", sure & (effect >= 0), style.VERMILION, "^"),
        ("lower", sure & (effect < 0), style.BLUE, "v"),
    ):
        if here.any():
            ax.hlines(y[here], low[here], high[here], color=color, lw=1.6)
            ax.scatter(effect[here], y[here], s=30, color=color, marker=marker, lw=0, zorder=3, label=text)
    for place, (told, words) in enumerate(zip(sure, rows["change"], strict=True)):
        if told:
            ax.annotate(
                str(words), (1.01, place), xycoords=("axes fraction", "data"), va="center", fontsize=8,
                color=style.INK, annotation_clip=False, parse_math=False,
            )  # fmt: skip
    ax.set_yticks(y, [style.words(group, 36) for group in rows["group"]], parse_math=False)
    ax.set_ylim(-0.6, len(rows) - 0.4)
    ax.xaxis.set_major_locator(MaxNLocator(6))
    ax.set_xlabel("effect in standard deviations of wells (Hedges' g), with its interval")
    ax.tick_params(axis="y", length=0, labelcolor=style.INK)
    style.legend(ax, *ax.get_legend_handles_labels(), loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3)
    return ax


def group_heatmap(
    explained: pd.DataFrame, *, fdr: float = 0.05, limit: float = MOST, ax: Axes | None = None
) -> Axes:  # fmt: skip
    """
    Draw the effects of all perturbations on all groups of features as a map; a dot marks what is no sure change.

    Parameters
    ----------
    explained : pandas.DataFrame
        The table of `explain`.
    fdr : float, default 0.05
        The q-value above which a cell is marked with a dot.
    limit : float, default 12
        The effect from which on colors no longer differ.
    ax : matplotlib.axes.Axes or None, default None
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib.axes.Axes
        The axes; perturbations and groups are sorted so that like ones lie together.

    Raises
    ------
    InputError
        If no effect can be drawn, a perturbation has a group twice, or `limit` is not positive.
    ColumnError
        If a column is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> table = pd.DataFrame({"Metadata_Compound": ["x", "x", "y", "y"], "group": ["a", "b"] * 2,
    ...                       "effect": [4.0, -0.2, 3.0, 1.0], "q_value": [1e-4, 0.8, 1e-3, 0.3]})
    >>> ax = cpf.plot.group_heatmap(table)
    >>> ax.images[0].get_array().shape
    (2, 2)
    """
    checks.arguments(locals(), limit=checks.positive)
    require(explained, ["group", "effect", "q_value"], "explained")
    by = [name for name in explained.columns if is_metadata(name)]
    key = explained[by].astype(str).agg(" ".join, axis=1) if by else pd.Series("", index=explained.index)
    cells = explained.assign(_key=key).set_index(["_key", "group"])
    if not cells["effect"].notna().any() or cells.index.duplicated().any():
        raise InputError("explained: no row has an effect, or a perturbation has a group twice.")
    effects, q = (
        cells.pivot_table(name, "_key", "group", aggfunc="first", dropna=False) for name in ("effect", "q_value")
    )
    shape = effects.fillna(0.0).clip(-limit, limit)
    rows, columns = _like_together(shape), _like_together(shape.T)
    effects, q = effects.iloc[rows, columns], q.iloc[rows, columns]
    ax = style.axes(ax, 2.2 + 0.24 * len(columns), 1.9 + 0.15 * len(rows))
    drawn = ax.imshow(
        effects.to_numpy(), cmap=style.DIVERGING, vmin=-limit, vmax=limit, aspect="auto", interpolation="none"
    )
    y, x = np.nonzero(~(q.to_numpy() <= fdr))
    ax.scatter(x, y, s=3, color=style.MUTED, lw=0)
    ax.set_xticks(np.arange(len(columns)), [style.words(name, 30) for name in effects.columns], rotation=90)
    ax.set_yticks(np.arange(len(rows)), [style.name(name, 28) for name in effects.index])
    for label in (*ax.get_xticklabels(), *ax.get_yticklabels()):
        label.set(fontsize=7, color=style.INK, parse_math=False)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    bar = ax.figure.colorbar(drawn, ax=ax, shrink=0.5, aspect=25, pad=0.02)
    bar.set_label("Hedges' g; a dot: no change found", fontsize=8, color=style.INK)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=7, labelcolor=style.MUTED, color=style.LINE)
    return ax


def _like_together(table: pd.DataFrame) -> np.ndarray:
    """Return an order of rows in which like ones lie together: leaves of average linkage."""
    from scipy.cluster.hierarchy import leaves_list, linkage

    if len(table) < 3:
        return np.arange(len(table))
    return leaves_list(linkage(table.to_numpy(), "average", optimal_ordering=len(table) <= 500))
