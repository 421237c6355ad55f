"""Figures as SVG to stand inside a page: text stays text, colors follow the theme, the same bytes each time."""

import io
import re
import warnings
from collections.abc import Callable
from html import escape
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from cellprofiling.plot import style

# What the page knows under another name, so that a figure changes with its theme.
THEME = {
    style.INK: "var(--ink)",
    style.MUTED: "var(--muted)",
    style.LINE: "var(--line)",
    style.HATCH: "var(--hatch)",
    style.PAPER: "var(--card)",
}

NOT_DATA = re.compile(r"<\?xml.*?\?>|<!DOCTYPE.*?>|<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", re.DOTALL)
NAMESPACES = re.compile(r'\s(?:xmlns(?::\w+)?|version|width|height)="[^"]*"')
GROUP_ID = re.compile(r'<g id="[^"]*"')
FONT = re.compile(r"font: (?:[\w.]+ )*?([\d.]+px) [^;\"]*")


def svg(draw: Callable[..., Any], alt: str, *, width: float, height: float) -> str:
    """Return what `draw` draws into `ax`, of this size in inches, described by `alt`."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasSVG(figure)
    draw(ax=figure.subplots())
    buffer = io.StringIO()
    # the salt makes the ids within a page differ from figure to figure, and stay the same from run to run
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": alt}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)  # the reader's fonts have more
        figure.savefig(buffer, format="svg", transparent=True, dpi=160)
    return _embedded(buffer.getvalue(), alt)


def _embedded(text: str, alt: str) -> str:
    text = NOT_DATA.sub("", text)
    head, body = text.split(">", 1)
    head = NAMESPACES.sub("", head).strip()
    body = GROUP_ID.sub("<g", body).replace("xlink:href", "href")
    body = FONT.sub(r"font-size: \1", body)
    for color, variable in THEME.items():
        body = body.replace(color, variable)
    return f'{head} role="img" aria-label="{escape(alt)}">{body.strip()}'
