"""Suspect cells are marked, clean ones are not, wherever the cells come from, and nothing happens in silence."""

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from pandas.testing import assert_frame_equal, assert_series_equal

from cellprofiling.cells.aggregation import aggregate
from cellprofiling.cells.flags.cell_flags import flag_cells
from cellprofiling.core.errors import ColumnError, FeatureError, InputError, KeyMatchError, ReferenceRowsError
from cellprofiling.core.ledgers import ledger
from cellprofiling.io.cells import Cells, open_cells
from cellprofiling.io.tables import write_profiles

AREA, CELL_AREA, SOLIDITY = "Nuclei_AreaShape_Area", "Cells_AreaShape_Area", "Nuclei_AreaShape_Solidity"
STAIN, PEAK, FOCUS = (
    "Nuclei_Intensity_MeanIntensity_DNA",
    "Nuclei_Intensity_MaxIntensity_DNA",
    "Image_ImageQuality_PowerLogLogSlope_DNA",
)
BOX = [f"Nuclei_AreaShape_BoundingBox{end}_{axis}" for end in ("Minimum", "Maximum") for axis in "XY"]
FEATURES = [AREA, CELL_AREA, SOLIDITY, STAIN]
IMAGE = 1000


def screen(n: int = 4000, seed: int = 0, dtype: str = "float32", plates: int = 2) -> pd.DataFrame:
    """Clean cells: sizes and intensities are log-normal, solidity normal; plates differ, wells do not."""
    rng = np.random.default_rng(seed)
    plate = rng.integers(plates, size=n)
    shift = 1 + plate / 2
    x = {
        AREA: shift * rng.lognormal(6.5, 0.25, n),
        CELL_AREA: shift * rng.lognormal(8, 0.4, n),
        SOLIDITY: rng.normal(0.96, 0.01, n),
        STAIN: rng.lognormal(-2, 0.2, n) / shift,
        "Cells_Texture_Contrast_ER_3_00_256": rng.normal(size=n),
    }
    well = rng.integers(6, size=n)
    metadata = {
        "Metadata_Plate": np.array(["P1", "P2", "P3", "P4"])[plate],
        "Metadata_Well": [f"A{i + 1:02d}" for i in well],
    }
    return pd.DataFrame({**metadata, **{name: values.astype(dtype) for name, values in x.items()}})


