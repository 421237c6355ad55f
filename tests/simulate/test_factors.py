"""Hidden factors: variance one, the same for fewer features, signs that biology fixes."""

import numpy as np
import pytest

from cellprofiling.simulate.catalog import catalog
from cellprofiling.simulate.factors import CROWDING, CYCLE, draw_factors

N = len(catalog())


@pytest.fixture(scope="module")
def factors():
    return draw_factors(N, np.random.default_rng(0))


def test_every_family_has_variance_one(factors):
    np.testing.assert_allclose((factors.weights**2).sum(axis=1) + factors.own**2, 1, rtol=1e-12)


def test_fewer_families_have_the_same_weights(factors):
    few = draw_factors(20, np.random.default_rng(0))
    same = [factors.of(name) for name in few.names]
    np.testing.assert_array_equal(few.weights, factors.weights[:20, same])
    others = np.setdiff1d(np.arange(len(factors.names)), same)
    assert not factors.weights[:20, others].any()


def test_block_factors_move_their_block_only(factors):
    for name in {family.block for family in catalog()}:
        moved = {
            family.block
            for family, weight in zip(catalog(), factors.weights[:, factors.of(name)], strict=True)
            if weight
        }
        assert moved == {name}


def test_dna_content_follows_the_cycle_and_distances_shrink_where_cells_crowd(factors):
    names = [next(iter(family.measures)) for family in catalog()]
    weight = {name: factors.weights[i] for i, name in enumerate(names)}
    assert weight["Nuclei_Intensity_IntegratedIntensity_DNA"][factors.of(CYCLE)] == 0.97
    assert weight["Nuclei_AreaShape_Area"][factors.of(CYCLE)] == 0.5
    assert weight["Cells_Neighbors_FirstClosestDistance_5"][factors.of(CROWDING)] == -0.6
    assert weight["Cells_Neighbors_PercentTouching_5"][factors.of(CROWDING)] == 0.6
    assert weight["Cells_AreaShape_Area"][factors.of(CROWDING)] == -0.3


def test_compounds_move_neither_the_cycle_nor_crowding_nor_the_small_factors(factors):
    still = {name for name, movable in zip(factors.names, factors.movable, strict=True) if not movable}
    assert still == {CYCLE, CROWDING, *(f"small {i}" for i in range(40))}
