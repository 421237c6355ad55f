"""Whether wells hold what their label says: swapped wells, found among the labels of their own plate."""

from typing import Any

import numpy as np
import pandas as pd

from cellprofiling.core import checks
from cellprofiling.core.columns import PLATE, WELL, By, groups, require
from cellprofiling.core.errors import SHOWN
from cellprofiling.core.frame import split
from cellprofiling.core.ledgers import written
from cellprofiling.kernels.arrays import Doubles, Indices
from cellprofiling.kernels.plates.swapped_labels import Exchanges, find_exchanges
from cellprofiling.kernels.scale.missing import fill_with_median

ALPHA = 0.05  # share of plates on which chance alone may call a pair swapped
AS_LABELED, SWAPPED, CANNOT_TELL = "as labeled", "swapped", "cannot tell"


def audit_labels(
    profiles: pd.DataFrame, *, by: By, plate: str = PLATE, well: str = WELL, alpha: float = ALPHA
) -> pd.DataFrame:
    """
    Find pairs of wells that agree better with their replicates on other plates when their labels are exchanged.

    Parameters
    ----------
    profiles : pandas.DataFrame
        One row per well: metadata and features normalized so that zero is "like the controls of the plate".
    by : str or list of str
        Metadata columns that name what is in a well, for example compound and dose. Wells without a name hold the same.
    plate, well : str
        Columns that say where a well lies.
    alpha : float, default 0.05
        The share of plates without a swap on which chance may call a pair swapped.

    Returns
    -------
    pandas.DataFrame
        One row per well, in the order of `profiles`: plate, well and the `by` columns; ``n_elsewhere`` (wells of the
        same label on other plates); ``swap_well`` (the well of the plate with which it would best exchange labels),
        ``swap_z`` (how clearly both would then agree better, in standard errors), ``swap_p_value`` (for all pairs of
        the plate together) and ``verdict``: "as labeled", "swapped", or "cannot tell" (the label is on no other plate,
        or no other label of the plate is).

    Raises
    ------
    InputError
        If a column or `alpha` cannot be used, or features are infinite.

    See Also
    --------
    audit_layout : Find whole plates that were turned, shifted, or made with another map.

    Notes
    -----
    Values v are compressed to sign(v) log(1 + abs(v)), turned to 30 principal components and whitened by the covariance
    of wells about the mean m of their label on other plates. Two wells i and j are better exchanged if (x_i - x_j)
    (m_j - m_i) is large. In units of sqrt(2) times the spread, along m_j - m_i, of the wells of all other labels, this
    is z: a standard normal variate where neither label has an effect, and below it where they have one.
    The p-value is that of the best pair times the number of pairs (Bonferroni). A swap of two wells without an effect
    neither shows nor matters. Replicates that were all swapped alike cannot be seen through.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> rng = np.random.default_rng(0)
    >>> effect = rng.normal(size=(12, 8)) * 5
    >>> x = np.concatenate([effect] * 4 + [effect[[1, 0, *range(2, 12)]]]) + rng.normal(size=(60, 8))
    >>> names = [f"A{i:02d}" for i in range(1, 13)]
    >>> wells = pd.DataFrame({"Metadata_Plate": np.repeat(list("PQRST"), 12), "Metadata_Well": names * 5,
    ...                       "Metadata_Compound": names * 5}).join(pd.DataFrame(x).add_prefix("feature_"))
    >>> found = cpf.audit_labels(wells, by="Metadata_Compound")
    >>> found.loc[found["verdict"] == "swapped", ["Metadata_Plate", "Metadata_Well", "swap_well"]]
       Metadata_Plate Metadata_Well swap_well
    48              T           A01       A02
    49              T           A02       A01
    """
    checks.arguments(locals(), by=checks.columns)
    names = require(profiles, by, "by")
    require(profiles, well, "well")
    block, _ = groups(profiles, plate, "plate")
    x = fill_with_median(split(profiles).x, block)
    return written(compare_labels(profiles, x, block, names, plate, well, alpha=alpha), profiles)


def compare_labels(
    profiles: pd.DataFrame, x: Doubles, block: Indices, by: list[str], plate: str, well: str, *, alpha: float = ALPHA
) -> pd.DataFrame:
    """Return what `audit_labels` does of features `x` that have been read, wells exchanged inside blocks."""
    label = (
        profiles[by]
        .reset_index(drop=True)
        .groupby(by, dropna=False, sort=False, observed=True)
        .ngroup()
        .to_numpy()
        .astype(np.intp)
    )
    metadata = profiles[list(dict.fromkeys([plate, well, *by]))]
    exchanges = find_exchanges(x, label, block)
    return metadata.assign(**_columns(exchanges, profiles[well].astype(str).to_numpy(), alpha))


def label_sentence(audit: pd.DataFrame, plate: str = PLATE, well: str = WELL) -> str:
    """Return in a sentence what `audit_labels` found."""
    if (audit["verdict"] == CANNOT_TELL).all():
        return "label audit: cannot tell, no label is on two plates"
    pairs = dict.fromkeys(
        (name, *sorted([one, other]))
        for name, one, other in audit.loc[audit["verdict"] == SWAPPED, [plate, well, "swap_well"]].itertuples(
            index=False
        )
    )
    if not pairs:
        return f"label audit: no swapped wells among {(audit['verdict'] == AS_LABELED).sum()}"
    named = ", ".join(f"{one} and {other} on plate {name}" for name, one, other in list(pairs)[:SHOWN])
    more = f" and {len(pairs) - SHOWN} pairs more" if len(pairs) > SHOWN else ""
    return f"label audit: these wells look swapped (chance alone does that on 1 of 20 plates): {named}{more}"


def _columns(found: Exchanges, wells: np.ndarray, alpha: float) -> dict[str, Any]:
    verdict = np.where(found.p_value <= alpha, SWAPPED, AS_LABELED)
    return {
        "n_elsewhere": found.n_elsewhere,
        "swap_well": [wells[row] if row >= 0 else None for row in found.partner],
        "swap_z": found.z,
        "swap_p_value": found.p_value,
        "verdict": np.where(np.isnan(found.p_value), CANNOT_TELL, verdict),
    }
