"""Measures of mixing timed beside scib-metrics, and the comparison of five corrections, which has no peer.

The first call of scib-metrics compiles for a minute; the table gives the fastest call of each side.
"""

from typing import Any

import numpy as np
import pandas as pd
from batch_cases import BATCH, SIZE
from cases import NEGCON, Case

import cellprofiling as cpf
from cellprofiling.simulate.faults.batch_screen import simulate_batches

DESIGN = {"batch": BATCH, "by": "Metadata_Compound", "reference": NEGCON}


def embedded() -> dict[str, np.ndarray]:
    """Return 50 coordinates of 7,680 wells with 321 labels in 4 batches."""
    rng = np.random.default_rng(0)
    batch, label = np.repeat(np.arange(4), 1920), rng.integers(0, 321, 7680)
    x = rng.normal(size=(7680, 50)) + 2 * rng.normal(size=(321, 50))[label] + 0.5 * rng.normal(size=(4, 50))[batch]
    return {"x": x, "batch": batch, "label": label}


def our_mixing(data: dict[str, np.ndarray]) -> tuple[float, ...]:
    """Return iLISI, kBET, PCR and BRAS."""
    from cellprofiling.kernels.batches import mixing
    from cellprofiling.kernels.similarity.neighbors import nearest

    x, batch, label = data["x"], data["batch"], data["label"]
    around = nearest(x, 90)
    near = batch[around.rows]
    return (
        float(np.median(mixing.effective_batches(around.distance, near, 4)) - 1) / 3,
        float(mixing.as_expected(near, np.full(4, 0.25)).mean()),
        mixing.explained_by_batch(x, batch),
        float(np.nanmean(mixing.batch_silhouettes(x, label, batch))),
    )


def peer_mixing(data: dict[str, np.ndarray]) -> tuple[float, ...]:
    """Return the same by scib-metrics, with its approximate neighbors."""
    from scib_metrics import bras, ilisi_knn, kbet
    from scib_metrics.nearest_neighbors import pynndescent
    from scib_metrics.utils import principal_component_regression

    x, batch, label = data["x"], data["batch"], data["label"]
    around = pynndescent(x.astype(np.float32), n_neighbors=90, random_state=0)
    return (
        float(ilisi_knn(around, batch)),
        float(kbet(around, batch)[0]),
        float(principal_component_regression(x, batch, categorical=True)),
        float(bras(x, label, batch)),
    )


def screen() -> pd.DataFrame:
    """Return 7,680 wells of 20 plates in 4 batches, with 320 compounds and 500 features."""
    return simulate_batches("balanced", batches=4, plates=5, compounds=320, controls=64, features=500).wells


def candidates() -> dict[str, Any]:
    """Return five corrections."""
    anchored = {"anchors": "reference"}
    asked = {
        "linear, anchored": ("linear", anchored),
        "combat, anchored": ("combat", anchored),
        "combat": ("combat", {}),
        "harmony, anchored": ("harmony", anchored),
        "harmony": ("harmony", {}),
    }
    return {
        name: [{"correct_batch": {"method": method, "batch": "@batch", "reference": "@reference", **options}}]
        for name, (method, options) in asked.items()
    }


def compared(table: pd.DataFrame) -> pd.DataFrame:
    """Compare five corrections."""
    return cpf.compare_corrections(table, candidates(), **DESIGN, label="Metadata_Mechanism")


CASES = (
    Case(
        "iLISI, kBET, PCR and BRAS",
        embedded,
        our_mixing,
        peer_mixing,
        "scib-metrics",
        "7,680 wells x 50 components, 4 batches, 321 labels",
        elsewhere=True,
    ),
    Case("compare five corrections", screen, compared, None, "none does it", SIZE),
)
