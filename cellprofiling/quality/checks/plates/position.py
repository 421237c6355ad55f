"""The checks of position: edges, rows and columns, dispensers, and controls that resemble those of their position."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from cellprofiling.core.plates import LETTERS
from cellprofiling.kernels.arrays import Doubles, Indices, Mask
from cellprofiling.kernels.inference.multiplicity import benjamini_hochberg
from cellprofiling.kernels.plates.plate_position import (
    NOTHING,
    Design,
    Finding,
    design,
    edge_distance,
    folded_period,
    lines_share,
    worst_line,
)
from cellprofiling.kernels.retrieval.same_place import share_alike
from cellprofiling.kernels.scale.spread import mad
from cellprofiling.quality.rules import Check, Rule, Rules, skipped
from cellprofiling.quality.screen import Screen

TESTS: dict[str, Callable[[Doubles, Design], Finding]] = {
    "position.edge": edge_distance,
    "position.lines": lines_share,
    "position.worst_line": worst_line,
    "position.period": folded_period,
}
FEWEST = 24  # wells that position is looked for in
FEWEST_CONTROLS = 8  # that tell how many treated wells are hits
EFFICIENCY = 0.37  # of the MAD (Rousseeuw and Croux 1993, doi 10.1080/01621459.1993.10476408)


@dataclass(frozen=True)
class _Asked:
    """The wells of a plate that a readout is followed over, and why they are not all."""

    plate: str
    readout: str
    wells: Indices
    crowded: str
    n: int


def position_effects(screen: Screen, rules: Rules) -> Iterator[Check]:
    """Check whether cell counts or the main components of profiles follow edge, rows, columns or a dispenser."""
    asked = [each for plate, here in screen.plates() for each in _asked(screen, plate, here, rules["position.edge"])]
    if not asked:
        why = screen.lacks("count", "features") or f"No plate has {FEWEST} wells that were measured."
        yield from (skipped(rules[name], why) for name in TESTS)
        return
    designs: dict[bytes, Design] = {}
    for name, test in TESTS.items():
        rule = rules[name]
        findings = [_found(screen, each, test, designs) for each in asked]
        p = np.array([finding.p_value for finding in findings])
        q = benjamini_hochberg(p)
        for plate in dict.fromkeys(each.plate for each in asked):
            chosen = [i for i, each in enumerate(asked) if each.plate == plate]
            yield _line(rule, [(asked[i], findings[i], float(q[i])) for i in chosen])


def same_position(screen: Screen, rules: Rules) -> Iterator[Check]:
    """Check whether controls resemble controls of other plates more if these had the same position."""
    rule = rules["position.same_place"]
    if why := screen.lacks("features", "controls"):
        yield skipped(rule, why)
        return
    space = screen.readouts.space
    wells = np.flatnonzero(screen.controls & np.isfinite(space).all(axis=1))
    place = screen.position.row[wells] * screen.shape[1] + screen.position.column[wells]
    found = share_alike(_centered(space[wells], screen.plate_codes[wells]), screen.plate_codes[wells], place)
    if np.isnan(found.share):
        yield skipped(rule, "No control position is on two plates, or all controls have one, so none can be compared.")
        return
    sure = found.p_value <= rule.number("level")
    status = rule.status(found.share) if sure else "pass"
    message = (
        f"{100 * found.share:.0f} % of {found.n_pairs} pairs of control wells at one position on two plates are more "
        f"alike than 95 % of the pairs at different positions (5 % if position did nothing; p = {found.p_value:.3g})."
    )
    yield Check(rule, status, message, value=found.share, n=found.n_pairs)


def _centered(x: Doubles, plate: Indices) -> Doubles:
    out = x.copy()
    for code in np.unique(plate):
        out[plate == code] -= x[plate == code].mean(axis=0)
    return out


def _asked(screen: Screen, plate: str, here: Mask, rule: Rule) -> Iterator[_Asked]:
    rows = np.flatnonzero(here)
    for readout, values in screen.readouts.named():
        known = rows[np.isfinite(values[rows])]
        usual = known[~screen.positives[known]]
        controls = known[screen.controls[known]]
        crowded, wells = "", usual
        rate = _hit_rate(values, controls, usual)
        if rate > rule.number("hit_rate"):
            crowded, wells = f"{100 * rate:.0f} % of its treated wells differ from the controls", controls
        if len(wells) >= FEWEST or crowded:
            yield _Asked(plate, readout, wells, crowded, len(wells))


def _hit_rate(values: Doubles, controls: Indices, usual: Indices) -> float:
    """Return the share of treated wells that surely lie beyond 3 MADs of the controls; of all wells if those are few.

    The MAD is taken at the upper end of its 95 % interval: of 12 controls it is a third too small or too large.
    """
    treated = np.setdiff1d(usual, controls)
    judges = controls if len(controls) >= FEWEST_CONTROLS else usual
    if not len(treated):
        return 0.0
    error = 1 / np.sqrt(2 * EFFICIENCY * len(judges))
    spread = float(mad(values[judges])) * (1 + 1.96 * error)
    return float((np.abs(values[treated] - np.median(values[judges])) > 3 * spread).mean()) if spread > 0 else 0.0


def _found(screen: Screen, asked: _Asked, test: Callable[..., Finding], designs: dict[bytes, Design]) -> Finding:
    if len(asked.wells) < FEWEST:
        return NOTHING
    row, column = screen.position.row[asked.wells], screen.position.column[asked.wells]
    key = np.concatenate([row, column]).tobytes()
    if key not in designs:
        designs[key] = design(row, column, screen.edge[asked.wells], screen.shape)
    values = dict(screen.readouts.named())[asked.readout]
    return test(values[asked.wells], designs[key])


def _line(rule: Rule, found: list[tuple[_Asked, Finding, float]]) -> Check:
    """Return the line of a plate: its worst readout."""
    plate = found[0][0].plate
    told = [(asked, finding, q) for asked, finding, q in found if not np.isnan(finding.value)]
    crowded = next((asked for asked, _, _ in found if asked.crowded), None)
    if not told:
        why = f": {crowded.crowded}, and its {crowded.n} control wells are too few" if crowded else ""
        return Check(rule, "inconclusive", f"Position on plate {plate} cannot be told{why}.", plate)
    judged = [(_status(rule, finding.value, q), asked, finding, q) for asked, finding, q in told]
    status, asked, finding, q = min(judged, key=lambda each: (SEVERITY[each[0]], -abs(each[2].value)))
    doubt = ""
    if crowded and status == "pass":
        status = "inconclusive"
        doubt = f" Not sure for {crowded.readout}: {crowded.crowded}, so its {crowded.n} control wells must tell alone."
    only = f" in {asked.n} control wells only, as {asked.crowded}" if asked.crowded else ""
    message = f"{_sentence(rule.id, asked.readout, plate, finding)}{only} (q = {q:.2g}).{doubt}"
    return Check(rule, status, message, plate, value=finding.value, n=asked.n)


SEVERITY = {"fail": 0, "warn": 1, "pass": 2}


def _status(rule: Rule, value: float, q: float) -> str:
    """Return the status of a size that chance does not give in all plates and readouts together."""
    return rule.status(abs(value)) if q <= rule.number("level") else "pass"


def _sentence(name: str, readout: str, plate: str, finding: Finding) -> str:
    what = f"{readout[0].upper()}{readout[1:]} on plate {plate}"
    if name == "position.edge":
        return f"{what}: edge wells lie {finding.value:+.2f} MADs from inner ones"
    if name == "position.lines":
        return f"{what}: rows and columns explain {100 * finding.value:.1f} % of its variance"
    if not finding.about:
        return f"{what}: no pattern of a dispenser"
    axis, *numbers = finding.about.split()
    if name == "position.worst_line":
        return f"{what}: {_line_name(axis, int(numbers[0]))} lies {finding.value:+.2f} MADs from the others"
    phase, period = map(int, numbers)
    first = _line_name(axis, phase)
    return (
        f"{what}: {first} and every {_ordinal(period)} {axis} from there lie {finding.value:+.2f} SDs from the others"
    )


def _line_name(axis: str, code: int) -> str:
    return f"row {LETTERS[code]}" if axis == "row" else f"column {code + 1}"


def _ordinal(n: int) -> str:
    return {2: "second", 4: "fourth", 8: "eighth", 12: "twelfth"}[n]
