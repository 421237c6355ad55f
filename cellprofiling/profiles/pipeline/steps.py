"""Steps that pipelines have beside the verbs of the face: those that look at the screen before they act."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from cellprofiling.core.columns import PLATE, WELL, By, Reference, groups, rows
from cellprofiling.core.errors import InputError, PlateLayoutError
from cellprofiling.core.frame import complete, join, split
from cellprofiling.core.ledgers import lines, written
from cellprofiling.kernels.directions.principal import principal_directions
from cellprofiling.kernels.scale.scale import means
from cellprofiling.profiles.normalization.normalization import normalize
from cellprofiling.profiles.position.plate_effects import correct_position
from cellprofiling.profiles.position.position_audit import audit_position
from cellprofiling.profiles.remainder import without_remainder
from cellprofiling.profiles.strata import group_columns

ENOUGH = 16  # controls on a plate, for a spread of its own
ALL = "Metadata_All_Plates"  # a column that is there while the plates of a table without batches are pooled


def correct_position_if_needed(
    profiles: pd.DataFrame,
    *,
    reference: Reference,
    by: By = PLATE,
    within: By = None,
    well: str = WELL,
    plate_format: int | None = None,
    features: Sequence[str] | str | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Return profiles less a control surface if the audit finds an effect of position; the ledger says what was done.

    Where controls lie in too few positions for a surface, nothing is corrected.
    """
    asked: dict[str, Any] = {"reference": reference, "well": well, "plate_format": plate_format, "features": features}
    audit = audit_position(profiles, by=group_columns(profiles, by, within), seed=seed, **asked)
    found = audit[audit["position_matters"].astype(bool)]
    if not len(found):
        return _noted(profiles, "not corrected: " + " ".join(audit["message"]))
    try:
        return _noted(
            correct_position(profiles, by=by, within=within, **asked),
            "corrected: " + " ".join(found["message"]),
        )
    except PlateLayoutError as error:
        return _noted(profiles, f"not corrected, although position matters: {error}")


def normalize_few(
    profiles: pd.DataFrame,
    *,
    reference: Reference,
    by: By = PLATE,
    within: By = None,
    pool_scale_by: By = None,
    clip: float | None = None,
    features: Sequence[str] | str | None = None,
) -> pd.DataFrame:
    """Return profiles on the MAD scale of the controls of their plate; with few, pooled over plates.

    With fewer than 16 controls on some plate the scale is that of the plates of each `pool_scale_by` group, or of all.
    """
    codes, keys = groups(profiles, group_columns(profiles, by, within))
    asked: dict[str, Any] = {"by": by, "within": within, "reference": reference, "clip": clip, "features": features}
    fewest = int(np.bincount(codes[rows(profiles, reference)], minlength=len(keys)).min())
    if fewest >= ENOUGH or len(keys) == 1:
        return normalize(profiles, **asked)
    if pool_scale_by is not None:
        return normalize(profiles, pool_scale_by=pool_scale_by, **asked)
    one = profiles.assign(**{ALL: "all"})
    return normalize(one, pool_scale_by=ALL, **asked).drop(columns=ALL)


def principal_components(
    profiles: pd.DataFrame, *, variance: float = 0.98, features: Sequence[str] | str | None = None
) -> pd.DataFrame:
    """Return the principal components that hold a share of the variance, as features ``PC1``, ``PC2``, ..."""
    if not 0 < variance <= 1:
        raise InputError(f"variance={variance!r}: give a share of the variance, such as 0.98.")
    table = complete(split(profiles, features))
    centered = table.x - means(table.x)
    singular, directions = principal_directions(centered)
    shares = np.cumsum(singular**2) / (singular**2).sum()
    n = min(int(np.searchsorted(shares, variance) + 1), len(singular))
    scores = (centered @ directions[:, :n]).astype(table.x.dtype)
    alone, left = without_remainder(table, "principal_components")
    names = tuple(f"PC{i + 1}" for i in range(n))
    return join(replace(alone, x=scores, features=names), source=profiles, new=left)


def _noted(profiles: pd.DataFrame, reason: str) -> pd.DataFrame:
    new = lines("correct_position_if_needed", "plate", ["all"], reason)
    return written(profiles.copy(deep=False), profiles, new=new)
