"""The wells on the page are those of the tables, whatever their order, and say what was left out."""

import base64

import numpy as np
import pandas as pd
import pytest

from cellprofiling.core.plates import well_names
from cellprofiling.kernels.plates.polish import median_polish
from cellprofiling.report.page import wells as module
from cellprofiling.report.page.packing import codes, floats, packed
from cellprofiling.report.page.views import views
from cellprofiling.report.page.wells import Wells, gather_wells
from cellprofiling.report.record.replicates import replicate_similarity
from cellprofiling.report.record.sources import gather

NEGCON = "Metadata_Compound == 'DMSO'"


def tables(plates=("P1", "P2"), seed=0):
    rng = np.random.default_rng(seed)
    wells = pd.DataFrame({"Metadata_Plate": np.repeat(plates, 96), "Metadata_Well": well_names(96) * len(plates)})
    wells["Metadata_Compound"] = [f"c{i // 2}" if i >= 16 else "DMSO" for i in range(96)] * len(plates)
    wells["Metadata_Object_Count"] = rng.normal(200, 20, len(wells))
    wells["Cells_Intensity_MeanIntensity_DNA"] = rng.normal(1e6, 1e-3, len(wells))
    wells["Cells_Texture_a"] = rng.normal(size=len(wells))
    hits = pd.DataFrame({"Metadata_Compound": ["c8", "c9"], "p_value": [0.001, 0.5], "hit": [True, False]})
    hits.attrs["parameters"] = {"by": ["Metadata_Compound"], "reference": NEGCON}
    keys = wells[["Metadata_Plate", "Metadata_Well"]]
    embedding = keys.assign(PCA1=np.arange(len(wells)) * 1.0, PCA2=1.0).iloc[::-1]
    return {"wells": wells, "profiles": wells, "hits": hits, "embedding": embedding}


def found(given):
    wells = gather_wells(gather(given))
    assert isinstance(wells, Wells)
    return wells


def unpacked(packed):
    values = np.frombuffer(base64.b64decode(packed["data"]), dtype=f"<{packed['type']}")
    if "step" not in packed:
        return values
    missing = {"u1": 255, "u2": 65535}[packed["type"]]
    return np.where(values == missing, np.nan, packed["low"] + packed["step"] * values)


def test_rows_may_come_in_any_order():
    given = tables()
    shuffled = given | {name: given[name].sample(frac=1, random_state=1) for name in ("wells", "profiles", "embedding")}
    assert packed(found(given)) == packed(found(shuffled))


def test_each_well_keeps_what_it_holds():
    given, wells = tables(), found(tables())
    for i in (0, 40, 150):
        row = given["wells"].iloc[i]
        assert wells.plates[wells.plate[i]] == row["Metadata_Plate"]
        assert well_names(96)[wells.place[i]] == row["Metadata_Well"]
        assert wells.names[wells.name[i]] == row["Metadata_Compound"]
        assert wells.metrics[0].values[i] == row["Metadata_Object_Count"]
        assert (wells.x[i], wells.y[i]) == (i, 1.0)
    assert wells.kind.tolist().count(1) == 32
    assert set(np.array(wells.names)[wells.name[wells.kind == 2]]) == {"c8"}
    assert [metric.name for metric in wells.metrics][:2] == ["Cells per well", "Profile strength"]
    assert wells.axes == ("PCA1", "PCA2")


def test_the_fit_is_that_of_a_polish_of_each_plate():
    wells = found(tables())
    metric = wells.metrics[0]
    grid = metric.values[wells.plate == 1].reshape(8, 12)
    fit = median_polish(grid[:, :, None])
    np.testing.assert_allclose(metric.effects[1], np.r_[fit.overall, fit.row[:, 0], fit.column[:, 0]])


def test_a_well_without_a_value_or_a_point_stays_a_well():
    given = tables()
    given["wells"] = given["wells"].assign(
        Metadata_Object_Count=given["wells"]["Metadata_Object_Count"].where(lambda x: x.index != 3)
    )
    given["embedding"] = given["embedding"].query("Metadata_Well != 'A02'")
    wells = found(given)
    assert np.isnan(wells.metrics[0].values[3])
    assert np.isnan(wells.x[[1, 97]]).all()
    assert np.isfinite(wells.metrics[0].effects).all()


def test_what_cannot_be_drawn_says_why():
    given = tables()
    doubled = given | {"wells": pd.concat([given["wells"], given["wells"].iloc[:2]])}
    assert gather_wells(gather(doubled)) == "2 rows claim a well that another has, P1 A01 the first"
    nowhere = given | {"wells": given["wells"].assign(Metadata_Well="?")}
    assert "not a well name" in gather_wells(gather(nowhere))
    bare = given | {"embedding": None}
    assert found(bare).x is None
    assert "embedding" not in views(found(bare))["roots"]


