"""What goes wrong in a laboratory, done to a table of wells.

Each fault takes wells as `simulate_wells` makes them and a generator, and returns the wells with the fault in the plate
that `FAULTY` names or in all of them; what was given is not changed.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from cellprofiling.core.columns import COUNT, PLATE, WELL
from cellprofiling.core.plates import Wells, parse_wells, plate_shape
from cellprofiling.kernels.arrays import Doubles, Indices, Mask

Fault = Callable[[pd.DataFrame, np.random.Generator], pd.DataFrame]

FAULTY = 2  # number of the plate, from 0
EDGE_CELLS, EDGE_SHIFT = 0.75, 1.0  # of the usual cells; shift in SDs of a well
STRIPE_CELLS, STRIPE_SHIFT, TIPS = 0.6, 1.0, 8
DRIFT = 3.0  # SDs of a well, from the first plate to the last
CONTAMINATED = 0.5  # of the effect of the positive control
DEAD = 0.03  # of the usual cells
EXCHANGED = 4  # wells of each kind


def rotated_plate(wells: pd.DataFrame, _rng: np.random.Generator) -> pd.DataFrame:
    """Turn a plate by 180 degrees: what was measured lies in the opposite well."""
    return _moved(wells, lambda n: np.arange(n)[::-1])


def swapped_wells(wells: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Exchange four negative with four positive controls of a plate."""
    plate = _faulty(wells)
    chosen = [rng.permutation(np.flatnonzero(plate & _role(wells, kind)))[:EXCHANGED] for kind in ("negcon", "poscon")]
    return _with_measured(wells, np.concatenate(chosen), np.concatenate(chosen[::-1]))


def dead_plate(wells: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Lose nearly all cells of a plate; what is left is debris, measured with ten times the noise."""
    plate, out = _faulty(wells), wells.copy()
    out.loc[plate, COUNT] = rng.poisson(DEAD * wells.loc[plate, COUNT])
    features = _features(wells)
    noise = rng.normal(size=(int(plate.sum()), len(features))) * _spread(wells)
    out.loc[plate, features] = wells.loc[plate, features] + 10 * noise
    return out


def dispenser_stripe(wells: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Let one of eight tips dispense too few cells on all plates: every eighth row is low, and looks different."""
    rows = _position(wells).row
    return _changed(wells, rows % TIPS == int(rng.integers(TIPS)), STRIPE_CELLS, STRIPE_SHIFT, rng)


def edge_effect(wells: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Dry out the edge of all plates: fewer cells, and a profile of their own."""
    edge = _position(wells).edge_distance() == 0
    return _changed(wells, edge, EDGE_CELLS, EDGE_SHIFT, rng)


def drift(wells: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Let the stain change from plate to plate."""
    number = pd.factorize(wells[PLATE], sort=True)[0]
    return _shifted(wells, DRIFT * number.astype(np.float64) / max(int(number.max()), 1), rng)


def contaminated_controls(wells: pd.DataFrame, _rng: np.random.Generator) -> pd.DataFrame:
    """Let half of the positive control's dose into the negative controls of the second column of a plate."""
    plate, out, features = _faulty(wells), wells.copy(), _features(wells)
    negative = plate & _role(wells, "negcon")
    column = negative & (_position(wells).column == 1)
    gap = wells.loc[plate & _role(wells, "poscon"), features].mean() - wells.loc[negative, features].mean()
    out.loc[column, features] = wells.loc[column, features] + CONTAMINATED * gap
    return out


def duplicate_plate(wells: pd.DataFrame, _rng: np.random.Generator) -> pd.DataFrame:
    """Read the file of a plate twice, the second time under the name of the next plate of its map."""
    return _with_measured(wells, np.flatnonzero(_faulty(wells, FAULTY + 2)), np.flatnonzero(_faulty(wells)))


def wrong_platemap(wells: pd.DataFrame, _rng: np.random.Generator) -> pd.DataFrame:
    """Annotate a plate with the other platemap."""
    out, names = wells.copy(), ["Metadata_Compound", "Metadata_Role"]
    out.loc[_faulty(wells), names] = wells.loc[_faulty(wells, FAULTY + 1), names].to_numpy()
    return out


def missing_controls(wells: pd.DataFrame, _rng: np.random.Generator) -> pd.DataFrame:
    """Leave all but two of the negative controls of a plate out of the platemap."""
    out = wells.copy()
    chosen = np.flatnonzero(_faulty(wells) & _role(wells, "negcon"))[2:]
    out.loc[out.index[chosen], ["Metadata_Compound", "Metadata_Role"]] = ["unknown", "treatment"]
    return out


FAULTS: dict[str, Fault] = {
    "rotated plate": rotated_plate,
    "swapped wells": swapped_wells,
    "dead plate": dead_plate,
    "dispenser stripe": dispenser_stripe,
    "edge effect": edge_effect,
    "drift": drift,
    "contaminated control column": contaminated_controls,
    "duplicate plate": duplicate_plate,
    "wrong plate map": wrong_platemap,
    "missing controls": missing_controls,
}


def _faulty(wells: pd.DataFrame, number: int = FAULTY) -> Mask:
    names = sorted(wells[PLATE].unique())
    return (wells[PLATE] == names[number % len(names)]).to_numpy()


def _role(wells: pd.DataFrame, role: str) -> Mask:
    return (wells["Metadata_Role"] == role).to_numpy()


def _features(wells: pd.DataFrame) -> list[str]:
    return [str(name) for name in wells if not str(name).startswith("Metadata_")]


def _spread(wells: pd.DataFrame) -> Doubles:
    """Return the SD of each feature over the negative controls of a plate."""
    controls = wells[_role(wells, "negcon")]
    return controls.groupby(PLATE)[_features(wells)].std().mean().to_numpy()


def _position(wells: pd.DataFrame) -> Wells:
    return parse_wells(wells[WELL])


def _changed(wells: pd.DataFrame, here: Mask, cells: float, shift: float, rng: np.random.Generator) -> pd.DataFrame:
    out = _shifted(wells, np.where(here, shift, 0.0), rng)
    out[COUNT] = np.round(wells[COUNT] * np.where(here, cells, 1.0))
    return out


def _shifted(wells: pd.DataFrame, size: Doubles, rng: np.random.Generator) -> pd.DataFrame:
    """Move wells by so many SDs of a well (root mean square over features), all in one direction."""
    out, features = wells.copy(), _features(wells)
    direction = rng.normal(size=len(features))
    direction *= np.sqrt(len(features)) / np.linalg.norm(direction)
    out[features] = wells[features] + np.outer(size, direction * _spread(wells))
    return out


def _moved(wells: pd.DataFrame, order: Callable[[int], Indices]) -> pd.DataFrame:
    """Put what was measured on the faulty plate in another order of wells, full plates only."""
    rows = np.flatnonzero(_faulty(wells))
    place = _position(wells.iloc[rows])
    rows = rows[np.lexsort((place.column, place.row))]
    plate_shape(len(rows))  # a plate that is not full cannot be turned so
    return _with_measured(wells, rows, rows[order(len(rows))])


def _with_measured(wells: pd.DataFrame, to: Indices, of: Indices) -> pd.DataFrame:
    """Give some rows the counts and features of others."""
    out, names = wells.copy(), [COUNT, *_features(wells)]
    out.loc[out.index[to], names] = wells.loc[wells.index[of], names].to_numpy()
    return out