def boxed(cells: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Give each cell a place in an image of 1000 x 1000 pixels; the first four touch one border each."""
    rng = np.random.default_rng(seed)
    near = rng.integers(1, IMAGE - 40, (len(cells), 2))
    far = near + 30
    near[0, 0] = near[1, 1] = 0
    far[2, 0] = far[3, 1] = IMAGE
    return cells.assign(**dict(zip(BOX, [*near.T, *far.T], strict=True)))


def flags(cells: pd.DataFrame) -> pd.DataFrame:
    return cells.filter(like="Metadata_QC_")


def limits(flagged: pd.DataFrame | Cells) -> pd.DataFrame:
    return pd.DataFrame(flagged.schema.attrs["limits"] if isinstance(flagged, Cells) else flagged.attrs["limits"])


def naive(cells: pd.DataFrame) -> pd.DataFrame:
    """The usual rules, one plate after the other, in pandas' own words."""
    parts = []
    for _, plate in cells.groupby("Metadata_Plate"):

        def z(name: str, plate: pd.DataFrame = plate, log: bool = True) -> pd.Series:
            x = np.log(plate[name].astype(float)) if log else plate[name].astype(float)
            return (x - x.median()) / (1.4826 * (x - x.median()).abs().median())

        parts.append(
            pd.DataFrame(
                {
                    "Metadata_QC_Small": z(AREA) < -4,
                    "Metadata_QC_Large": z(AREA) > 5,
                    "Metadata_QC_Merged": (z(AREA) > 2) & (z(SOLIDITY, log=False) < -3),
                    "Metadata_QC_Bright": z(STAIN) > 5,
                    "Metadata_QC_Missing": plate[FEATURES].isna().any(axis=1),
                }
            )
        )
    found = pd.concat(parts).loc[cells.index]
    return found.assign(Metadata_QC_Flagged=found.any(axis=1))


def spoiled(seed: int = 0, dtype: str = "float32") -> pd.DataFrame:
    """Return cells of which some are wrong in every way that is known."""
    cells, rng = screen(seed=seed, dtype=dtype), np.random.default_rng(seed)
    for name in FEATURES:
        some = rng.random(len(cells)) < 0.03
        cells.loc[some, name] *= rng.choice([0.2, 0.9, 5], some.sum()).astype(dtype)
        cells.loc[rng.random(len(cells)) < 0.01, name] = np.nan
    cells.loc[:49, [AREA, SOLIDITY]] *= np.array([2.5, 0.9], dtype)
    return cells


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("seed", range(3))
def test_flags_equal_their_naive_twin(seed, dtype):
    cells = spoiled(seed, dtype)
    found = flags(flag_cells(cells))
    assert_frame_equal(found, naive(cells))
    assert (found.sum() > 10).all()


def test_the_cells_themselves_stay_as_they_are():
    cells = spoiled().set_index(np.arange(4000)[::-1] * 3)
    before = cells.copy()
    flagged = flag_cells(cells)
    assert_frame_equal(cells, before)
    assert_frame_equal(flagged[list(cells)], before)
    assert list(flagged)[: cells.shape[1]] == list(cells)
    assert set(flags(flagged).dtypes) == {np.dtype(bool)}


def test_clean_cells_are_flagged_at_the_stated_rate():
    """Fewer than one in 10,000: beyond 4 SDs lie 3 in 100,000, beyond 5 SDs 3 in 10 million."""
    cells = screen(n=400_000)
    rate = flags(flag_cells(cells)).mean()
    assert 1e-5 < rate["Metadata_QC_Small"] < 7e-5
    assert rate["Metadata_QC_Flagged"] < 1e-4
    assert rate["Metadata_QC_Bright"] < 1e-5
    assert rate["Metadata_QC_Large"] < 1e-5


def test_planted_artefacts_are_found():
    """Debris of a fifth of the size, clumps of six cells, touching pairs, and dust: 19 in 20."""
    cells = screen(n=8000)
    planted = {"Small": (0.2, 1, 1), "Large": (6, 1, 1), "Merged": (2.5, 0.9, 1), "Bright": (1, 1, 5)}
    rows = {name: np.arange(100) + 100 * i for i, name in enumerate(planted)}
    for name, factors in planted.items():
        cells.loc[rows[name], [AREA, SOLIDITY, STAIN]] *= np.array(factors, "float32")
    found = flags(flag_cells(cells))
    for name in planted:
        assert found.loc[rows[name], f"Metadata_QC_{name}"].mean() > 0.85, name
    everything = np.concatenate([*rows.values()])
    assert found.loc[everything, "Metadata_QC_Flagged"].mean() > 0.95
    assert found["Metadata_QC_Flagged"].drop(everything).mean() < 5e-4


def test_a_third_of_debris_on_one_plate_does_not_hide_itself():
    """On P1 30 % of the objects are debris, on P2 none: P1 finds 19 in 20, and P2 is as it was."""
    clean = screen(n=8000)
    debris = (clean["Metadata_Plate"] == "P1").to_numpy() & (np.random.default_rng(1).random(8000) < 0.3)
    cells = clean.copy()
    cells.loc[debris, AREA] *= np.float32(0.2)
    flagged = flag_cells(cells, ["small", "large"])
    small = flagged["Metadata_QC_Small"]
    assert small[debris].mean() > 0.95
    assert small[~debris].mean() < 5e-4
    here = cells["Metadata_Plate"] == "P2"
    assert_series_equal(small[here], flag_cells(clean, ["small"])["Metadata_QC_Small"][here])
    said = ledger(flagged).query("item == 'rule'")
    assert said["name"].tolist() == ["small"]
    expected = (
        r"the limit for 'P1' is that of the other cells: (29|30|31)% lie apart below it, debris or another kind of cell"
    )
    assert said["reason"].str.fullmatch(expected).all()
    assert not ledger(flag_cells(clean, ["small", "large"]))["item"].eq("rule").any()


def test_a_plate_that_is_twice_as_large_has_the_same_flags():
    cells = spoiled()
    twice = cells.assign(**{name: cells[name] * np.where(cells["Metadata_Plate"] == "P2", 2, 1) for name in FEATURES})
    assert_frame_equal(flags(flag_cells(cells)), flags(flag_cells(twice)))
    with pytest.raises(AssertionError):
        assert_frame_equal(flags(flag_cells(cells, by=None)), flags(flag_cells(twice, by=None)))


@given(st.integers(0, 100))
@settings(max_examples=10, deadline=None)
def test_the_order_of_cells_and_other_plates_do_not_matter(seed):
    cells = boxed(spoiled(seed))
    found = flags(flag_cells(cells))
    shuffled = cells.sample(frac=1, random_state=seed)
    assert_frame_equal(flags(flag_cells(shuffled)).sort_index(), found)
    alone = cells[cells["Metadata_Plate"] == "P1"]
    if (alone[BOX[:2]] == 0).any().all():
        assert_frame_equal(flags(flag_cells(alone)), found.loc[alone.index])


def test_one_missing_value_hides_no_outlier():
    cells = screen()
    cells.loc[:19, AREA] = 1.0
    expected = flags(flag_cells(cells))
    cells.loc[20, AREA] = np.nan
    found = flags(flag_cells(cells))
    assert found["Metadata_QC_Small"].sum() == expected["Metadata_QC_Small"].sum() == 20
    assert_array_equal(np.flatnonzero(found["Metadata_QC_Missing"]), [20])
    assert not found.loc[20, ["Metadata_QC_Small", "Metadata_QC_Large", "Metadata_QC_Merged"]].any()


def test_null_and_nan_are_both_missing():
    cells = screen(n=400)
    cells["Cells_Texture_Contrast_ER_3_00_256"] = cells[AREA].astype("Float64")
    cells.loc[3, "Cells_Texture_Contrast_ER_3_00_256"] = pd.NA
    found = flag_cells(cells, {"missing": {"feature": "Cells_Texture_Contrast_ER_3_00_256"}})
    assert_array_equal(np.flatnonzero(found["Metadata_QC_Missing"]), [3])


def test_a_compartment_without_any_value_on_a_plate_flags_nothing_there():
    cells = screen()
    cells.loc[cells["Metadata_Plate"] == "P2", CELL_AREA] = np.nan
    flagged = flag_cells(cells)
    assert not flagged["Metadata_QC_Missing"].any()
    lines = ledger(flagged)
    assert f"no limit for 'P2': no value of {CELL_AREA}" in lines["reason"].tolist()


def test_infinite_and_negative_values_have_their_place():
    cells = screen(n=1000, dtype="float64")
    cells.loc[:2, STAIN] = [np.inf, -1.0, 0.0]
    cells.loc[3:4, AREA] = [0.0, -5.0]
    found = flags(flag_cells(cells))
    assert_array_equal(np.flatnonzero(found["Metadata_QC_Bright"]), [0])
    assert_array_equal(np.flatnonzero(found["Metadata_QC_Small"]), [3, 4])


@pytest.mark.parametrize("case", ["one cell", "constant"])
def test_a_plate_without_spread_or_cells_is_not_judged_and_the_ledger_says_so(case):
    cells = screen(n=2000)
    few = screen(n=1 if case == "one cell" else 100, seed=1).assign(Metadata_Plate="Z")
    if case == "constant":
        few[[AREA, STAIN]] = np.float32(7)
    flagged = flag_cells(pd.concat([cells, few], ignore_index=True), ["small", "bright"])
    found = flags(flagged)
    assert not found[2000:].any(axis=None)
    assert_frame_equal(found[:2000], flags(flag_cells(cells, ["small", "bright"])))
    reason = "fewer than 30 values" if case == "one cell" else "more than half of the values are one"
    lines = ledger(flagged)
    assert lines.loc[lines["item"] == "rule", ["name", "reason", "n"]].to_numpy().tolist() == [
        ["small", f"no limit for 'Z': {reason}", 1],
        ["bright", f"no limit for 'Z': {reason}", 1],
    ]


def test_cells_at_the_border_of_the_image():
    cells = boxed(screen(n=500))
    flagged = flag_cells(cells, ["border"])
    expected = list(range(4))
    assert_array_equal(np.flatnonzero(flag_cells(cells, ["border"], by=None)["Metadata_QC_Border"]), expected)
    assert flagged["Metadata_QC_Border"].loc[:1].all()


def test_where_border_cells_were_left_out_none_is_taken_for_one():
    cells = boxed(screen(n=500)).drop(index=range(4))
    assert not flag_cells(cells, ["border"])["Metadata_QC_Border"].any()


def test_half_a_box_is_none():
    for left_out in (BOX[:1], BOX[:2], BOX[2:]):
        flagged = flag_cells(boxed(screen(n=500)).drop(columns=left_out))
        assert "Metadata_QC_Border" not in flagged
        assert "border" in ledger(flagged)["name"].tolist()


def test_the_border_is_that_of_the_plate_when_limits_are_by_well():
    cells = boxed(screen(n=3000, plates=1))
    by_well = flag_cells(cells, ["border"], by=["Metadata_Plate", "Metadata_Well"])
    assert_array_equal(np.flatnonzero(by_well["Metadata_QC_Border"]), range(4))


def test_boxes_of_regionprops():
    cells = boxed(screen(n=500, plates=1)).rename(
        columns=dict(zip([BOX[1], BOX[0], BOX[3], BOX[2]], ["bbox-0", "bbox-1", "bbox-2", "bbox-3"], strict=True))
    )
    assert_array_equal(np.flatnonzero(flag_cells(cells, ["border"])["Metadata_QC_Border"]), range(4))


def test_images_out_of_focus():
    rng = np.random.default_rng(0)
    focus = np.repeat(rng.normal(-2, 0.1, 100), 40)
    focus[:40] = -3.5
    cells = screen().assign(**{FOCUS: focus})
    found = flag_cells(cells)
    assert_array_equal(np.flatnonzero(found["Metadata_QC_Blurred"]), range(40))
    cells.loc[50, FOCUS] = np.nan
    assert not flag_cells(cells)["Metadata_QC_Missing"].any()  # of the image, not of the cell


def test_rules_that_are_not_used_unasked():
    cells = screen()
    cells.loc[0, SOLIDITY], cells.loc[1, STAIN] = 0.8, 0.01
    cells[PEAK] = np.where(cells.index == 2, 1.0, 0.5)
    found = flags(flag_cells(cells, ["irregular", "dim", "saturated"]))
    assert_array_equal(found[:3].drop(columns="Metadata_QC_Flagged"), np.eye(3, dtype=bool))
    assert found["Metadata_QC_Flagged"].sum() < 6
    assert not flag_cells(cells)["Metadata_QC_Flagged"][:3].any()


def test_rules_of_ones_own():
    cells = spoiled()
    found = flag_cells(
        cells,
        {
            "small": {"low": -2},
            "large": None,
            "cell_size": {"feature": CELL_AREA, "min": 1000, "max": 10_000},
            "flat": {"feature": "Cells_Texture_Contrast_ER_3_00_256", "low": -2, "high": 2.5},
            "clump": [{"feature": AREA, "high": 1, "log": True}, {"feature": [SOLIDITY, STAIN], "low": -2}],
        },
    )
    assert list(flags(found)) == [
        f"Metadata_QC_{name}" for name in ("Small", "Large", "CellSize", "Flat", "Clump", "Flagged")
    ]
    size = cells[CELL_AREA]
    assert_array_equal(found["Metadata_QC_CellSize"], (size < 1000) | (size > 10_000))
    assert found["Metadata_QC_Small"].sum() > flag_cells(cells, ["small"])["Metadata_QC_Small"].sum() > 0
    table = limits(found).set_index(["Metadata_Plate", "rule", "feature"]).sort_index()
    p1 = cells[cells["Metadata_Plate"] == "P1"]
    low, high = table.loc[("P1", "flat", "Cells_Texture_Contrast_ER_3_00_256"), ["low", "high"]]
    x = p1["Cells_Texture_Contrast_ER_3_00_256"]
    assert_array_equal(found.loc[p1.index, "Metadata_QC_Flat"], (x < low) | (x > high))
    clump = table.loc[("P1", "clump")]
    expected = (p1[AREA] > clump.loc[AREA, "high"]) & (
        (p1[SOLIDITY] < clump.loc[SOLIDITY, "low"]) | (p1[STAIN] < clump.loc[STAIN, "low"])
    )
    assert_array_equal(found.loc[p1.index, "Metadata_QC_Clump"], expected)
    assert expected.any()


def test_a_rule_may_look_at_another_compartment():
    flagged = flag_cells(screen(), {"small": {"compartment": "Cells"}})
    assert limits(flagged)["feature"].unique().tolist() == [CELL_AREA]


def test_the_table_of_limits_gives_the_flags_again():
    cells = spoiled()
    flagged = flag_cells(cells)
    table = limits(flagged)
    assert list(table) == [
        "Metadata_Plate",
        "rule",
        "feature",
        "log",
        "center",
        "scale",
        "low",
        "high",
        "n_flagged",
        "n_cells",
    ]
    for row in table[table["rule"].isin(["small", "large", "bright"])].itertuples():
        plate = cells["Metadata_Plate"] == row.Metadata_Plate
        x = cells.loc[plate, row.feature].astype(float)
        again = (x < row.low) | (x > row.high)
        assert_series_equal(again, flagged.loc[plate, f"Metadata_QC_{row.rule.title()}"], check_names=False)
        assert (row.n_flagged, row.n_cells) == (again.sum(), plate.sum())
        below = np.exp(np.log(row.center) + np.array([-4, 5]) * row.scale)
        assert row.low == pytest.approx(below[0]) or row.high == pytest.approx(below[1])


def test_limits_may_be_learned_from_control_wells():
    """A treatment that shrinks most cells of a plate moves the median; the controls do not move."""
    cells = screen(n=3000, plates=1)
    treated = cells["Metadata_Well"] > "A02"
    cells.loc[treated, AREA] /= 6
    mine = flag_cells(cells, ["small", "large"])
    theirs = flag_cells(cells, ["small", "large"], reference={"Metadata_Well": ["A01", "A02"]})
    assert mine.loc[treated, "Metadata_QC_Flagged"].mean() < 0.01
    assert theirs.loc[~treated, "Metadata_QC_Flagged"].mean() < 0.01
    assert theirs.loc[treated, "Metadata_QC_Small"].mean() > 0.9
    for same in ("Metadata_Well < 'A03'", (~treated).to_numpy()):
        assert_frame_equal(flags(theirs), flags(flag_cells(cells, ["small", "large"], reference=same)))


def test_wells_in_which_many_cells_are_flagged_are_named():
    cells = screen(n=3000)
    shrunk = (cells["Metadata_Plate"] == "P1") & (cells["Metadata_Well"] == "A03")
    cells.loc[shrunk, AREA] /= 12
    flagged = flag_cells(cells)
    lines = ledger(flagged).query("item == 'well'")
    assert lines["name"].tolist() == ["P1 A03"]
    n = int(flagged.loc[shrunk, "Metadata_QC_Flagged"].sum())
    assert lines["n"].tolist() == [n]
    assert n > 0.95 * shrunk.sum()
    assert "by Metadata_QC_Small: look before leaving them out" in lines["reason"].iloc[0]
    by_well = flag_cells(cells, by=["Metadata_Plate", "Metadata_Well"])  # a cell among its like is no exception
    assert by_well.loc[shrunk, "Metadata_QC_Flagged"].mean() < 0.01
    assert "well" not in ledger(by_well)["item"].tolist()
    without = flag_cells(cells.drop(columns="Metadata_Well"))
    assert "well" not in ledger(without)["item"].tolist()


def test_a_well_is_named_when_more_than_a_fifth_of_its_cells_are_flagged():
    cells = screen(n=3000, plates=1)
    for well, share in (("A02", 0.25), ("A04", 0.15)):
        members = cells.index[cells["Metadata_Well"] == well]
        cells.loc[members[: int(share * len(members))], STAIN] *= 20
    lines = ledger(flag_cells(cells)).query("item == 'well'")
    assert lines["name"].tolist() == ["P1 A02"]
    assert lines["reason"].str.startswith("25% of its cells are flagged, 25% by Metadata_QC_Bright").all()


def test_the_ledger_counts_each_rule_and_names_those_not_used():
    cells = spoiled()
    cells.attrs["ledger"] = [{"step": "earlier", "item": "file", "name": "x", "reason": "y", "n": 1}]
    flagged = flag_cells(cells)
    lines = ledger(flagged)
    assert lines["step"].iloc[0] == "earlier"
    counts = lines[lines["item"] == "cell"].set_index("name")["n"]
    assert counts.to_dict() == {
        name: flagged[f"Metadata_QC_{name.title()}"].sum() for name in ("small", "large", "merged", "bright", "missing")
    }
    unused = lines[lines["reason"].str.startswith("not used")]
    assert unused[["name", "reason"]].to_numpy().tolist() == [
        ["border", "not used: no column is known for the bounding box"],
        ["blurred", "not used: no column is known for the focus of the image"],
    ]


def test_by_none_pools_all_cells():
    flagged = flag_cells(spoiled(), by=None)
    assert next(iter(limits(flagged))) == "rule"
    assert set(limits(flagged)["n_cells"]) == {4000}
    few = flag_cells(screen(n=20), ["small"], by=None)
    assert "no limit for 'all cells': fewer than 30 values" in ledger(few)["reason"].tolist()


LAYOUTS = {"by plate": ["Metadata_Plate"], "by well": ["Metadata_Plate", "Metadata_Well"], "one file": None}


def written(cells: pd.DataFrame, folder: Path, layout: str, ending: str = ".parquet") -> Path:
    key = LAYOUTS[layout] or [np.zeros(len(cells))]
    for number, (_, rows) in enumerate(cells.groupby(key)):
        write_profiles(rows, folder / f"{number}{ending}")
    return folder


@pytest.mark.parametrize("by", ["Metadata_Plate", ["Metadata_Plate", "Metadata_Well"], "Metadata_Well", None])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_files_give_what_the_table_gives(tmp_path, layout, by):
    cells = boxed(spoiled())
    opened = open_cells(written(cells, tmp_path, layout))
    flagged = flag_cells(opened, by=by)
    assert isinstance(flagged, Cells)
    table = opened.to_frame()
    expected = flag_cells(table, by=by)
    assert_frame_equal(flagged.to_frame(), expected)
    assert_frame_equal(limits(flagged), limits(expected))
    assert sorted(map(str, flagged.ledger.iloc[len(opened.lines) :].to_numpy().tolist())) == sorted(
        map(str, ledger(expected).iloc[len(opened.lines) :].to_numpy().tolist())
    )
    assert list(flagged.schema) == list(expected)
    assert set(flags(flagged.schema).dtypes) == {np.dtype(bool)}
    assert flagged.features == opened.features
    assert_frame_equal(pickle.loads(pickle.dumps(flagged)).to_frame(), expected)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_files_are_measured_by_the_same_reference(tmp_path, layout):
    cells = screen()
    cells.loc[cells["Metadata_Well"] > "A02", AREA] /= 2
    opened = open_cells(written(cells, tmp_path, layout))
    reference = "Metadata_Well in ['A01', 'A02']"
    found = flag_cells(opened, {"small": {"low": -2}}, reference=reference)
    assert_frame_equal(found.to_frame(), flag_cells(opened.to_frame(), {"small": {"low": -2}}, reference=reference))
    assert (
        found.to_frame()["Metadata_QC_Small"].sum()
        > 1.3 * flag_cells(cells, {"small": {"low": -2}})["Metadata_QC_Small"].sum()
    )


def test_text_files_and_paths(tmp_path):
    cells = spoiled(dtype="float64")
    folder = written(cells, tmp_path, "by plate", ".csv")
    assert_frame_equal(flags(flag_cells(folder).to_frame()), flags(flag_cells(str(folder)).to_frame()))
    assert_frame_equal(flags(flag_cells(folder).to_frame()), flags(flag_cells(open_cells(folder).to_frame())))


def test_a_plate_in_several_pieces_is_one_plate(tmp_path):
    """Pieces of some wells each, as of large plates in slow formats."""
    cells = spoiled()
    opened = open_cells(written(cells, tmp_path, "by plate"))
    pieces = []
    for partition in opened.partitions:
        for wells in (("A01", "A02"), ("A03", "A04", "A05", "A06")):

            def load(columns, partition=partition, wells=wells):
                rows = partition.read([*dict.fromkeys([*columns, "Metadata_Well"])])
                return rows.loc[rows["Metadata_Well"].isin(wells), list(columns)].reset_index(drop=True)

            pieces.append(type(partition)(partition.plate, partition.columns, load, columnar=True, wells=wells))
    split = Cells(opened.format, tuple(pieces), opened.schema, opened.lines)
    told = []
    flagged = flag_cells(split, progress=told.append)
    assert [(at.plate, at.done, at.total) for at in told] == [("P1", 1, 4), ("P1", 2, 4), ("P2", 3, 4), ("P2", 4, 4)]
    assert told[-1].cells == len(cells)
    assert_frame_equal(limits(flagged), limits(flag_cells(opened)))
    keys = ["Metadata_Plate", AREA, SOLIDITY]
    one, other = (flags(part.to_frame().sort_values(keys, ignore_index=True)) for part in (flagged, flag_cells(opened)))
    assert_frame_equal(one, other)


def test_only_what_the_rules_need_is_read_and_only_what_is_asked_comes_out(tmp_path, monkeypatch):
    opened = open_cells(written(spoiled(), tmp_path, "by plate"))
    read = []
    watched = tuple(
        type(p)(p.plate, p.columns, lambda columns, p=p: read.append(list(columns)) or p.load(columns), columnar=True)
        for p in opened.partitions
    )
    flagged = flag_cells(Cells(opened.format, watched, opened.schema, opened.lines), ["small"])
    assert read == [["Metadata_Plate", "Metadata_Well", AREA]] * 2
    read.clear()
    assert list(flagged.to_frame([SOLIDITY])) == [SOLIDITY]
    assert read == [[SOLIDITY]] * 2
    read.clear()
    columns = ["Metadata_QC_Flagged", SOLIDITY, "Metadata_QC_Small"]
    assert list(flagged.to_frame(columns)) == columns
    assert read == [[SOLIDITY, "Metadata_Plate", AREA]] * 2


def test_flagged_cells_can_be_written_and_read(tmp_path):
    cells = spoiled()
    flagged = flag_cells(open_cells(written(cells, tmp_path, "by plate")))
    again = open_cells(flagged.write(tmp_path / "flagged"))
    by_well = flagged.to_frame().sort_values(["Metadata_Plate", "Metadata_Well"], kind="stable", ignore_index=True)
    assert_frame_equal(again.to_frame()[list(flagged.schema)], by_well)
    with pytest.raises(ColumnError, match=r"columns 'Metadata_QC_Small', .* are there already; drop them"):
        flag_cells(again)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_flags_filter_while_cells_are_summed_up(tmp_path, layout):
    cells = spoiled()
    flagged = flag_cells(open_cells(written(cells, tmp_path, layout)))
    wells = aggregate(flagged, exclude="Metadata_QC_Flagged")
    table = flag_cells(cells)
    kept = aggregate(table[~table["Metadata_QC_Flagged"]].drop(columns=list(flags(table))))
    assert_frame_equal(wells[list(kept)], kept, check_dtype=False)
    marked = table.groupby(["Metadata_Plate", "Metadata_Well"])
    assert_array_equal(wells["Metadata_Excluded_Count"], marked["Metadata_QC_Flagged"].sum())
    for name in flags(table):
        assert_array_equal(wells[f"{name}_Count"], marked[name].sum())
    assert_array_equal(wells["Metadata_Object_Count"] + wells["Metadata_Excluded_Count"], marked.size())


def test_cells_that_came_after_the_limits_were_learned_are_refused(tmp_path):
    cells = screen(n=500, plates=1)
    file = write_profiles(cells, tmp_path / "P.parquet")
    flagged = flag_cells(open_cells(file), by=["Metadata_Plate", "Metadata_Well"])
    write_profiles(cells.replace({"Metadata_Well": {"A02": "H12"}}), file)
    with pytest.raises(KeyMatchError, match="cells of 'P1 H12': not there when the limits were learned"):
        flagged.to_frame()


UNFIT = [
    ("small", InputError, r"rules='small': give a list of names, or a mapping"),
    ([], InputError, r"rules=\[\]: not a mapping"),
    (["smal"], InputError, r"rules='smal': no rule of that name; choose from 'small', .* Did you mean 'small'\?"),
    ({"mine": {"low": -3}}, InputError, r"rules='mine': no rule of that name"),
    ({"mine": True}, InputError, r"rules='mine': no rule of that name"),
    ({"small": True}, InputError, r"True does not fit; 'small' takes a mapping of 'feature', 'compartment', 'low'"),
    ({"small": {"lo": -3}}, InputError, r"'lo' does not fit; .* Did you mean 'low'\?"),
    ({"merged": {"low": -3}}, InputError, r"'low' does not fit; 'merged' takes a mapping of 'compartment', or a list"),
    ({"border": {"high": 3}}, InputError, r"'high' does not fit; 'border' takes"),
    ({"missing": {"compartment": "Cells"}}, InputError, r"'compartment' does not fit; 'missing' takes"),
    ({"mine": [3]}, InputError, r"3 does not fit; 'mine' takes a mapping of"),
    (["border"], InputError, r"rules='border': no column is known for the bounding box; name a column"),
    ({"small": {"compartment": "Mito"}}, InputError, r"for the size; .* or a 'compartment' of 'Cells', 'Nuclei'"),
    ({"small": {"feature": "Nuclei_AreaShape_Aera"}}, ColumnError, r"no column 'Nuclei_AreaShape_Aera'. Did you mean"),
    ({"small": {"feature": "Metadata_Well"}}, FeatureError, r"rules: columns 'Metadata_Well' are not numbers"),
    ({"mine": {"feature": AREA}}, InputError, r"give a limit, as a number: .*; given are \[\]"),
    ({"small": {"low": "4"}}, InputError, r"give a limit, as a number: .*; given are \['4'\]"),
    ({"small": {"low": 4}}, InputError, r"low=4, high=None: these are robust standard deviations from the median"),
    ({"large": {"high": -4}}, InputError, r"low=None, high=-4: these are robust standard deviations"),
    ({"a b": {"feature": AREA, "low": -1}, "a_b": {"feature": AREA, "low": -2}}, InputError, r"would share a column"),
]


@pytest.mark.parametrize(("rules", "error", "message"), UNFIT)
def test_rules_that_do_not_fit_are_refused(rules, error, message):
    with pytest.raises(error, match=message):
        flag_cells(screen(n=50), rules)


def test_cells_that_cannot_be_flagged_are_refused(tmp_path):
    cells = screen(n=200)
    with pytest.raises(InputError, match="rules=None: no column is known to tell the size"):
        flag_cells(cells[["Metadata_Plate", "Metadata_Well"]].assign(feature_1=1.0))
    with pytest.raises(InputError, match="of 0 rows"):
        flag_cells(cells.iloc[:0])
    with pytest.raises(ColumnError, match="Metadata_Batch"):
        flag_cells(cells, by="Metadata_Batch")
    with pytest.raises(ColumnError, match="Metadata_Role"):
        flag_cells(cells, reference="Metadata_Role == 'negcon'")
    with pytest.raises(ReferenceRowsError, match="matches no cell of 'P2': widen the reference"):
        flag_cells(cells, reference={"Metadata_Plate": "P1"})
    with pytest.raises(InputError, match="columns 'Metadata_QC_Flagged' are there already"):
        flag_cells(cells.assign(Metadata_QC_Flagged=False))
    opened = open_cells(written(cells, tmp_path, "by plate"))
    with pytest.raises(InputError, match="reference: a ndarray fits a table only"):
        flag_cells(opened, reference=np.ones(200, bool))
    with pytest.raises(ReferenceRowsError, match=r"reference=\{'Metadata_Well': 'Z99'\}: matches no cell of 'P1'"):
        flag_cells(opened, reference={"Metadata_Well": "Z99"})


def test_missing_alone_needs_something_to_look_at():
    cells = screen(n=50)[["Metadata_Plate", SOLIDITY]]
    with pytest.raises(InputError, match="rules='missing': no column to look at"):
        flag_cells(cells, ["missing"])
