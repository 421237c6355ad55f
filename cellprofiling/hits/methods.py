"""The statistics that tell a perturbation from controls: one record per method."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellprofiling.hits.design import Pool
from cellprofiling.kernels.precision import average_precisions
from cellprofiling.kernels.retrieval import mean_average_precisions

Statistic = Callable[[NDArray[np.intp]], NDArray[np.float64]]


@dataclass(frozen=True)
class Method:
    """A statistic of treated wells against the controls of their plates.

    Attributes
    ----------
    score : its value for profiles as they stand.
    prepare : a function of assignments, given profiles, a pool, and whether to fit the controls of each anew.
    """

    score: Callable[[NDArray[np.float64], Pool], float]
    prepare: Callable[[NDArray[np.float64], Pool, bool], Statistic]


def precisions(x: NDArray[np.float64], pool: Pool) -> NDArray[np.float64]:
    """Return how well each treated well retrieves the others from among the controls of its plate, by cosine."""
    unit = direction(x[pool.wells])
    is_treated = np.isin(np.arange(len(unit)), pool.treated)
    others = is_treated & (np.arange(len(unit)) != pool.treated[:, None])
    beside = ~is_treated & (pool.block == pool.block[pool.treated][:, None])
    return average_precisions(unit[pool.treated] @ unit.T, others, beside)


def _prepare_map(x: NDArray[np.float64], pool: Pool, refit: bool) -> Statistic:
    profiles = x[pool.wells] if refit else direction(x[pool.wells])
    gram = profiles @ profiles.T
    starts, chosen_starts = _starts(pool.n_treated + pool.n_control), _starts(pool.n_treated)
    return lambda chosen: mean_average_precisions(gram, starts, chosen, chosen_starts, refit)


def direction(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return unit vectors; a vector of length zero stays zero."""
    lengths = np.linalg.norm(x, axis=1, keepdims=True)
    return np.divide(x, lengths, out=np.zeros_like(x), where=lengths > 0)


def _starts(sizes: NDArray[np.intp]) -> NDArray[np.intp]:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.intp)


METHODS = {"map": Method(lambda x, pool: float(precisions(x, pool).mean()), _prepare_map)}
