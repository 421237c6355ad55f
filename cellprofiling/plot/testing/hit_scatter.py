"""The hit plot: how strong each perturbation is against how sure its p-value makes it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cellprofiling.core import checks
from cellprofiling.core.columns import is_metadata, require
from cellprofiling.core.errors import InputError
from cellprofiling.kernels.arrays import Doubles, Mask
from cellprofiling.plot import style

SCORES = {"map": "mean average precision", "score": "score"}


@dataclass(frozen=True)
class Points:
    """One entry per perturbation that has a p-value."""

    names: tuple[str, ...]
    x: Doubles
    p_value: Doubles
    q_value: Doubles
    hit: Mask
    floor: Doubles

    @property
    def y(self) -> Doubles:
        """How small the p-value is: -log10 p."""
        return -np.log10(self.p_value)

    @property
    def at_floor(self) -> Mask:
        """Where the p-value is as small as the permutations can make it."""
        return self.p_value <= self.floor * (1 + 1e-9)


def hits(
    hits: pd.DataFrame, *, score: str | None = None, fdr: float | None = None, label: int = 10, ax: Axes | None = None
) -> Axes:
    """
    Draw every perturbation by its score and its p-value, name the first hits, and explain the threshold.

    Parameters
    ----------
    hits : pandas.DataFrame
        The hit list of `rank_hits`, or the result of `activity`: p_value and q_value, p_floor and hit where present,
        a score, and Metadata columns that name the perturbation.
    score : str or None, default None
        Column for the horizontal axis; ``map`` or ``score`` if None.
    fdr : float or None, default None
        The false discovery rate the hits were called at; that of the hit list, or 0.05, if None.
    label : int, default 10
        How many hits to name, in the order of the table.
    ax : matplotlib.axes.Axes or None, default None
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Raises
    ------
    InputError
        If there is no score to draw, or no perturbation has a p-value and a score.
    ColumnError
        If a column is missing.

    Notes
    -----
    A permutation test cannot give a p-value below one over the number of permutations. Perturbations at that floor
    lie on one line and are drawn hollow: they tie, and only the score tells them apart.

    Examples
    --------
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> table = pd.DataFrame({
    ...     "Metadata_Compound": ["taxol", "nocodazole", "water"],
    ...     "map": [0.9, 0.8, 0.1], "p_value": [0.001, 0.001, 0.7], "q_value": [0.0015, 0.0015, 0.7], "p_floor": 0.001,
    ... })
    >>> ax = cpf.plot.hits(table)
    >>> [text.get_text() for text in ax.texts[:2]]
    ['nocodazole', 'taxol']
    """
    checks.arguments(
        locals(), score=checks.optional(checks.column), fdr=checks.optional(checks.share), label=checks.at_least(0)
    )
    score = _score(hits) if score is None else score
    fdr = hits.attrs.get("parameters", {}).get("fdr", 0.05) if fdr is None else fdr
    points = _points(hits, score, fdr)
    ax = style.axes(ax, 6.4, 4.4)
    style.quiet(ax)
    _draw_points(ax, points)
    _name_hits(ax, points, label)
    _draw_lines(ax, points, fdr)
    ax.set_xlabel(SCORES.get(score, style.words(score)), parse_math=False)
    ax.set_ylabel("−log₁₀ p")
    ax.legend(loc="lower right", fontsize=8, labelcolor=style.INK, framealpha=0, borderaxespad=0.2)
    return ax


def _score(hits: pd.DataFrame) -> str:
    found = [name for name in SCORES if name in hits.columns]
    if not found:
        raise InputError("hits: has neither 'map' nor 'score'; name the column to draw with score=.")
    return found[0]


def _points(hits: pd.DataFrame, score: str, fdr: float) -> Points:
    require(hits, score, "score")
    require(hits, ["p_value", "q_value"], "hits")
    floor = hits.get("p_floor", pd.Series(0.0, index=hits.index))
    numbers = hits[[score, "p_value", "q_value"]].astype(np.float64)
    known = (numbers[[score, "p_value"]].notna().all(axis=1) & (numbers["p_value"] > 0)).to_numpy()
    if not known.any():
        raise InputError(f"hits: no row has both {score!r} and a p_value above 0.")
    called = hits["hit"] if "hit" in hits.columns else numbers["q_value"] <= fdr
    by = hits.attrs.get("parameters", {}).get("by") or [column for column in hits.columns if is_metadata(column)]
    return Points(
        names=tuple(
            " ".join(style.name(value, 18) for value in row) for row in hits.loc[known, by].to_numpy(dtype=object)
        ),
        x=numbers[score].to_numpy()[known],
        p_value=numbers["p_value"].to_numpy()[known],
        q_value=numbers["q_value"].to_numpy()[known],
        hit=called.to_numpy(dtype=bool)[known],
        floor=np.asarray(floor, dtype=np.float64)[known],
    )


def _draw_points(ax: Axes, points: Points) -> None:
    dense = len(points.x) > style.DENSE
    kinds: tuple[tuple[str, Mask, dict[str, Any]], ...] = (
        ("no hit", ~points.hit, {"s": 14, "marker": "o", "color": style.GREY, "lw": 0}),
        ("hit", points.hit & ~points.at_floor, {"s": 30, "marker": "^", "color": style.VERMILION, "lw": 0}),
        (
            "hit at its p floor",
            points.hit & points.at_floor,
            {"s": 28, "marker": "^", "facecolor": "none", "edgecolor": style.VERMILION, "lw": 1.2},
        ),
    )
    for text, here, look in kinds:
        if here.any():
            ax.scatter(points.x[here], points.y[here], **look, label=f"{text} ({here.sum():,})", rasterized=dense)
    room = 0.06 * (np.ptp(points.x) or 1)
    ax.set(xlim=(points.x.min() - room, points.x.max() + room), ylim=(-0.03 * points.y.max(), 1.08 * points.y.max()))


def _draw_lines(ax: Axes, points: Points, fdr: float) -> None:
    """Draw where p can go no lower (its words above the line) and where q reaches `fdr` (its words below)."""
    floors = np.unique(points.floor[points.at_floor & (points.floor > 0)])
    if len(floors):
        ties = f"{points.at_floor.sum()} at the p floor of {floors[0]:.2g}"
        _draw_line(ax, floors[0], "--", f"{ties}: only the score orders them", "bottom")
    called = points.p_value[points.q_value <= fdr]
    if len(called):
        _draw_line(ax, called.max(), "-", f"from here up: q ≤ {fdr:g} (p ≤ {called.max():.2g})", "top")
    else:
        text = f"no perturbation reaches q ≤ {fdr:g}"
        ax.text(0.99, 0.5, text, transform=ax.transAxes, ha="right", fontsize=8, color=style.MUTED)


def _draw_line(ax: Axes, p_value: float, dashes: str, text: str, side: str) -> None:
    y, up = -np.log10(p_value), 3 if side == "bottom" else -3
    ax.axhline(y, color=style.MUTED, lw=0.8, ls=dashes, zorder=0)
    place: dict[str, Any] = {"xycoords": ax.get_yaxis_transform(), "xytext": (2, up), "textcoords": "offset points"}
    ax.annotate(text, (0, y), **place, va=side, fontsize=7.5, color=style.MUTED)


def _name_hits(ax: Axes, points: Points, most: int) -> None:
    """Write names in one slanted row above the axes, spaced so that they cannot touch, with a line to each point."""
    figure = ax.get_figure()
    assert figure is not None
    width = 72 * figure.get_figure(root=True).get_figwidth() * ax.get_position().width
    gap = 15 / width
    chosen = np.flatnonzero(points.hit)[: min(most, int(1 / gap))]
    chosen = chosen[np.argsort(points.x[chosen], kind="stable")]
    low, high = ax.get_xlim()
    places = spread((points.x[chosen] - low) / (high - low), gap)
    for index, place in zip(chosen, places, strict=True):
        ax.annotate(
            points.names[index],
            (points.x[index], points.y[index]),
            (place, 1.04),
            textcoords="axes fraction",
            rotation=45,
            rotation_mode="anchor",
            fontsize=8,
            color=style.INK,
            parse_math=False,
            arrowprops={"arrowstyle": "-", "color": style.LINE, "lw": 0.7, "shrinkA": 0, "shrinkB": 3},
        )


def spread(places: Doubles, gap: float) -> Doubles:
    """Return sorted places in 0..1 moved apart until neighbors are `gap` apart; they must fit."""
    placed = places.copy()
    for i in range(1, len(placed)):
        placed[i] = max(placed[i], placed[i - 1] + gap)
    for i in range(len(placed) - 1, -1, -1):
        ceiling = 1 if i == len(placed) - 1 else placed[i + 1] - gap
        placed[i] = min(placed[i], ceiling)
    return placed
