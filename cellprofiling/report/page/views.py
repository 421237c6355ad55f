"""The interactive views: Bokeh figures without a word of data in them, filled by the script of the page.

All texts (plates, wells, perturbations) stay outside Bokeh, so none of them is ever read as markup or as a formula, and
the figures are the same few kilobytes for every screen.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from matplotlib.colors import to_hex

from cellprofiling.core.plates import LETTERS
from cellprofiling.plot import style
from cellprofiling.report.page.wells import KINDS, Wells

FONT = "system-ui, sans-serif"
GPU = 5_000  # points from which WebGL draws them
COLORS = {"treatment": style.SKY, "control": style.GREY, "hit": style.VERMILION}
MARKERS = {"treatment": "circle", "control": "diamond", "hit": "triangle"}
SIZES = {"treatment": 5, "control": 8, "hit": 7}


def uses_gpu(wells: Wells) -> bool:
    """Return whether the points are many enough for WebGL."""
    return len(wells.plate) > GPU


def libraries(*, gpu: bool) -> str:
    """Return BokehJS as one script."""
    from bokeh.resources import Resources

    components: list[Any] = ["bokeh", "bokeh-gl"] if gpu else ["bokeh"]
    text = "\n".join(Resources(mode="inline", components=components, minified=True, log_level="error").js_raw)
    if "</script" in text.lower() or "<!--" in text or "\r" in text:
        raise RuntimeError("BokehJS holds text that ends a script element; this version cannot be inlined.")
    return text


def palettes() -> dict[str, list[str]]:
    """Return the colors of amounts and of differences, 256 each."""
    from matplotlib import colormaps

    steps = np.linspace(0, 1, 256)
    ramps = {"amount": colormaps[style.SEQUENTIAL], "difference": style.DIVERGING}
    return {name: [to_hex(color) for color in ramp(steps)] for name, ramp in ramps.items()}


@dataclass(frozen=True)
class Frame:
    """All that the figures depend on."""

    shape: tuple[int, int]
    plates: int
    embedded: bool
    gpu: bool


def views(wells: Wells) -> dict[str, Any]:
    """Return the document of BokehJS and the id of each figure in it."""
    return _views(Frame(wells.shape, len(wells.plates), wells.x is not None, uses_gpu(wells)))


@cache
def _views(frame: Frame) -> dict[str, Any]:
    from bokeh.document import Document
    from bokeh.models import ColumnDataSource

    document = Document()
    shared = ColumnDataSource(name="wells", data={name: [] for name in ("index", "x", "y", "at", "value")})
    plate = ColumnDataSource(
        name="plate", data={name: [] for name in ("column", "row", "raw", "fitted", "residual", "well")}
    )
    roots = {"screen": _screen(frame)}
    roots |= {name: _plate(name, plate, frame) for name in ("raw", "fitted", "residual")}
    roots["controls"] = _points("controls", shared, frame, "at", "value", kinds=("control",))
    if frame.embedded:
        roots["embedding"] = _points("embedding", shared, frame, "x", "y", kinds=KINDS)
    for root in roots.values():
        document.add_root(root)
    text, names = _renamed(document.to_json(deferred=False))
    return {"document": text, "roots": {name: names[root.id] for name, root in roots.items()}}


def _points(name: str, source: Any, frame: Frame, x: str, y: str, *, kinds: tuple[str, ...]) -> Any:
    from bokeh.models import CDSView, IndexFilter

    figure = _figure(name, height=460 if name == "embedding" else 320, gpu=frame.gpu)
    for kind in kinds:
        view = CDSView(filter=IndexFilter(indices=[]))
        renderer = figure.scatter(
            x,
            y,
            source=source,
            view=view,
            marker=MARKERS[kind],
            size=SIZES[kind] - 2 if frame.gpu else SIZES[kind],
            fill_color=COLORS[kind],
            fill_alpha=0.75,
            line_color=None,
            selection_fill_alpha=1.0,
            selection_line_color=style.INK,
            nonselection_fill_alpha=0.12,
            nonselection_line_alpha=0.0,
            name=kind,
        )
        renderer.view.name = f"{name}-{kind}"
    if name == "controls":
        figure.xaxis.ticker = list(range(1, frame.plates + 1, -(-frame.plates // 20)))
        _middles(figure)
    return figure


def _middles(figure: Any) -> None:
    """Add the median of the controls of each plate, and the band that plates are expected in."""
    from bokeh.models import ColumnDataSource
    from bokeh.models.annotations import BoxAnnotation

    medians = ColumnDataSource(name="medians", data={"left": [], "right": [], "median": []})
    figure.segment("left", "median", "right", "median", source=medians, line_width=2.5, line_color=style.VERMILION)
    band = BoxAnnotation(name="band", fill_color=style.GREY, fill_alpha=0.16, line_color=None, level="underlay")
    figure.add_layout(band)


def _plate(name: str, source: Any, frame: Frame) -> Any:
    from bokeh.models import LinearColorMapper
    from bokeh.transform import transform

    n_rows, n_columns = frame.shape
    figure = _figure(name, height=250, ranges=((0.4, n_columns + 0.6), (n_rows + 0.6, 0.4)))
    mapper = LinearColorMapper(palette=["#ffffff"], low=0, high=1, nan_color="rgba(0,0,0,0)", name=f"{name}-colors")
    look = {"width": 0.94, "height": 0.94, "line_color": None}
    figure.rect(
        "column",
        "row",
        source=source,
        **look,
        fill_color=transform(name, mapper),
        selection_line_color=style.VERMILION,
        selection_line_width=2,
        nonselection_fill_alpha=0.35,
        nonselection_line_alpha=0.0,
        name=f"{name}-wells",
    )
    figure.xaxis.ticker = [1, *range(4, n_columns + 1, 4)] if n_columns > 12 else list(range(1, n_columns + 1))
    figure.yaxis.ticker = list(range(1, n_rows + 1, 4 if n_rows > 16 else 2 if n_rows > 8 else 1))
    figure.yaxis.major_label_overrides = {place + 1: letters for place, letters in enumerate(LETTERS[:n_rows])}
    figure.grid.visible = False
    return figure


def _screen(frame: Frame) -> Any:
    from bokeh.core.properties import value
    from bokeh.models import ColumnDataSource, LinearColorMapper, TapTool

    n_rows, n_columns = frame.shape
    across, down = layout(frame.plates)
    width, height = across * (n_columns + 2), down * (n_rows + 5)
    figure = _figure("screen", height=None, ranges=((0, width), (height, 0)), tools=(), aspect=width / height)
    mapper = LinearColorMapper(
        palette=["#ffffff"], low=0, high=1, nan_color="rgba(128,140,152,0.16)", name="screen-colors"
    )
    thumbs = ColumnDataSource(
        name="thumbs", data={name: [] for name in ("image", "left", "top", "middle", "foot", "label")}
    )
    frames = ColumnDataSource(name="frames", data={"middle": [], "center": []})
    figure.image("image", "left", "top", n_columns, n_rows, source=thumbs, color_mapper=mapper, level="image")
    boxes = figure.rect(
        "middle",
        "center",
        n_columns + 1,
        n_rows + 1,
        source=frames,
        fill_alpha=0,
        line_alpha=0,
        selection_fill_alpha=0,
        selection_line_alpha=1,
        selection_line_width=2,
        nonselection_fill_alpha=0,
        nonselection_line_alpha=0,
        name="chosen",
    )
    size = "11px" if across <= 8 else "9px"
    look = {
        "text_align": "center",
        "text_baseline": "top",
        "text_font_size": value(size),
        "text_font": value(FONT),
        "name": "labels",
    }
    figure.text("middle", "foot", "label", source=thumbs, **look)
    marks = ColumnDataSource(name="marks", data={"x": [], "y": []})
    look = {"fill_color": style.VERMILION, "line_color": style.PAPER, "line_width": 0.5}
    figure.scatter("x", "y", source=marks, size=5, **look)
    figure.add_tools(TapTool(renderers=[boxes]))
    figure.axis.visible = False
    figure.grid.visible = False
    return figure


def layout(n: int) -> tuple[int, int]:
    """Return how many plates stand side by side in the screen map, and in how many rows."""
    across = 4 if n <= 8 else 6 if n <= 30 else 10 if n <= 100 else 14
    return across, -(-n // across)


def _figure(
    name: str,
    *,
    height: int | None,
    gpu: bool = False,
    ranges: tuple[tuple[float, float], tuple[float, float]] | None = None,
    tools: tuple[str, ...] = ("pan", "box_select", "lasso_select", "tap", "wheel_zoom"),
    aspect: float | None = None,
) -> Any:
    from bokeh.models import HoverTool
    from bokeh.plotting import figure

    options: dict[str, Any] = {} if ranges is None else {"x_range": ranges[0], "y_range": ranges[1]}
    options |= {"aspect_ratio": aspect, "sizing_mode": "scale_width"} if aspect else {"sizing_mode": "stretch_width"}
    if height is not None:
        options["height"] = height
    made = figure(
        name=name,
        tools=list(tools),
        active_drag="box_select" if tools else None,
        active_scroll=None,
        toolbar_location=None,
        output_backend="webgl" if gpu else "canvas",
        background_fill_color=None,
        border_fill_color=None,
        outline_line_color=None,
        **options,
    )
    made.add_tools(HoverTool(tooltips=None))
    made.axis.minor_tick_line_color = None
    made.axis.major_label_text_font = FONT
    return made


def _renamed(document: Any) -> tuple[Any, dict[str, str]]:
    """Return the document with its models numbered from the first, and their new ids: the same bytes each time."""
    names: dict[str, str] = {}

    def number(value: Any) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("id"), str):
                names.setdefault(value["id"], f"m{len(names) + 1}")
            for each in value.values():
                number(each)
        elif isinstance(value, list):
            for each in value:
                number(each)

    def rename(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: names[each] if key == "id" and each in names else rename(each) for key, each in value.items()}
        return [rename(each) for each in value] if isinstance(value, list) else value

    number(document)
    return rename(document), names
