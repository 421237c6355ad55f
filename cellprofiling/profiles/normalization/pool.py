"""Groups with few reference rows that share one scale: the plates of a batch."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from cellprofiling.core.errors import InputError, listed
from cellprofiling.core.frame import groups
from cellprofiling.kernels.arrays import Doubles, Floats, Indices
from cellprofiling.profiles.normalization.scaling_methods import Method

Key = tuple[Any, ...]  # the values that name a group, or a pool
Members = Mapping[Key, Indices]  # the reference rows of each group


def groups_of(profiles: pd.DataFrame, by: Sequence[str], argument: str = "by") -> tuple[Indices, list[Key]]:
    """Return the group number of each row, and the values that name each group."""
    codes, table = groups(profiles, by, argument)
    return codes, [tuple(values) for values in table.to_numpy(dtype=object)]


def pool_of(profiles: pd.DataFrame, members: Members, pool_by: Sequence[str]) -> dict[Key, Key]:
    """Return the pool that each group lies in; a group must lie in one."""
    codes, keys = groups_of(profiles, pool_by, "pool_scale_by")
    pools = {group: [keys[code] for code in np.unique(codes[wells])] for group, wells in members.items()}
    torn = [named([group]) for group, inside in pools.items() if len(inside) > 1]
    if torn:
        raise InputError(
            f"pool_scale_by={listed(pool_by)}: {len(torn)} of {len(pools)} groups ({', '.join(torn[:3])}) lie in "
            "several pools: each group of `by` must lie in one, as a plate lies in one batch."
        )
    return {group: inside[0] for group, inside in pools.items()}


def pooled_scale(
    x: Floats, members: Members, pools: Mapping[Key, Key], pool: Key, method: Method, options: Mapping[str, Any]
) -> tuple[int, Doubles]:
    """Return how many reference rows a pool has, and the spread of each feature within its groups."""
    inside = [wells for group, wells in members.items() if pools[group] == pool]
    codes = np.repeat(np.arange(len(inside)), [len(wells) for wells in inside])
    assert method.pooled is not None
    return len(codes), method.unit(**options) * method.pooled(x[np.concatenate(inside)], codes)


def named(keys: Sequence[Key]) -> str:
    """Return the names of groups for a message, such as "'P1', 'P2'"."""
    return listed(key[0] if len(key) == 1 else key for key in keys)
