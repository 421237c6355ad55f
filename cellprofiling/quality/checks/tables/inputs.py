"""The checks of inputs: doubled wells, plates and wells that the platemap does not know, labels that say nothing."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from cellprofiling.core.columns import PLATE, WELL
from cellprofiling.core.errors import listed, nearest
from cellprofiling.quality.rules import Check, Rule, Rules, skipped
from cellprofiling.quality.screen import Screen


def duplicate_wells(screen: Screen, rules: Rules) -> Iterator[Check]:
    """Check for rows that claim the same well."""
    rule, total = rules["inputs.duplicate_wells"], len(screen.keys)
    doubled = screen.keys[screen.keys.duplicated(keep=False).to_numpy()]
    wells = sorted(set(zip(doubled[PLATE], doubled[WELL], strict=True)))
    message = f"Each of {total} rows has a plate and well of its own."
    if wells:
        names = listed([f"{plate} {well}" for plate, well in wells])
        message = f"{len(doubled)} of {total} rows share plate and well with another: {names}."
    yield Check(rule, rule.status(len(doubled)), message, value=len(doubled), n=total)
    for plate, well in wells:
        yield Check(rule, rule.status(len(doubled)), f"{plate} {well} occurs more than once.", plate, well)


def unmatched_plates(screen: Screen, rules: Rules) -> Iterator[Check]:
    """Check whether the table and the platemap speak of the same plates."""
    rule = rules["inputs.unmatched_plates"]
    if why := screen.lacks("platemap"):
        yield skipped(rule, why)
        return
    found, expected = (sorted(set(table[PLATE])) for table in (screen.keys, screen.expected))
    strangers = [plate for plate in found if plate not in set(expected)]
    absent = [plate for plate in expected if plate not in set(found)]
    said = [f"plates {listed(strangers)} are not in the platemap"] if strangers else []
    said += [f"plates {listed(absent)} of the platemap are not in the table"] if absent else []
    likely = nearest(strangers[0], absent) if strangers else ""
    message = f"All {len(found)} plates are in the platemap, and no other is."
    if said:
        message = _sentence(said) + likely
    n = len(strangers) + len(absent)
    yield Check(rule, rule.status(n), message, value=n, n=len(set(found) | set(expected)))


def platemap_coverage(screen: Screen, rules: Rules) -> Iterator[Check]:
    """Check for wells that the platemap does not know, and for wells that it promised."""
    unknown, missing = rules["inputs.unannotated_wells"], rules["inputs.missing_wells"]
    if why := screen.lacks("platemap"):
        yield from (skipped(rule, why) for rule in (unknown, missing))
        return
    found, expected = _wells_by_plate(screen.keys), _wells_by_plate(screen.expected)
    for plate in sorted(found.keys() | expected.keys()):
        here, promised = found.get(plate, set()), expected.get(plate, set())
        if here:
            yield _share(unknown, plate, here - promised, here, "wells have no row in the platemap")
        if promised:
            yield _share(missing, plate, promised - here, promised, "wells of the platemap have no row in the table")


def wells_per_plate(screen: Screen, rules: Rules) -> Iterator[Check]:
    """Check for plates with another number of wells than most; a platemap says it better where there is one."""
    rule = rules["inputs.wells_per_plate"]
    sizes = {plate: int(here.sum()) for plate, here in screen.plates()}
    if not screen.lacks("platemap"):
        yield skipped(rule, "The platemap says which wells each plate should have: see inputs.missing_wells.")
        return
    if len(sizes) < 3:
        yield skipped(rule, f"{len(sizes)} plates do not tell how many wells are usual, and no platemap was given.")
        return
    values, counts = np.unique(list(sizes.values()), return_counts=True)
    usual = int(values[::-1][counts[::-1].argmax()])
    for plate, n in sizes.items():
        share = abs(n - usual) / usual
        message = f"Plate {plate} has {n} wells; most plates have {usual}."
        yield Check(rule, rule.status(share), message, plate, value=share, n=n)


def metadata_types(screen: Screen, rules: Rules) -> Iterator[Check]:
    """Check for metadata columns that mix numbers and text, so that equal labels are not equal."""
    rule = rules["inputs.mixed_types"]
    texts = [name for name in screen.metadata.columns if screen.metadata[name].dtype == object]
    mixed = [str(name) for name in texts if _mixed(screen.metadata[name])]
    message = f"None of {screen.metadata.shape[1]} metadata columns mixes kinds of values."
    if mixed:
        message = f"Metadata columns {listed(mixed)} mix kinds of values, as numbers and text."
    yield Check(rule, rule.status(len(mixed)), message, value=len(mixed), n=screen.metadata.shape[1])


def perturbation_labels(screen: Screen, rules: Rules) -> Iterator[Check]:
    """Check whether wells say what is in them, and not all the same."""
    unlabeled, constant = rules["inputs.unlabeled_wells"], rules["inputs.constant_label"]
    if why := screen.lacks("treatment"):
        yield from (skipped(rule, why) for rule in (unlabeled, constant))
        return
    treated = ~screen.controls & ~screen.positives
    for plate, here in screen.plates():
        bare = screen.treatment[here & treated] == ""
        n = len(bare)
        share = float(bare.mean()) if n else 0.0
        message = f"{int(bare.sum())} of {n} wells of plate {plate} that are not controls do not say what is in them."
        yield Check(unlabeled, unlabeled.status(share), message, plate, value=share, n=n)
    labels = sorted(set(screen.treatment[treated]) - {""})
    message = f"The wells that are not controls hold {len(labels)} perturbations."
    if len(labels) < 2:
        message = f"All wells that are not controls hold the same: {listed(labels) if labels else 'nothing known'}."
    yield Check(constant, constant.status(len(labels)), message, value=len(labels), n=int(treated.sum()))


def _sentence(parts: list[str]) -> str:
    text = ", and ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def _mixed(values: pd.Series) -> bool:
    return pd.api.types.infer_dtype(values, skipna=True) in ("mixed", "mixed-integer")


def _share(rule: Rule, plate: str, bad: set[str], of: set[str], what: str) -> Check:
    names = f": {listed(sorted(bad))}" if bad else ""
    message = f"Plate {plate}: {len(bad)} of {len(of)} {what}{names}."
    return Check(rule, rule.status(len(bad) / len(of)), message, plate, value=len(bad) / len(of), n=len(of))


def _wells_by_plate(keys: pd.DataFrame) -> dict[str, set[str]]:
    return {str(plate): set(wells) for plate, wells in keys.groupby(PLATE)[WELL]}
