"""Single cells of one plate: hidden factors, moved by well and compound, seen through the features."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellprofiling.core.columns import PLATE, WELL
from cellprofiling.kernels.arrays import Doubles, Indices, Mask
from cellprofiling.simulate.compounds import Library, hill
from cellprofiling.simulate.factors import CYCLE, Factors
from cellprofiling.simulate.model import Model
from cellprofiling.simulate.panel import Panel
from cellprofiling.simulate.shifts import well_shifts
from cellprofiling.simulate.streams import PlateStreams

IN_G2 = 0.35  # share of cells with twice the DNA
WITHIN_PHASE = 0.25  # SD of the cycle factor within a phase; over both phases it has mean 0 and SD 1
TAILS = 4  # degrees of freedom: a few cells are unusual in everything (JUMP: 1 % of values beyond 5 robust SDs)
TWIN = 0.2  # SD of what tells a feature from its twins, so that they correlate by 0.96
ARTIFACT_PARTS = 1 / 3  # share of compartment x group that an artifact (debris, a badly cut cell) makes wrong
ARTIFACT_SHIFT = (2.0, 6.0)  # SDs of a cell, before the shape of the feature stretches or bounds it
IMAGE = 1080  # pixels, as in JUMP


@dataclass(frozen=True)
class PlateCells:
    """The cells of one plate, in the order of its wells: where each is, its features (float32), and the truth."""

    metadata: pd.DataFrame
    x: NDArray[np.float32]
    truth: pd.DataFrame


def draw_plate(model: Model, wells: pd.DataFrame, batch: int, random: PlateStreams) -> PlateCells:
    """Return the cells of one plate, in the order of the well names that they carry."""
    wells = wells.sort_values("true_well")  # drawn by where they were, so that turning a plate changes names only
    noise = np.exp(model.preset.count_sd * random.counts.standard_normal(len(wells)))
    counts = np.maximum(1, np.rint(wells["expected_count"].to_numpy() * noise)).astype(np.intp)
    well = np.repeat(np.arange(len(wells)), counts)
    u = _factors(len(well), model.factors, random.cells) + well_shifts(model, wells, counts, batch, random.wells)[well]
    responder = _respond(u, wells, well, model.library, random.cells)
    x, artifact = _features(u, model, random.cells)
    names = wells[WELL].to_numpy()
    order = np.argsort(names[well], kind="stable")
    metadata = _where(wells[PLATE].iloc[0], names[well[order]], model.preset.sites, random.cells)
    truth = pd.DataFrame({"responder": responder[order], "artifact": artifact[order]})
    return PlateCells(metadata, rounded(x[order]), truth)


def rounded(x: Doubles) -> NDArray[np.float32]:
    """Return x with 17 significant bits.

    The last bits of exp and of dot products differ between processors; they shall not reach a file.
    """
    bits = x.astype(np.float32).view(np.int32)
    return ((bits + 64) & ~127).view(np.float32)


def _where(plate: str, names: NDArray, sites: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return the keys and the place of every cell; images are numbered over the plate, objects over the image."""
    well = np.unique(names, return_inverse=True)[1]
    site = rng.integers(sites, size=len(well))
    site = site[np.lexsort((site, well))]
    image = well * sites + site
    place = (IMAGE * rng.random((len(well), 2))).astype(np.float32)
    return pd.DataFrame(
        {
            PLATE: plate,
            WELL: names,
            "Metadata_Site": site + 1,
            "Metadata_ImageNumber": image + 1,
            "Metadata_ObjectNumber": np.arange(len(well)) - np.searchsorted(image, image) + 1,
            "Nuclei_Location_Center_X": place[:, 0],
            "Nuclei_Location_Center_Y": place[:, 1],
        }
    )


def _factors(n: int, factors: Factors, rng: np.random.Generator) -> Doubles:
    """Return the factors of n untreated cells: mean 0, SD near 1, the cycle in two modes."""
    unusual = (np.sqrt((TAILS - 2) / rng.chisquare(TAILS, (n, 1)))) ** 0.6
    u = unusual * rng.standard_normal((n, len(factors.names)))
    odds = IN_G2 / (1 - IN_G2)
    modes = np.where(rng.random(n) < IN_G2, odds**-0.5, -(odds**0.5))
    u[:, factors.of(CYCLE)] = np.sqrt(1 - WITHIN_PHASE**2) * modes + WITHIN_PHASE * rng.standard_normal(n)
    return u


def _respond(u: Doubles, wells: pd.DataFrame, well: Indices, library: Library, rng: np.random.Generator) -> Mask:
    """Move the factors of the cells that respond, in place; return which cells they are."""
    compound = pd.Index(library.table["Metadata_Compound"]).get_indexer(wells["true_compound"])  # -1 for a control
    curve = library.table.iloc[compound].reset_index(drop=True)
    dose = wells["true_dose"].to_numpy()
    strength = hill(dose, curve["ec50"].to_numpy(), curve["slope"].to_numpy())
    responder = rng.random(len(well)) < np.where(strength > 0, curve["fraction"], 0.0)[well]
    either_side = np.where(rng.random(len(well)) < 0.5, 1, -1)
    sign = np.where((curve["type"] == "dispersion").to_numpy()[well], either_side, 1)
    moves = library.moves[compound] * strength[:, None]
    u[responder] += sign[responder, None] * moves[well[responder]]
    return responder


def _features(u: Doubles, model: Model, rng: np.random.Generator) -> tuple[Doubles, Mask]:
    """Return the features that cells with these factors have, and which cells are artifacts."""
    factors, panel = model.factors, model.panel
    z = u @ factors.weights.T
    z += factors.own * rng.standard_t(5, z.shape) * np.sqrt(3 / 5)
    artifact = _spoil(z, panel, model.preset.artifacts, rng)
    own = rng.standard_normal((len(u), len(panel.names)))
    z = np.sqrt(1 - TWIN**2) * z[:, panel.family] + TWIN * own
    x = panel.in_units(model.blemishes.flatten(z))
    return model.blemishes.lose(x, rng), artifact


def _spoil(z: Doubles, panel: Panel, share: float, rng: np.random.Generator) -> Mask:
    """Shift a third of what was measured in some cells, in place; return which cells they are."""
    artifact = rng.random(len(z)) < share
    parts = [f"{family.compartment}/{family.group}" for family in panel.families]
    part = np.unique(parts, return_inverse=True)[1]
    n = int(artifact.sum())
    hit = rng.random((n, part.max() + 1)) < ARTIFACT_PARTS
    shift = np.where(rng.random(n) < 0.5, -1, 1) * rng.uniform(*ARTIFACT_SHIFT, n)
    z[artifact] += shift[:, None] * hit[:, part]
    return artifact
