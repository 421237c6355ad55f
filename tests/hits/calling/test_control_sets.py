"""Pseudo-compounds: of controls alone, where they should lie, in numbers that say how much they tell."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

import cellprofiling as cpf
from cellprofiling.core.question import ask
from cellprofiling.hits.calling.control_audit import independent
from cellprofiling.hits.calling.control_sets import draw_control_sets
from cellprofiling.hits.design import find_design
from cellprofiling.kernels.inference.proportions import clopper_pearson
from tests.builders import NEGCON


def sets_of(wells: pd.DataFrame, *, copied: bool, n_wells: int | None = None) -> dict:
    """Return the pseudo-compounds of a screen."""
    design = find_design(wells, ask(wells, "Metadata_Compound" if copied else None, NEGCON))
    position = pd.factorize(wells["Metadata_Well"], sort=True)[0]
    return draw_control_sets(design, position, n_wells, np.random.default_rng(0), copied=copied)


@pytest.mark.parametrize("copied", [True, False])
def test_sets_are_what_they_are_called(screen_of_noise: callable, copied: bool) -> None:
    """Controls only; at one position one per plate; at different positions no position twice."""
    wells = screen_of_noise(n_controls=24, fixed_layout=True)
    found = sets_of(wells, copied=copied)
    for layout, sets in found.items():
        assert sets.sets
        for chosen in sets.sets:
            here = wells.iloc[chosen]
            assert (here["Metadata_Role"] == "negcon").all()
            assert here["Metadata_Plate"].is_unique
            assert here["Metadata_Well"].nunique() == (1 if layout == "same position" else len(here))


def test_sets_copy_the_plates_of_compounds(screen_of_noise: callable) -> None:
    """Compounds on plates 0 and 1, or on 2 and 3: no pseudo-compound lies on any other pair."""
    wells = screen_of_noise(n_controls=24, fixed_layout=True)
    early = wells["Metadata_Plate"].isin(["P0", "P1"])
    half = (wells["Metadata_Compound"] < "c010") == early
    wells = wells[half | (wells["Metadata_Role"] == "negcon")].reset_index(drop=True)
    for sets in sets_of(wells, copied=True).values():
        pairs = {tuple(sorted(wells["Metadata_Plate"].iloc[chosen])) for chosen in sets.sets}
        assert pairs == {("P0", "P1"), ("P2", "P3")}


def test_renamed_plates_change_nothing(screen_of_noise: callable) -> None:
    """Other names of plates give the same pseudo-compounds."""
    wells = screen_of_noise(n_controls=24, fixed_layout=True)
    renamed = wells.assign(Metadata_Plate=wells["Metadata_Plate"].map({"P0": "z", "P1": "b", "P2": "x", "P3": "a"}))
    for copied in (True, False):
        usual, other = sets_of(wells, copied=copied), sets_of(renamed, copied=copied)
        for layout in usual:
            assert [sorted(s) for s in usual[layout].sets] == [sorted(s) for s in other[layout].sets]


def test_impossible_designs_say_why(screen_of_noise: callable) -> None:
    """Too few controls, one plate, or controls that never share a position: the message says which."""
    few = cpf.audit_controls(screen_of_noise(n_controls=2), reference=NEGCON)
    assert few["message"].str.endswith("no plate has the 3 controls it takes to spare one").all()
    one = cpf.audit_controls(screen_of_noise(n_plates=1, n_controls=24), reference=NEGCON, permutations=50)
    assert one["message"].iloc[0].endswith("one plate alone has controls to spare")
    wells = screen_of_noise(n_plates=1, n_controls=24, n_same=2)
    twice = cpf.audit_controls(wells, reference=NEGCON, by="Metadata_Compound", permutations=50)
    assert twice["message"].iloc[0].endswith("no perturbation has one well on each of several plates")
    moving = cpf.audit_controls(screen_of_noise(n_plates=2, n_controls=4), reference=NEGCON, by="Metadata_Compound")
    assert moving["message"].iloc[0].endswith("controls on all the plates of a perturbation")


def test_interval_knows_of_shared_wells() -> None:
    """Disjoint tests give the interval of Clopper and Pearson; shared wells make it wider; the bound is Hoeffding's."""
    disjoint = [np.arange(3) + 3 * i for i in range(40)]
    assert independent(disjoint) == 40
    low, high = clopper_pearson(4, 40)
    exact = binomtest(4, 40).proportion_ci(0.95)
    np.testing.assert_allclose([low, high], [exact.low, exact.high])
    rng = np.random.default_rng(0)
    shared = [rng.choice(60, 3, replace=False) for _ in range(200)]
    assert independent(shared) == pytest.approx(1 / (1 / 200 + 3 / 60))
    assert clopper_pearson(0, 10) == (0.0, pytest.approx(1 - 0.025**0.1))
    assert clopper_pearson(10, 10)[1] == 1.0


def test_interval_covers_where_wells_are_shared() -> None:
    """Of rates over 200 overlapping triples of 60 wells the interval holds the true one; the naive one misses it."""
    rng = np.random.default_rng(1)
    naive = ours = 0
    for _ in range(300):
        x = rng.normal(size=60)
        shared = [rng.choice(60, 3, replace=False) for _ in range(200)]
        rate = np.mean([x[chosen].sum() > 1.2816 * np.sqrt(3) for chosen in shared])  # truly 10 %
        for n, kind in ((200, "naive"), (independent(shared), "ours")):
            low, high = clopper_pearson(rate * n, n)
            naive, ours = (
                (naive + (low <= 0.1 <= high), ours) if kind == "naive" else (naive, ours + (low <= 0.1 <= high))
            )
    assert ours / 300 >= 0.95
    assert naive / 300 < 0.90
