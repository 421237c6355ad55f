"""What a plan forecasts comes true in screens that it has not seen."""

import pandas as pd
import pytest

import cellprofiling as cpf
from cellprofiling.core.errors import InputError, ReferenceRowsError
from cellprofiling.power.power_plan import plan_power

NEGATIVE = "Metadata_Role == 'negcon'"
COMPOUND = "Metadata_Compound"


def wells(seed, plates=4, effect=0.2, **options):
    screen = cpf.simulate_screen("easy", seed=seed, plates=plates, effect=effect, **options)
    return cpf.annotate(cpf.aggregate(screen.cells), screen.platemap), screen


def small(seed=1, effect=0.6):
    return wells(seed, plates=3, effect=effect, compounds=16, controls=12, cells_per_well=20, features=40)


def hits(table):
    tests = cpf.activity(table, by=COMPOUND, reference=NEGATIVE, permutations=1000)
    return set(tests.loc[tests["q_value"] <= 0.05, COMPOUND])


def test_more_plates_find_more_and_false_hits_stay_few():
    table, _ = small()
    plan = plan_power(table, by=COMPOUND, reference=NEGATIVE, plates=[2, 4, 6], simulations=3, permutations=500)
    assert plan["recall"].is_monotonic_increasing
    assert plan["recall"].iloc[-1] > plan["recall"].iloc[0] + 0.3
    assert plan["fdp"].max() < 0.15
    assert (plan["ci_low"] <= plan["recall"]).all()
    assert (plan["recall"] <= plan["ci_high"]).all()
    assert plan["wells"].tolist() == [2 * 40, 4 * 40, 6 * 40]


def test_the_recommendation_is_the_smallest_design_that_does():
    table, _ = small()
    plan = plan_power(table, by=COMPOUND, reference=NEGATIVE, plates=[2, 6, 8], simulations=2, permutations=500)
    enough = plan[plan["recall"] >= 0.8].iloc[0]
    assert plan.attrs["recommendation"].startswith(f"{enough['plates']} plates with 24 control wells each")
    never = plan_power(table, by=COMPOUND, reference=NEGATIVE, plates=2, simulations=1, permutations=200, target=0.99)
    assert never.attrs["recommendation"].startswith("No design reaches 99 %")


def test_many_features_for_few_controls_are_said_to_be_too_bright():
    table, _ = small()
    features = [name for name in table if not name.startswith("Metadata_")]
    many = table.join(pd.concat([table[features].add_suffix(f"_{i}") for i in range(4)], axis=1))
    options = {"by": COMPOUND, "reference": NEGATIVE, "plates": 2, "simulations": 1, "permutations": 100}
    assert "select features first" in plan_power(many, **options).attrs["recommendation"]
    assert "select features first" not in plan_power(table, **options).attrs["recommendation"]


def test_same_seed_same_plan_whatever_the_order_of_rows():
    table, _ = small()
    shuffled = table.sample(frac=1, random_state=0)
    options = {"by": COMPOUND, "reference": NEGATIVE, "plates": 3, "simulations": 1, "permutations": 200}
    pd.testing.assert_frame_equal(plan_power(table, **options), plan_power(shuffled, **options))


def test_fewer_cells_make_wells_noisier_as_they_do():
    table, screen = small()
    cells = cpf.annotate(screen.cells, screen.platemap)
    options = {"by": COMPOUND, "reference": NEGATIVE, "plates": 4, "simulations": 3, "permutations": 500}
    plan = plan_power(table, cells=cells, cells_per_well=[3, 20, 200], **options)
    assert plan["recall"].iloc[0] < plan["recall"].iloc[1] <= plan["recall"].iloc[2]


def test_progress_is_told_after_each_screen():
    seen = []
    plan_power(
        plates=[2, 3], compounds=8, controls=6, cells_per_well=10, simulations=2, permutations=100, progress=seen.append
    )
    assert [p.done for p in seen] == [1, 2, 3, 4]
    assert seen[0].total == 4


@pytest.mark.slow
def test_an_assumed_effect_is_found_as_often_as_forecast():
    for effect, plates, n in ((0.2, 3, 20), (0.3, 4, 6)):
        plan = plan_power(plates=plates, effect=effect, simulations=n, permutations=1000).iloc[0]
        found, active = 0, 0
        for seed in range(901, 901 + n):
            table, screen = wells(seed, plates, effect)
            true = set(screen.truth.compounds.query("active")[COMPOUND])
            found, active = found + len(hits(table) & true), active + len(true)
        assert abs(plan["recall"] - found / active) <= 0.1


@pytest.mark.slow
def test_a_pilot_forecasts_the_hits_of_the_screen_it_is_part_of():
    """Three plates of a screen forecast all five."""
    for effect in (0.2, 0.3):
        table, _ = wells(1, plates=5, effect=effect)
        pilot = table[table["Metadata_Plate"].isin(["Plate01", "Plate02", "Plate03"])]
        plan = plan_power(pilot, by=COMPOUND, reference=NEGATIVE, plates=5, simulations=5, permutations=1000).iloc[0]
        assert abs(plan["hits"] - len(hits(table))) <= 0.1 * plan["compounds"]


def test_bad_input_is_one_sentence():
    table, _ = small()
    options = {"by": COMPOUND, "reference": NEGATIVE}
    with pytest.raises(InputError, match="method='t': choose one of"):
        plan_power(method="t")
    with pytest.raises(InputError, match="target=2: not a number between 0 and 1"):
        plan_power(target=2)
    with pytest.raises(InputError, match="plates=0: not a whole number of at least 1"):
        plan_power(plates=0)
    with pytest.raises(InputError, match="effect=-1: not a finite number above 0"):
        plan_power(effect=-1)
    with pytest.raises(InputError, match="simulations=0: not a whole number of at least 1"):
        plan_power(simulations=0)
    with pytest.raises(InputError, match="pilot: name its perturbations with by="):
        plan_power(table)
    with pytest.raises(InputError, match=r"cells_per_well=\[50\]: .* give those of the pilot with cells="):
        plan_power(table, cells_per_well=50, **options)
    with pytest.raises(InputError, match="pilot: its treated wells lie on one plate"):
        plan_power(table[table["Metadata_Plate"] == "Plate01"], **options)
    few = table.groupby(["Metadata_Plate", "Metadata_Role"]).head(2)
    with pytest.raises(ReferenceRowsError, match="reference: 6 control wells on 3 plates of the pilot"):
        plan_power(few, **options)
    features = [name for name in table if not name.startswith("Metadata_")]
    sign = table["Metadata_Plate"].map({"Plate01": 1, "Plate02": -1, "Plate03": 0}).where(table[COMPOUND].notna(), 0.1)
    opposed = table.copy()
    first = table[table["Metadata_Plate"] == "Plate01"].set_index(COMPOUND)[features]
    treated = table["Metadata_Role"] == "treatment"
    opposed.loc[treated, features] = (
        first.loc[table.loc[treated, COMPOUND]].to_numpy() * sign[treated].to_numpy()[:, None]
    )
    opposed.loc[~treated, features] -= table.loc[~treated, features].mean()
    with pytest.raises(InputError, match="pilot: none of its 16 treatments has an effect beyond chance"):
        plan_power(opposed, **options)
