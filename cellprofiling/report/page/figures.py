"""The drawn figures of a report, each with a sentence, or the reason why it is not there.

They stand in the page for print and for readers without scripts; on a screen the interactive views take the place of
those that have one.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable

from cellprofiling.core.columns import COUNT, PLATE, WELL, require, rows
from cellprofiling.core.errors import CellProfilingError, plural
from cellprofiling.core.plates import standard_wells
from cellprofiling.plot import controls, embedding, hits, platemap, style
from cellprofiling.report.page.vectors import svg
from cellprofiling.report.record.plate_table import rank, worst
from cellprofiling.report.record.replicates import replicate_similarity
from cellprofiling.report.record.sources import Sources
from cellprofiling.report.record.verdict import listed_checks
from cellprofiling.report.record.words import amount, joined, number, percent

MOST_PLATES = 24  # plate maps on the page
MOST_GROUPS = 48  # plates side by side in the control plot
DIFFERENCE = "difference from plate median"


@dataclass(frozen=True)
class Picture:
    """A drawn figure and its sentence; without a drawing, `absent` says why. `table` holds its numbers."""

    caption: str = ""
    drawing: str = ""
    absent: str = ""
    status: str = ""
    table: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class Figures:
    """The figures in the order of the page."""

    hits: Picture
    embedding: Picture
    controls: Picture
    position: Picture
    replicates: Picture
    plates: list[Picture]
    plates_scale: Picture


def figures(sources: Sources) -> Figures:
    """Draw all figures."""
    plates, scale = _plate_maps(sources)
    return Figures(
        hits=_picture(_hits, sources),
        embedding=_picture(_embedding, sources),
        controls=_picture(_controls, sources),
        position=_picture(_position, sources),
        replicates=_picture(_replicates, sources),
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


def _position(sources: Sources) -> Picture:
    """Draw the median over plates of each well's cells, as a share of the median of its plate."""
    wells = sources.wells
    if not {PLATE, WELL, COUNT} <= set(wells.columns):
        return Picture(absent=f"the wells lack one of {PLATE}, {WELL} and {COUNT}")
    middle = wells.groupby(PLATE)[COUNT].transform("median").to_numpy(dtype=np.float64, na_value=np.nan)
    counts = wells[COUNT].to_numpy(dtype=np.float64, na_value=np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(middle > 0, counts / middle - 1, np.nan)
    if not np.isfinite(share).any():
        return Picture(absent="no plate has cells")
    mean = pd.DataFrame({WELL: standard_wells(wells[WELL]), "share": share}).groupby(WELL)["share"].median()
    table = mean.reset_index().rename(columns={"share": DIFFERENCE})
    most = max(float(np.nanquantile(np.abs(table[DIFFERENCE]), 0.99)), 0.1)
    n, known = wells[PLATE].nunique(), table.dropna().sort_values(DIFFERENCE, kind="stable")
    ends = [f"{percent(row[DIFFERENCE])} in {row[WELL]}" for row in known.iloc[[0, -1]].to_dict("records")]
    caption = (
        f"The typical plate: cells of each well against the median of its plate, as the median over "
        f"{plural(n, 'plate')}. It runs from {ends[0]} to {ends[1]}. A pattern here is the plate, or a layout that "
        "puts the same treatment in one place."
    )
    draw = partial(_typical, table=table, most=most)
    rows_ = (("Well", "Difference"), *((row[0], percent(row[1])) for row in table.itertuples(index=False)))
    return Picture(caption, svg(draw, f"Typical plate. {caption}", width=6.4, height=3.4), table=rows_)


def _typical(*, ax: Axes, table: pd.DataFrame, most: float) -> None:
    platemap(table, DIFFERENCE, limits=(-most, most), ax=ax)
    ax.set_title("", loc="left")


def _replicates(sources: Sources) -> Picture:
    if sources.profiles is None:
        return Picture(absent=sources.absent["profiles"])
    controls_ = None if sources.reference is None else rows(sources.profiles, sources.reference)
    found = replicate_similarity(sources, controls_)
    if found is None:
        return Picture(absent="no two perturbations have two treated wells each")
    said = (
        f"{percent(found.share)} of {plural(len(found.observed), 'perturbation')} resemble themselves more than 95 % "
        "of random groups of treated wells do; 5 % would by chance."
    )
    caption = f"Mean cosine between wells of one perturbation, and of as many wells of different ones. {said}"
    steps = (0.05, 0.25, 0.5, 0.75, 0.95)
    table = (
        ("Quantile", "Replicates", "Random groups"),
        *((percent(q), amount(np.quantile(found.observed, q)), amount(np.quantile(found.null, q))) for q in steps),
    )
    draw = partial(_histograms, observed=found.observed, null=found.null, limit=found.limit)
    return Picture(caption, svg(draw, f"Replicates. {said}", width=7.4, height=3.0), table=table)


def _histograms(*, ax: Axes, observed: np.ndarray, null: np.ndarray, limit: float) -> None:
    both = np.concatenate([observed, null])
    bins = np.linspace(both.min(), both.max() + 1e-9, 41).tolist()
    ax.hist(null, bins, density=True, color=style.GREY, alpha=0.55, label="random groups")
    ax.hist(observed, bins, density=True, histtype="step", lw=1.8, color=style.BLUE, label="replicates")
    ax.axvline(limit, color=style.MUTED, lw=1, ls=(0, (4, 3)), label="95 % of random groups")
    ax.set(xlabel="mean cosine between wells", ylabel="density", yticks=[])
    style.legend(ax, *ax.get_legend_handles_labels(), loc="lower center", bbox_to_anchor=(0.5, 1.0), ncol=3)
    style.quiet(ax)


def _plate_maps(sources: Sources) -> tuple[list[Picture], Picture]:
    wells = sources.wells
    if not {PLATE, WELL, COUNT} <= set(wells.columns):
        return [], Picture(absent=f"the wells lack one of {PLATE}, {WELL} and {COUNT}")
    values = wells[COUNT].to_numpy(dtype=np.float64, na_value=np.nan)
    limits = (0.0, float(np.nanquantile(values, 0.99))) if np.isfinite(values).any() else (0.0, 1.0)
    states = _states(sources.quality)
    plates = sorted(wells[PLATE].dropna().unique())
    shown, few = plates, ""
    if len(plates) > MOST_PLATES:
        shown = sorted(plates, key=lambda plate: rank(states.get(str(plate))))[:MOST_PLATES]
        few = f" {MOST_PLATES} of {len(plates)} plates are shown, those with problems first."
    drawn = [
        replace(_picture(partial(_plate_map, plate=plate, limits=limits), sources), status=states.get(str(plate), ""))
        for plate in shown
    ]
    caption = f"Cells per well, all plates on one scale; hatched wells have no value.{few}"
    scale = svg(partial(_scale, limits=limits), "Color scale of cells per well.", width=3.6, height=0.55)
    return drawn, Picture(caption, scale)


def _states(quality: dict[str, Any] | None) -> dict[str, str]:
    """Return the worst status of each plate."""
    found: dict[str, list[dict[str, Any]]] = {}
    for check in listed_checks(quality):
        if check["level"] == "plate":
            found.setdefault(check["scope"], []).append(check)
    return {plate: worst(checks) for plate, checks in found.items()}


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
