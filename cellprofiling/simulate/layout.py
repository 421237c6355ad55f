"""What lies in which well: what the platemap says, what is true, and how many cells to expect there."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellprofiling.core.columns import PLATE, WELL
from cellprofiling.core.plates import FORMATS, parse_wells, well_names
from cellprofiling.kernels.arrays import Doubles, Indices
from cellprofiling.simulate.compounds import hill
from cellprofiling.simulate.presets import Preset
from cellprofiling.simulate.streams import PlateStreams, Streams

CONTROL = "DMSO"
TURNED = 1  # the second plate is the one that was turned, so that a screen of one plate has none
FEWEST = 0.2  # of the usual number of cells, however bad the position
DEADLIEST = 0.97  # share of cells that the worst dose kills: some dead cells stay attached and are measured


def draw_platemap(preset: Preset, compounds: pd.DataFrame, random: Streams) -> pd.DataFrame:
    """Return what the platemaps say, one row per well in use, wells of a plate in order."""
    names, inside = np.array(well_names(preset.wells_per_plate)), _contents(preset, compounds)
    maps = []
    for plate, own in enumerate(random.plates):
        rng = np.random.default_rng(random.layout) if preset.layout == "fixed" else own.layout
        wells = _places(len(inside), len(names), rng)
        keys = {
            PLATE: f"Plate{plate + 1:02d}",
            WELL: names[wells],
            "Metadata_Batch": f"Batch{plate % preset.batches + 1:02d}",
        }
        maps.append(pd.concat([pd.DataFrame(keys), inside], axis=1).iloc[np.argsort(wells)])
    return pd.concat(maps, ignore_index=True)


def draw_wells(preset: Preset, platemap: pd.DataFrame, compounds: pd.DataFrame, random: Streams) -> pd.DataFrame:
    """Return the truth about every well, plates and wells in order.

    Metadata_Well is the name that the cells carry; on a turned plate it is not `true_well`, where they were.
    """
    usual = _position_terms(preset, preset.constancy, random.position)
    plates = [
        _plate_truth(preset, here, usual, own, turned=preset.rotated and i == TURNED)
        for i, ((_, here), own) in enumerate(zip(platemap.groupby(PLATE, sort=False), random.plates, strict=True))
    ]
    wells = pd.concat(plates, ignore_index=True)
    curve = compounds.set_index("Metadata_Compound").reindex(wells["true_compound"]).reset_index()
    dose, slope = wells["true_dose"].to_numpy(), curve["slope"].to_numpy()
    effect = curve["effect"].fillna(0.0) * hill(dose, curve["ec50"].to_numpy(), slope)
    survivors = 1 - DEADLIEST * hill(dose, curve["lethal_ec50"].to_numpy(), slope)
    return wells.assign(true_effect=effect, expected_count=wells["expected_count"] * survivors)


def _contents(preset: Preset, compounds: pd.DataFrame) -> pd.DataFrame:
    """Return what is put on a plate: the controls, then every compound at every dose."""
    n, n_doses = preset.controls, len(preset.doses)
    return pd.DataFrame(
        {
            "Metadata_Compound": [CONTROL] * n + list(compounds["Metadata_Compound"].repeat(n_doses)),
            "Metadata_Dose": [0.0] * n + list(preset.doses) * len(compounds),
            "Metadata_Mechanism": [None] * n + list(compounds["mechanism"].repeat(n_doses)),
            "Metadata_Role": ["negcon"] * n + ["treatment"] * n_doses * len(compounds),
        }
    )


def _places(n: int, n_wells: int, rng: np.random.Generator) -> Indices:
    """Return a well for each of n contents: random, but turning the plate leaves the set of used wells the same."""
    half = rng.permutation(n_wells // 2)[: (n + 1) // 2]
    return rng.permutation(np.concatenate([half, n_wells - 1 - half])[:n])


def _plate_truth(
    preset: Preset, platemap: pd.DataFrame, usual: Doubles, random: PlateStreams, *, turned: bool
) -> pd.DataFrame:
    holds = _swapped(platemap["Metadata_Compound"].to_numpy(), preset.swapped, random.swaps)
    place = parse_wells(platemap[WELL])
    terms = usual + _position_terms(preset, 1 - preset.constancy, random.position)
    position = terms[place.row, place.column] - preset.edge * (place.edge_distance(preset.wells_per_plate) == 0)
    plate_count = preset.cells_per_well * np.exp(preset.plate_count_sd * random.position.standard_normal())
    truth = pd.DataFrame(
        {
            PLATE: platemap[PLATE].to_numpy(),
            WELL: platemap[WELL].to_numpy(),
            "true_compound": platemap["Metadata_Compound"].to_numpy()[holds],
            "true_dose": platemap["Metadata_Dose"].to_numpy()[holds],
            "true_well": platemap[WELL].to_numpy(),
            "position": position,
            "swapped": holds != np.arange(len(platemap)),
            "rotated": turned,
            "expected_count": plate_count * np.maximum(1 + position, FEWEST),
        }
    )
    # The used wells are the same wells after a turn, and turning reverses their order.
    return truth.assign(**{WELL: truth[WELL].to_numpy()[::-1]}).iloc[::-1] if turned else truth


def _position_terms(preset: Preset, share: float, rng: np.random.Generator) -> Doubles:
    """Return a row and a column term for each well, relative to the usual count, with a share of their variance."""
    n_rows, n_columns = FORMATS[preset.wells_per_plate]
    rows = preset.row_sd * rng.standard_normal((n_rows, 1))
    columns = preset.column_sd * rng.standard_normal((1, n_columns))
    return np.sqrt(share) * (rows + columns)


def _swapped(compounds: NDArray, share: float, rng: np.random.Generator) -> Indices:
    """Return which row of the platemap each well really holds: some pairs of wells are exchanged."""
    holds = np.arange(len(compounds))
    pairs = rng.permutation(len(compounds) // 2 * 2).reshape(-1, 2)
    pairs = pairs[compounds[pairs[:, 0]] != compounds[pairs[:, 1]]]
    pairs = pairs[: int(np.ceil(share * len(compounds) / 2))]
    holds[pairs] = holds[pairs[:, ::-1]]
    return holds
