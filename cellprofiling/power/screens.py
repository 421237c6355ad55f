"""Screens whose truth is known, to count how many effects a design finds: from a preset, or like a pilot."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellprofiling.cells.aggregation import aggregate
from cellprofiling.core.columns import PLATE, WELL, By, Reference, groups, require, rows
from cellprofiling.core.errors import InputError, ReferenceRowsError
from cellprofiling.core.frame import feature_columns
from cellprofiling.core.question import ask
from cellprofiling.hits.design import Design, find_design
from cellprofiling.kernels.cells.pilot_screen import Effects, Noise, fit_effects, fit_noise
from cellprofiling.kernels.scale.order import content_order
from cellprofiling.profiles.annotation import annotate
from cellprofiling.simulate.screen import simulate_screen

COMPOUND = "Metadata_Compound"
CONTROL = "Metadata_Role == 'negcon'"
FEWEST = 8  # control wells of a pilot, beyond one per plate
SHOWN = 0.2  # an effect that is less likely to be none is one that the pilot shows
HALF = "Metadata_Half"


@dataclass(frozen=True)
class ScreenPlan:
    """One design of a screen: every compound in one well of each plate."""

    plates: int
    controls: int
    cells_per_well: int | None
    effect: float | None
    compounds: int


@dataclass(frozen=True)
class Drawn:
    """A drawn screen, one row per well, and the compounds of it that are to be found."""

    wells: pd.DataFrame
    active: NDArray[np.object_]


class ScreenSource(Protocol):
    """Something that screens can be drawn from."""

    def draw(self, plan: ScreenPlan, seed: int) -> Drawn:
        """Return a screen of this design."""


@dataclass(frozen=True)
class Preset:
    """Screens of `simulate_screen`, cell by cell."""

    name: str
    statistic: str

    def draw(self, plan: ScreenPlan, seed: int) -> Drawn:
        """Return a screen of this design, each compound at one dose."""
        screen = simulate_screen(
            self.name,
            seed=seed,
            plates=plan.plates,
            controls=plan.controls,
            compounds=plan.compounds,
            cells_per_well=plan.cells_per_well,
            effect=plan.effect,
            doses=(10.0,),
        )
        wells = annotate(aggregate(screen.cells, statistics=self.statistic), screen.platemap)
        truth = screen.truth.compounds
        return Drawn(wells, truth.loc[truth["active"], COMPOUND].to_numpy(dtype=object))


@dataclass(frozen=True)
class Pilot:
    """Screens like a pilot: its noise between control wells, and effects of the size that its treatments have.

    Attributes
    ----------
    of_cells : share of the variance between control wells that their cells, being so few, make up; NaN if unknown.
    cells : in a usual well of the pilot.
    """

    features: tuple[str, ...]
    noise: Noise
    effects: Effects
    of_cells: float
    cells: float

    def draw(self, plan: ScreenPlan, seed: int) -> Drawn:
        """Return a screen like the pilot; which of its treatments do nothing is drawn with their probabilities."""
        rng = np.random.default_rng(seed)
        n = len(self.effects.null)
        of = np.arange(n) if plan.compounds == n else rng.choice(n, plan.compounds)
        active = rng.random(len(of)) >= self.effects.null[of]
        names = np.array([f"C{i:05d}" for i in range(len(of))], dtype=object)
        shifts = (1.0 if plan.effect is None else plan.effect) * active[:, None] * self.effects.shifts[of]
        spread = np.sqrt(self.variance(plan.cells_per_well))
        tables = [self._plate(f"P{i:03d}", plan.controls, names, shifts, spread, rng) for i in range(plan.plates)]
        return Drawn(pd.concat(tables, ignore_index=True), names[active & (self.effects.null[of] <= SHOWN)])

    def variance(self, cells_per_well: int | None) -> float:
        """Return the variance of wells with so many cells, in units of that of the pilot."""
        return 1.0 if cells_per_well is None else 1 + self.of_cells * (self.cells / cells_per_well - 1)

    def _plate(
        self,
        plate: str,
        controls: int,
        names: NDArray[np.object_],
        shifts: NDArray[np.float64],
        spread: float,
        rng: np.random.Generator,
    ) -> pd.DataFrame:
        x = spread * self.noise.draw(controls + len(names), rng)
        x[controls:] += shifts
        compound = np.concatenate([np.full(controls, "none", dtype=object), names])
        role = np.where(np.arange(len(x)) < controls, "negcon", "treatment")
        labels = pd.DataFrame({PLATE: plate, "Metadata_Role": role, COMPOUND: compound})
        return pd.concat([labels, pd.DataFrame(x, columns=list(self.features))], axis=1)


def learn_pilot(
    pilot: pd.DataFrame, by: By, reference: Reference, plate: str, cells: pd.DataFrame | None, statistic: str, seed: int
) -> Pilot:
    """Return what a pilot says of larger screens."""
    design = _in_order(find_design(pilot, ask(pilot, by, reference, plate=plate)))
    controls, n_plates = design.is_control, design.plate.max() + 1
    n_controls = np.bincount(design.plate[controls], minlength=n_plates)
    freedom = int(controls.sum() - (n_controls > 0).sum())
    if freedom < FEWEST:
        raise ReferenceRowsError(
            f"reference: {int(controls.sum())} control wells on {n_plates} plates of the pilot; {FEWEST} beyond one "
            "per plate are needed to tell how wells vary."
        )
    if len(np.unique(design.plate[~controls])) < 2:
        raise InputError(
            "pilot: its treated wells lie on one plate, so effects cannot be told from noise; give two or more plates."
        )
    means = np.zeros((n_plates, design.x.shape[1]))
    np.add.at(means, design.plate[controls], design.x[controls])
    means /= np.maximum(n_controls, 1)[:, None]
    x = design.x - means[design.plate]
    scale = np.sqrt((x[controls] ** 2).sum(axis=0) / freedom)
    varies = scale > 1e-9 * np.abs(design.x).max(axis=0, initial=1e-300)
    x = x[:, varies] / scale[varies]
    noise = fit_noise(x[controls], freedom)
    extra = 1 / np.maximum(n_controls, 1)
    effects = fit_effects(x[~controls], design.group[~controls], design.plate[~controls], noise, extra, seed)
    if (effects.null > SHOWN).all():
        raise InputError(
            f"pilot: none of its {len(effects.null)} treatments has an effect beyond chance, so there is nothing to "
            "plan for; assume one with preset= and effect=."
        )
    of_cells, usual = (np.nan, np.nan) if cells is None else _share_of_cells(cells, reference, plate, statistic, seed)
    names = tuple(np.array(design.features, dtype=object)[varies])
    return Pilot(names, noise, effects, of_cells, usual)


def _in_order(design: Design) -> Design:
    """Return the design with wells, plates and treatments in an order that rows and names do not change."""
    ordered = design.taken(content_order(design.x))
    treated = ~ordered.is_control
    group = np.full(len(treated), -1)
    group[treated] = pd.factorize(ordered.group[treated])[0]
    return replace(ordered, plate=pd.factorize(ordered.plate)[0], group=group)


def _share_of_cells(
    cells: pd.DataFrame, reference: Reference, plate: str, statistic: str, seed: int
) -> tuple[float, float]:
    """Return the share of the variance of control wells that is due to their cells, and the usual number of cells.

    Cells of each well are parted in two at random: a quarter of the variance of the difference of the halves is the
    variance of the whole that cells make up, whatever the statistic.
    """
    keys = [*require(cells, plate, "plate"), *require(cells, WELL, "cells")]
    controls = cells[rows(cells, reference)].sort_values(keys, kind="stable")
    halves = controls.assign(**{HALF: np.random.default_rng(seed).integers(2, size=len(controls))})
    wells = aggregate(controls, keys, statistics=statistic)
    parts = aggregate(halves, [*keys, HALF], statistics=statistic)
    features = feature_columns(wells)
    first, second = (parts[parts[HALF] == half].set_index(keys)[features] for half in (0, 1))
    within = (first - second).dropna(how="all").to_numpy() ** 2 / 4
    codes = groups(wells, plate)[0]
    x = wells[features].to_numpy()
    about = np.concatenate([x[codes == code] - x[codes == code].mean(axis=0) for code in np.unique(codes)])
    freedom = max(len(x) - len(np.unique(codes)), 1)
    between = (about**2).sum(axis=0) / freedom
    told = between > 0
    share = np.nanmean(within[:, told], axis=0) / between[told]
    return float(np.clip(np.nanmedian(share), 0, 1)), float(wells["Metadata_Object_Count"].median())


def source(
    pilot: pd.DataFrame | None,
    by: By,
    reference: Reference,
    preset: str,
    plate: str,
    cells: pd.DataFrame | None,
    cells_per_well: Sequence[int] | None,
    statistic: str,
    seed: int,
) -> ScreenSource:
    """Return what screens are drawn from."""
    if pilot is None:
        return Preset(preset, statistic)
    if by is None or reference is None:
        raise InputError("pilot: name its perturbations with by= and its negative controls with reference=.")
    if cells_per_well is not None and cells is None:
        raise InputError(
            f"cells_per_well={list(cells_per_well)}: how much cells matter is told from single cells; give those of "
            "the pilot with cells=."
        )
    return learn_pilot(pilot, by, reference, plate, cells, statistic, seed)
