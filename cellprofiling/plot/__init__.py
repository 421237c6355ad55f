"""Axes-level figures of finished tables: `f(table, ..., ax=None) -> Axes`, no global state."""

from cellprofiling.plot.audit import audit
from cellprofiling.plot.controls import controls
from cellprofiling.plot.corrections import corrections
from cellprofiling.plot.doses import doses
from cellprofiling.plot.embeddings import embedding
from cellprofiling.plot.hits import hits
from cellprofiling.plot.mechanisms import confusion
from cellprofiling.plot.plates import platemap
from cellprofiling.plot.volcano import changes

__all__ = ["platemap", "embedding", "hits", "audit", "controls", "corrections", "changes", "confusion", "doses"]
