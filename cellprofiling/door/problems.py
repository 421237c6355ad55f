"""What a reader should know before computing: each a sentence with what to do."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from cellprofiling.core.account.features import is_measurement_aside, not_numbers
from cellprofiling.core.account.roles import (
    NUMBER,
    WHY_NO_NUMBER,
    WHY_UNEXPLAINED,
    kind_of,
    names_of,
    nearest_known,
)
from cellprofiling.core.account.spelling import canonical, spellings
from cellprofiling.core.account.units import CELL, SITE_UNIT, shared_wells_problem
from cellprofiling.core.account.vocabulary import (
    CONTROL,
    FEATURE,
    PERTURBATION,
    PLATE,
    POSITION,
    PREFIX,
    WELL,
    plain,
    words,
)
from cellprofiling.core.columns import METADATA, describe_reference
from cellprofiling.core.errors import listed, plural
from cellprofiling.core.plates import LETTERS, is_well, parse_wells
from cellprofiling.door.layout import at_edge
from cellprofiling.door.scene import Scene

FEWEST_TO_BE_COPIES = 5  # features; fewer may agree by rounding
NEARLY_ALL = 0.9  # a reference that matches more rows than this sets no controls apart

Sentences = Iterator[str]


def problems_of(scene: Scene) -> list[str]:
    """Return what stands in the way of a right result, the gravest first."""
    return [sentence for look in LOOKS for sentence in look(scene) if sentence]


def _unit(scene: Scene) -> Sentences:
    if scene.unit.name != CELL:  # cells share wells as they should
        yield shared_wells_problem(scene.profiles, scene.unit)


def _copies(scene: Scene) -> Sentences:
    """Say which rows hold the measurements of another: a few columns name the suspects, all of them convict."""
    names = [c.name for c in scene.columns if c.role == FEATURE and c.name in scene.profiles]
    if len(names) < FEWEST_TO_BE_COPIES or scene.unit.name == CELL:
        return
    chosen = sorted(names, key=str)[:: max(1, len(names) // 8)]
    alike = scene.profiles[chosen].duplicated(keep=False).to_numpy()
    suspects = scene.profiles.loc[alike & ~scene.unit.shared, names].dropna(how="all")
    copies = suspects[suspects.duplicated(keep=False)]
    if len(copies):
        yield (
            f"{len(copies):,} rows hold the same measurements as another ({int(copies.duplicated().sum()):,} of them "
            "copies): copies are no replicates; drop them with profiles.drop_duplicates(subset=...) of the features."
        )


def _strata(scene: Scene) -> Sentences:
    pooled = set(scene.unit.pooled)
    if scene.unit.name in (CELL, SITE_UNIT):
        for name in scene.unit.pooled:
            n = scene.profiles[name].nunique()
            yield (
                f"the {scene.unit.name}s of a well differ in {str(name)!r} ({n} values): they would be pooled; choose "
                "one with a query, or add the column to by= of aggregate."
            )
    for stratum in sorted(scene.strata, key=lambda stratum: (not stratum.differs, str(stratum.column))):
        if stratum.column not in pooled:
            yield stratum.sentence


def _spellings(scene: Scene) -> Sentences:
    for name, is_the_well in ((scene.plate, False), (scene.well, True)):
        ways = spellings(scene.profiles[name], well=is_the_well) if name is not None else {}
        if ways:
            shown = "; ".join(f"{text!r} as {listed(ways[text])}" for text in list(ways)[:3])
            things = plural(len(ways), "well" if is_the_well else "plate")
            yield (
                f"{str(name)!r} writes {things} in several ways ({shown}): "
                "they are taken as one; write them one way, or other tables will not match."
            )
    if scene.wells is not None:
        strange = sorted({name for name in scene.wells.dropna().unique() if not is_well(name)})
        if strange:
            yield f"{str(scene.well)!r} holds {listed(strange, limit=4)}: no well names; wells are written A01 to AF48."


def _texts(scene: Scene) -> Sentences:
    for column in scene.columns:
        if column.why == WHY_NO_NUMBER and column.name in scene.profiles:
            yield f"{str(column.name)!r} is left aside: {not_numbers(scene.profiles[column.name])}"
    dtypes = dict(scene.profiles.dtypes.items())
    held = [
        c.name
        for c in scene.columns
        if c.role == FEATURE and c.name in dtypes and not pd.api.types.is_numeric_dtype(dtypes[c.name])
    ]
    if held:
        yield (
            f"features {listed(map(str, held), limit=4)} hold numbers as objects or texts; make them numbers with "
            "pandas.to_numeric."
        )


def _aside(scene: Scene) -> Sentences:
    field = [str(c.name) for c in scene.columns if is_measurement_aside(c) and c.why != WHY_UNEXPLAINED]
    if field:
        yield (
            f"{len(field):,} measurements of the field are left aside ({listed(field, limit=2)}); take them with "
            'features="all", or name them in features=[...].'
        )
    unexplained = [str(c.name) for c in scene.columns if c.why == WHY_UNEXPLAINED]
    if unexplained:
        yield (
            f"number columns {listed(unexplained, limit=4)} are taken for labels, because no grammar knows their names "
            'among names that it knows; if they are measured, name them in features=[...], or say features="all".'
        )


def _prefixes(scene: Scene) -> Sentences:
    small = [str(c.name) for c in scene.columns if PREFIX.match(str(c.name)) and METADATA not in str(c.name)]
    if small:
        yield (
            f"columns {listed(small, limit=3)} are metadata written in another case: verbs look for '{METADATA}', "
            f"rename them, as {METADATA + PREFIX.sub('', small[0])!r}."
        )
    for column in scene.columns:
        meant = nearest_known(column)
        if meant:
            yield f"{str(column.name)!r} is taken for a label.{meant}"


def _doses(scene: Scene) -> Sentences:
    if scene.doses is None:
        return
    yield from scene.doses.problems
    treated = scene.perturbations >= 0
    if scene.controls is None or not treated.any():
        return
    none = treated & np.isnan(scene.doses.values)
    if none.any() and not none[treated].all():
        yield (
            f"{plural(int(none.sum()), 'treated row')} without dose: they are ranked without one and take no part in "
            "curves; fill it in where there was one."
        )
    zero = treated & (scene.doses.values == 0)
    if zero.any():
        yield (
            f"{plural(int(zero.sum()), 'treated row')} with dose 0: wells without compound are controls, name them in "
            "reference=, or leave the dose empty."
        )


def _format(scene: Scene) -> Sentences:
    yield scene.format.problem


def _reference(scene: Scene) -> Sentences:
    if scene.controls is None:
        if scene.unit.name != "perturbation":
            example = f"\"{METADATA}Role == 'negcon'\""
            yield f"no controls are named, and no value sounds like one: say reference=, such as {example}."
        return
    share = scene.controls.mean() if len(scene.controls) else 0.0
    query = scene.guess.query if scene.guess else describe_reference(scene.said.reference)
    if not scene.controls.any():
        yield f"reference={query}: matches no row; name a value that occurs."
        return
    if share > NEARLY_ALL:
        yield (
            f"reference={query}: matches {share:.0%} of the rows; a reference sets the untreated wells apart: name a "
            "value that only they have."
        )
        return
    yield from _plates_without(scene)
    edge = at_edge(scene)
    controls_edge, others_edge = edge[scene.controls], edge[~scene.controls]
    if controls_edge.all() and len(others_edge) and others_edge.mean() < 0.5:
        yield (
            "all controls lie in edge wells and most other wells do not: what the edge does looks like an effect; see "
            "audit_position, and correct_position with controls elsewhere."
        )


def _plates_without(scene: Scene) -> Sentences:
    codes, names = scene.plates
    assert scene.controls is not None
    if scene.plate is None or scene.unit.name == "perturbation":
        return
    counts = np.bincount(codes[(codes >= 0) & scene.controls], minlength=len(names))
    without = [name for name, n in zip(names, counts, strict=True) if not n]
    if without:
        yield (
            f"plates {listed(without, limit=4)} have no controls ({len(without)} of {len(names)}): their wells cannot "
            "be compared; name controls there in reference=, or leave these plates out."
        )


def _missing(scene: Scene) -> Sentences:
    profiles = scene.profiles
    for column in scene.columns:
        needed = column.role in (PLATE, WELL, PERTURBATION, CONTROL) or column.why == "named in within="
        if not needed or column.name not in profiles:
            continue
        empty = profiles[column.name].isna().to_numpy()
        if scene.controls is not None and column.role in (PERTURBATION, CONTROL):
            empty = empty & ~scene.controls
        if not empty.any() or (scene.controls is None and column.role == PERTURBATION):
            continue
        name = str(column.name)
        if column.role == CONTROL:
            yield (
                f"{name!r} has no value in {plural(int(empty.sum()), 'row')} outside the controls: a missing label "
                f"matches nothing, so pairs with them vanish; fill it in, for example with .fillna('treatment')."
            )
        else:
            yield (
                f"{name!r} has no value in {plural(int(empty.sum()), 'row')}: they belong to no {column.role}; fill it "
                "in, or drop those rows."
            )


def _disagreements(scene: Scene) -> Sentences:
    profiles = scene.profiles
    alike: dict[str, list[Any]] = {}
    for column in scene.columns:
        if column.name in profiles and column.role != FEATURE:
            alike.setdefault(plain(column.name), []).append(column.name)
    for names in alike.values():
        for other in sorted(names[1:], key=str):
            first, second = canonical(profiles[names[0]]), canonical(profiles[other])
            differ = (first != second) & first.notna() & second.notna()
            if differ.any():
                yield (
                    f"{str(names[0])!r} and {str(other)!r} have one name and disagree in "
                    f"{plural(int(differ.sum()), 'row')}; drop the wrong one."
                )
    yield from _rows_and_columns(scene)


def _rows_and_columns(scene: Scene) -> Sentences:
    """Say where row and column numbers name another well than the well does."""
    if scene.wells is None:
        return
    named = {words(str(name)): name for name in names_of(scene.columns, POSITION) if name in scene.profiles}
    row = next((named[w] for w in ("row", "well row", "plate row") if w in named), None)
    column = next((named[w] for w in ("column", "col", "well column", "well col") if w in named), None)
    if row is None or column is None or kind_of(scene.profiles[column]) != NUMBER:
        return
    told = pd.DataFrame(
        {"well": scene.wells, "row": canonical(scene.profiles[row]), "column": canonical(scene.profiles[column])}
    ).drop_duplicates()
    told = told[told.notna().all(axis=1) & told["well"].map(is_well)]
    wells = parse_wells(told["well"])
    rows = told["row"].map(lambda text: LETTERS.index(text.upper()) if text.upper() in LETTERS else _number(text) - 1)
    columns = told["column"].map(lambda text: _number(text) - 1)
    # Some programs count from 0; a constant shift is a way to count, no disagreement
    if len(set(rows - wells.row)) > 1 or len(set(columns - wells.column)) > 1:
        yield (
            f"{str(scene.well)!r} and {str(row)!r}, {str(column)!r} name different wells; the wells are taken from "
            f"{str(scene.well)!r}: drop the wrong ones."
        )


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


LOOKS: tuple[Callable[[Scene], Sentences], ...] = (
    _unit,
    _copies,
    _strata,
    _spellings,
    _texts,
    _reference,
    _missing,
    _doses,
    _aside,
    _prefixes,
    _disagreements,
    _format,
)
