"""The checks for profiles that occur twice: wells and whole plates that are copies, and perturbations that are one."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from cellprofiling.core.columns import PLATE, WELL
from cellprofiling.core.errors import listed
from cellprofiling.kernels.arrays import Mask
from cellprofiling.kernels.scale.order import content_keys
from cellprofiling.kernels.similarity.near_copies import near_copies
from cellprofiling.quality.rules import Check, Rules, skipped
from cellprofiling.quality.screen import Screen

FEWEST_FEATURES = 5  # that two wells must share to the last bit
FEWEST_DIRECTIONS = 20  # features in which two profiles do not point the same way by chance


def copied_profiles(screen: Screen, rules: Rules) -> Iterator[Check]:
    """Check for wells whose features are exactly those of another well."""
    rule = rules["duplicates.exact"]
    if len(screen.features) < FEWEST_FEATURES:
        yield skipped(rule, screen.lacks("features") or f"{len(screen.features)} features can be equal by chance.")
        return
    twin = _twins(screen)
    names = (screen.keys[PLATE] + " " + screen.keys[WELL]).to_numpy(dtype=object)
    plates = screen.keys[PLATE].to_numpy(dtype=object)
    for plate, here in screen.plates():
        copies = np.flatnonzero(here & (twin >= 0))
        n = int(here.sum())
        share = len(copies) / n
        message = f"No well of plate {plate} has exactly the profile of another well."
        if len(copies):
            partners = sorted(set(plates[twin[copies]]))
            pairs = listed([f"{names[i]} = {names[twin[i]]}" for i in copies], limit=3)
            message = (
                f"{len(copies)} of {n} wells of plate {plate} have exactly the profile of a well of "
                f"{listed(partners)}: {pairs}."
            )
        yield Check(rule, rule.status(share), message, plate, value=share, n=n)
        if share <= 0.5:  # beyond, the plate is the copy
            for i in copies:
                said = f"{names[i]} has exactly the profile of {names[twin[i]]}."
                yield Check(rule, rule.status(share), said, plate, str(screen.keys[WELL].iloc[i]))


def near_duplicates(screen: Screen, rules: Rules) -> Iterator[Check]:
    """Check for wells of different perturbations whose profiles point the same way, as none do by nature."""
    rule = rules["duplicates.near"]
    n = len(screen.features if screen.profiles is None else screen.profile_features)
    if n < FEWEST_DIRECTIONS:
        yield skipped(rule, screen.lacks("features") or f"{n} features are too few: profiles are alike by chance.")
        return
    if why := screen.lacks("treatment"):
        yield skipped(rule, why)
        return
    asked = np.flatnonzero(~np.isnan(screen.directions).any(axis=1) & (screen.treatment != "") & _apart(screen))
    kind = np.unique(screen.treatment[asked].astype(str), return_inverse=True)[1]
    partner = near_copies(screen.directions[asked], kind, rule.number("cosine"))
    alike = np.flatnonzero(partner >= 0)
    share = len(alike) / len(asked) if len(asked) else 0.0
    message = (
        f"No two of {len(asked)} wells with different perturbations have a cosine above {rule.number('cosine'):g}."
    )
    if len(alike):
        names = (screen.keys[PLATE] + " " + screen.keys[WELL]).to_numpy(dtype=object)[asked]
        pairs = listed(
            [f"{names[i]} and {names[partner[i]]}" for i in alike if i < partner[i] or partner[partner[i]] != i],
            limit=3,
        )
        message = (
            f"{len(alike)} of {len(asked)} wells have a profile with a cosine above {rule.number('cosine'):g} to a "
            f"well with another perturbation: {pairs}."
        )
    yield Check(rule, rule.status(share), message, value=share, n=len(asked))


def _twins(screen: Screen) -> np.ndarray:
    """Return for each well the first other well with the same features, -1 where there is none.

    Wells with few features, or with one value in all of them (as filled in for empty wells), have no twin.
    """
    x = screen.x
    flat = np.nanmax(x, axis=1, initial=-np.inf) == np.nanmin(x, axis=1, initial=np.inf)
    asked = np.flatnonzero((screen.finite.sum(axis=1) >= FEWEST_FEATURES) & ~flat)
    keys = content_keys(np.where(screen.finite[asked], x[asked], np.pi * 1e30))
    order = np.argsort(keys, kind="stable")
    twin = np.full(len(x), -1, dtype=np.intp)
    place = screen.keys.reset_index(drop=True).groupby([PLATE, WELL]).ngroup().to_numpy()
    for start, end in _runs(keys[order]):
        wells = asked[order[start:end]]
        for well in wells:
            others = wells[place[wells] != place[well]]  # a well that occurs twice is another check's business
            same = [other for other in others if np.array_equal(x[well], x[other], equal_nan=True)]
            twin[well] = same[0] if same else -1
    return twin


def _runs(keys: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yield start and end of the runs of two and more equal keys."""
    edges = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1], True]) if len(keys) else np.zeros(1, dtype=np.intp)
    yield from ((int(a), int(b)) for a, b in pairwise(edges) if b - a > 1)


def _apart(screen: Screen) -> Mask:
    """Return the wells that are no copies: these have been named already."""
    twin = _twins(screen) if len(screen.features) >= FEWEST_FEATURES else np.full(len(screen.keys), -1)
    return (twin < 0) & ~screen.controls & ~screen.positives
