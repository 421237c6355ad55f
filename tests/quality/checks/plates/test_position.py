"""Position effects: planted ones are named with their place, clean plates pass, many hits leave only the controls."""

import numpy as np
import pandas as pd
import pytest

from cellprofiling.quality.checks.plates.position import position_effects, same_position
from cellprofiling.simulate.faults.planted import dispenser_stripe, edge_effect
from cellprofiling.simulate.faults.well_screen import simulate_wells
from tests.quality.planted import bad, lines

RNG = np.random.default_rng


@pytest.fixture(scope="module")
def wells():
    return simulate_wells(plates=3, features=20, factors=10, seed=1)


def test_clean_plates_pass(wells):
    found = lines(position_effects, wells)
    assert set(found["status"]) == {"pass"}
    assert found["id"].tolist() == [
        name for name in ("position.edge", "position.lines", "position.worst_line", "position.period") for _ in range(3)
    ]


def test_an_edge_effect_is_named(wells):
    found = lines(position_effects, edge_effect(wells, RNG(0)))
    edge = found[found["id"] == "position.edge"]
    assert set(edge["status"]) == {"fail"}
    assert edge["message"].str.contains("edge wells lie").all()
    counts = lines(position_effects, edge_effect(wells, RNG(0)).filter(regex="^Metadata"))
    edge = counts[counts["id"] == "position.edge"]
    assert (edge["value"] < -1).all()  # fewer cells at the edge
    assert edge["message"].str.startswith("Cell count on plate Plate001: edge wells lie -").any()


def test_a_bad_tip_is_named_with_its_row(wells):
    striped = dispenser_stripe(wells, RNG(0))
    row = "ABCDEFGH"[int(RNG(0).integers(8))]
    found = lines(position_effects, striped).set_index(["id", "plate"])
    for plate in ("Plate001", "Plate002", "Plate003"):
        assert f"row {row} and every eighth row" in found.loc[("position.period", plate), "message"]
        assert found.loc[("position.period", plate), "status"] == "warn"


def test_many_hits_leave_only_the_controls(wells):
    """Toxic compounds on every second column: with 40 % hits rows and columns cannot be told from treatments."""
    toxic = wells.copy()
    treated = (wells["Metadata_Role"] == "treatment") & wells["Metadata_Well"].str[1:].astype(int).mod(2).eq(0)
    toxic.loc[treated, "Metadata_Object_Count"] *= 0.3
    counts = toxic.filter(regex="^Metadata")
    found = lines(position_effects, counts)
    assert not bad(found)
    assert set(found["status"]) == {"inconclusive"}
    assert found["message"].str.contains("control wells only, as 4. % of its treated wells").any()
    blind = lines(position_effects, counts, {name: {"hit_rate": 1} for name in ("position.edge", "position.period")})
    assert bad(blind)  # all wells: the compounds would be taken for a dispenser


def test_controls_that_follow_their_position_warn(wells):
    rng = RNG(0)
    assert lines(same_position, wells)["status"].item() == "pass"
    controls = (wells["Metadata_Role"] == "negcon").to_numpy()
    place = pd.factorize(wells["Metadata_Well"])[0]
    features = wells.columns[~wells.columns.str.startswith("Metadata_")]
    moved = wells.copy()
    moved[features] += 3 * rng.normal(size=(384, len(features)))[place] * controls[:, None]
    found = lines(same_position, moved)
    assert found["status"].item() == "fail"
    assert found["value"].item() > 0.3


def test_what_was_not_given_is_said(wells):
    nothing = wells[["Metadata_Plate", "Metadata_Well", "Metadata_Role", "Metadata_Compound"]]
    assert set(lines(position_effects, nothing)["status"]) == {"skipped"}
    assert lines(same_position, nothing)["status"].tolist() == ["skipped"]
    few = wells.iloc[:20].assign(Metadata_Role=["negcon", "poscon"] * 10)
    assert "24 wells" in lines(position_effects, few)["message"][0]
    one = wells[wells["Metadata_Plate"] == "Plate001"]
    assert "none can be compared" in lines(same_position, one)["message"][0]
