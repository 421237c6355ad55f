"""Why a row of the hit list is a hit or is not, and what to beware of, in words."""

from typing import Any, NamedTuple

import numpy as np

from cellprofiling.core.errors import plural
from cellprofiling.hits.calling.count_matched import ALPHA, FEW_CELLS

NEAR = 4.0  # times the false discovery rate: below it a row that is no hit is a near miss


class ListContext(NamedTuple):
    """What the reasons of all rows share.

    Attributes
    ----------
    fdr : the false discovery rate of the list.
    n_tests : rows with a p-value.
    position_rate : share of control pseudo-compounds at one position that the test calls active; NaN if unknown.
    grouped : whether rows are doses of perturbations.
    """

    fdr: float
    n_tests: int
    position_rate: float
    grouped: bool


def reason(row: dict[Any, Any], context: ListContext) -> str:
    """Return the reason of one row."""
    if np.isnan(row["p_value"]):
        return "not tested: one well has no replicate to be compared with"
    notes = [_verdict(row, context), *_count_notes(row)]
    if row["n_plates"] == 1:
        notes.append("all wells on one plate")
    if row["same_position"]:
        notes.append(_position_note(row, context))
    return "; ".join(notes)


def _verdict(row: dict[Any, Any], context: ListContext) -> str:
    where = f"{plural(row['n_wells'], 'well')} on {plural(row['n_plates'], 'plate')}"
    if row["hit"]:
        return f"{_what(row)}q = {row['q_value']:.2g} <= {context.fdr:g}, {where}"
    if context.grouped and row["group_q_value"] > context.fdr:
        group = row["group_q_value"]
        words = f"no dose is called: q of all doses together = {group:.2g} > {context.fdr:g}"
        return f"near miss: {words}" if group <= NEAR * context.fdr and row["p_value"] <= ALPHA else words
    if row["p_floor"] * context.n_tests > context.fdr and row["p_value"] <= row["p_floor"] * (1 + 1e-9):
        return f"q = {row['q_value']:.2g} > {context.fdr:g}, at the smallest p-value these few wells can reach"
    words = f"q = {row['q_value']:.2g} > {context.fdr:g}"
    return f"near miss: {words}, p = {row['p_value']:.2g}, {where}" if row["q_value"] <= NEAR * context.fdr else words


def _what(row: dict[Any, Any]) -> str:
    """Return which blocks of features speak, where they were tested one by one."""
    return f"{row['block']}: " if row.get("block") else ""


def _count_notes(row: dict[Any, Any]) -> list[str]:
    """Return what cell counts say: few cells, and whether the profile says more than they do."""
    notes = []
    if row["cell_count_ratio"] < FEW_CELLS:
        notes.append(f"only {row['cell_count_ratio']:.0%} of the cells of controls")
    if not row["hit"] or not row["cell_count_p"] <= ALPHA:
        return notes
    alone = f"cell count alone differs too ({row['cell_count_ratio']:.0%} of controls, p = {row['cell_count_p']:.2g})"
    matched = row["count_matched_p"]
    if np.isnan(matched):
        told = "and no controls have as few or as many, to compare it with"
    elif matched <= ALPHA:
        told = f"but it differs from controls of like counts too (p = {matched:.2g})"
    else:
        told = (
            f"and it does not differ from controls of like counts (p = {matched:.2g}): that may be all there is to it"
        )
    return [*notes, f"{alone}, {told}"]


def _position_note(row: dict[Any, Any], context: ListContext) -> str:
    words = "same well position on all plates, so position may be what is seen"
    if not np.isnan(context.position_rate):
        words += f"; of controls at one position, {context.position_rate:.0%} are called too"
    if not np.isnan(row["position_p"]):
        words += f"; position-matched p = {row['position_p']:.2g} (smallest possible {row['position_p_floor']:.2g})"
    return words
