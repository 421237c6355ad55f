"""The ways to take batch effects out, each a row in a table."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cellprofiling.core.errors import FeatureError, InputError, ReferenceRowsError, listed
from cellprofiling.core.ledgers import Line, lines
from cellprofiling.core.methods import Method, table_of
from cellprofiling.kernels.batches.combat import Adjustment, Moments, batch_moments, fit_combat
from cellprofiling.kernels.batches.harmony import Settings, harmonize
from cellprofiling.kernels.directions.principal import principal_directions
from cellprofiling.kernels.models.linear_model import fit_additive
from cellprofiling.kernels.scale.scale import means
from cellprofiling.profiles.batch.design import STEP, BatchDesign

OUTPUTS = ("features", "embedding")


class Learned(NamedTuple):
    """What is to be done to each batch, and ledger lines about it."""

    adjustment: Adjustment
    notes: list[Line]


class Moved(NamedTuple):
    """Rows in their order by content after a correction that knows no others, and what their columns are called.

    Without a prefix the columns are the features, sorted by name.
    """

    x: NDArray[np.float64]
    prefix: str | None


def combat(design: BatchDesign, *, reference_batch: Any = None, mean_only: bool = False) -> Learned:
    """Return the adjustment by empirical Bayes."""
    chosen = None if reference_batch is None else _place(design, reference_batch)
    codes = design.codes[design.rows]
    members = [design.rows[codes == batch] for batch in range(len(design.keys))]
    moments = batch_moments(design.x, members).of_columns(design.columns)
    adjustment = fit_combat(moments, reference_batch=chosen, mean_only=bool(mean_only))
    return Learned(adjustment, _flat_notes(design, moments))


def linear(design: BatchDesign) -> Learned:
    """Return the adjustment by the additive effects of the batch columns, treatments told apart."""
    if design.treatment is None and not design.anchored:
        raise InputError(
            "method='linear': name the perturbation columns with by=..., so that batches are compared within "
            "perturbations, or give anchors=..., rows that are alike in all batches."
        )
    x, codes = design.sorted_x(design.rows), design.codes[design.rows]
    treatment = np.zeros_like(codes) if design.treatment is None else design.treatment[design.rows]
    effects = fit_additive(x, codes, _levels(design), treatment)
    if effects.linked.max() > 0 and not design.allow_confounded:
        sets = [design.called(np.flatnonzero(effects.linked == one)) for one in np.unique(effects.linked)]
        raise ReferenceRowsError(
            f"batch={listed(design.batch)}: {' | '.join(sets)} cannot be compared, because no perturbation is on both "
            "sides of a '|': name controls that are in all of them with reference=..., or insist with "
            "allow_confounded=True, which corrects within each set only."
        )
    return Learned(Adjustment(effects.shift, np.ones_like(effects.shift), np.zeros(x.shape[1])), [])


def harmony(
    design: BatchDesign,
    seed: int = 0,
    *,
    n_components: float = 50,
    output: str = "features",
    theta: float = 2.0,
    ridge: float = 1.0,
    sigma: float = 0.1,
    iterations: int = 10,
    rounds: int = 5,
) -> Moved:
    """Return rows with batches mixed in the space of their principal components."""
    x = design.sorted_x(design.order)
    centered = x - means(x)
    if not centered.any():
        raise FeatureError(f"profiles: all {len(centered)} rows have the same feature values.")
    singular, directions = principal_directions(centered)
    directions = directions[:, : _n_components(n_components, singular)]
    z = centered @ directions
    corrected = z
    if len(design.keys) > 1:
        settings = Settings(theta, ridge, sigma, int(iterations), int(rounds))
        corrected = harmonize(
            z, design.codes[design.order], design.anchors[design.order], settings, np.random.default_rng(seed)
        )
    if output == "embedding":
        return Moved(corrected, "Harmony")
    return Moved(x + (corrected - z) @ directions.T, None)


FITTED = table_of(
    Method(
        "combat",
        "Shift and scale of each batch, shrunk by empirical Bayes over features.",
        combat,
        "Johnson, Li and Rabinovic, Biostatistics 8, 118 (2007), https://doi.org/10.1093/biostatistics/kxj037",
    ),
    Method(
        "linear",
        "Additive effects of the batch columns, told apart from perturbations by least squares.",
        linear,
        needs="perturbations, by=..., or anchors=...",
    ),
)
METHODS = FITTED | table_of(
    Method(
        "harmony",
        "Rows moved in the space of their principal components until batches are mixed in every cluster.",
        harmony,
        "Korsunsky et al., Nat. Methods 16, 1289 (2019), https://doi.org/10.1038/s41592-019-0619-0",
        choices={"output": OUTPUTS},
    ),
)
USES_LABELS = ("linear",)


def _flat_notes(design: BatchDesign, moments: Moments) -> list[Line]:
    """Return a ledger line for each feature that has no spread in the anchors of some batch."""
    flat = moments.variance <= moments.noise**2
    return [
        line
        for column in np.flatnonzero(flat.any(axis=0))
        for line in lines(
            STEP,
            "feature",
            [design.features[design.columns[column]]],
            f"no spread in {design.called(np.flatnonzero(flat[:, column]))}: shifted, not scaled there",
        )
    ]


def _place(design: BatchDesign, batch: Any) -> int:
    key = batch if isinstance(batch, tuple) else (batch,)
    if key not in design.keys:
        raise InputError(
            f"reference_batch={batch!r}: no such batch; there are {design.called(range(len(design.keys)))}."
        )
    return list(design.keys).index(key)


def _levels(design: BatchDesign) -> NDArray[np.intp]:
    """Return the number of the level of each batch in each batch column, numbered through over columns."""
    columns, offset = [], 0
    for values in zip(*design.keys, strict=True):
        names = list(dict.fromkeys(values))
        columns.append([offset + names.index(value) for value in values])
        offset += len(names)
    return np.array(columns, dtype=np.intp).T


def _n_components(asked: float, singular: NDArray[np.float64]) -> int:
    """Return a number of components: as many as asked for and there are, or enough for a share of the variance."""
    if asked >= 1:
        return int(min(asked, len(singular)))
    if asked <= 0:
        raise InputError(
            f"n_components={asked!r}: give a number of components, or a share of the variance such as 0.98."
        )
    shares = np.cumsum(singular**2) / (singular**2).sum()
    return int(np.searchsorted(shares, asked) + 1)
