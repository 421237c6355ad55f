"""Whether a correction is safe: run without half of the controls, with another seed, and against what it was given."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd

from cellprofiling.core.columns import matches
from cellprofiling.core.errors import CellProfilingError
from cellprofiling.kernels.arrays import Doubles, Indices, Mask
from cellprofiling.kernels.directions.unit_vectors import direction
from cellprofiling.kernels.inference.bootstrap import weighted_means
from cellprofiling.kernels.retrieval.retrieval import Blocks, mean_average_precisions
from cellprofiling.kernels.scale.scale import means
from cellprofiling.profiles.comparison.candidates import Candidate, Roles, relabeled
from cellprofiling.profiles.comparison.scores import ALPHA, PSEUDO, Sample, absent, of_labels
from cellprofiling.profiles.comparison.screen import Screen, View, look, view

DRAWS = 99
FEWEST_LEFT = 3  # controls that must stay on a plate


@dataclass(frozen=True)
class HeldOut:
    """Controls that play perturbations.

    Attributes
    ----------
    sets : the places (in the order of the screen) of the wells of each pseudo-perturbation, ordered by plate.
    kept : mask of the controls that stay controls, by place.
    """

    sets: Sequence[Indices]
    kept: Mask


def hold_out(screen: Screen, rng: np.random.Generator) -> HeldOut:
    """Return half of the controls of each plate as pseudo-perturbations with about as many wells as perturbations have.

    One well on each of as many plates as a perturbation is on: plates of several batches if perturbations are.
    """
    n_plates = int(np.median(screen.spread_over(screen.plate)))
    crossing = bool(np.median(screen.spread_over(screen.batch)) > 1)
    sets: list[Indices] = []
    kept = screen.control.copy()
    stacks = {}
    for code in _plates(screen, crossing):
        wells = rng.permutation(np.flatnonzero(screen.control & (screen.plate == code)))
        stacks[code] = wells[: min(len(wells) // 2, max(len(wells) - FEWEST_LEFT, 0))]
    if n_plates == 1:  # perturbations have their wells on one plate
        n_wells = max(2, int(np.median(np.bincount(screen.label[~screen.control]))))
        sets = [s[i : i + n_wells] for s in stacks.values() for i in range(0, len(s) - n_wells + 1, n_wells)]
    else:
        for chunk in _chunks(list(stacks), n_plates):
            depth = min(len(stacks[code]) for code in chunk)
            sets += [np.array([stacks[code][i] for code in sorted(chunk)]) for i in range(depth)]
    for wells in sets:
        kept[wells] = False
    return HeldOut(sets, kept)


def calibration(
    candidate: Candidate, profiles: pd.DataFrame, roles: Roles, screen: Screen, held: HeldOut, seed: int
) -> Sample:
    """Return the share of pseudo-perturbations called active at 5 %, after a correction that took them for treated."""
    if candidate.run is None:
        return absent("a finished table cannot be made again without some controls", PSEUDO)
    if not held.sets:
        return absent("too few controls to hold half of them out", PSEUDO)
    names = {int(screen.order[well]): f"held out {i}" for i, wells in enumerate(held.sets) for well in wells}
    left = np.empty(len(screen.order), dtype=bool)
    left[screen.order] = held.kept
    control = np.empty(len(screen.order), dtype=bool)
    control[screen.order] = screen.control
    table, told = relabeled(profiles, roles.reference, screen.columns["by"], control, names)
    told = told and bool((matches(table, roles.reference) == left).all())
    if candidate.own_reference and not told:
        return absent("reference is a mask, which the function cannot be told of: give a query", PSEUDO)
    try:
        corrected = candidate.result(table, replace(roles, reference=left), seed)
    except CellProfilingError as error:
        return absent(f"refused without half of the controls: {error}", PSEUDO)
    seen = view(look(corrected, roles.features), screen)
    called = _called(seen.x, screen, held, np.random.default_rng(seed))
    return Sample(PSEUDO, partial(weighted_means, called), np.ones(len(called), dtype=bool))


def effects(screen: Screen, seen: View) -> Doubles:
    """Return the effect of each perturbation: its mean, each well measured from the mean of the controls of its plate.

    Wells of plates without controls are measured from the mean of all controls.
    """
    x = seen.x.copy()
    for code in np.unique(screen.plate):
        wells = screen.plate == code
        if (wells & screen.control).any():
            x[wells] -= means(x[wells & screen.control])
    return screen.centers(x)


def effect_preservation(screen: Screen, before: Doubles, names: Sequence[str], seen: View) -> Sample:
    """Return the cosine between effects before, inside their plates, and after, as profiles stand.

    Parameters
    ----------
    before : of `effects`, for the profiles as given, columns called `names`.
    """
    places = {name: i for i, name in enumerate(names)}
    shared = [i for i, name in enumerate(seen.features) if name in places]
    if not shared:
        return absent("other axes than the features: no direction to compare")
    old = before[:, [places[seen.features[i]] for i in shared]]
    new = screen.centers(seen.x)[:, shared]
    return of_labels(_cosines(old, new))


def seed_stability(screen: Screen, first: View, second: View) -> Sample:
    """Return the cosine between profiles corrected with two seeds, averaged over wells and perturbations."""
    if first.x.shape != second.x.shape:
        return absent("two seeds give tables of different width")
    return of_labels(screen.by_label(_cosines(first.x, second.x)))


def _cosines(a: Doubles, b: Doubles) -> Doubles:
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    inner = np.einsum("ij,ij->i", a, b)
    return np.divide(inner, lengths, out=np.full(len(a), np.nan), where=lengths > 0)


def _plates(screen: Screen, crossing: bool) -> Indices:
    """Return plates so that neighbors in the list are of different batches (or, not crossing, of one batch)."""
    plates, first = np.unique(screen.plate, return_index=True)
    batch = screen.batch[first]
    if not crossing:
        return plates[np.argsort(batch, kind="stable")]
    turn = np.zeros(len(plates), dtype=np.intp)
    for code in np.unique(batch):
        turn[batch == code] = np.arange((batch == code).sum())
    return plates[np.lexsort((batch, turn))]


def _chunks(items: list, size: int) -> list[list]:
    """Return items in chunks of a size; a rest joins the last chunk unless it has half of the size."""
    chunks = [items[i : i + size] for i in range(0, len(items), size)]
    if len(chunks) > 1 and 2 * len(chunks[-1]) < size:
        chunks[-2:] = [chunks[-2] + chunks[-1]]
    return chunks


def _called(x: Doubles, screen: Screen, held: HeldOut, rng: np.random.Generator) -> Doubles:
    """Return 1 for each pseudo-perturbation called active, else 0.

    The label is laid on other wells, among the controls left on each plate and its own.
    """
    controls = screen.controls
    place = np.zeros(len(x), dtype=np.intp)
    place[controls] = np.arange(len(controls))
    unit = direction(x[controls])
    gram = unit @ unit.T
    called = np.empty(len(held.sets))
    for i, wells in enumerate(held.sets):
        blocks, chosen = [], []
        for code in np.unique(screen.plate[wells]):
            own = wells[screen.plate[wells] == code]
            others = np.flatnonzero(held.kept & (screen.plate == code))
            chosen.append((len(own), len(own) + len(others)))
            blocks.append(np.concatenate([own, others]))
        inside = place[np.concatenate(blocks)]
        called[i] = _p_value(gram[np.ix_(inside, inside)], chosen, rng) <= ALPHA
    return called


def _p_value(gram: Doubles, sizes: list[tuple[int, int]], rng: np.random.Generator) -> float:
    """Return the share of draws in which as many wells of each block retrieve each other as well as the first do."""
    n_chosen, n_wells = (np.array(column, dtype=np.intp) for column in zip(*sizes, strict=True))
    starts = np.r_[0, np.cumsum(n_wells)[:-1]]
    draws = [
        start + rng.random((DRAWS, n)).argsort(axis=1)[:, :k]
        for start, n, k in zip(starts, n_wells, n_chosen, strict=True)
    ]
    observed = np.concatenate([start + np.arange(k) for start, k in zip(starts, n_chosen, strict=True)])
    chosen = np.concatenate([observed[None], np.concatenate(draws, axis=1)]).astype(np.intp)
    scores = mean_average_precisions(Blocks.of(gram, n_wells, n_chosen), chosen, refit=False)
    return float((scores >= scores[0] - 1e-12).mean())
