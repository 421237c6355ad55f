"""Axes-level figures of finished tables: `f(table, ..., ax=None) -> Axes`, no global state."""

from cellprofiling.plot.audit import audit
from cellprofiling.plot.cell_cycles import cell_cycle, phases
from cellprofiling.plot.clusters import cluster_heatmap
from cellprofiling.plot.controls import controls
from cellprofiling.plot.corrections import corrections
from cellprofiling.plot.doses import doses
from cellprofiling.plot.drifts import drift
from cellprofiling.plot.embeddings import embedding
from cellprofiling.plot.explanations import explanation, group_heatmap
from cellprofiling.plot.fingerprints import fingerprint
from cellprofiling.plot.hits import hits
from cellprofiling.plot.mechanisms import confusion
from cellprofiling.plot.plates import platemap
from cellprofiling.plot.positions import position
from cellprofiling.plot.power import power
from cellprofiling.plot.replicates import replicates
from cellprofiling.plot.responder_fractions import responders
from cellprofiling.plot.screens import screen
from cellprofiling.plot.separations import separation
from cellprofiling.plot.volcano import changes

__all__ = [
    "platemap",
    "screen",
    "embedding",
    "hits",
    "audit",
    "controls",
    "separation",
    "position",
    "drift",
    "replicates",
    "corrections",
    "changes",
    "confusion",
    "doses",
    "fingerprint",
    "responders",
    "cell_cycle",
    "phases",
    "explanation",
    "group_heatmap",
    "cluster_heatmap",
    "power",
]
