"""Wells are summed up exactly, from wherever the cells come, and nothing is left out without a ledger line."""

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal
from pyarrow import parquet as pq

import cellprofiling as cpf
from cellprofiling.cells.aggregation import aggregate
from cellprofiling.core.errors import ColumnError, FeatureError, FileFormatError, InputError
from cellprofiling.core.ledgers import Ledger, ledger
from cellprofiling.core.progress import Progress
from cellprofiling.io.cells import Cells, open_cells
from cellprofiling.io.objects.partitions import in_memory
from cellprofiling.io.storage.parquet_blocks import read_columns
from cellprofiling.io.tables import write_profiles

KEYS = ["Metadata_Plate", "Metadata_Well"]
FEATURES = ["Cells_Area", "Cells_Length", "Nuclei_Area"]


def screen(dtype: type = np.float64, n: int = 300, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    well = rng.integers(0, 6, n)
    metadata = pd.DataFrame(
        {
            "Metadata_Plate": rng.choice(["P1", "P2"], n),
            "Metadata_Well": [f"A{i + 1:02d}" for i in well],
            "Metadata_Gene": np.where(well % 2, "TP53", None),
            "Metadata_Site": rng.integers(1, 5, n),
            "Location_Center_X": rng.random(n),
        }
    )
    x = rng.normal([1e6, 0, 5], [1e-3, 1, 0], (n, 3)).astype(dtype)
    x[rng.random(x.shape) < 0.05] = np.nan
    x[(metadata["Metadata_Well"] == "A03") & (metadata["Metadata_Plate"] == "P1"), 1] = np.nan
    return pd.concat([metadata, pd.DataFrame(x, columns=FEATURES)], axis=1)


def naive(cells: pd.DataFrame, statistic: str) -> pd.DataFrame:
    """One well after the other, in NumPy's own words."""
    formulas = {
        "median": np.median,
        "mean": np.mean,
        "mad": lambda v: np.median(np.abs(v - np.median(v))),
        "std": lambda v: np.std(v, ddof=1),
        "min": np.min,
        "max": np.max,
        "q05": lambda v: np.quantile(v, 0.05),
        "q95": lambda v: np.quantile(v, 0.95),
        "count": len,
    }
    rows = []
    for key in sorted(set(zip(cells["Metadata_Plate"], cells["Metadata_Well"], strict=True))):
        well = cells[(cells["Metadata_Plate"] == key[0]) & (cells["Metadata_Well"] == key[1])]
        row = dict(zip(KEYS, key, strict=True)) | {"Metadata_Object_Count": len(well)}
        for name in FEATURES:
            values = well[name].dropna().to_numpy(float)
            row[name] = formulas[statistic](values) if len(values) or statistic == "count" else np.nan
        rows.append(row)
    return pd.DataFrame(rows).astype(dict.fromkeys(FEATURES, float))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("statistic", ["median", "mean", "mad", "std", "min", "max", "q05", "q95", "count"])
def test_each_statistic_equals_its_naive_twin(statistic, dtype):
    cells = screen(dtype)
    wells = aggregate(cells, statistics=statistic)
    exact = statistic not in ("mean", "std")
    rtol = 0 if exact else 1e-9
    assert_frame_equal(
        wells[[*KEYS, "Metadata_Object_Count", *FEATURES]], naive(cells, statistic), rtol=rtol, atol=rtol
    )
    assert np.isnan(wells["Cells_Length"][2]) or statistic == "count"


def test_a_list_of_statistics_appends_their_names():
    cells = screen()
    wells = aggregate(cells, statistics=["median", "q95"])
    assert [name for name in wells if "__" in name] == [f"{name}__{s}" for s in ("median", "q95") for name in FEATURES]
    assert_frame_equal(
        wells[[f"{name}__q95" for name in FEATURES]].set_axis(FEATURES, axis=1),
        aggregate(cells, statistics="q95")[FEATURES],
    )
    assert list(aggregate(cells, statistics=["mad"]).filter(like="Area")) == ["Cells_Area__mad", "Nuclei_Area__mad"]


def test_metadata_that_is_one_value_in_each_group_is_carried_and_the_rest_in_the_ledger():
    wells = aggregate(screen())
    assert list(wells) == [*KEYS, "Metadata_Gene", "Metadata_Object_Count", *FEATURES]
    assert wells["Metadata_Gene"].isna().tolist() == [True, False] * 6
    assert ledger(wells)[["step", "item", "name", "reason"]].to_numpy().tolist() == [
        ["aggregate", "column", "Metadata_Site", "differs between the cells of a group"],
        ["aggregate", "column", "Location_Center_X", "not a feature, but a position or bookkeeping"],
    ]


def test_a_label_that_some_cells_of_a_well_lack_is_not_carried():
    cells = pd.DataFrame({"Metadata_Well": ["A01", "A01"], "Metadata_Gene": ["TP53", None], "Cells_Area": [1.0, 2.0]})
    assert "Metadata_Gene" not in aggregate(cells, "Metadata_Well")


def test_a_label_that_varies_on_one_plate_is_not_carried_on_any():
    cells = screen()
    cells["Metadata_Gene"] = np.where((cells["Metadata_Plate"] == "P2") & (cells.index % 2), "x", "y")
    assert "Metadata_Gene" not in aggregate(cells)


def test_wells_with_few_cells_are_left_out_with_a_line_each():
    cells = pd.DataFrame({"Metadata_Plate": "P1", "Metadata_Well": list("AABCCC"), "Cells_Area": range(6)})
    wells = aggregate(cells, min_cells=2)
    assert wells["Metadata_Well"].tolist() == ["A", "C"]
    assert ledger(wells).iloc[0].tolist() == ["aggregate", "well", "P1 B", "fewer than 2 cells", 1]
    assert "fewer than 2 cells" not in ledger(aggregate(cells, "Metadata_Plate", min_cells=2))["reason"].tolist()
    with pytest.raises(InputError, match="min_cells=4: no group has so many cells; the largest has 3"):
        aggregate(cells, min_cells=4)
    with pytest.raises(InputError, match="min_cells=0: not a whole number of at least 1"):
        aggregate(cells, min_cells=0)


@given(st.integers(0, 50), st.integers(1, 60))
@settings(max_examples=20, deadline=None)
def test_the_order_of_cells_does_not_matter_and_no_cell_is_lost(seed, n):
    cells = screen(n=n, seed=seed)
    wells = aggregate(cells)
    assert wells["Metadata_Object_Count"].sum() == n
    assert_frame_equal(wells, aggregate(cells.sample(frac=1, random_state=seed)))


@pytest.mark.parametrize("ending", [".parquet", ".csv"])
@pytest.mark.parametrize("layout", ["by plate", "by well", "one file"])
@pytest.mark.parametrize("by", [KEYS, ["Metadata_Well"], ["Metadata_Gene", "Metadata_Plate"], ["Metadata_Gene"]])
def test_files_give_what_the_table_gives(tmp_path, ending, layout, by):
    cells = screen().assign(Metadata_Gene=lambda cells: "G" + cells["Metadata_Well"].str[-1])
    layouts = {"by plate": ["Metadata_Plate"], "by well": KEYS, "one file": [np.zeros(len(cells))]}
    for number, (_, rows) in enumerate(cells.groupby(layouts[layout])):
        write_profiles(rows, tmp_path / f"{number}{ending}")
    expected = aggregate(cells, by, statistics=["median", "mad"])
    opened = open_cells(tmp_path)
    for source in (opened, tmp_path, str(tmp_path), opened.to_frame()):
        assert_frame_equal(aggregate(source, by, statistics=["median", "mad"]), expected, check_dtype=False)


def test_few_features_at_a_time_are_as_good_as_all(monkeypatch, tmp_path):
    cells = pd.concat([screen(), pd.DataFrame(np.random.default_rng(0).normal(size=(300, 40)))], axis=1)
    cells.columns = [str(name) if str(name).isalpha() or "_" in str(name) else f"Cells_F{name}" for name in cells]
    whole = aggregate(cells)
    monkeypatch.setattr("cellprofiling.cells.summaries.BATCH_BYTES", 1)
    assert_frame_equal(aggregate(write_profiles(cells, tmp_path / "a.parquet")), whole)


def test_the_ledger_of_the_cells_is_carried_on(tmp_path):
    write_profiles(screen(), tmp_path / "a.parquet")
    (tmp_path / "notes.md").write_text("x")
    assert ledger(aggregate(tmp_path))["step"].tolist() == ["open_cells", "aggregate", "aggregate"]
    assert ledger(aggregate(open_cells(tmp_path).to_frame()))["step"].tolist() == [
        "open_cells",
        "aggregate",
        "aggregate",
    ]


def test_the_input_is_not_changed():
    cells, before = screen(), screen()
    aggregate(cells)
    assert_frame_equal(cells, before)
    assert cells.attrs == {}


def test_features_can_be_chosen_and_must_be_numbers():
    cells = screen().assign(Cells_Name="x")
    assert "Cells_Name" not in aggregate(cells)
    with pytest.raises(FeatureError, match="Cells_Name"):
        aggregate(cells, features=["Cells_Name"])
    wells = aggregate(cells, features=["Location_Center_X", "Cells_Area"])
    assert list(wells)[-2:] == ["Location_Center_X", "Cells_Area"]


def test_a_column_that_becomes_text_far_down_is_refused(tmp_path):
    text = "Metadata_Well,Cells_Area\n" + "A01,1.5\n" * 200_000 + "A01,large\n"
    (tmp_path / "P1.csv").write_text(text)
    with pytest.raises(FeatureError, match=r"'Cells_Area': .*to_numeric"):
        aggregate(tmp_path)


def test_infinite_values_are_large_values_to_a_median():
    cells = pd.DataFrame({"Metadata_Well": ["A01"] * 3, "Cells_Area": [1.0, 2.0, np.inf]})
    wells = aggregate(cells, "Metadata_Well", statistics=["median"])
    assert wells["Cells_Area__median"].tolist() == [2]


def test_an_earlier_count_is_replaced_with_a_line():
    wells = aggregate(aggregate(screen()), "Metadata_Plate")
    assert wells["Metadata_Object_Count"].tolist() == [6, 6]
    assert "counted anew" in ledger(wells)["reason"].tolist()


def test_keys_must_be_there_for_each_cell():
    with pytest.raises(ColumnError, match="by='Metadata_plate': no such column"):
        aggregate(screen(), ["Metadata_plate"])
    with pytest.raises(ColumnError, match=r"by='Metadata_Gene': .* rows have no value there"):
        aggregate(screen(), "Metadata_Gene")
    with pytest.raises(InputError, match="by=None: "):
        aggregate(screen(), None)


def test_unknown_statistics_and_empty_tables():
    with pytest.raises(InputError, match=r"statistics='medain': choose from .* 'q01' to 'q99'. Did you mean 'median'"):
        aggregate(screen(), statistics=["mean", "medain"])
    for statistic in ("q00", "q5", "quantile"):
        with pytest.raises(InputError, match=f"statistics='{statistic}'"):
            aggregate(screen(), statistics=statistic)
    with pytest.raises(InputError, match="statistics="):
        aggregate(screen(), statistics=[])
    with pytest.raises(InputError, match="of 0 rows"):
        aggregate(screen().iloc[:0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("operation", ["median", "mean"])
def test_pycytominer_gives_the_same(operation, dtype):
    """pycytominer 1.7.1; there, other metadata is lost, and cells without a key make groups of their own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pycytominer
    cells = screen(dtype).assign(Metadata_ObjectNumber=1)
    peer = pycytominer.aggregate(cells, strata=KEYS, operation=operation, features=FEATURES, compute_object_count=True)
    ours = aggregate(cells, statistics=operation)
    assert ours["Metadata_Object_Count"].tolist() == peer["Metadata_Object_Count"].tolist()
    rounding = {"median": 0, "mean": 1e-15}[operation]
    assert_allclose(ours[FEATURES], peer[FEATURES], rtol=rounding, atol=rounding)


@pytest.mark.real
def test_wells_of_a_screen_are_those_that_columbus_computed(real_data):
    folder = "nucleus_columbus_screen/single_cell"
    cells = pd.read_parquet(real_data(f"{folder}/secondary_screen_single_cells.parquet"))
    cells = cells.rename(columns={"PlateName": KEYS[0], "WellName": KEYS[1], "ScreenName": "Metadata_Screen"})
    wells = aggregate(cells.drop(columns="MeasurementDate"), statistics="mean").set_index(KEYS)
    columbus = pd.read_csv(real_data(f"{folder}/secondary_screen_columbus_per_well.csv.gz"))
    columbus = columbus.set_index(["PlateName", "WellName"]).loc[wells.index]
    counts = columbus["Nuclei Selected - Number of Objects"]
    assert (wells["Metadata_Object_Count"].to_numpy() == counts.to_numpy()).sum() == 768
    for name in wells.filter(regex="Nucleus"):
        assert_allclose(wells[name], columbus[f"{name} - Mean per Well"], rtol=1e-6, err_msg=name)


@pytest.mark.parametrize(
    "exclude", ["Metadata_QC_Flagged", {"Metadata_QC_Flagged": True}, "`Cells_Length` > 0.5", "mask"]
)
@pytest.mark.parametrize("ending", [None, ".parquet", ".csv"])
def test_excluded_cells_are_left_out_and_counted(tmp_path, ending, exclude):
    cells = screen().assign(Metadata_QC_Flagged=lambda cells: cells["Cells_Length"] > 0.5)
    out = cells["Metadata_QC_Flagged"]
    source = cells if ending is None else write_profiles(cells, tmp_path / f"cells{ending}")
    if exclude == "mask":
        if ending is not None:
            with pytest.raises(
                InputError, match="exclude: a Series fits a table only; for cells in files give a query"
            ):
                aggregate(source, exclude=out)
            return
        exclude = out
    wells = aggregate(source, exclude=exclude)
    assert_frame_equal(wells[FEATURES], aggregate(cells[~out])[FEATURES])
    size, excluded = cells.groupby(KEYS).size().tolist(), out.groupby([cells[key] for key in KEYS]).sum().tolist()
    assert (wells["Metadata_Object_Count"] + wells["Metadata_Excluded_Count"]).tolist() == size
    assert wells["Metadata_Excluded_Count"].tolist() == excluded == wells["Metadata_QC_Flagged_Count"].tolist()


def test_flags_are_counted_and_never_carried_as_labels():
    cells = screen().assign(Metadata_QC_Small=[True, False, None] * 100, Metadata_QC_Large=False)
    cells["Metadata_QC_Small"] = cells["Metadata_QC_Small"].astype("boolean")
    wells = aggregate(cells)
    assert wells["Metadata_QC_Small_Count"].sum() == 100
    assert wells["Metadata_QC_Large_Count"].tolist() == [0] * 12
    assert "Metadata_QC_Small" not in wells
    assert "Metadata_QC_Small" not in ledger(wells)["name"].tolist()


def test_excluding_none_leaves_all_and_excluding_all_is_refused():
    cells = screen()
    wells = aggregate(cells, exclude="Cells_Length > 100")
    assert wells["Metadata_Excluded_Count"].tolist() == [0] * 12
    assert_frame_equal(wells[FEATURES], aggregate(cells)[FEATURES])
    with pytest.raises(InputError, match="exclude='Metadata_Site > 0': leaves no cell"):
        aggregate(cells, exclude="Metadata_Site > 0")
    with pytest.raises(ColumnError, match="exclude='Metadata_Sight': no such column"):
        aggregate(cells, exclude={"Metadata_Sight": 1})


def test_a_well_without_cells_that_are_kept_is_in_the_ledger():
    cells = pd.DataFrame({"Metadata_Well": list("AABBC"), "Metadata_Dead": [1, 1, 1, 0, 0], "Cells_Area": range(5)})
    wells = aggregate(cells, "Metadata_Well", exclude={"Metadata_Dead": 1})
    assert wells["Metadata_Well"].tolist() == ["B", "C"]
    assert ledger(wells).query("item == 'well'")[["name", "reason", "n"]].to_numpy().tolist() == [
        ["A", "all of its cells are excluded", 2]
    ]


def test_plates_whose_rows_are_mixed_in_a_file_are_read_once(tmp_path, monkeypatch):
    cells = screen(np.float32, n=3000).sample(frac=1, random_state=0)
    file = tmp_path / "cells.parquet"
    pq.write_table(pa.Table.from_pandas(cells, preserve_index=False), file, row_group_size=500)
    opened = open_cells(file)
    assert [partition.plate for partition in opened.partitions] == ["P1", "P2"]
    read = []
    monkeypatch.setattr(
        "cellprofiling.io.formats.parquet_cells.read_columns",
        lambda path, groups, names, **options: read.extend(names) or read_columns(path, groups, names, **options),
    )
    assert_frame_equal(aggregate(opened), aggregate(cells))
    assert read.count("Cells_Area") == 1
    one = Cells(opened.format, opened.partitions[:1], opened.schema, opened.lines)
    expected = aggregate(cells[cells["Metadata_Plate"] == "P1"])
    assert_frame_equal(aggregate(one), expected)


@pytest.mark.parametrize("rows_together", [1000, 16_000, 1_000_000])
def test_row_groups_threads_and_batches_do_not_matter(tmp_path, monkeypatch, rows_together):
    cells = screen(np.float32, n=20_000)
    file = tmp_path / "cells.parquet"
    pq.write_table(pa.Table.from_pandas(cells, preserve_index=False), file, row_group_size=rows_together)
    expected = aggregate(cells, statistics=["median", "mad", "mean", "std", "q10"])
    for threads in (1, 2, 5):
        monkeypatch.setattr("cellprofiling.cells.summaries.cores", lambda threads=threads: threads)
        assert_frame_equal(aggregate(file, statistics=["median", "mad", "mean", "std", "q10"]), expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.int16, "Int32", "Float64"])
def test_nulls_nans_infinities_and_integers_in_files(tmp_path, dtype):
    """NaN and null both mean missing, also in one column."""
    cells = screen(np.float64, n=2000)
    values = np.round(np.random.default_rng(1).normal(size=(2000, 3)) * 50)
    cells[FEATURES] = values
    cells = cells.astype(dict.fromkeys(FEATURES, dtype))
    table = pa.Table.from_pandas(cells, preserve_index=False)
    expected = cells.astype(dict.fromkeys(FEATURES, np.float64))
    null = np.random.default_rng(2).random(2000) < 0.005
    values = [None if hidden else value for value, hidden in zip(cells["Cells_Area"].tolist(), null, strict=True)]
    column = pa.array(values, table.schema.field("Cells_Area").type)
    table = table.set_column(table.column_names.index("Cells_Area"), "Cells_Area", column)
    expected["Cells_Area"] = expected["Cells_Area"].where(~null)
    if dtype in (np.float32, np.float64):
        awkward = expected["Cells_Length"].mask(null).to_numpy(copy=True)
        awkward[:40] = [np.inf, -np.inf] * 20
        column = pa.array(awkward.astype(dtype), mask=np.arange(2000) % 200 == 7)
        table = table.set_column(table.column_names.index("Cells_Length"), "Cells_Length", column)
        expected["Cells_Length"] = np.where(np.arange(2000) % 200 == 7, np.nan, awkward)
    pq.write_table(table, tmp_path / "cells.parquet", row_group_size=300)
    for statistic in ("median", "mad", "min", "max", "count"):
        found = aggregate(tmp_path / "cells.parquet", statistics=statistic)
        assert_frame_equal(found[FEATURES], naive(expected, statistic)[FEATURES], check_dtype=False)


def test_what_is_no_number_is_a_label(tmp_path):
    cells = screen()
    for column in (pa.array(["x"] * 300), pa.array([True] * 300), pa.array(["x"] * 300).dictionary_encode()):
        table = pa.Table.from_pandas(cells, preserve_index=False).append_column("Cells_Name", column)
        pq.write_table(table, tmp_path / "cells.parquet")
        assert "Cells_Name" not in aggregate(tmp_path / "cells.parquet")


def test_a_dictionary_of_numbers_is_numbers(tmp_path):
    cells = screen(np.float64)
    table = pa.Table.from_pandas(cells, preserve_index=False)
    at = table.column_names.index("Cells_Area")
    table = table.set_column(at, "Cells_Area", pa.array(cells["Cells_Area"], from_pandas=True).dictionary_encode())
    pq.write_table(table, tmp_path / "cells.parquet")
    assert_frame_equal(aggregate(tmp_path / "cells.parquet"), aggregate(cells))


@pytest.mark.parametrize("by", [KEYS, ["Metadata_Plate"], ["Metadata_Gene"], ["Metadata_Well"]])
def test_pieces_of_some_wells_are_as_good_as_the_plate(by):
    plate = screen().query("Metadata_Plate == 'P1'").assign(Metadata_Gene=lambda cells: cells["Metadata_Well"].str[-1])
    rows = [plate[plate["Metadata_Well"].isin(wells)] for wells in (["A01", "A04"], ["A02", "A03", "A05", "A06"])]
    pieces = [
        replace(in_memory(some), plate="P1", wells=tuple(some["Metadata_Well"].unique()), columnar=False)
        for some in rows
    ]
    told: list[Progress] = []
    wells = aggregate(Cells("delimited", tuple(pieces), plate.iloc[:0], Ledger()), by, progress=told.append)
    assert_frame_equal(wells, aggregate(plate, by))
    assert [(now.plate, now.done, now.total, now.cells) for now in told] == [
        ("P1", 1, 2, len(rows[0])),
        ("P1", 2, 2, len(plate)),
    ]


def test_progress_is_told_after_each_plate(tmp_path):
    cells = screen()
    for plate, rows in cells.groupby("Metadata_Plate"):
        write_profiles(rows, tmp_path / f"{plate}.parquet")
    told = []
    aggregate(tmp_path, progress=told.append)
    sizes = [(tmp_path / f"{plate}.parquet").stat().st_size for plate in ("P1", "P2")]
    n = int((cells["Metadata_Plate"] == "P1").sum())
    assert told == [Progress("P1", 1, 2, n, sizes[0]), Progress("P2", 2, 2, 300, sum(sizes))]


@pytest.mark.parametrize("ending", [".parquet", ".csv.gz"])
def test_a_damaged_file_is_named(tmp_path, ending):
    file = write_profiles(screen(n=3000), tmp_path / f"plate{ending}")
    data = file.read_bytes()
    for cut in (len(data) // 3, len(data) - 3):
        file.write_bytes(data[:cut])
        with pytest.raises(FileFormatError, match=f"plate{ending}.*copy it again"):
            aggregate(file)


def test_a_bit_that_flips_in_the_data_of_a_parquet_file_is_noticed(tmp_path):
    """In the footer, which has no checksum, it may change a name."""
    cells = screen(np.float32, n=3000)
    file = write_profiles(cells[cells["Metadata_Plate"] == "P1"], tmp_path / "P1.parquet")
    folder = open_cells(file).write(tmp_path / "cells")
    expected, rng = aggregate(file), np.random.default_rng(0)
    for path in (file, folder / "P1.parquet"):
        data, noticed = path.read_bytes(), 0
        footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
        for at in rng.integers(4, footer, 40):
            path.write_bytes(data[:at] + bytes([data[at] ^ (1 << rng.integers(8))]) + data[at + 1 :])
            try:
                wells = aggregate(path)
            except FileFormatError as error:
                noticed += "P1.parquet" in str(error)
            else:  # in positions, which are not read
                assert_frame_equal(wells, expected, check_dtype=False)
        assert noticed > 10
        path.write_bytes(data)


def two_ways() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return cells of three plates in one spelling, and with plates and wells in several."""
    rng = np.random.default_rng(3)
    plain = pd.DataFrame(
        {
            "Metadata_Plate": np.repeat(["1001", "1002", "1003"], 40),
            "Metadata_Well": np.tile(np.repeat(["A01", "A02", "B10", "C03"], 10), 3),
            "Cells_AreaShape_Area": 1e6 + 1e-3 * rng.normal(size=120),
        }
    )
    odd = np.arange(120) % 2 == 1
    others = plain.assign(
        Metadata_Plate=plain["Metadata_Plate"].where(~odd | (plain["Metadata_Plate"] != "1001"), "1001.0"),
        Metadata_Well=plain["Metadata_Well"].where(~odd, plain["Metadata_Well"].replace({"A01": "A1", "A02": "a2 "})),
    )
    others.loc[others["Metadata_Plate"] == "1003", "Metadata_Well"] = others["Metadata_Well"].replace({"C03": "C3"})
    return plain, others


@pytest.mark.parametrize("parts", [0, 1, 7])
def test_a_well_written_in_several_ways_is_one_in_tables_and_in_files(tmp_path, parts):
    plain, others = two_ways()
    expected = cpf.aggregate(plain)
    source = others
    if parts:
        for number in range(parts):
            cpf.write_profiles(others.iloc[number::parts], tmp_path / f"part{number}.parquet")
        source = tmp_path
    wells = cpf.aggregate(source)
    pd.testing.assert_frame_equal(wells, expected, check_dtype=False)
    spelled = cpf.ledger(wells).query("reason == 'written in several ways, taken as one'")
    assert spelled[["item", "name", "n"]].to_numpy().tolist() == [
        ["plate", "1001 ('1001', '1001.0')", 1],
        ["well", "A01 ('A01', 'A1')", 1],
        ["well", "A02 ('A02', 'a2 ')", 1],
        ["well", "C03 ('C03', 'C3')", 1],
    ]


def test_what_is_written_in_one_way_stays_as_it_is():
    plain, _ = two_ways()
    wells = cpf.aggregate(plain.assign(Metadata_Plate=1001.0, Metadata_Well="A1"))
    assert wells[["Metadata_Plate", "Metadata_Well"]].to_numpy().tolist() == [[1001.0, "A1"]]
    assert cpf.ledger(wells).empty


def test_plates_in_files_of_their_own_are_one_where_they_are_written_in_several_ways(tmp_path):
    plain, others = two_ways()
    (tmp_path / "cells").mkdir()
    for name, part in others.groupby("Metadata_Plate"):
        cpf.write_profiles(part, tmp_path / "cells" / f"plate_{name}.parquet")
    table = cpf.aggregate_plates(tmp_path / "cells", tmp_path / "wells")
    assert table["plate"].tolist() == ["1001", "1002", "1003"]
    pd.testing.assert_frame_equal(cpf.gather_plates(tmp_path / "wells"), cpf.aggregate(plain), check_dtype=False)
    pd.testing.assert_frame_equal(cpf.aggregate(tmp_path / "cells"), cpf.aggregate(plain), check_dtype=False)
