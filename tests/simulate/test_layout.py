"""What lies where: platemaps, exchanged wells, turned plates, and how many cells to expect."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cellprofiling.core.plates import FORMATS, parse_wells
from cellprofiling.simulate.layout import draw_platemap, draw_wells
from cellprofiling.simulate.presets import PRESETS, REALISTIC
from cellprofiling.simulate.streams import streams

KEYS = ["Metadata_Plate", "Metadata_Well"]
COLUMNS = [*KEYS, "Metadata_Batch", "Metadata_Compound", "Metadata_Dose", "Metadata_Mechanism", "Metadata_Role"]


def compounds(n, lethal_ec50=np.nan):
    return pd.DataFrame(
        {
            "Metadata_Compound": [f"C{i}" for i in range(n)],
            "mechanism": None,
            "effect": 0.5,
            "ec50": 1.0,
            "lethal_ec50": lethal_ec50,
            "slope": 1.0,
        }
    )


def draw(preset=REALISTIC, seed=0, lethal_ec50=np.nan, **changes):
    preset = replace(preset, **changes)
    table, random = compounds(preset.compounds, lethal_ec50), streams(seed, preset.batches, preset.plates)
    platemap = draw_platemap(preset, table, random)
    return platemap, draw_wells(preset, platemap, table, random)


@pytest.mark.parametrize("n_wells", [96, 384])
@pytest.mark.parametrize(("controls", "doses"), [(6, (10.0,)), (7, (1.0, 10.0))])
def test_a_platemap_holds_every_compound_and_dose_once_a_plate(n_wells, controls, doses):
    platemap, wells = draw(plates=3, wells_per_plate=n_wells, compounds=20, controls=controls, doses=doses)
    assert list(platemap.columns) == COLUMNS
    assert not platemap.duplicated(KEYS).any()
    assert parse_wells(platemap["Metadata_Well"]).row.max() < FORMATS[n_wells][0]
    treated = platemap[platemap["Metadata_Role"] == "treatment"]
    assert (treated.groupby(["Metadata_Compound", "Metadata_Dose"])["Metadata_Plate"].nunique() == 3).all()
    assert treated.groupby("Metadata_Plate").size().tolist() == [20 * len(doses)] * 3
    controls_of = platemap[platemap["Metadata_Role"] == "negcon"]
    assert controls_of.groupby("Metadata_Plate").size().tolist() == [controls] * 3
    assert (controls_of["Metadata_Compound"] == "DMSO").all()
    assert (controls_of["Metadata_Dose"] == 0).all()
    assert wells[KEYS].equals(platemap[KEYS])


def test_plates_take_turns_between_batches():
    platemap, _ = draw(plates=5, batches=2)
    batch = platemap.groupby("Metadata_Plate")["Metadata_Batch"].unique().str.join("")
    assert batch.tolist() == ["Batch01", "Batch02", "Batch01", "Batch02", "Batch01"]


def test_a_fixed_layout_is_the_same_on_all_plates_and_a_random_one_is_not():
    for layout, different in [("fixed", 1), ("random", 4)]:
        platemap, _ = draw(layout=layout)
        maps = platemap.groupby("Metadata_Plate")[["Metadata_Well", "Metadata_Compound"]]
        assert len({tuple(map(tuple, here.to_numpy())) for _, here in maps}) == different


def test_more_plates_leave_the_first_ones_as_they_are():
    for layout in ("fixed", "random"):
        few, many = draw(layout=layout, plates=2), draw(layout=layout, plates=5)
        for table, longer in zip(few, many, strict=True):
            pd.testing.assert_frame_equal(table, longer.iloc[: len(table)])


def test_exchanged_wells_hold_what_the_platemap_says_of_their_partner():
    platemap, wells = draw(swapped=0.02, compounds=100, plates=6)
    said = platemap["Metadata_Compound"]
    differs = wells["true_compound"] != said
    assert (wells["swapped"] == differs).all()
    for _, pair in wells[wells["swapped"]].groupby("Metadata_Plate"):
        assert len(pair) == 2 * np.ceil(0.01 * 124)
        assert sorted(pair["true_compound"]) == sorted(said[pair.index])
    dose = platemap.drop_duplicates("Metadata_Compound").set_index("Metadata_Compound")["Metadata_Dose"]
    assert (wells["true_dose"] == dose.loc[wells["true_compound"]].to_numpy()).all()


def test_nothing_is_exchanged_or_turned_unless_asked_for():
    platemap, wells = draw()
    assert (wells["true_compound"] == platemap["Metadata_Compound"]).all()
    assert (wells["true_well"] == wells["Metadata_Well"]).all()
    assert not wells[["swapped", "rotated"]].any(axis=None)


@pytest.mark.parametrize("n_wells", [96, 384])
def test_a_turned_plate_is_the_same_plate_with_its_names_read_from_the_other_end(n_wells):
    options = {"wells_per_plate": n_wells, "compounds": 20, "controls": 10, "swapped": 0.1}
    _, straight = draw(**options)
    platemap, turned = draw(**options, rotated=True)
    assert turned.groupby("Metadata_Plate")["rotated"].mean().tolist() == [0, 1, 0, 0]
    plate = turned[turned["rotated"]]
    n_rows, n_columns = FORMATS[n_wells]
    seen, real = parse_wells(plate["Metadata_Well"]), parse_wells(plate["true_well"])
    assert (seen.row + real.row == n_rows - 1).all()
    assert (seen.column + real.column == n_columns - 1).all()
    physical = ["true_well", "true_compound", "true_dose", "position", "swapped", "expected_count", "true_effect"]
    before = straight[straight["Metadata_Plate"] == "Plate02"].set_index("true_well").loc[plate["true_well"]]
    pd.testing.assert_frame_equal(plate[physical], before.reset_index()[physical].set_axis(plate.index))
    assert turned[KEYS].equals(platemap[KEYS])  # every well of the turned plate is on its platemap


def test_toxic_doses_leave_fewer_cells_and_three_percent_at_the_worst():
    options = {"doses": (0.1, 1.0, 10.0, 1e6), "edge": 0.0, "row_sd": 0.0, "column_sd": 0.0, "plate_count_sd": 0.0}
    _, wells = draw(lethal_ec50=1.0, compounds=10, **options)
    counts = wells.groupby("true_dose")["expected_count"].agg(["min", "max"])
    np.testing.assert_allclose(counts["min"], counts["max"])
    expected = 120 * (1 - 0.97 * np.array([0, 0.1 / 1.1, 0.5, 10 / 11, 1]))
    np.testing.assert_allclose(counts["min"], expected, rtol=1e-4)


def test_edges_rows_columns_and_plates_vary_as_on_lincs_plates():
    plates = [draw(compounds=360, plates=8, seed=seed, plate_count_sd=0.0)[1] for seed in range(6)]
    wells = pd.concat(plates, keys=range(6), names=["screen", None]).reset_index("screen")
    place = parse_wells(wells["true_well"])
    edge = place.edge_distance(384) == 0
    assert wells["position"][edge].mean() - wells["position"][~edge].mean() == pytest.approx(-0.20, abs=0.03)
    inner = wells[~edge].assign(row=place.row[~edge], column=place.column[~edge])
    by_row = inner.groupby(["screen", "Metadata_Plate", "row"])["position"].mean()
    by_column = inner.groupby(["screen", "Metadata_Plate", "column"])["position"].mean()
    assert by_row.groupby(level=[0, 1]).std().mean() == pytest.approx(0.10, abs=0.02)
    assert by_column.groupby(level=[0, 1]).std().mean() == pytest.approx(0.06, abs=0.01)
    same = [np.corrcoef(rows.to_numpy().reshape(8, -1)).mean() for _, rows in by_row.groupby("screen")]
    assert np.mean(same) == pytest.approx((1 + 7 * 0.65) / 8, abs=0.15)  # 0.65 of the variance is that of all plates
    _, varied = draw(plates=200, compounds=1, controls=1, edge=0.0, row_sd=0.0, column_sd=0.0)
    assert np.log(varied["expected_count"]).std() == pytest.approx(0.15, abs=0.02)


def test_presets_have_the_faults_their_name_says():
    assert PRESETS["messy"].rotated
    for name, preset in PRESETS.items():
        faults = (preset.swapped, preset.rotated, preset.missing_features, preset.constant_features)
        assert any(faults) == (name == "messy")
