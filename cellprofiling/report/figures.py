"""The figures of a report, each with a sentence and a description, or the reason why it is not there."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable

from cellprofiling.core.errors import CellProfilingError
from cellprofiling.core.frame import COUNT, PLATE, WELL, require, rows
from cellprofiling.plot import controls, embedding, hits, platemap, style
from cellprofiling.report.collect import STATUSES
from cellprofiling.report.sources import Sources
from cellprofiling.report.vectors import svg
from cellprofiling.report.words import joined, number, plural

MOST_PLATES = 24  # plate maps on the page
MOST_GROUPS = 48  # plates side by side in the control plot


@dataclass(frozen=True)
class Picture:
    """A drawn figure and its sentence; without a drawing, `absent` says why."""

    caption: str = ""
    drawing: str = ""
    absent: str = ""
    status: str = ""


@dataclass(frozen=True)
class Figures:
    """The figures in the order of the page."""

    hits: Picture
    embedding: Picture
    controls: Picture
    plates: list[Picture]
    plates_scale: Picture


def figures(sources: Sources) -> Figures:
    """Draw all figures."""
    plates, scale = _plate_maps(sources)
    return Figures(
        hits=_picture(_hits, sources),
        embedding=_picture(_embedding, sources),
        controls=_picture(_controls, sources),
        plates=plates,
        plates_scale=scale,
    )


def _picture(make: Callable[[Sources], Picture], sources: Sources) -> Picture:
    """Return a figure; a table that it cannot be drawn from is the reason, not the end of the report."""
    try:
        return make(sources)
    except CellProfilingError as error:
        return Picture(absent=str(error))


def _hits(sources: Sources) -> Picture:
    table = sources.hits
    require(table, ["p_value"], "hits")
    floored = int((table["p_value"] <= table["p_floor"]).sum()) if "p_floor" in table.columns else 0
    ties = f" {plural(floored, 'perturbation')} can go no higher: at the p floor only the score orders them."
    caption = (
        "Each point is a perturbation: to the right, its wells resemble each other more than they resemble controls; "
        f"upwards, chance explains this less well.{ties if floored else ''}"
    )
    first = [joined(row) for row in table[list(sources.names)].head(5).itertuples(index=False, name=None)]
    alt = f"Perturbations by score and p-value. First in rank: {', '.join(first)}."
    return Picture(caption, svg(partial(hits, table), alt, width=7.4, height=4.3))


def _embedding(sources: Sources) -> Picture:
    if sources.embedding is None:
        return Picture(absent=sources.absent["embedding"])
    table, names = sources.embedding, require(sources.embedding, sources.names, "embedding")
    found = pd.MultiIndex.from_frame(sources.hits.loc[sources.called, names].astype(str))
    active = pd.MultiIndex.from_frame(table[names].astype(str)).isin(found)
    caption = (
        "Each point is a well; similar profiles lie close. Grey wells are controls, triangles are wells of hits. "
        "No verdict rests on this picture: hits are called from all features."
    )
    alt = f"Embedding of {plural(len(table), 'well')}, {number(active.sum())} of them of hits."
    draw = partial(embedding, table, reference=sources.reference, hits=active if active.any() else None)
    return Picture(caption, svg(draw, alt, width=7.4, height=4.6))


def _controls(sources: Sources) -> Picture:
    wells = sources.wells
    if sources.reference is None or not {PLATE, COUNT} <= set(wells.columns):
        return Picture(absent="the plates, the cell counts or the controls are not known")
    shown = sorted(wells[PLATE].dropna().unique())[:MOST_GROUPS]
    wells = wells[wells[PLATE].isin(shown)]
    medians = wells[rows(wells, sources.reference)].groupby(PLATE)[COUNT].median()
    spread = f"Control medians run from {number(medians.min())} to {number(medians.max())} cells."
    first = f" The first {MOST_GROUPS} plates are shown." if sources.wells[PLATE].nunique() > MOST_GROUPS else ""
    caption = (
        f"Cells per well of each plate: controls as diamonds with their box, all other wells behind. {spread}{first}"
    )
    width = max(7.4, 1.4 + 0.3 * len(shown))
    draw = partial(controls, wells, COUNT, reference=sources.reference)
    return Picture(caption, svg(draw, f"Cells per well by plate. {spread}", width=width, height=3.7))


def _plate_maps(sources: Sources) -> tuple[list[Picture], Picture]:
    wells = sources.wells
    if not {PLATE, WELL, COUNT} <= set(wells.columns):
        return [], Picture(absent=f"the wells lack one of {PLATE}, {WELL} and {COUNT}")
    values = wells[COUNT].to_numpy(dtype=np.float64, na_value=np.nan)
    limits = (0.0, float(np.nanquantile(values, 0.99))) if np.isfinite(values).any() else (0.0, 1.0)
    worst = _worst(sources.quality)
    plates = sorted(wells[PLATE].dropna().unique())
    shown, few = plates, ""
    if len(plates) > MOST_PLATES:
        shown = sorted(plates, key=lambda plate: _rank(worst.get(str(plate))))[:MOST_PLATES]
        few = f" {MOST_PLATES} of {len(plates)} plates are shown, those with problems first."
    drawn = [
        replace(_picture(partial(_plate_map, plate=plate, limits=limits), sources), status=worst.get(str(plate), ""))
        for plate in shown
    ]
    caption = f"Cells per well, all plates on one scale; hatched wells have no value.{few}"
    scale = svg(partial(_scale, limits=limits), "Color scale of cells per well.", width=3.6, height=0.55)
    return drawn, Picture(caption, scale)


def _worst(quality: dict[str, Any] | None) -> dict[str, str]:
    """Return the worst status of each plate."""
    worst: dict[str, str] = {}
    for check in (quality or {}).get("checks", []):
        if check["level"] == "plate":
            plate = check["scope"]
            worst[plate] = min(check["status"], worst.get(plate, "skipped"), key=_rank)
    return worst


def _rank(status: str | None) -> int:
    return len(STATUSES) if status is None else STATUSES.index(status)


def _plate_map(sources: Sources, plate: Any, limits: tuple[float, float]) -> Picture:
    here = sources.wells[sources.wells[PLATE] == plate]
    median = number(here[COUNT].median())
    alt = (
        f"Plate {plate}: {plural(len(here), 'well')}, median {median} cells, {(here[COUNT] < 20).sum()} wells below 20."
    )

    def draw(ax: Axes) -> None:
        platemap(sources.wells, COUNT, plate=plate, limits=limits, key=False, ax=ax)
        ax.set_title("", loc="left")  # the page names it
        ax.tick_params(labelsize=6)

    return Picture(f"{plate}, median {median}", svg(draw, alt, width=4.2, height=2.8))


def _scale(*, ax: Axes, limits: tuple[float, float]) -> None:
    norm, colors = style.scale([], limits)
    figure = ax.get_figure()
    assert figure is not None
    bar = figure.colorbar(ScalarMappable(norm, colors), cax=ax, orientation="horizontal", extend="max")
    bar.outline.set_visible(False)
    ax.tick_params(color=style.LINE, labelcolor=style.MUTED, labelsize=8)
