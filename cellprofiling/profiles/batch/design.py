"""What a batch correction works on: batches, the rows it learns from, and whether they can tell it anything."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from cellprofiling.core.columns import By, Reference, groups, matches, require, rows
from cellprofiling.core.errors import InputError, ReferenceRowsError, listed
from cellprofiling.core.frame import Table
from cellprofiling.core.ledgers import Line, lines
from cellprofiling.kernels.arrays import Floats, Indices, Mask
from cellprofiling.kernels.scale.order import content_order
from cellprofiling.profiles.batch.confounding import BatchGraph, batch_graph, shared_rows
from cellprofiling.profiles.fits import Key, group_keys, key_names

STEP = "correct_batch"
FEWEST, FEW = 2, 16  # anchors in a batch: below the first nothing can be measured, below the second only roughly
WORDS = ("reference", "shared")  # anchors by name


@dataclass(frozen=True)
class BatchDesign:
    """The rows of a table and what a corrector knows of each.

    Attributes
    ----------
    x : shape (n_rows, n_features), as in the table.
    order, columns : rows in an order by content and columns in one by name, for sums that depend on nothing else.
    features : names of the columns of `x`.
    codes : batch of each row, numbered in the order in which batches appear.
    batch : names of the batch columns.
    keys : values of the batch columns of each batch.
    anchors : rows to learn from.
    anchored : whether these were chosen, and are not just all.
    treatment : perturbation of each row, or None where that is not known.
    allow_confounded : whether to go on where batches cannot be compared.
    notes : ledger lines so far.
    """

    x: Floats
    order: Indices
    columns: Indices
    features: Sequence[str]
    codes: Indices
    batch: Sequence[str]
    keys: Sequence[Key]
    anchors: Mask
    anchored: bool
    treatment: Indices | None
    allow_confounded: bool
    notes: Sequence[Line]

    @property
    def rows(self) -> Indices:
        """The rows to learn from, in an order by content."""
        return self.order[self.anchors[self.order]]

    def sorted_x(self, rows_: Indices) -> Floats:
        """Return some rows, columns sorted by name."""
        return self.x[np.ix_(rows_, self.columns)]

    def called(self, batches: Sequence[int] | Indices) -> str:
        """Return batches by name."""
        return key_names([self.keys[batch] for batch in batches])


def find_batches(
    profiles: pd.DataFrame,
    table: Table,
    *,
    batch: By,
    by: By,
    anchors: Any,
    reference: Reference,
    allow_confounded: bool,
    uses_labels: bool,
) -> BatchDesign:
    """Return the design of a correction, or say why it cannot be made.

    Parameters
    ----------
    table : the profiles taken apart.
    uses_labels : whether the method models perturbations, and so needs no balance between batches.
    """
    names, labels = require(profiles, batch, "batch"), require(profiles, by, "by")
    if not names:
        raise InputError(f"batch={batch!r}: name the columns that say which batch a row belongs to.")
    codes, keys = group_keys(profiles, names, "batch")
    chosen = _anchor_rows(profiles, anchors, reference, names, labels)
    anchored = chosen is not None
    word = anchors if isinstance(anchors, str) else None
    notes = _label_notes(labels, word == "shared" or (uses_labels and word != "reference"))
    if len(keys) > 1 and not anchored and not uses_labels:
        notes += _checked(_graph(profiles, names, labels, reference), allow_confounded)
    columns = np.argsort(np.array(table.features, dtype=object))
    order = content_order(table.x, columns)
    first, codes = _appearance(codes, order)
    design = BatchDesign(
        x=table.x,
        order=order,
        columns=columns,
        features=table.features,
        codes=codes,
        batch=names,
        keys=[keys[code] for code in first],
        anchors=np.ones(len(codes), dtype=bool) if chosen is None else chosen,
        anchored=anchored,
        treatment=_treatments(profiles, labels, reference, order),
        allow_confounded=allow_confounded,
        notes=notes,
    )
    return _with_enough(design)


def _anchor_rows(
    profiles: pd.DataFrame, anchors: Any, reference: Reference, batch: Sequence[str], by: Sequence[str]
) -> Mask | None:
    """Return the rows to learn from, or None for all."""
    if anchors is None:
        return None
    if not isinstance(anchors, str) or anchors not in WORDS:
        return rows(profiles, anchors, "anchors")
    if anchors == "reference":
        if reference is None:
            raise InputError("anchors='reference': say which rows those are with reference=...")
        return rows(profiles, reference)
    if not by:
        raise InputError("anchors='shared': name the perturbation columns with by=...")
    controls = np.zeros(len(profiles), dtype=bool) if reference is None else rows(profiles, reference)
    shared = controls | shared_rows(profiles, batch=batch, by=by)
    if not shared.any():
        raise ReferenceRowsError(
            f"anchors='shared': no value of {', '.join(by)} is in every value of {', '.join(batch)}: anchor the "
            "correction on controls with anchors='reference'."
        )
    return shared


def _treatments(profiles: pd.DataFrame, by: Sequence[str], reference: Reference, order: Indices) -> Indices | None:
    """Return the perturbation of each row, controls being one of them."""
    if not by:
        return None
    control = np.zeros(len(profiles), dtype=bool) if reference is None else matches(profiles, reference)
    codes = np.zeros(len(profiles), dtype=np.intp)
    if not control.all():
        codes[~control] = groups(profiles[~control], by)[0] + 1
    return _appearance(codes, order)[1]


def _graph(profiles: pd.DataFrame, batch: Sequence[str], by: Sequence[str], reference: Reference) -> BatchGraph | None:
    """Return how perturbations link batches; where no controls are named, the most frequent perturbation is taken."""
    if not by:
        return None
    if reference is None:
        codes, names = groups(profiles, by)
        reference = codes == np.bincount(codes).argmax() if len(names) > 1 else None
    return batch_graph(profiles, batch=batch, by=by, reference=reference)


def _checked(graph: BatchGraph | None, allow_confounded: bool) -> list[Line]:
    """Return what is to be said about confounding; refuse where batches are not linked."""
    if graph is None:
        reason = "not checked: without by=... nothing says which perturbations batches share; all rows count as alike"
        return lines(STEP, "check", ["confounding"], reason)
    if graph.connected and graph.share >= 0.5:
        return []
    if not graph.connected and not allow_confounded:
        raise InputError(
            f"batch={listed(graph.batch)}: {graph.sentence()}, so what differs between batches cannot be told from "
            "what perturbations do, and would be taken away with it: learn the batch effects from controls with "
            "anchors='reference' and reference=..., or insist with allow_confounded=True."
        )
    return lines(STEP, "check", ["confounding"], graph.sentence(), n=graph.n_shared)


def _label_notes(by: Sequence[str], seen: bool) -> list[Line]:
    reason = "seen by the correction: scores of the same labels on the same rows are flattered"
    return lines(STEP, "label", by, reason) if seen else []


def _with_enough(design: BatchDesign) -> BatchDesign:
    """Return the design with a note on batches with few anchors; with next to none it is an error."""
    if len(design.keys) == 1:
        return design
    n = np.bincount(design.codes[design.anchors], minlength=len(design.keys))
    bare = np.flatnonzero(n < FEWEST)
    if len(bare):
        what = "anchors" if design.anchored else "rows"
        raise ReferenceRowsError(
            f"batch={listed(design.batch)}: {design.called(bare)} with {listed(n[bare])} {what}; at least {FEWEST} are "
            "needed to measure a batch: leave such batches out, or merge them with others."
        )
    few = [
        line
        for code in np.flatnonzero(n < FEW).tolist()
        for line in lines(STEP, "batch", [design.called([code])], f"only {n[code]} rows to learn from", n=int(n[code]))
    ]
    return replace(design, notes=[*design.notes, *few])


def _appearance(codes: Indices, order: Indices) -> tuple[Indices, Indices]:
    """Return the groups as they appear in an order of rows, and for each row the place of its group among them."""
    there, first = np.unique(codes[order], return_index=True)
    appeared = there[np.argsort(first)]
    rank = np.empty(int(codes.max()) + 1, dtype=np.intp)
    rank[appeared] = np.arange(len(appeared))
    return appeared, rank[codes]
