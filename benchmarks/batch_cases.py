"""Whitening and batch correction, timed beside pycytominer, scanpy and harmonypy (GPL; a peer, never a dependency)."""

from typing import Any

import numpy as np
import pandas as pd
from cases import NEGCON, Case, features

import cellprofiling as cpf

BATCH = "Metadata_Batch"


def batches(n_features: int = 500) -> pd.DataFrame:
    """Return 7,680 wells of 20 plates in 4 batches, a sixth of them controls; batches differ in location and scale."""
    rng = np.random.default_rng(0)
    batch = np.repeat(np.arange(4), 1920)
    x = rng.normal(size=(7680, 60)) @ rng.normal(size=(60, n_features)) / 8 + 0.5 * rng.normal(size=(7680, n_features))
    x = x * np.exp(0.2 * rng.normal(size=(4, n_features)))[batch] + rng.normal(size=(4, n_features))[batch] + 5
    table = pd.DataFrame(x, columns=features(n_features))
    table.insert(0, BATCH, [f"B{code}" for code in batch])
    table.insert(1, "Metadata_Plate", [f"P{code:02d}" for code in np.repeat(np.arange(20), 384)])
    table.insert(2, "Metadata_Role", np.where(np.arange(7680) % 6 == 0, "negcon", "treatment"))
    return table


def peer_spherize(table: pd.DataFrame, samples: str) -> Any:
    """Whiten by pycytominer."""
    from pycytominer import normalize

    return normalize(table, features=features(500), samples=samples, method="spherize", spherize_method="ZCA-cor")


def peer_combat(table: pd.DataFrame) -> Any:
    """Correct batches by scanpy."""
    import anndata
    import scanpy

    batch = pd.DataFrame({"batch": pd.Categorical(table[BATCH])}).set_index(table.index.astype(str))
    return scanpy.pp.combat(anndata.AnnData(table[features(500)].to_numpy(), obs=batch), key="batch", inplace=False)


def components() -> pd.DataFrame:
    """Return the 50 widest components of the same wells."""
    return cpf.embed(batches(), n_components=50)


def peer_harmony(table: pd.DataFrame) -> Any:
    """Mix batches by harmonypy, as many iterations as ours; its default stops after the first."""
    import harmonypy

    x, options = table.filter(like="PCA").to_numpy(), {"epsilon_harmony": -np.inf, "max_iter_harmony": 10, "lamb": 1}
    return harmonypy.run_harmony(x, table[[BATCH]], BATCH, verbose=False, **options)


def our_harmony(table: pd.DataFrame) -> Any:
    """Mix batches here."""
    names = list(table.filter(like="PCA"))
    return cpf.correct_batch(table, "harmony", batch=BATCH, output="embedding", features=names)


SIZE = "7,680 wells x 500 features"

CASES = (
    Case(
        "whiten, zca_cor on all wells",
        batches,
        lambda table: cpf.whiten(table, shrinkage=0),
        lambda table: peer_spherize(table, "all"),
        "pycytominer",
        SIZE,
    ),
    Case(
        "whiten, zca_cor on controls",
        batches,
        lambda table: cpf.whiten(table, reference=NEGCON, shrinkage=0),
        lambda table: peer_spherize(table, NEGCON),
        "pycytominer",
        f"{SIZE}, 1,280 of them controls",
    ),
    Case(
        "correct batches, ComBat",
        batches,
        lambda table: cpf.correct_batch(table, "combat", batch=BATCH),
        peer_combat,
        "scanpy",
        f"{SIZE}, 4 batches",
        elsewhere=True,
    ),
    Case(
        "correct batches, Harmony, 10 iterations",
        components,
        our_harmony,
        peer_harmony,
        "harmonypy",
        "7,680 wells x 50 components, 4 batches; the peer is compiled C++",
        elsewhere=True,
    ),
)
