"""The checks of hits against quality: whether they gather in places of the plate, or in wells that are flagged."""

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd

from cellprofiling.core.columns import PLATE, WELL
from cellprofiling.core.plates import LETTERS
from cellprofiling.kernels.arrays import Mask
from cellprofiling.kernels.inference.enrichment import overrepresentation
from cellprofiling.kernels.inference.multiplicity import benjamini_hochberg
from cellprofiling.quality.rules import Check, Rules, skipped
from cellprofiling.quality.screen import Screen

TOXIC = "counts.toxic"  # few cells are what some hits do
NO_LIST = "No hit list was given: rank_hits() makes one."
NOT_FOUND = "The perturbations of the hit list are not those of the wells: give the same by=."


def hit_surface(screen: Screen, rules: Rules) -> Iterator[Check]:
    """Check whether hits gather at the edge, in a row or in a column."""
    rule = rules["hits.position"]
    hit = _hit_names(screen)
    if isinstance(hit, str):
        yield skipped(rule, hit)
        return
    places = _places(screen)
    is_hit = places["treatment"].isin(hit).to_numpy()
    if not is_hit.any():
        yield skipped(rule, "There are no hits.")
        return
    lines = {"the edge": places["edge"].to_numpy()}
    lines |= {f"row {LETTERS[row]}": (places["row"] == row).to_numpy() for row in sorted(set(places["row"]))}
    lines |= {
        f"column {column + 1}": (places["column"] == column).to_numpy() for column in sorted(set(places["column"]))
    }
    n_line = np.array([line.sum() for line in lines.values()])
    n_hits = np.array([(line & is_hit).sum() for line in lines.values()])
    total, hits = np.full(len(lines), len(places)), np.full(len(lines), is_hit.sum())
    q = benjamini_hochberg(overrepresentation(n_hits, hits, n_line, total))
    names = list(lines)
    worst = np.argsort(q, kind="stable")
    beyond = [i for i in worst if rule.status(float(q[i])) != "pass"][:3] or [int(worst[0])]
    told = [
        f"{n_hits[i]} of {n_line[i]} wells at {names[i]} hold hits, {n_line[i] * is_hit.mean():.1f} expected"
        for i in beyond
    ]
    message = f"{'; '.join(told)} (q = {q[worst[0]]:.2g})."
    yield Check(rule, rule.status(float(q.min())), message, value=float(q.min()), n=int(is_hit.sum()))


def flagged_hits(screen: Screen, rules: Rules, lines: Iterable[Check]) -> Iterator[Check]:
    """Check which share of hits rests on wells that other checks flag; few cells do not count."""
    rule = rules["hits.flagged"]
    hit = _hit_names(screen)
    if isinstance(hit, str) or not hit:
        yield skipped(rule, hit if isinstance(hit, str) else "There are no hits.")
        return
    bad = {
        (line.plate, line.well)
        for line in lines
        if line.well and line.status in ("fail", "warn") and line.rule.id != TOXIC
    }
    flagged = np.array([key in bad for key in zip(screen.keys[PLATE], screen.keys[WELL], strict=True)])
    wells = pd.DataFrame({"treatment": screen.treatment, "flagged": flagged})
    shares = wells[wells["treatment"].isin(hit)].groupby("treatment")["flagged"].mean()
    n = int((shares > 0.5).sum())
    named = f": {', '.join(sorted(shares.index[shares > 0.5])[:5])}" if n else ""
    message = f"{n} of {len(shares)} hits have more than half of their wells flagged{named}."
    yield Check(rule, rule.status(n / len(shares)), message, value=n / len(shares), n=len(shares))


def _hit_names(screen: Screen) -> set[str] | str:
    """Return what the hits are called among the wells, or why that is not known."""
    if "hit" not in screen.hits.columns:
        return NO_LIST
    if why := screen.lacks("treatment"):
        return why
    if not set(screen.by) <= set(screen.hits.columns):
        return NOT_FOUND
    called = screen.hits[screen.hits["hit"].astype(bool)]
    names = {" | ".join(map(str, row)) for row in called[list(screen.by)].itertuples(index=False, name=None)}
    known = set(screen.treatment)
    return names if not len(names) or names & known else NOT_FOUND


def _places(screen: Screen) -> pd.DataFrame:
    """Return where each perturbation lies, once however many plates have it there: replicates are no new evidence."""
    table = pd.DataFrame(
        {
            "treatment": screen.treatment,
            "row": screen.position.row,
            "column": screen.position.column,
            "edge": screen.edge,
        }
    )
    asked: Mask = (screen.treatment != "") & ~screen.controls & ~screen.positives
    return table[asked].drop_duplicates(["treatment", "row", "column"])
