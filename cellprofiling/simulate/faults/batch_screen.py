"""Wells, without their cells, of a screen in several batches whose truth is known.

For tests of what happens to wells: a batch shifts, stretches and turns the features, a plate shifts them a little, and
the library is the same in every batch or split between them.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cellprofiling.core.errors import one_of
from cellprofiling.kernels.arrays import Doubles, Indices

LIBRARIES = ("balanced", "split")
MOST_FACTORS = 40
PLATE_SHARE, EDGE_SHARE = 0.15, 0.3  # of the size of a batch effect, and in SDs of a well
FOCUSED = 0.7  # of the effects in the focused library is the same for all of its compounds


@dataclass(frozen=True)
class BatchScreen:
    """Wells, and what was planted in them.

    Attributes
    ----------
    wells : one row per well: metadata, then features in SDs of a well.
    effects : one row per compound, in the same order as `compounds`: how far it moves each feature.
    compounds : Metadata_Compound, Metadata_Mechanism, active.
    """

    wells: pd.DataFrame
    effects: Doubles
    compounds: pd.DataFrame


def simulate_batches(
    library: str = "balanced",
    *,
    batches: int = 3,
    plates: int = 2,
    compounds: int = 60,
    controls: int = 24,
    features: int = 60,
    effect: float = 2.0,
    active: float = 0.6,
    batch_effect: float = 1.0,
    seed: int = 0,
) -> BatchScreen:
    """
    Return wells in several batches.

    Parameters
    ----------
    library : "balanced": every plate holds every compound once. "split": each batch has compounds of its own, each on
        every plate of the batch, and those of the first are a focused set: all active, in much the same direction.
    batches, plates : number of batches, and of plates in each.
    compounds, controls : number of compounds over all batches, and of DMSO wells on each plate.
    features : number of features; they follow at most 40 hidden factors.
    effect : size of the effect of active compounds, in SDs of a well per feature (root mean square).
    active : share of compounds that are active.
    batch_effect : size of batch effects, in SDs of a well per feature; 0 for none.
    seed : seed of the random numbers.
    """
    one_of("library", library, LIBRARIES)
    rng = np.random.default_rng(seed)
    n_factors = min(MOST_FACTORS, features // 2)
    loadings = rng.normal(size=(n_factors, features)) / np.sqrt(n_factors)
    owner = np.arange(compounds) % batches if library == "split" else np.full(compounds, -1)
    table, factors = _compounds(owner, n_factors, effect, active, rng)
    places = _places(owner, batches, plates, controls)
    latent = np.vstack([factors, np.zeros(n_factors)])[places["compound"]]
    latent = latent + rng.normal(size=latent.shape)
    turned = _turned(latent, places["batch"].to_numpy(), batch_effect, rng)
    x = turned @ loadings + 0.5 * rng.normal(size=(len(places), features))
    x = _in_batches(x, places, batch_effect, rng) + EDGE_SHARE * np.outer(_on_edge(places), rng.normal(size=features))
    metadata = _metadata(places, table)
    names = [f"Cells_Texture_Variance_{i:03d}" for i in range(features)]
    wells = pd.concat([metadata, pd.DataFrame(x, columns=names)], axis=1)
    return BatchScreen(wells, factors @ loadings, table)


def _compounds(
    owner: Indices, n_factors: int, effect: float, active: float, rng: np.random.Generator
) -> tuple[pd.DataFrame, Doubles]:
    n = len(owner)
    mechanism = rng.permutation(np.arange(n) % max(n // 4, 1))
    directions = rng.normal(size=(n, n_factors))[mechanism] + 0.5 * rng.normal(size=(n, n_factors))
    moves = rng.random(n) < active
    focused = owner == 0
    moves |= focused
    directions[focused] = FOCUSED * 2 * rng.normal(size=n_factors) + (1 - FOCUSED) * directions[focused]
    directions *= effect * np.sqrt(n_factors) / np.linalg.norm(directions, axis=1, keepdims=True)
    names = [f"C{i:03d}" for i in range(n)]
    table = pd.DataFrame(
        {"Metadata_Compound": names, "Metadata_Mechanism": [f"M{m:02d}" for m in mechanism], "active": moves}
    )
    return table, directions * moves[:, None]


def _places(owner: Indices, batches: int, plates: int, controls: int) -> pd.DataFrame:
    """Return one row per well; compound -1 is DMSO."""
    frames = []
    for batch in range(batches):
        here = np.flatnonzero((owner == batch) | (owner < 0))
        wells = np.concatenate([np.full(controls, -1), here])
        first = batch * plates
        frames += [pd.DataFrame({"batch": batch, "plate": first + i, "compound": wells}) for i in range(plates)]
    return pd.concat(frames, ignore_index=True)


def _turned(latent: Doubles, batch: Indices, size: float, rng: np.random.Generator) -> Doubles:
    """Return latent rows, those of each batch turned a little (Cayley's rotation)."""
    n = latent.shape[1]
    out = np.empty_like(latent)
    for code in np.unique(batch):
        skew = np.triu(rng.normal(size=(n, n)), 1) * 0.1 * size / np.sqrt(n)
        skew -= skew.T
        out[batch == code] = latent[batch == code] @ np.linalg.solve(np.eye(n) + skew, np.eye(n) - skew)
    return out


def _in_batches(x: Doubles, places: pd.DataFrame, size: float, rng: np.random.Generator) -> Doubles:
    batch, plate = places["batch"].to_numpy(), places["plate"].to_numpy()
    shift = size * rng.normal(size=(batch.max() + 1, x.shape[1]))
    stretch = np.exp(0.2 * size * rng.normal(size=shift.shape))
    by_plate = PLATE_SHARE * size * rng.normal(size=(plate.max() + 1, x.shape[1]))
    return x * stretch[batch] + shift[batch] + by_plate[plate]


def _on_edge(places: pd.DataFrame) -> Doubles:
    row, column = _position(places)
    return ((row % 15 == 0) | (column % 23 == 0)).astype(float)


def _position(places: pd.DataFrame) -> tuple[Indices, Indices]:
    """Return row and column of each well on a plate of 384, dealt at random but the same whatever the batches do."""
    position = np.empty(len(places), dtype=np.intp)
    for plate in places["plate"].unique():
        inside = np.flatnonzero(places["plate"] == plate)
        position[inside] = np.random.default_rng(int(plate)).permutation(384)[: len(inside)]
    return position // 24, position % 24


def _metadata(places: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    row, column = _position(places)
    control = places["compound"].to_numpy() < 0
    names = np.array([*table["Metadata_Compound"], "DMSO"], dtype=object)
    mechanisms = np.array([*table["Metadata_Mechanism"], None], dtype=object)
    return pd.DataFrame(
        {
            "Metadata_Batch": [f"B{b + 1}" for b in places["batch"]],
            "Metadata_Plate": [f"P{p + 1:02d}" for p in places["plate"]],
            "Metadata_Well": [f"{'ABCDEFGHIJKLMNOP'[r]}{c + 1:02d}" for r, c in zip(row, column, strict=True)],
            "Metadata_Compound": names[places["compound"]],
            "Metadata_Mechanism": mechanisms[places["compound"]],
            "Metadata_Role": np.where(control, "negcon", "treatment"),
        }
    )
