"""Axes-level figures of finished tables: `f(table, ..., ax=None) -> Axes`, no global state."""

from cellprofiling.plot.layouts.control_wells import controls
from cellprofiling.plot.layouts.drifts import drift
from cellprofiling.plot.layouts.plate_maps import platemap
from cellprofiling.plot.layouts.positions import position
from cellprofiling.plot.layouts.screens import screen
from cellprofiling.plot.layouts.separations import separation
from cellprofiling.plot.single_cells.cell_cycles import cell_cycle, phases
from cellprofiling.plot.single_cells.fingerprints import fingerprint
from cellprofiling.plot.single_cells.responder_fractions import responders
from cellprofiling.plot.spaces.clusters import cluster_heatmap
from cellprofiling.plot.spaces.correction_scores import corrections
from cellprofiling.plot.spaces.embeddings import embedding
from cellprofiling.plot.spaces.explanations import explanation, group_heatmap
from cellprofiling.plot.testing.audits import audit
from cellprofiling.plot.testing.dose_curves import doses
from cellprofiling.plot.testing.hit_scatter import hits
from cellprofiling.plot.testing.mechanisms import confusion
from cellprofiling.plot.testing.power_curves import power
from cellprofiling.plot.testing.replicate_curves import replicates
from cellprofiling.plot.testing.volcano import changes

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
