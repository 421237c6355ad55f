"""Groups with few reference rows that share one scale: the plates of a batch."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from cellprofiling.core.errors import InputError, listed
from cellprofiling.kernels.arrays import Doubles, Floats, Indices
from cellprofiling.profiles.fits import Key, group_keys, key_names
from cellprofiling.profiles.normalization.scaling_methods import ScalingMethod

Members = Mapping[Key, Indices]  # the reference rows of each group


def pool_of(profiles: pd.DataFrame, members: Members, pool_by: Sequence[str]) -> dict[Key, Key]:
    """Return the pool that each group lies in; a group must lie in one."""
    codes, keys = group_keys(profiles, pool_by, "pool_scale_by")
    pools = {group: [keys[code] for code in np.unique(codes[wells])] for group, wells in members.items()}
    torn = [key_names([group]) for group, inside in pools.items() if len(inside) > 1]
    if torn:
        raise InputError(
            f"pool_scale_by={listed(pool_by)}: {len(torn)} of {len(pools)} groups ({', '.join(torn[:3])}) lie in "
            "several pools: each group of `by` must lie in one, as a plate lies in one batch."
        )
    return {group: inside[0] for group, inside in pools.items()}


def pooled_scale(
    x: Floats, members: Members, pools: Mapping[Key, Key], pool: Key, method: ScalingMethod, options: Mapping[str, Any]
) -> tuple[int, Doubles]:
    """Return how many reference rows a pool has, and the spread of each feature within its groups."""
    inside = [wells for group, wells in members.items() if pools[group] == pool]
    codes = np.repeat(np.arange(len(inside)), [len(wells) for wells in inside])
    assert method.pooled is not None
    return len(codes), method.unit(**options) * method.pooled(x[np.concatenate(inside)], codes)
