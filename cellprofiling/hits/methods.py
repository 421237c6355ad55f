"""The statistics that tell a perturbation from controls: one record per method."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from cellprofiling.hits.design import Design, Pool
from cellprofiling.kernels.precision import average_precisions
from cellprofiling.kernels.retrieval import Blocks, gather, mean_average_precisions

MOST_WELLS = 4000  # whose inner products are held at a time: their number is the square of this
Statistic = Callable[[NDArray[np.intp]], NDArray[np.float64]]


@dataclass(frozen=True)
class Method:
    """A statistic of treated wells against the controls of their plates.

    Attributes
    ----------
    score : its value for profiles as they stand.
    prepare : a function of assignments, given inner products, a pool, and whether to fit the controls of each anew.
    """

    score: Callable[[Design, Pool], float]
    prepare: Callable[["Products", Pool, bool], Statistic]


@dataclass(frozen=True)
class Products:
    """Inner products of wells; those among controls, which every test needs, are computed once.

    Attributes
    ----------
    x : profiles, shape (n_wells, n_features).
    place : where each well stands among the controls, -1 if nowhere.
    among_controls : their inner products.
    """

    x: NDArray[np.float64]
    place: NDArray[np.intp]
    among_controls: NDArray[np.float64]

    @classmethod
    def of(cls, x: NDArray[np.float64], is_control: NDArray[np.bool_]) -> "Products":
        """Compute the products among controls, or among none where they are too many to hold."""
        controls = np.flatnonzero(is_control)
        controls = controls if len(controls) <= MOST_WELLS else controls[:0]
        place = np.full(len(x), -1, dtype=np.intp)
        place[controls] = np.arange(len(controls))
        return cls(x, place, x[controls] @ x[controls].T)

    def between(self, wells: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the inner products of all pairs of `wells`."""
        place = self.place[wells]
        known, new = np.flatnonzero(place >= 0), np.flatnonzero(place < 0)
        gram = np.empty((len(wells), len(wells)))
        gather(self.among_controls, place, known, gram)
        gram[new] = self.x[wells[new]] @ self.x[wells].T
        gram[:, new] = gram[new].T
        return gram


def precisions(design: Design, pool: Pool) -> NDArray[np.float64]:
    """Return how well each treated well retrieves the others from among the controls of its plate, by cosine."""
    place = np.arange(len(pool.wells))
    is_treated = np.isin(place, pool.treated)
    others = is_treated & (place != pool.treated[:, None])
    beside = ~is_treated & (pool.block == pool.block[pool.treated][:, None])
    similarity = design.unit[pool.wells[pool.treated]] @ design.unit[pool.wells].T
    return average_precisions(similarity, others, beside)


def _prepare_map(products: Products, pool: Pool, refit: bool) -> Statistic:
    blocks = Blocks.of(products.between(pool.wells), pool.n_treated + pool.n_control, pool.n_treated)
    return partial(mean_average_precisions, blocks, refit=refit)


METHODS = {"map": Method(lambda design, pool: float(precisions(design, pool).mean()), _prepare_map)}