@pytest.mark.parametrize(("kind", "error"), [("f4", 1e-7), ("u2", 1 / 65534), ("u1", 1 / 254)])
def test_numbers_come_back_as_they_went(kind, error):
    values = np.array([1.0, np.nan, 3.0, 2.71828, -1.0])
    back = unpacked(floats(values, kind))
    assert np.isnan(back[1])
    assert np.nanmax(np.abs(back - values)) <= 4 * error
    assert np.isnan(unpacked(floats(np.full(3, np.nan), kind))).all()


@pytest.mark.parametrize(("most", "kind"), [(255, "u1"), (256, "u2"), (65536, "u4")])
def test_codes_take_the_fewest_bytes(most, kind):
    there = codes(np.array([0, most]))
    assert there["type"] == kind
    assert unpacked(there).tolist() == [0, most]


def test_large_screens_give_way_in_the_stated_order(monkeypatch):
    monkeypatch.setattr("cellprofiling.report.page.packing.MANY", 100)
    monkeypatch.setattr(module, "MANY", 100)
    wells = found(tables())
    assert len(wells.metrics) == 3
    assert packed(wells)["metrics"][0]["values"]["type"] == "u2"
    assert len(wells.notices) == 1
    monkeypatch.setattr("cellprofiling.report.page.packing.MORE", 150)
    monkeypatch.setattr(module, "MORE", 150)
    wells = found(tables())
    assert [metric.name for metric in wells.metrics] == ["Cells per well", "Profile strength"]
    assert packed(wells)["metrics"][0]["values"]["type"] == "u1"
    assert packed(wells)["x"]["type"] == "u2"
    monkeypatch.setattr(module, "MOST", 180)
    monkeypatch.setattr(module, "DRAWN", 60)
    wells = found(tables())
    assert len(wells.drawn) == 60
    assert wells.notices[-1] == "The embedding shows 60 of 192 wells."
    kinds = wells.kind[wells.drawn]
    assert (kinds > 0).sum() == 30


def test_the_views_hold_no_word_of_the_data_and_are_the_same_each_time():
    evil = "</script><img src=x>$$x$$"
    given = tables(plates=(evil, "P2"))
    given["hits"]["Metadata_Compound"] = [evil, "c9"]
    wells = found(given)
    first, second = views(wells), views(wells)
    assert first == second
    assert "img" not in str(first)
    assert "$$" not in str(first)


def naive_similarity(x):
    units = [row / np.sqrt((row**2).sum()) for row in x]
    pairs = [units[i] @ units[j] for i in range(len(units)) for j in range(i)]
    return sum(pairs) / len(pairs)


def test_similarity_of_replicates_equals_its_naive_twin():
    given = tables()
    profiles = given["profiles"][["Metadata_Compound", "Cells_Texture_a"]].assign(
        Cells_Texture_b=np.random.default_rng(1).normal(size=192)
    )
    given["profiles"] = profiles
    controls = (profiles["Metadata_Compound"] == "DMSO").to_numpy()
    replicates = replicate_similarity(gather(given), controls)
    first = profiles.query("Metadata_Compound == 'c8'")[["Cells_Texture_a", "Cells_Texture_b"]].to_numpy()
    names = sorted(set(profiles["Metadata_Compound"]) - {"DMSO"})
    assert len(replicates.observed) == len(names)
    assert replicates.observed[names.index("c8")] == pytest.approx(naive_similarity(first), abs=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_replicates_of_noise_resemble_themselves_as_often_as_chance_says(seed):
    rng = np.random.default_rng(seed)
    x = pd.DataFrame(rng.normal(size=(1200, 20)), columns=[f"Cells_{i}" for i in range(20)])
    profiles = x.assign(Metadata_Compound=[f"c{i // 4}" for i in range(1200)])
    given = tables() | {"profiles": profiles}
    assert replicate_similarity(gather(given), None).share < 0.10
    alike = x + np.repeat(rng.normal(size=(300, 20)), 4, axis=0)
    given["profiles"] = alike.assign(Metadata_Compound=profiles["Metadata_Compound"])
    assert replicate_similarity(gather(given), None).share > 0.9


def test_without_replicates_there_is_nothing_to_compare():
    given = tables()
    one = given["profiles"].drop_duplicates("Metadata_Compound")
    assert replicate_similarity(gather(given | {"profiles": one}), None) is None
    assert replicate_similarity(gather(given | {"profiles": None}), None) is None
