"""What a user may change of a preset, and the sentences for what cannot be."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from cellprofiling.core import checks
from cellprofiling.core.errors import InputError, PlateLayoutError, listed, one_of
from cellprofiling.simulate.catalog import catalog
from cellprofiling.simulate.presets import PRESETS, Preset

LAYOUTS = ("random", "fixed")
PLATE_FORMATS = (96, 384)
NUMBERS = ("plates", "compounds", "cells_per_well", "features", "controls", "batches")


def resolve(name: str, options: Mapping[str, Any]) -> Preset:
    """Return the preset with the options that are not None put in."""
    given = {option: value for option, value in options.items() if value is not None}
    preset = PRESETS[one_of("preset", name, PRESETS)]
    for option in NUMBERS:
        if option in given:
            checks.at_least(1).check(option, given[option])
            given[option] = int(given[option])
    if "wells_per_plate" in given:
        checks.at_least(1).check("wells_per_plate", given["wells_per_plate"])
    if "doses" in given:
        given["doses"] = _doses(given["doses"])
    cohorts = preset.cohorts
    if "effect" in given:
        effect = given.pop("effect")
        checks.positive.check("effect", effect)
        cohorts = tuple(replace(cohort, effect=effect) if cohort.effect else cohort for cohort in cohorts)
    if "fraction" in given:
        fraction = given.pop("fraction")
        checks.share_or_all.check("fraction", fraction)
        cohorts = tuple(replace(cohort, fraction=fraction) for cohort in cohorts)
    return _checked(replace(preset, cohorts=cohorts, **given))


def _doses(doses: Any) -> tuple[float, ...]:
    try:
        numbers = tuple(float(dose) for dose in doses)
    except (TypeError, ValueError):
        numbers = ()
    if not numbers or not (np.diff([0.0, *numbers]) > 0).all() or not np.isfinite(numbers[-1]):
        raise InputError(f"doses={doses!r}: give one or more rising doses in uM, for example (0.1, 1, 10).")
    return numbers


def _checked(preset: Preset) -> Preset:
    one_of("layout", preset.layout, LAYOUTS)
    if preset.wells_per_plate not in PLATE_FORMATS:
        raise PlateLayoutError(f"wells_per_plate={preset.wells_per_plate}: choose one of {listed(PLATE_FORMATS)}.")
    most = sum(len(family.measures) for family in catalog())
    if preset.features > most:
        raise InputError(f"features={preset.features}: there are names for at most {most} features.")
    used = preset.compounds * len(preset.doses) + preset.controls
    wells = f"compounds={preset.compounds} x {len(preset.doses)} doses + controls={preset.controls}"
    if used > preset.wells_per_plate:
        raise PlateLayoutError(f"{wells} need {used} wells, wells_per_plate={preset.wells_per_plate}: take fewer.")
    if preset.rotated and preset.plates > 1 and used % 2:
        raise PlateLayoutError(
            f"{wells} need {used} wells: a plate can only be turned onto its own platemap if the number of wells is "
            f"even, so give controls={preset.controls + 1}."
        )
    return preset
