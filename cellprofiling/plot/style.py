"""What all figures share: colors that everyone can tell apart, marks beside color, quiet axes.

Nothing here changes matplotlib's settings; each artist is told its color.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize

from cellprofiling.core.columns import COUNT, METADATA, require
from cellprofiling.core.errors import FeatureError

# The chrome of a figure. A page with a dark theme replaces exactly these four.
INK, MUTED, LINE, PAPER = "#1d2733", "#68737f", "#d3d9df", "#fefefe"

# Okabe and Ito 2008, https://jfly.uni-koeln.de/color/
BLACK, ORANGE, SKY, GREEN = "#000000", "#e69f00", "#56b4e9", "#009e73"
YELLOW, BLUE, VERMILION, PURPLE = "#f0e442", "#0072b2", "#d55e00", "#cc79a7"
GREY, HATCH = "#9aa3ad", "#b4bcc4"

CATEGORIES = (SKY, ORANGE, GREEN, PURPLE, BLUE, VERMILION, YELLOW)
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
ROLES = {"negcon": GREY, "poscon": VERMILION, "treatment": SKY}  # the same in every figure
STATUSES = {"fail": (VERMILION, "X"), "warn": (ORANGE, "^"), "inconclusive": (GREY, "D"), "pass": (BLUE, "o")}
SEQUENTIAL = "viridis"
DIVERGING = LinearSegmentedColormap.from_list("blue_vermilion", [BLUE, "#9ccbe6", "#f4f4f2", "#f3b98e", VERMILION])

OTHER = "other"
MOST_NAMES = 40  # along an axis; of more groups only some are named
DENSE = 1500  # points above which a scatter is drawn as pixels inside a vector figure


@dataclass(frozen=True)
class Category:
    """A text value and how it is drawn."""

    name: str
    color: str
    marker: str


def axes(ax: Axes | None, width: float, height: float) -> Axes:
    """Return `ax`, or the axes of a new figure of this size in inches."""
    if ax is not None:
        return ax
    return plt.subplots(figsize=(width, height), layout="constrained")[1]


def quiet(ax: Axes) -> None:
    """Take the box off and draw what is left in the colors of the chrome."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(LINE)
    ax.tick_params(color=LINE, labelcolor=MUTED, labelsize=8)
    ax.patch.set_alpha(0)
    for text in (ax.xaxis.label, ax.yaxis.label):
        text.set(color=INK, fontsize=9)


def words(column: object, limit: int = 40) -> str:
    """Return a name fit for a figure: no prefix, no underscores, on one line, shortened."""
    if column == COUNT:
        return "cells per well"
    text = " ".join(str(column).removeprefix(METADATA).replace("_", " ").split())
    text = "".join(letter for letter in text if letter.isprintable())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def name(value: object, limit: int = 24) -> str:
    """Return a value fit for a figure: as it is written, but on one line and shortened."""
    text = "".join(letter if letter.isprintable() else " " for letter in str(value))
    return text if len(text) <= limit else text[: limit - 1] + "…"


def is_text(column: pd.Series) -> bool:
    """Return whether values are names rather than amounts (yes and no are names)."""
    return pd.api.types.is_bool_dtype(column) or not pd.api.types.is_numeric_dtype(column)


def categories(column: pd.Series) -> tuple[list[Category], pd.Series]:
    """Return how each text value is drawn, and the values; beyond seven, the rarest share one grey "other"."""
    if pd.api.types.is_bool_dtype(column):
        column = column.map({True: "yes", False: "no"})
    values = pd.Series([None if missing else str(value) for value, missing in zip(column, column.isna(), strict=True)])
    counts = values.value_counts()
    kept = sorted(counts.index, key=lambda value: (-counts[value], value))
    if len(kept) > len(CATEGORIES):
        kept = kept[: len(CATEGORIES) - 1]
        values = values.where(values.isin(kept) | values.isna(), OTHER)
    drawn = [
        Category(value, ROLES.get(value, color), marker)
        for value, color, marker in zip(sorted(kept), CATEGORIES, MARKERS, strict=False)
    ]
    return ([*drawn, Category(OTHER, GREY, ".")] if (values == OTHER).any() else drawn), values


def scale(
    values: Sequence[float] | np.ndarray, limits: tuple[float, float] | None = None
) -> tuple[Normalize, Colormap]:
    """Return norm and color map: viridis from the 1st to the 99th percentile, or blue to vermilion around zero.

    Values of both signs are taken as signed. Missing values have no say.
    """
    present = np.asarray(values, dtype=np.float64)
    present = present[np.isfinite(present)]
    low, high = limits or (np.quantile(present, [0.01, 0.99]) if len(present) else (0.0, 1.0))
    if low < 0 < high:
        most = max(-low, high)
        return Normalize(-most, most), DIVERGING
    high = high if high > low else low + 1
    return Normalize(low, high), colormaps[SEQUENTIAL]


def numbers(table: pd.DataFrame, value: str) -> np.ndarray:
    """Return a column as numbers, what is missing or infinite as NaN; text is an error."""
    require(table, [value], "value")
    if is_text(table[value]):
        raise FeatureError(f"value={value!r}: holds text, and the figure needs numbers.")
    values = table[value].to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isfinite(values), values, np.nan)


def name_groups(ax: Axes, names: Sequence[str]) -> None:
    """Write the names of groups that stand side by side from 0, at a slant where they are long, not all where many."""
    step = -(-len(names) // MOST_NAMES)
    shown = [name(each, 18) for each in names[::step]]
    ax.set_xticks(range(0, len(names), step), shown, parse_math=False)
    if sum(len(each) + 2 for each in shown) > 90:
        for label in ax.get_xticklabels():
            label.set(rotation=60, ha="right", rotation_mode="anchor")
    ax.set_xlim(-0.6, len(names) - 0.4)


def color_bar(ax: Axes, drawn: ScalarMappable, label: str, **where: Any) -> None:
    """Draw the scale of colors beside the axes."""
    figure = ax.get_figure()
    assert figure is not None
    bar = figure.colorbar(drawn, ax=ax, **{"shrink": 0.75, "aspect": 24, "pad": 0.02, **where})
    bar.set_label(label, color=INK, fontsize=8, parse_math=False)
    bar.ax.tick_params(color=LINE, labelcolor=MUTED, labelsize=8)
    bar.outline.set_visible(False)


def legend(ax: Axes, handles: list, labels: list[str], **where: Any) -> None:
    """Draw a legend without a frame, its words as they are: a dollar sign in a compound's name is no formula."""
    drawn = ax.legend(
        handles, labels, frameon=False, fontsize=8, labelcolor=INK, handletextpad=0.5, columnspacing=1.2, **where
    )
    for text in drawn.get_texts():
        text.set_parse_math(False)
