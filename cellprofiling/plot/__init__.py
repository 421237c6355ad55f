"""Axes-level figures of finished tables: `f(table, ..., ax=None) -> Axes`, no global state."""

from cellprofiling.plot.controls import controls
from cellprofiling.plot.corrections import corrections
from cellprofiling.plot.embeddings import embedding
from cellprofiling.plot.hits import hits
from cellprofiling.plot.plates import platemap

__all__ = ["platemap", "embedding", "hits", "controls", "corrections"]
